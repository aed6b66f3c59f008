"""The pages of docs/: what they tell people to type works, in the order in which it stands."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

import pixgen.testing  # noqa: F401 (registers the toys)
from pixgen.cli import doctor
from pixgen.cli.main import run
from pixgen.io import resources
from pixgen.io.yaml_files import Layer, load_yaml
from pixgen.settings import layers

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = ["tutorial.md", "plugins.md"]
NARROW = [
    *(
        f"docs/{name}.md"
        for name in (
            "architecture",
            "batch",
            "generators",
            "models",
            "plugins",
            "recognition",
            "scale",
            "tutorial",
            "ui",
        )
    ),
    *("docs/README.md", "docs/api/README.md", "docs/pt/README.md", "docs/pt/tutorial.md"),
    *("docs/offline.md", "docs/pt/offline.md"),
    *("README.md", "README.pt-BR.md", "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/README.md"),
]
"""Pages that people write, not scripts; all their lines are short."""

TOYS = """
generator: toy
perceptors: {tiny: null, toy: {type: toy}}
size: 32x32
starts: 1
steps: 2
cutouts: 4
"""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def make_commands() -> ModuleType:
    return module("make_commands", DOCS / "make_commands.py")


@pytest.mark.slow
@pytest.mark.usefixtures("registry_as_before")  # a page may write a plugin and draw with it
@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The user's own settings make every run a run of toys: what is tried is the commands.
    (tmp_path / "config.yaml").write_text(TOYS)
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "_embedded", lambda: iter(()))  # the models are another test's
    monkeypatch.setattr(doctor, "_packages", lambda: iter(()))  # a checkout is not installed
    load = layers.load_preset
    small = {"size": "32x32", "steps": 2}
    monkeypatch.setattr(layers, "load_preset", lambda name: Layer({**load(name).values, **small}, f"{name} of toys"))
    text = (DOCS / page).read_text()
    for source in blocks(text, "python"):
        name = source[3:].partition(":")[0]
        assert name.endswith(".py")
        Path(name).write_text(source)
    for source in blocks(text, "yaml"):
        Path("mine.yaml").write_text(source)
    lines = [line for block in blocks(text, "sh") for line in block.splitlines()]
    assert len(lines) >= 2
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "pixgen" and run(words) == 0, f"{line}\n{capsys.readouterr().err}"
        assert capsys.readouterr().out
    if page == "plugins.md":
        module("test_calm", Path("test_calm.py").resolve()).test_calm_border()
    if page == "tutorial.md":
        assert Path("same.png").read_bytes() == Path("fox.png").read_bytes() != Path("other.png").read_bytes()
        assert {path.name for path in Path("looks").iterdir()} == {"ink-3.png", "a-lighthouse.png"}


def test_the_loss_of_the_guide_has_fifteen_lines_of_code() -> None:
    source = blocks((DOCS / "plugins.md").read_text(), "python")[0]
    code = [line for line in source.splitlines() if line and not line.lstrip().startswith('"""')]
    assert len(code) <= 15


def test_the_pages_of_the_commands_are_what_the_commands_say() -> None:
    wanted = make_commands().pages()
    there = {path.name: path.read_text() for path in (DOCS / "commands").glob("*.md")}
    assert there == wanted, "run: python docs/make_commands.py"


@pytest.mark.parametrize("path", [*sorted(DOCS.rglob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "README.pt-BR.md"])
def test_links_lead_somewhere(path: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("name", NARROW)
def test_lines_have_at_most_a_hundred_characters(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert [line for line in lines if len(line) > 100] == []


def test_the_version_is_said_alike_everywhere() -> None:
    setup = re.search(r"^version = (.+)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert setup and cited and setup[1] == cited[1]
    assert load_yaml(ROOT / "CITATION.cff").values["license"] == "MIT"
    assert resources.presets().is_dir()


def test_the_portuguese_readme_has_the_commands_of_the_english_one() -> None:
    def commands(name: str) -> list[str]:
        text = (ROOT / name).read_text()
        return [line.partition(" #")[0].rstrip() for block in blocks(text, "sh") for line in block.splitlines() if line]

    english = [line for line in commands("README.md") if "--plugin" not in line]
    assert commands("README.pt-BR.md") == english


def test_the_portuguese_tutorial_has_the_commands_of_the_english_one() -> None:
    def commands(name: str) -> list[list[str]]:
        """Their words; a word with a space is a prompt, whose language differs."""
        text = (DOCS / name).read_text()
        lines = [line for block in blocks(text, "sh") for line in block.splitlines()]
        return [["PROMPT" if " " in word else word for word in shlex.split(line)] for line in lines]

    assert commands("pt/tutorial.md") == commands("tutorial.md")
    english, portuguese = ((DOCS / name).read_text() for name in ("tutorial.md", "pt/tutorial.md"))
    assert blocks(portuguese, "yaml") == blocks(english, "yaml")
    assert len(re.findall("^## ", portuguese, re.MULTILINE)) == len(re.findall("^## ", english, re.MULTILINE))
