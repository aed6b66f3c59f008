"""The README tells the truth: every command and line of Python in it is run. `.ci/run` runs those that set it up."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixgen import api
from pixgen.cli import draw
from pixgen.cli.main import run
from pixgen.io import metadata, resources

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

QUICK = {"steps": 1, "size": "64x64", "starts": 1, "cutouts": 4, "stages": [{"steps": 1, "size": 1}]}
QUICK_WORDS = ["steps=1", "size=64x64", "starts=1", "cutouts=4", "stages=[{steps: 1, size: 1}]"]

weights = pytest.mark.skipif(
    not list(resources.embedded().glob("*.safetensors")), reason="the models are not in this checkout"
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Every line of its shell blocks, without the comment behind it."""
    return [line.partition(" #")[0].rstrip() for block in blocks("sh") for line in block.splitlines() if line]


SETTING_UP = [line for line in commands() if not line.startswith("pixgen ")]
PIXGEN = [part for line in commands() for part in line.split(" && ") if part.startswith("pixgen ")]
LOOKING = ("classify", "search", "rank", "describe", "explain")
ASKING = [part for part in PIXGEN if part.split()[1] in ("presets", "plugins", "show", *LOOKING)]
TRAINING = [part for part in PIXGEN if part.split()[1] == "train"]
ALTERING = [part for part in PIXGEN if part.split()[1] in ("vary", "morph", "edit")]
DRAWING = [part for part in PIXGEN if part not in ASKING + TRAINING + ALTERING]
EXAMPLES = [line.strip() for line in draw.EPILOG.splitlines() if line.strip().startswith("pixgen ")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the README's commands expect to find."""
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    for name in ("teacher.png", "apple.png"):
        shutil.copy(ROOT / "docs" / name, tmp_path / "docs")
    (tmp_path / "prompts.txt").write_text("a red fox\n")
    (tmp_path / "mine" / "quick").mkdir(parents=True)
    (tmp_path / "mine" / "quick" / "pair").symlink_to(resources.embedded(), target_is_directory=True)
    return tmp_path


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The README's plugin; one file for all tests, for a plugin is registered once."""
    path = tmp_path_factory.mktemp("readme") / "warm.py"
    (source,) = [block for block in blocks("python") if block.startswith('"""warm.py')]
    assert len([line for line in source.splitlines() if line]) <= 15
    path.write_text(source)
    return path


@pytest.mark.slow
@weights
@pytest.mark.parametrize("line", dict.fromkeys(DRAWING + EXAMPLES))
def test_every_command_draws(line: str, folder: Path, plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "warm.py").symlink_to(plugin)
    words = shlex.split(line)[1:]
    assert run([*words, *QUICK_WORDS]) == 0, capsys.readouterr().err
    assert list(folder.rglob("*.png"))


@pytest.mark.slow
@weights
@pytest.mark.parametrize("line", ALTERING)
def test_every_command_that_alters_a_picture_makes_one(
    line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(line)[1:]
    quick = {"vary": ["-n", "2"], "morph": ["-n", "3", "--steps", "0"], "edit": ["--steps", "1"]}
    assert run([*words, *quick[words[0]]]) == 0, capsys.readouterr().err
    made = [Path(path) for path in capsys.readouterr().out.splitlines()]
    assert made and all(path.stat().st_size for path in made)


@pytest.mark.parametrize("line", TRAINING)
def test_every_command_that_trains_runs_its_trainings(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pixgen.training import pipeline

    ran: list[str] = []
    monkeypatch.setattr(pipeline, "data", lambda wanted, say: ran.append("data"))
    monkeypatch.setattr(pipeline, "train", lambda training, wanted: ran.append(training.name))
    assert run(shlex.split(line)[1:]) == 0, capsys.readouterr().err
    assert ran[:3] == ["data", "clip", "vqgan"]


@pytest.mark.parametrize("line", [pytest.param(e, marks=pytest.mark.slow) if " explain " in e else e for e in ASKING])
def test_every_command_that_asks_answers(line: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out


@pytest.mark.slow
@weights
def test_the_python_lines_draw(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate = api.generate

    def quickly(prompt: str, **options: Any) -> api.Result:
        return generate(prompt, **{**options, **QUICK})

    shown: list[Image.Image] = []
    monkeypatch.setattr(api, "generate", quickly)
    monkeypatch.setattr(Image.Image, "show", lambda self: shown.append(self))
    (source,) = [block for block in blocks("python") if "import pixgen\n" in block]
    exec(source, {})
    assert shown and metadata.read(folder / "outputs" / "fox.png").seed == 7


def test_there_are_commands_to_run() -> None:
    assert len(DRAWING) >= 9 and len(EXAMPLES) >= 3


def test_two_commands_set_it_up() -> None:
    assert SETTING_UP == [
        'pip install -c constraints.txt . && pixgen "a watercolor portrait of a teacher"',
        'pip install -c constraints.txt ".[test]" && pytest',
    ]


def test_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links and [link for link in links if not (ROOT / link).is_file()] == []


def test_the_picture_is_what_the_readme_says() -> None:
    ((prompt, link),) = re.findall(r"!\[([^]]+), drawn by pixgen\]\(([^)]+)\)", README)
    about = metadata.read(ROOT / link)
    assert prompt == about.prompt and about.steps_done == about.steps_planned


def test_the_torch_of_the_readme_is_the_pinned_one() -> None:
    (told,) = re.findall(r"torch==([\d.]+)\+cpu", README)
    assert f"torch=={told}\n" in (ROOT / "constraints.txt").read_text()


def test_every_dependency_has_its_reason() -> None:
    listed = re.search(r"^install_requires =\n((?:    .*\n)+)", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert listed
    reasons = (ROOT / "docs" / "architecture.md").read_text().partition("## What it is built on")[2]
    missing = [name for name in listed[1].split() if not re.search(rf"^\|.*\b{name}\b.*\|.*\|$", reasons, re.MULTILINE)]
    assert not missing


def test_the_twenty_prompts_stand() -> None:
    prompts = (ROOT / "docs" / "twenty_prompts.txt").read_text().splitlines()
    assert len(set(prompts)) == 20
    assert sum("teacher" in prompt for prompt in prompts) == 4
