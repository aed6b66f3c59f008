"""Contact sheets of a list: every picture small, with what it is; the axes of a grid as columns and rows."""

from __future__ import annotations

import itertools
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ImageFont
from PIL.PngImagePlugin import PngInfo

from pixgen.batch.manifest import Manifest
from pixgen.batch.records import Record, numbered
from pixgen.errors import UsageError
from pixgen.io import files, own_files, untrusted
from pixgen.io.sheet import Sheet

TILE, GAP, LINE = 160, 8, 15
LABEL = 200  # pixels for the words at the left of a grid's row
COLUMNS, MOST_COLUMNS = 6, 12
PAGE_ROWS = 12
MOST_PICTURES = 2_000
"""Beyond this a sheet is no help; `index.html` has them all."""

_LETTERS = 24  # in a tile's width


@dataclass(frozen=True)
class Cell:
    """A place on a sheet: a picture, or none where it is missing, and the lines under it."""

    file: Path | None
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Line:
    """A row of a sheet and the words at its left."""

    label: Sequence[str]
    cells: Sequence[Cell]


def write_sheets(folder: Path) -> list[Path]:
    """Write `sheet.png`, `sheet-2.png`, ... of the pictures that are there; their paths.

    They replace earlier ones of pixgen's, and nobody else's (`own_files.series`). The last axis of a grid makes the
    columns. Raises PixgenError where the folder cannot be written.
    """
    with Manifest(folder, readonly=True) as manifest:
        drawn = (pair for pair in numbered(manifest.records()) if pair[0].steps > 0)
        columns, lines = layout(list(itertools.islice(drawn, MOST_PICTURES)), folder)
    paths = []
    starts = range(0, len(lines), PAGE_ROWS)
    place = own_files.series(folder, "sheet", ".png", len(starts), own_files.SHEET)
    for number, start in enumerate(starts, 1):
        data = _draw(columns, lines[start : start + PAGE_ROWS], folder)
        paths.append(files.write(place(number), data, overwrite=True))
    for number in itertools.count(max(2, len(paths) + 1)):  # of an earlier, longer list
        if not own_files.has_mark(place(number), own_files.SHEET):
            break
        place(number).unlink()
    return paths


def layout(drawn: Sequence[tuple[Record, int]], folder: Path) -> tuple[list[str], list[Line]]:
    """The heads of the columns (empty for a plain sheet) and the rows, of records as `numbered` gives them."""
    records = [record for record, _ in drawn]
    axis = next(iter(reversed(list(records[0].axes))), None) if records else None
    values = list(dict.fromkeys(_show(record.axes.get(axis)) for record in records)) if axis else []
    if not axis or len(values) > MOST_COLUMNS or any(axis not in record.axes for record in records):
        cells = [
            Cell(folder / r.file, [*textwrap.wrap(r.prompt, _LETTERS)[:2], f"seed {r.seed}", *_mark(r)])
            for r in records
        ]
        return [], [Line((), cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)]
    rows: dict[tuple[Any, ...], dict[str, Record]] = {}
    for record, number in drawn:
        others = [f"{name}={_show(value)}" for name, value in record.axes.items() if name != axis]
        words = (record.prompt, f"seed {record.seed}", *others)
        rows.setdefault((record.template, number, *words), {})[_show(record.axes[axis])] = record
    lines = []
    for (_, _, prompt, *rest), found in rows.items():
        cells = [
            Cell(folder / found[value].file, _mark(found[value])) if value in found else Cell(None) for value in values
        ]
        lines.append(Line([*textwrap.wrap(prompt, 28)[:6], *rest], cells))
    return [f"{axis}={value}" for value in values], lines


def _draw(columns: Sequence[str], lines: Sequence[Line], folder: Path) -> bytes:
    wide = max(len(line.cells) for line in lines)
    under = max((len(cell.lines) for line in lines for cell in line.cells), default=0) * LINE
    left, top = (LABEL, 2 * LINE) if columns else (0, 0)
    font = ImageFont.load_default(12)
    sheet = Sheet(wide, len(lines), TILE, gap=GAP, under=under, left=left, top=top, font=font)
    for column, head in enumerate(columns):
        sheet.write((sheet.corner(column, 0)[0], 0), *textwrap.wrap(head, _LETTERS)[:2], step=LINE)
    for row, line in enumerate(lines):
        sheet.write((GAP, sheet.corner(0, row)[1]), *line.label, step=LINE)
        for column, cell in enumerate(line.cells):
            try:
                if cell.file is None or not untrusted.is_inside(cell.file, folder):
                    sheet.outline(column, row)
                else:
                    sheet.paste(column, row, cell.file, keep_shape=True)
            except UsageError:  # not drawn, or moved away since: its place stays visible
                sheet.outline(column, row)
            x, y = sheet.corner(column, row)
            sheet.write((x, y + TILE), *cell.lines, step=LINE)
    about = PngInfo()
    about.add_text("Software", own_files.SHEET.decode())
    return sheet.encode(pnginfo=about)


def _mark(record: Record) -> list[str]:
    return ["failed"] if record.state == "failed" else []


def _show(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
