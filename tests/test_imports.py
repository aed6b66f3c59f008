"""Imports point downwards only, and the command line starts without anything heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixgen.registry import KINDS

PACKAGE = Path(__file__).parent.parent / "pixgen"

LAYERS = [
    {"errors", "streams", "torchvision_ops", "transformer"},
    {"schema", "naming", "methods", "prompts", "tensors", "resources", "hardware", "scenery"},
    {"registry", "files", "layers", "frame", "video"},
    {"bases", "pictures", "metadata", "models"},
    {"dalle", "masks"},
    {"plugins", "optimizers"},
    {"config", "average", "backward"},
    {"engine"},
    {"build", "toward"},
    {"render", "testing", "variations"},
    {"altering"},
    {"again", "api", "clip"},
    {"training"},
    {"batch"},
    {"cli", "ui"},
    {"the package itself"},
]
"""From the bottom up. A module imports from lower layers, or from its own folder; a new module gets a place here."""

SCENERY = {f"pixgen.training.{name}" for name in ("captions", "places", "styles", "subjects", "words")}
"""Words and looks of scenes: what trainings are made of, and a start reads prompts by. They import nothing else."""

FOLDERS = {folder for folder in KINDS.values() if folder != "pixgen.optimizers"}

MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)


def role(module: str) -> str:
    """The name under which a module stands in LAYERS."""
    folder, _, name = module.rpartition(".")
    if module in SCENERY:
        return "scenery"
    if folder in FOLDERS:
        return "bases" if name == "base" else "plugins"
    if module in FOLDERS:
        return "bases"  # an empty __init__.py
    if module in ("pixgen", "pixgen.__main__"):
        return "the package itself"
    return module.split(".")[1]


def layer(module: str) -> int:
    for i, names in enumerate(LAYERS):
        if role(module) in names:
            return i
    raise AssertionError(f"{module} has no place in LAYERS of {__file__}: put it into the lowest layer that holds")


def violation(importer: str, imported: str) -> str | None:
    if importer.rpartition(".")[0] == imported.rpartition(".")[0] != "pixgen":
        return None
    if role(importer) == role(imported) == "scenery":  # one folder soon
        return None
    if role(imported) == "plugins" and role(importer) != "training":
        return f"{importer} imports the plugin {imported}: ask the registry for it"
    if layer(importer) <= layer(imported):
        return f"{importer} imports {imported}, which does not lie below it"
    return None


def imports(module: str) -> Iterator[str]:
    """The pixgen modules that a module imports, at its top or inside a function; not those for type hints alone."""
    path = PACKAGE.parent / Path(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    todo: list[ast.AST] = [ast.parse(source.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo.extend(node.orelse)
            continue
        todo.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} uses a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "pixgen":
                yield name if name in MODULES else name.rpartition(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module: str) -> None:
    found = [violation(module, name) for name in imports(module) if name != "pixgen"]
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("pixgen.engine", "pixgen.losses.clip"),
        ("pixgen.cli.draw", "pixgen.generators.vqgan"),
        ("pixgen.losses.clip", "pixgen.engine"),
        ("pixgen.losses.clip", "pixgen.config"),
        ("pixgen.losses.clip", "pixgen.perceptors.tiny"),
        ("pixgen.losses.base", "pixgen.backward"),
        ("pixgen.engine", "pixgen.render"),
        ("pixgen.render", "pixgen.cli.main"),
        ("pixgen.registry", "pixgen.losses.base"),
    ],
)
def test_the_rule_sees_what_it_forbids(importer: str, imported: str) -> None:
    assert violation(importer, imported)


@pytest.mark.parametrize("arguments", [["-c", "import pixgen.cli.main"], ["-m", "pixgen", "--help"]])
def test_the_command_line_starts_without_anything_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    names = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "click" in names
    assert not names & {"torch", "torchvision", "kornia", "open_clip", "imageio", "numpy", "omegaconf", "taming"}
