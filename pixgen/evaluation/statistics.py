"""Measured figures: shares with their intervals, kept as JSON, shown as the rows of a markdown table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pixgen.io import files

Z = 1.959964
"""Of a 95 % interval."""


@dataclass(frozen=True)
class Figure:
    """One measured number. low, high: its 95 % interval, None where there is none. n: of how many samples."""

    what: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = "%"

    def __str__(self) -> str:
        """`61.5 % (51.2 to 70.8)`: a share is shown in percent."""
        if math.isnan(self.value):
            return "–"
        scale, digits = (100, 1) if self.unit in ("%", "points") else (1, 3)
        unit = f" {self.unit}" if self.unit else ""
        text = f"{self.value * scale:.{digits}f}{unit}"
        if self.low is None or self.high is None:
            return text
        return f"{text} ({self.low * scale:.{digits}f} to {self.high * scale:.{digits}f})"


def share(what: str, hits: Sequence[bool]) -> Figure:
    """The share of hits and Wilson's interval (1927), which holds for few samples and near 0 and 1."""
    n = len(hits)
    if n == 0:
        return Figure(what, math.nan)
    p = sum(hits) / n
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return Figure(what, p, max(0.0, middle - half), min(1.0, middle + half), n)


def mean(what: str, values: Sequence[float], unit: str = "") -> Figure:
    """The mean and its bootstrap interval."""
    return bootstrap(what, np.asarray(values, float)[:, None], lambda rows: float(rows[:, 0].mean()), unit)


def bootstrap(what: str, rows: np.ndarray, of: Callable[[np.ndarray], float], unit: str, draws: int = 2000) -> Figure:
    """`of(rows)` and the interval between the 2.5th and the 97.5th percentile of resampled rows (Efron 1979).

    rows: (n, k), one a sample; samples that belong together (before and after) are one row. Always the same draws.
    """
    if len(rows) == 0:
        return Figure(what, math.nan, unit=unit)
    rng = np.random.default_rng(0)
    found = [of(rows[rng.integers(len(rows), size=len(rows))]) for _ in range(draws)]
    found = [value for value in found if not math.isnan(value)]
    low, high = (float(x) for x in np.percentile(found, (2.5, 97.5))) if found else (None, None)
    return Figure(what, of(rows), low, high, len(rows), unit)


def difference(what: str, before: Sequence[bool], after: Sequence[bool]) -> Figure:
    """How much larger the share of hits is after than before, in points; before and after are pairs."""
    rows = np.stack((np.asarray(before, float), np.asarray(after, float)), 1) if len(before) else np.zeros((0, 2))
    return bootstrap(what, rows, lambda r: float((r[:, 1] - r[:, 0]).mean()), "points")


def save_figures(path: Path, command: str, figures: Sequence[Figure]) -> None:
    """Write them, and the command that measured them, as JSON."""
    text = json.dumps({"command": command, "figures": [asdict(f) for f in figures]}, indent=1)
    files.write(path, text.encode(), overwrite=True)


def load_figures(path: Path) -> tuple[str, list[Figure]]:
    """What `save_figures` wrote: the command and the figures."""
    found = json.loads(path.read_text())
    return found["command"], [Figure(**figure) for figure in found["figures"]]


def table(figures: Sequence[Figure], command: str = "") -> str:
    """Rows of a markdown table: what, value with interval, n, and the command where one is given."""
    end = f" `{command}` |" if command else ""
    return "".join(f"| {f.what} | {f} | {f.n or ''} |{end}\n" for f in figures)
