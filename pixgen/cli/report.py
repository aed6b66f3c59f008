"""`pixgen report DIR`: compares the scores of a batch along the axes of its grid."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixgen.cli import options
from pixgen.cli.console import result_json, say
from pixgen.errors import UsageError
from pixgen.io.terminal import visible

if TYPE_CHECKING:
    from pixgen.batch.report import ReportLine

PLOTS = (".png", ".svg", ".pdf")

EPILOG = """\b
Examples:
  pixgen report outputs/grid
  pixgen report outputs/grid --scores held_out,seconds --baseline steps=60
  pixgen report outputs/grid --csv grid.csv --latex grid.tex --plot grid.svg
"""


@click.command(epilog=EPILOG)
@click.argument("folder", metavar="DIR")
@click.option("--scores", metavar="A,B", show_default="all", help="Scores to compare: loss, held_out, loss.clip, ...")
@click.option("--axis", "axes", metavar="KEY", multiple=True, help="Only this axis of the grid; may be repeated.")
@click.option(
    "--baseline",
    "baselines",
    metavar="KEY=VALUE",
    multiple=True,
    show_default="the first",
    help="Value to compare with.",
)
@click.option("--by-prompt", is_flag=True, help="Average over the seeds of each prompt first.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write the table as CSV.")
@click.option("--latex", "latex_file", metavar="FILE", help="Write the table as LaTeX (booktabs).")
@click.option("--plot", "plot_file", metavar="FILE", help="Write a plot: .png, .svg or .pdf.")
@options.results
def report(
    folder: str,
    scores: str | None,
    axes: tuple[str, ...],
    baselines: tuple[str, ...],
    by_prompt: bool,
    csv_file: str | None,
    latex_file: str | None,
    plot_file: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Compare the scores along each axis of a grid: mean ± 95 % interval over prompts and seeds, paired differences.

    For losses and held_out lower is better. A pair is the same prompt with the same seed.
    """
    if plot_file is not None and Path(plot_file).suffix.lower() not in PLOTS:
        raise UsageError(f"--plot {plot_file}: a plot must end in {', '.join(PLOTS)}")
    from pixgen.batch import report as reports
    from pixgen.io import files, paths

    chosen = [name.strip() for name in scores.split(",")] if scores else None
    found = reports.samples(paths.written(folder))
    lines = reports.compare(found, chosen, axes, dict(map(_baseline, baselines)), by_prompt)
    if as_json:
        for line in lines:
            result_json(_record(line))
    elif not quiet:
        _show(lines)
    written: dict[str | None, Callable[[str], bytes]] = {
        csv_file: lambda _: reports.to_csv(lines).encode(),
        latex_file: lambda _: reports.to_latex(lines).encode(),
        plot_file: lambda suffix: reports.plot(lines, suffix),
    }
    for name, content in written.items():
        if name is not None:
            path = paths.written(name)
            written_to = files.write(path, content(path.suffix.lower()), overwrite=overwrite)
            if not quiet:
                say(f"wrote {written_to}")
    return 0


def _baseline(word: str) -> tuple[str, str]:
    axis, equals, value = word.partition("=")
    if not equals:
        raise UsageError(f"--baseline {word!r}: write an axis and its value, as in --baseline steps=60")
    return axis, value


def _record(line: ReportLine) -> dict[str, Any]:
    values = dataclasses.asdict(line)
    for key in ("mean", "difference"):
        if values[key]:
            values[key] = {name: None if math.isnan(x) else x for name, x in values[key].items()}
    return values


def _show(lines: Sequence[ReportLine]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    for axis in dict.fromkeys(line.axis for line in lines):
        here = [line for line in lines if line.axis == axis]
        table = Table(title=Text(visible(axis) or "the whole list"), title_justify="left")
        heads = ["value", "score", "mean ± 95 %", *(["difference ± 95 %", "pairs"] if axis else []), "n"]
        for head in heads:
            table.add_column(head, justify="left" if head in heads[:2] else "right", overflow="fold")
        last = None
        for line in here:
            cells = ["" if line.value == last else line.value, line.score, str(line.mean)]
            if axis:
                cells += ["baseline", ""] if line.difference is None else [str(line.difference), str(line.difference.n)]
            if last not in (None, line.value):
                table.add_section()
            last = line.value
            table.add_row(*(Text(visible(cell)) for cell in [*cells, str(line.mean.n)]))
        Console().print(table)
