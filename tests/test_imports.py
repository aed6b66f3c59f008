"""The law of imports: a folder imports only folders below it, and no two files import each other.

It reads the sources, imports inside functions and for type hints among them, and strings that name a module
(`importlib.import_module("pixgen.training.clip")`). There are no exemptions.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixgen.registry import ENTRY_POINTS, KINDS

PACKAGE = Path(__file__).parent.parent / "pixgen"

FLOORS = [
    "errors",
    "backend",
    "io",
    "bundle",
    "prompts",
    "contracts",
    "registry",
    "models",
    "networks",
    "scenery",
    "recognition",
    "plugins",
    "settings",
    "loop",
    "explanation",
    "testing",
    "editing",
    "api",
    "clip",
    "compat",
    "batch",
    "training",
    "evaluation",
    "ui",
    "cli",
    "the package itself",
]
"""Folders and public modules from the bottom up. A new one gets the lowest place that holds."""

MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)
FOLDERS = {module for module in MODULES if (PACKAGE.parent / Path(*module.split("."))).is_dir()}


def floor(module: str) -> int:
    """How high a module lies."""
    name = "the package itself" if module in ("pixgen", "pixgen.__main__") else module.split(".")[1]
    if name not in FLOORS:
        raise AssertionError(f"{module} has no place in FLOORS of {__file__}: give it the lowest that holds")
    return FLOORS.index(name)


def is_plugin(module: str) -> bool:
    return module.rpartition(".")[0] in KINDS.values()


def violation(importer: str, imported: str) -> str | None:
    if is_plugin(imported) and importer.rpartition(".")[0] != imported.rpartition(".")[0]:
        return f"{importer} imports the plugin {imported}: ask the registry for it"
    if floor(importer) == floor(imported):
        return None  # in one folder: `test_no_two_files_import_each_other` looks at those
    if floor(importer) <= floor(imported):
        return f"{importer} imports {imported}, which does not lie below it"
    return None


def imports(module: str) -> Iterator[str]:
    """The pixgen modules that a module imports or names in a string."""
    path = PACKAGE.parent / Path(*module.split("."))
    tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} uses a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = _named(node.value)
        else:
            continue
        for name in names:
            if name.split(".")[0] == "pixgen" and (found := _module(name)) not in (module, "pixgen"):
                yield found


def _named(text: str) -> list[str]:
    """A module that a string is, or begins with where more is put behind it: `f"pixgen.training.{name}"`.

    The folders of the plugin kinds name no plugin, for the registry looks into them, nor does the entry-point group.
    """
    if not re.fullmatch(r"pixgen(\.[a-z_]\w*)+\.?", text) or text in (*KINDS.values(), ENTRY_POINTS):
        return []
    name = text.rstrip(".")
    return [name] if name in MODULES else []


def _module(name: str) -> str:
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


GRAPH = {module: sorted(set(imports(module))) for module in MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_a_folder_imports_only_folders_below_it(module: str) -> None:
    found = [violation(module, name) for name in GRAPH[module]]
    assert not any(found), "\n".join(filter(None, found))


def test_no_two_files_import_each_other() -> None:
    assert _circle(GRAPH) is None


def _circle(graph: dict[str, list[str]]) -> list[str] | None:
    """Some circle of imports, its first file twice; None where there is none."""
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str] | None:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return None
        for name in graph.get(module, []):
            if circle := walk(name, [*path, module]):
                return circle
        done.add(module)
        return None

    return next((circle for module in graph if (circle := walk(module, []))), None)


def test_at_the_top_lie_only_public_modules() -> None:
    public = {"api", "clip", "contracts", "errors", "registry"}
    assert {path.stem for path in PACKAGE.glob("[!_]*.py")} == public


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("pixgen.loop.engine", "pixgen.plugins.losses.clip"),
        ("pixgen.cli.draw", "pixgen.plugins.generators.vqgan"),
        ("pixgen.plugins.losses.clip", "pixgen.loop.engine"),
        ("pixgen.plugins.losses.clip", "pixgen.settings.config"),
        ("pixgen.plugins.losses.clip", "pixgen.plugins.perceptors.tiny"),
        ("pixgen.loop.engine", "pixgen.cli.main"),
        ("pixgen.plugins.starts.bank", "pixgen.training.bank"),
        ("pixgen.training.clip", "pixgen.evaluation.statistics"),
        ("pixgen.contracts", "pixgen.registry"),
    ],
)
def test_the_law_sees_what_it_forbids(importer: str, imported: str) -> None:
    assert violation(importer, imported)


def test_the_law_sees_circles_and_strings() -> None:
    assert _circle({"a": ["b"], "b": ["c"], "c": ["a"]}) == ["a", "b", "c", "a"]
    assert _circle({"a": ["b", "c"], "b": ["c"], "c": []}) is None
    assert _named("pixgen.training.clip") == ["pixgen.training.clip"]
    assert _named("pixgen.training.") == ["pixgen.training"] and _named("pixgen.generate") == []


@pytest.mark.parametrize("arguments", [["-c", "import pixgen.cli.main"], ["-m", "pixgen", "--help"]])
def test_the_command_line_starts_without_anything_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    names = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "click" in names
    assert not names & {"torch", "torchvision", "kornia", "open_clip", "imageio", "numpy", "omegaconf", "taming"}
