"""The results of a grid: means with confidence intervals, and paired differences to a baseline."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pixgen.batch.manifest import Manifest
from pixgen.batch.records import Record, numbered
from pixgen.errors import UsageError, did_you_mean
from pixgen.io.terminal import visible

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over n samples and half the width of its 95 % interval (Student's t); nan for fewer than two."""

    mean: float
    half: float
    n: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Interval:
        """Of independent samples; mean nan where there are none."""
        n = len(samples)
        if n == 0:
            return cls(math.nan, math.nan, 0)
        if n == 1:
            return cls(samples[0], math.nan, 1)
        error = statistics.stdev(samples) / math.sqrt(n)
        return cls(statistics.fmean(samples), student(n - 1) * error, n)

    def __str__(self) -> str:
        if self.n == 0:
            return "–"
        return f"{self.mean:.4g}" + ("" if math.isnan(self.half) else f" ± {self.half:.2g}")


@dataclass(frozen=True)
class ReportLine:
    """One value of one axis: a score's mean, and its difference to the baseline over the pairs that have both."""

    axis: str
    value: str
    score: str
    mean: Interval
    difference: Interval | None
    """None for the baseline itself."""


@dataclass(frozen=True)
class Sample:
    """A finished picture.

    unit: what tells it from every other picture at the same axes; first the prompt as the list says it.
    """

    axes: Mapping[str, str]
    unit: tuple[str | int, ...]
    scores: Mapping[str, float]


def samples(folder: Path) -> list[Sample]:
    """The finished pictures of a list. Raises UsageError where there is no list or none is finished."""
    with Manifest(folder, readonly=True) as manifest:
        found = [_sample(record, number) for record, number in numbered(manifest.records()) if record.state == "done"]
    if not found:
        raise UsageError(f"{folder}: no picture of this list is finished; draw it first with pixgen batch")
    return found


def compare(
    found: Sequence[Sample],
    scores: Iterable[str] | None = None,
    axes: Iterable[str] | None = None,
    baselines: Mapping[str, str] | None = None,
    by_prompt: bool = False,
) -> list[ReportLine]:
    """The lines of the table: for every axis, every value and every score.

    scores: by default loss, seconds and every score without details that was taken. axes: by default all of the grid;
    a list without a grid has one line a score. baselines: axis -> value; by default the grid's first value. Two
    pictures are a pair when row, prompt, seed and all other axes are the same. by_prompt: average all pictures of a
    prompt as the list says it (and pairs of it) first, so that prompts are the samples.

    Raises UsageError for a score, axis or value that is not there.
    """
    there = list(dict.fromkeys(axis for sample in found for axis in sample.axes))
    chosen_axes = list(axes or there)
    for axis in [*chosen_axes, *(baselines or {})]:
        _require_known("axis", axis, there)
    chosen = _scores(found, scores)
    if not there:
        return [ReportLine("", "all", score, _interval(_units(found, score, ()), by_prompt), None) for score in chosen]
    lines = []
    for axis in chosen_axes:
        values = list(dict.fromkeys(sample.axes[axis] for sample in found if axis in sample.axes))
        baseline = (baselines or {}).get(axis, values[0])
        _require_known(f"value of {axis}", baseline, values)
        others = [other for other in there if other != axis]
        for value in values:
            for score in chosen:
                here = _units([s for s in found if s.axes.get(axis) == value], score, others)
                base = _units([s for s in found if s.axes.get(axis) == baseline], score, others)
                pairs = {unit: here[unit] - base[unit] for unit in here if unit in base}
                difference = None if value == baseline else _interval(pairs, by_prompt)
                lines.append(ReportLine(axis, value, score, _interval(here, by_prompt), difference))
    return lines


@lru_cache(maxsize=1024)
def student(freedom: int) -> float:
    """The t that |T| exceeds with probability 0.05, for Student's distribution with so many degrees of freedom.

    P(|T| > t) = I_x(freedom / 2, 1 / 2) with x = freedom / (freedom + t²) (Abramowitz and Stegun, 26.7.1 and 26.5.27).
    """
    import mpmath

    low, high = 0.0, 1.0
    for _ in range(60):
        x = (low + high) / 2
        if mpmath.betainc(freedom / 2, 0.5, 0, x, regularized=True) < 1 - CONFIDENCE:
            low = x
        else:
            high = x
    x = (low + high) / 2
    return math.sqrt(freedom * (1 - x) / x)


