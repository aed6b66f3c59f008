"""What a person sees while a picture is drawn or a model is fetched: a bar in a terminal, a line in a file."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pixgen.cli import batch_progress, download_progress, progress
from pixgen.io import progress as bars
from pixgen.models.entry import File
from pixgen.training import monitor

URL = "https://weights.invalid/last.ckpt"


class Clock:
    """Stands for the module `time`."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (progress, download_progress, batch_progress, bars):
        monkeypatch.setattr(module, "time", made)
    return made


def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make of standard error, as it is now, a terminal."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    for name, value in {"TERM": "xterm", "COLUMNS": "150", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)


def draw(clock: Clock, quiet: bool = False) -> None:
    with progress.Bar("a fox", 40, quiet) as bar:
        for step in range(1, 41):
            bar.show(step, 1 / step)
            clock.now += 0.5


def fetch(clock: Clock, quiet: bool = False, total: int | None = 41_000_000) -> None:
    with download_progress.Transfers(quiet) as shown:
        watch = shown.watch()
        watch.source(File("last.ckpt", [URL], bytes=total), URL)
        for done in (1_000_000, 11_000_000, 12_000_000):
            watch.report(done, total)
            clock.now += 10
            if done == 1_000_000:
                watch.failed(URL, "went silent after 1,000,000 bytes")


def test_a_file_gets_a_line_every_tenth_of_the_way(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    draw(clock)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert not out and len(lines) == 11
    assert lines[0].startswith("step 1/40, loss 1.000") and lines[5] == "step 20/40, loss 0.050, 2.0 it/s, 10 s left"
    assert lines[-1] == "step 40/40, loss 0.025, 2.0 it/s"


def test_a_terminal_gets_a_bar_with_step_loss_speed_and_time_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal(monkeypatch)
    draw(clock)
    out, err = capsys.readouterr()
    assert not out and "a fox" in err and "40/40" in err and "0.025" in err and "2.0 it/s" in err


def test_a_download_says_how_far_how_fast_and_how_long_still(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    fetch(clock)
    out, err = capsys.readouterr()
    assert not out and err.splitlines() == [
        f"pixgen: last.ckpt from {URL}",
        "pixgen: going on after 1.0 MB",
        f"pixgen: {URL} went silent after 1,000,000 bytes",
        "pixgen: 11.0 of 41.0 MB, 1.0 MB/s, 30 s left",
        "pixgen: 12.0 of 41.0 MB, 0.6 MB/s, 53 s left",
    ]
    fetch(clock, total=None)
    assert "pixgen: 11.0 MB, 1.0 MB/s\n" in capsys.readouterr().err


def test_a_download_in_a_terminal_is_a_bar(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal(monkeypatch)
    fetch(clock)
    out, err = capsys.readouterr()
    assert (
        not out and "last.ckpt" in err and "12.0/41.0" in err and re.search(r"[kMG]?B/s", err) and "went silent" in err
    )


def test_quiet_is_quiet(clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal(monkeypatch)
    draw(clock, quiet=True)
    assert capsys.readouterr() == ("", "")
    fetch(clock, quiet=True)
    assert capsys.readouterr() == ("", f"pixgen: {URL} went silent after 1,000,000 bytes\n")


def draw_list(clock: Clock) -> None:
    counts = {"pending": 3, "draft": 0, "done": 1, "failed": 0}
    begun: Any = SimpleNamespace(counts=counts, tuning=SimpleNamespace(batch=2, workers=1, threads=2, device="cpu"))
    stepped: Any = SimpleNamespace(group=5, done=4, steps=9, loss=0.5)
    record: Any = SimpleNamespace(prompt="a fox", seed=7, group=5, planned=9)
    with batch_progress.ListBars(False, lambda *_: None) as shown:
        shown.begin(begun)
        shown.warned("slow")
        shown.stepped(stepped, [record])
        clock.now += 12
        picture: Any = SimpleNamespace(steps=9)
        shown.drawn(record, picture, 12.0)
        shown.failed([record], "it exploded")


def test_a_list_gets_lines_in_a_file_and_bars_in_a_terminal(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_list(clock)
    assert capsys.readouterr().err.splitlines() == [
        "pixgen: 3 of 4 to draw; 1 worker with 2 threads on cpu, 2 pictures together",
        "pixgen: slow",
        "pixgen: 2/4, 300 pictures/h, 24 s left",
        "pixgen: failed: 'a fox' (seed 7): it exploded",
    ]
    terminal(monkeypatch)
    draw_list(clock)
    err = capsys.readouterr().err
    assert "list" in err and "2/4" in err and "300 pictures/h" in err and "pixgen: slow" in err and "exploded" in err


def test_a_training_gets_its_log_in_a_file_and_a_bar_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"pictures": 512, "rate": 120.0, "loss": 1.25}
    with monitor.watched("clip"):
        monitor.show('{"pictures": 512}', values, 1024)
    assert capsys.readouterr().err == '{"pictures": 512}\n'
    terminal(monkeypatch)
    with monitor.watched("clip"):
        monitor.show('{"pictures": 512}', values, 1024)
    err = capsys.readouterr().err
    assert all(said in err for said in ("clip", "512/1024", "pictures", "120/s", "loss 1.250")) and "{" not in err


def test_bars_are_made_in_one_place() -> None:
    package = Path(bars.__file__).parent.parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\bProgress\(|isatty\(", path.read_text())
    }
    assert found == {"io/progress.py"}
