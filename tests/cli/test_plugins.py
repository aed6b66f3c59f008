"""`pixgen plugins new` writes plugins that work as they stand, and `pixgen plugins check` says what is wrong."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

import pixgen.testing  # noqa: F401 (registers the toys)
from pixgen import registry
from pixgen.cli.main import run
from tests.test_pages import TOYS

SETTINGS = {
    "generator": "generator.type=warm",
    "start": "start.type=warm",
    "cutter": "cutter.type=warm",
    "perceptor": "perceptors.it.type=warm",
    "loss": "losses.it.type=warm",
    "scheduler": "losses.clip.weight={type: warm}",
    "filter": "filters.it.type=warm",
    "optimizer": "optimizer.type=warm",
}
"""What puts a plugin called `warm` into a picture; scores judge lists."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry_as_before: None) -> Path:
    """An empty folder to work in, toys for every picture, and a registry that is as before afterwards."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.yaml").write_text(TOYS)
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.mark.slow
@pytest.mark.parametrize("kind", registry.KINDS)
def test_a_new_plugin_works_as_it_stands(kind: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "new", kind, "warm"]) == 0
    out, err = capsys.readouterr()
    assert out.split() == ["warm.py", "test_warm.py"] and "pixgen plugins check warm.py" in err
    assert all(len(line) <= 120 for name in out.split() for line in Path(name).read_text().splitlines())
    assert run(["plugins", "check", "warm.py"]) == 0
    assert capsys.readouterr().out == f"ok      {kind}.warm\n"
    # Its own test, as pytest loads it.
    spec = importlib.util.spec_from_file_location("test_warm", folder / "test_warm.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.test_warm_keeps_its_contract()
    if kind in SETTINGS:
        assert run(["a red lighthouse", "--plugin", "warm.py", SETTINGS[kind], "-o", "drawn.png", "--quiet"]) == 0
        assert Path("drawn.png").stat().st_size
    else:
        Path("prompts.txt").write_text("a fox\n")
        assert run(["batch", "prompts.txt", "--plugin", "warm.py", "--scores", "warm", "-o", "drawn"]) == 0


def test_nothing_is_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("test_warm.py").write_text("mine")
    assert run(["plugins", "new", "loss", "warm"]) == 2
    assert "test_warm.py is there already; choose another name, or another folder with -o" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["test_warm.py"] and Path("test_warm.py").read_text() == "mine"
    assert run(["plugins", "new", "loss", "warm", "-o", "new/folder", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["files"] == ["new/folder/warm.py", "new/folder/test_warm.py"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["loss", "tv"], "there is a loss called 'tv' already; choose another name"),
        (["los", "warm"], "there is no plugin kind 'los'; did you mean 'loss'?"),
        (["", "warm"], "there is no plugin kind ''"),
        (["loss", "1warm"], "'1warm' cannot name a plugin and its Python file"),
        (["loss", "warm-glow"], "a letter first; did you mean 'warm_glow'?"),
        (["loss", "../../etc"], "cannot name a plugin"),
        (["loss", "glühen"], "cannot name a plugin"),
        (["loss", ""], "cannot name a plugin"),
        (["loss", "lambda"], "'lambda' is a word of the language Python"),
        (["loss", "torch"], "torch.py would stand in for the Python module 'torch'"),
        (["loss", "random"], "random.py would stand in for the Python module 'random'"),
        (["loss", "conftest"], "conftest.py would stand in"),
        (["loss", "warm", "-o", "taken"], "taken is a file, and a folder is needed"),
        (["loss"], "Missing argument 'NAME'"),
    ],
)
def test_what_cannot_be_written_is_refused(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").write_text("")
    assert run(["plugins", "new", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and "Traceback" not in err
    assert [path.name for path in folder.iterdir()] == ["taken"]


FAULTY = '''
from dataclasses import dataclass
from pathlib import Path
import torch
from pixgen.contracts import Filter, Loss
from pixgen.registry import register

@register("loss", "mixing")
@dataclass
class Mixing(Loss):
    """Mixes pictures."""
    reads = "images"
    def __call__(self, frame):
        return (frame.images - frame.images.mean() + 0.1).square().mean((1, 2, 3))

@register("filter", "halving")
@dataclass
class Halving(Filter):
    """Is as it should be."""
    share: float = 0.5
    """Of the brightness, from 0 to 1."""
    def __post_init__(self):
        if not 0 < self.share <= 1:
            raise ValueError(f"share is {self.share}; it must be above 0 and at most 1")
    def __call__(self, images, step, streams):
        return images * self.share

@register("filter", "shifting")
@dataclass
class Shifting(Halving):
    """Is as it should be, too."""
    shift: int = -1
    """In pixels, up to -1."""
    def __post_init__(self):
        super().__post_init__()
        if self.shift >= 0:
            raise ValueError(f"shift is {self.shift}; it must be below 0")
'''


@pytest.mark.slow
def test_a_line_for_each_plugin_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("some.py").write_text(FAULTY)
    assert run(["plugins", "check", "some.py"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("failed  loss.mixing: in a batch picture 0 has another loss than alone; take means")
    assert lines[1:] == ["ok      filter.halving", "ok      filter.shifting"]
    assert run(["plugins", "check", "some.py", "--json"]) == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(record["kind"], record["name"], record["ok"]) for record in records] == [
        ("loss", "mixing", False), ("filter", "halving", True), ("filter", "shifting", True)
    ]  # fmt: skip
    assert "in a batch" in records[0]["problem"] and records[1]["problem"] == ""


NEEDING = '''
from dataclasses import dataclass
from pixgen.contracts import Scheduler
from pixgen.registry import register

@register("scheduler", "level_of_mine")
@dataclass(frozen=True)
class Level(Scheduler):
    """Always the same."""
    level: float
    """The value."""
    def value(self, progress):
        return self.level
'''


def test_options_that_a_plugin_needs(capsys: pytest.CaptureFixture[str]) -> None:
    Path("level.py").write_text(NEEDING)
    assert run(["plugins", "check", "level.py"]) == 1
    assert "needs the option 'level'; give the check options that suit it" in capsys.readouterr().out
    assert run(["plugins", "check", "level.py", "scheduler.level_of_mine.level=2.5"]) == 0
    capsys.readouterr()
    for word, said in {
        "scheduler.level_of_mine.levl=2": "no option 'levl'; did you mean 'level'?",
        "scheduler.level_of_mine.level=high": "level is 'high' (str); it must be float",
        "scheduler.level_of_mien.level=2": "level.py has no plugin 'scheduler.level_of_mien'; did you mean",
        "level=2": "'level=2' is not KIND.NAME.OPTION=VALUE; write it as in scheduler.level_of_mine.OPTION=VALUE",
        "high": "is not KIND.NAME.OPTION=VALUE",
    }.items():
        assert run(["plugins", "check", "level.py", word]) == 2
        out, err = capsys.readouterr()
        assert out == "" and said in err


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("nothing.py", "x = 1", 'nothing.py registers no plugin; put @register("loss", "my_name")'),
        ("empty.py", "", "registers no plugin"),
        ("broken.py", "def (", "plugin file 'broken.py' failed: SyntaxError"),
        ("raising.py", "1 / 0", "plugin file 'raising.py' failed: ZeroDivisionError"),
        ("leaving.py", "raise SystemExit(0)", "plugin file 'leaving.py' failed: SystemExit"),
        ("missing.py", None, "there is no plugin file 'missing.py'"),
        ("prose.txt", "A text.", "'prose.txt' is no Python file; a plugin file ends in .py"),
        ("binary.py", "\0\1", "plugin file 'binary.py' failed"),
        ("taken.py", FAULTY.replace('"mixing"', '"tv"'), "two plugins are called loss.tv"),
    ],
)
def test_a_file_that_cannot_be_checked(
    name: str, source: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if source is not None:
        Path(name).write_text(source)
    assert run(["plugins", "check", name]) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and "Traceback" not in err


def test_the_line_that_uses_a_plugin_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "show", "score.held_out"]) == 0
    assert "set it: pixgen batch prompts.txt --scores held_out" in capsys.readouterr().out
    assert run(["plugins", "show", "scheduler.cosine"]) == 0
    assert "'losses.clip.weight={type: cosine}'" in capsys.readouterr().out