def to_csv(lines: Sequence[ReportLine]) -> str:
    """The lines as CSV with a head. A text that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["axis", "value", "score", "mean", "half_95", "n", "difference", "difference_half_95", "pairs"])
    for line in lines:
        difference = line.difference or Interval(math.nan, math.nan, 0)
        numbers = (line.mean.mean, line.mean.half, line.mean.n, difference.mean, difference.half, difference.n)
        texts = map(_no_formula, (line.axis, line.value, line.score))
        writer.writerow([*texts, *("" if math.isnan(x) else repr(x) for x in numbers)])
    return text.getvalue()


def _no_formula(text: str) -> str:
    try:
        float(text)
    except ValueError:
        return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
    return text


def to_latex(lines: Sequence[ReportLine]) -> str:
    r"""The lines as a LaTeX table for `\usepackage{booktabs}`: values as rows, scores as columns."""
    scores = list(dict.fromkeys(line.score for line in lines))
    rows = [
        r"\begin{tabular}{ll" + "rr" * len(scores) + "}",
        r"\toprule",
        " & ".join(["axis", "value", *(f"{_tex(score)} & difference" for score in scores)]) + r" \\",
        r"\midrule",
    ]
    for (axis, value), cells in _by_value(lines).items():
        numbers = [f"{_tex_number(cells[s].mean)} & {_tex_number(cells[s].difference)}" for s in scores]
        rows.append(" & ".join([_tex(axis), _tex(value), *numbers]) + r" \\")
    return "\n".join([*rows, r"\bottomrule", r"\end{tabular}", ""])


def plot(lines: Sequence[ReportLine], suffix: str) -> bytes:
    """Means with their intervals, a panel for each axis and score, as the bytes of a .png, .svg or .pdf file.

    Raises UsageError where matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError('a plot needs matplotlib: pip install -c constraints.txt ".[report]"') from None
    axes = list(dict.fromkeys(line.axis for line in lines))
    scores = list(dict.fromkeys(line.score for line in lines))
    figure = Figure(figsize=(3.2 * len(scores), 2.6 * len(axes)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(axes), len(scores), squeeze=False)
    for row, axis in zip(panels, axes, strict=True):
        for panel, score in zip(row, scores, strict=True):
            shown = [line for line in lines if line.axis == axis and line.score == score]
            halves = [0.0 if math.isnan(line.mean.half) else line.mean.half for line in shown]
            means = [line.mean.mean for line in shown]
            # A dollar would begin a formula of matplotlib's.
            panel.errorbar(
                [visible(line.value).replace("$", r"\$") for line in shown], means, halves, fmt="o", capsize=4
            )
            panel.set_title(visible(score).replace("$", r"\$"))
            panel.set_xlabel(visible(axis).replace("$", r"\$"))
            panel.margins(x=0.3)
    data = io.BytesIO()
    # No date and no random names inside: the same numbers give the same file.
    dated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
    with rc_context({"svg.hashsalt": "pixgen"}):
        figure.savefig(data, format=suffix.removeprefix("."), dpi=150, metadata=dated)
    return data.getvalue()


def _by_value(lines: Sequence[ReportLine]) -> dict[tuple[str, str], dict[str, ReportLine]]:
    found: dict[tuple[str, str], dict[str, ReportLine]] = {}
    for line in lines:
        found.setdefault((line.axis, line.value), {})[line.score] = line
    return found


def _sample(record: Record, number: int) -> Sample:
    axes = {
        axis: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for axis, value in record.axes.items()
    }
    losses = {f"loss.{name}": value for name, value in record.losses.items() if name != "total"}
    seconds = {} if record.seconds is None else {"seconds": record.seconds}
    scores = {"loss": record.losses["total"], **losses, **record.scores, **seconds}
    return Sample(axes, (record.template or record.prompt, record.prompt, record.seed, number), scores)


Units = dict[tuple[Any, ...], float]
"""A score by what it was taken of: a sample's unit and the values of the other axes."""


def _units(found: Sequence[Sample], score: str, others: Sequence[str]) -> Units:
    return {
        (*sample.unit, *(sample.axes.get(axis) for axis in others)): sample.scores[score]
        for sample in found
        if score in sample.scores
    }


def _interval(units: Units, by_prompt: bool) -> Interval:
    if not by_prompt:
        return Interval.of(list(units.values()))
    prompts: dict[Any, list[float]] = {}
    for unit, value in units.items():
        prompts.setdefault(unit[0], []).append(value)
    return Interval.of([statistics.fmean(values) for values in prompts.values()])


def _scores(found: Sequence[Sample], wanted: Iterable[str] | None) -> list[str]:
    there = list(dict.fromkeys(name for sample in found for name in sample.scores))
    if wanted is None:
        return [name for name in there if "." not in name]
    chosen = list(wanted)
    for name in chosen:
        _require_known("score", name, there)
    return chosen


def _require_known(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        hint = did_you_mean(name, known) or f"; there are {', '.join(known) or 'none'}"
        raise UsageError(f"there is no {what} {name!r} in this list{hint}")


def _tex(text: str) -> str:
    escapes = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(escapes.get(char, f"\\{char}" if char in "&%$#_{}" else char) for char in visible(text))


def _tex_number(interval: Interval | None) -> str:
    if interval is None or interval.n == 0:
        return "--"
    return f"${interval.mean:.4g}$" if math.isnan(interval.half) else f"${interval.mean:.4g} \\pm {interval.half:.2g}$"
