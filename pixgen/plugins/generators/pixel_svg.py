"""Cells as an SVG document: a polygon a cell, drawn with crisp edges, so that no ground shows between two."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

from pixgen.backend.tensors import Size
from pixgen.plugins.generators.pixel_cells import Cells, Polygon, labels


def document(colours: Tensor, cells: Cells, own: Size, size: Size) -> str:
    """One picture. colours: (3, rows, columns) in [0, 1]. own: the size that its cells are laid out at."""
    words = _hex(colours)
    shapes = _rectangles(words, cells) if type(cells) is Cells else _polygons(words, cells, own)
    height, width = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {own[1]} {own[0]}" '
        f'preserveAspectRatio="none" shape-rendering="crispEdges">\n{chr(10).join(shapes)}\n</svg>\n'
    )


def _hex(colours: Tensor) -> list[list[str]]:
    values = (colours.detach().clamp(0, 1) * 255).round().to(torch.int64)
    packed = (values[0] * 65_536 + values[1] * 256 + values[2]).tolist()
    return [[f"#{value:06x}" for value in row] for row in packed]


def _rectangles(words: list[list[str]], cells: Cells) -> Iterator[str]:
    for row, line in enumerate(words):
        column = 0
        for fill, run in itertools.groupby(line):
            many = len(list(run))
            x, y, width = column * cells.width, row * cells.height, many * cells.width
            yield f'<rect x="{x}" y="{y}" width="{width}" height="{cells.height}" fill="{fill}"/>'
            column += many


def _polygons(words: list[list[str]], cells: Cells, own: Size) -> Iterator[str]:
    columns = len(words[0])
    for index in labels(cells, own).unique().tolist():  # those that a pixel belongs to
        row, column = divmod(index, columns)
        yield f'<polygon points="{_points(cells.polygon(row, column))}" fill="{words[row][column]}"/>'


def _points(polygon: Polygon) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in polygon)
