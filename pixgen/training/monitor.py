"""What somebody sees of a training: a bar at the terminal, `losses.png`, and sheets of samples.

Everything goes to standard error and to files of the run's folder; a training does not know whether anybody watches.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixgen.io import files, terminal
from pixgen.io.pictures import to_image
from pixgen.io.progress import Bars, Column, is_watched
from pixgen.io.sheet import Sheet, font

if TYPE_CHECKING:
    from rich.progress import TaskID
    from torch import Tensor

_NOT_PLOTTED = ("seconds", "rate", "side", "groups", "step")
_FIRST = ("loss", "match", "pixels")
"""Which of a line's values is shown next to the bar, the first that it has."""


class TrainingMonitor:
    """Shows a training that was started from the command line: a bar, and plots at every checkpoint."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._bars: Bars | None = None
        self._bar: TaskID | None = None

    def show(self, values: Mapping[str, Any], total: int | None) -> None:
        """Move the bar; the first of `values` is what is counted."""
        unit, counted = next(iter(values.items()), ("", 0))
        facts = [f"{values['rate']:.0f}/s"] if "rate" in values else []
        if (name := next((n for n in _FIRST if n in values), None)) is not None:
            facts.append(f"{name} {values[name]:.3f}")
        if self._bars is None:
            self._bars = Bars(Column.COUNT, f"{unit}  {{task.fields[facts]}}", Column.SHORT_TIME_LEFT)
            self._bars.start()
            self._bar = self._bars.add(self.title)
        self._bars.update(self._bar, counted, total, "  ".join(facts) if facts else None)

    def close(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


_monitor: TrainingMonitor | None = None


@contextlib.contextmanager
def watched(title: str) -> Iterator[None]:
    """While it lasts, trainings are shown as a bar called `title` (lines where no terminal is) and are plotted."""
    global _monitor
    _monitor = TrainingMonitor(title)
    try:
        yield
    finally:
        _monitor.close()
        _monitor = None


def show(line: str, values: Mapping[str, Any], total: int | None) -> None:
    """Show one line of log: its JSON, or the bar in its place."""
    if _monitor is not None and is_watched():
        _monitor.show(values, total)
    else:
        terminal.write(line, sys.stderr)


def checkpoint(run: Path) -> None:
    """A checkpoint was written into `run`: plot again, where a training is shown."""
    if _monitor is not None:
        plot(run / "log.jsonl", run / "losses.png")


def series(log: Path) -> dict[str, tuple[list[float], list[float]]]:
    """What a log's lines say by name: (what was counted at the line, the value). A list's items get a number each."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for line in log.read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # a full disk or a power cut left half of it
        values = {name: value for name, value in entry.items() if name not in _NOT_PLOTTED}
        counted, *names = values or [""]
        for name in names:
            many = values[name] if isinstance(values[name], list) else [values[name]]
            for i, value in enumerate(many):
                if isinstance(value, int | float) and isinstance(values[counted], int | float):
                    xs, ys = found.setdefault(name if len(many) == 1 else f"{name} {i + 1}", ([], []))
                    xs.append(values[counted])
                    ys.append(value)
    return found


def plot(log: Path, picture: Path) -> None:
    """Plot every value of a log over what was counted, one small chart each; nothing without matplotlib or lines."""
    lines = series(log) if log.exists() else {}
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return
    if not lines:
        return
    columns = min(3, len(lines))
    rows = -(-len(lines) // columns)
    figure = Figure(figsize=(4 * columns, 2.4 * rows), layout="constrained")
    for place, (name, (xs, ys)) in enumerate(lines.items(), 1):
        axes = figure.add_subplot(rows, columns, place)
        axes.plot(xs, ys, linewidth=1, marker="." if len(xs) < 3 else "")
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png)
    files.write(picture, png.getvalue(), overwrite=True)


def sheet(path: Path, rows: Sequence[Tensor], labels: Sequence[str] = (), side: int = 128) -> None:
    """Write a PNG of `rows`, each images float32 (B, 3, H, W) in [0, 1], every picture at `side` pixels.

    labels: one a column, in as many lines as it has, beneath it.
    """
    high = 12 * max((label.count("\n") + 1 for label in labels), default=0)
    page = Sheet(max(len(row) for row in rows), len(rows), side, bottom=high, font=font(9))
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            page.paste(x, y, to_image(picture))
    for x, label in enumerate(labels):
        page.write((x * side + 2, side * len(rows)), label)
    page.save(path)
