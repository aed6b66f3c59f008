"""`--preview` and `--open`: what a terminal shows of a picture as it grows, and what opens it at the end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from pixgen.cli import desktop, progress
from pixgen.cli.main import run
from pixgen.errors import UsageError
from pixgen.networks import pair
from tests.cli.test_progress import Clock, clock, terminal
from tests.editing.toy_pair import ToyPair

__all__ = ["clock"]  # a fixture

TOYS = ["--plugin", "toys.py", "--config", "toys.yaml", "--size", "32x32", "--steps", "3", "--seed", "5"]


@pytest.fixture
def drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("toys.py").write_text("import pixgen.testing\n")
    Path("toys.yaml").write_text(
        "generator: toy\nperceptors: {tiny: null, toy: {type: toy}}\nstarts: 1\ncutouts: 4\n"
        "stages: [{steps: 1, size: 1}]\n"
    )
    return tmp_path


def test_a_terminal_shows_the_picture_and_the_file_stays_the_same(
    drawing: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["a fox", *TOYS, "-o", "without.png"]) == 0
    assert "\x1b" not in capsys.readouterr().err
    terminal(monkeypatch)
    assert run(["a fox", *TOYS, "-o", "with.png", "--preview"]) == 0
    out, err = capsys.readouterr()
    assert out == "with.png\n" and err.count("▀") >= 32 * 16 and "3/3" in err
    assert Path("with.png").read_bytes() == Path("without.png").read_bytes()
    assert run(["again", "with.png", "--preview", "--plugin", "toys.py", "-o", "again.png"]) == 0
    assert "▀" in capsys.readouterr().err


def test_several_pictures_stand_side_by_side(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Image.Image] = []
    bar = progress.Bar("two", 1, preview=True)
    monkeypatch.setattr(bar, "show_picture", shown.append)
    bar.preview(lambda: torch.stack([torch.zeros(3, 4, 6), torch.ones(3, 4, 6)]))
    assert shown[0].size == (12, 4) and shown[0].getpixel((5, 3)) == (0, 0, 0)
    assert shown[0].getpixel((6, 0)) == (255, 255, 255)


def test_previews_take_a_small_part_of_the_time_and_the_last_step_is_shown(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[int] = []
    bar = progress.Bar("a fox", 400, preview=True)
    monkeypatch.setattr(bar, "show_picture", lambda image: shown.append(bar._done))

    def pictures() -> torch.Tensor:
        clock.now += 0.5
        return torch.zeros(1, 3, 4, 4)

    for step in range(1, 401):
        clock.now += 1.0
        bar.show(step, 1.0)
        bar.preview(pictures)
    assert shown[0] == 1 and shown[-1] == 400
    assert 0.5 * len(shown) <= 1.2 * progress.PREVIEW_SHARE * 400


@pytest.mark.parametrize("dumb", [False, True])
def test_elsewhere_a_line_says_that_nothing_is_shown(
    dumb: bool, drawing: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if dumb:
        terminal(monkeypatch)
        monkeypatch.setenv("TERM", "dumb")
        assert not progress.can_preview(True, quiet=False)
    else:
        assert run(["a fox", *TOYS, "--preview", "-n", "2"]) == 0
    err = capsys.readouterr().err
    assert err.count("--preview shows nothing here") == 1 and "\x1b" not in err and "▀" not in err


def test_quiet_contradicts_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="leave out one"):
        progress.can_preview(True, quiet=True)
    assert run(["a fox", "--preview", "--quiet"]) == 2
    assert "leave out one" in capsys.readouterr().err


def test_variations_edits_and_morphs_are_shown(
    drawing: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toys = ToyPair()
    monkeypatch.setattr(pair, "load", lambda folder="": toys)
    Image.effect_noise((40, 40), 90).convert("RGB").save("fox.png")
    terminal(monkeypatch)
    fast = ["--seed", "3", "--preview"]
    for words in (
        ["vary", "fox.png", "-n", "2", "--candidates", "1"],
        ["edit", "fox.png", "a cat", "--from", "a fox", "--steps", "0", "--candidates", "1"],
        ["morph", "fox.png", "fox.png", "-n", "3", "--steps", "1"],
    ):
        assert run([*words, *fast]) == 0
        assert "▀" in capsys.readouterr().err


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop whose opener writes what it was asked to open into this file, and talks."""
    script, found = tmp_path / "bin" / "xdg-open", tmp_path / "opened"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho chatter; echo "$1" >> "{found}"\ntest ! -e "{tmp_path}/broken"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(sys, "platform", "linux")
    return found


@pytest.mark.skipif(os.name == "nt", reason="the opener is a shell script")
def test_the_first_picture_is_opened(drawing: Path, opened: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["a fox", *TOYS, "-n", "2", "-o", "foxes/", "--open"]) == 0
    first, second = capfd.readouterr().out.splitlines()
    assert opened.read_text().splitlines() == [str(Path(first).resolve())] and first != second
    assert run(["a fox", *TOYS, "-o", "-odd name.png"]) == 0 and len(opened.read_text().splitlines()) == 1
    (drawing / "broken").touch()
    assert run(["again", first, "--plugin", "toys.py", "--open", "--quiet"]) == 0
    assert "no program that opens" in capfd.readouterr().err


def test_without_a_desktop_a_line_says_so(
    drawing: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert run(["a fox", *TOYS, "--open"]) == 0
    out, err = capsys.readouterr()
    assert f"there is no desktop here; open {out.strip()} yourself" in err


def test_where_a_desktop_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delenv("SSH_TTY", raising=False)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert desktop.has_desktop()
    monkeypatch.setenv("SSH_CONNECTION", "1.2.3.4")
    assert not desktop.has_desktop()
    monkeypatch.setattr(sys, "platform", "win32")
    assert desktop.has_desktop()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", "")
    assert not desktop.has_desktop()
