"""Contact sheets of a list: every picture small, with what it is; the axes of a grid as columns and rows."""

from __future__ import annotations

import io
import itertools
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from pixgen.batch.manifest import Manifest
from pixgen.batch.records import Record, numbered
from pixgen.io import files

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

    The last axis of a grid makes the columns. Raises PixgenError where the folder cannot be written.
    """
    with Manifest(folder, readonly=True) as manifest:
        drawn = (pair for pair in numbered(manifest.records()) if pair[0].steps > 0)
        columns, lines = layout(list(itertools.islice(drawn, MOST_PICTURES)), folder)
    paths = []
    for number, start in enumerate(range(0, len(lines), PAGE_ROWS), 1):
        data = _draw(columns, lines[start : start + PAGE_ROWS])
        path = folder / ("sheet.png" if number == 1 else f"sheet-{number}.png")
        paths.append(files.write(path, data, overwrite=True))
    for number in itertools.count(len(paths) + 1):  # of an earlier, longer list
        old = folder / f"sheet-{number}.png"
        if number < 2 or not old.exists():
            break
        old.unlink()
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


def _draw(columns: Sequence[str], lines: Sequence[Line]) -> bytes:
    font = ImageFont.load_default(12)
    left = LABEL if columns else 0
    under = max((len(cell.lines) for line in lines for cell in line.cells), default=0) * LINE
    width = left + max(len(line.cells) for line in lines) * (TILE + GAP) + GAP
    top, high = (2 * LINE if columns else 0), TILE + under + GAP
    paper = Image.new("RGB", (width, top + len(lines) * high + GAP), "white")
    pen = ImageDraw.Draw(paper)
    for place, head in enumerate(columns):
        for row, part in enumerate(textwrap.wrap(head, _LETTERS)[:2]):
            pen.text((left + GAP + place * (TILE + GAP), row * LINE), part, fill="black", font=font)
    for row, line in enumerate(lines):
        y = top + GAP + row * high
        for i, text in enumerate(line.label):
            pen.text((GAP, y + i * LINE), text, fill="black", font=font)
        for place, cell in enumerate(line.cells):
            x = left + GAP + place * (TILE + GAP)
            _paste(paper, pen, cell.file, (x, y))
            for i, text in enumerate(cell.lines):
                pen.text((x, y + TILE + i * LINE), text, fill="black", font=font)
    png = io.BytesIO()
    paper.save(png, "PNG")
    return png.getvalue()


def _paste(paper: Image.Image, pen: ImageDraw.ImageDraw, file: Path | None, corner: tuple[int, int]) -> None:
    try:
        if file is None:
            raise FileNotFoundError
        with Image.open(file) as image:
            small = ImageOps.contain(image.convert("RGB"), (TILE, TILE), Image.Resampling.LANCZOS)
            paper.paste(small, corner)
    except OSError:  # not drawn, or moved away since: its place stays visible
        x, y = corner
        pen.rectangle((x, y, x + TILE - 1, y + TILE - 1), outline="#bbbbbb")


def _mark(record: Record) -> list[str]:
    return ["failed"] if record.state == "failed" else []


def _show(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
