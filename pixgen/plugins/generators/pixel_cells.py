"""Where the cells of a picture lie: which pixel belongs to which cell, which cells touch, their outlines.

Cells stand in rows and columns; a cell's index is row * columns + column. Those at the edges may lie partly, or wholly,
outside the picture. A pixel belongs to the cell that its centre lies in, as in an SVG with crisp edges.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pixgen.backend.tensors import Size

FLAT = math.sqrt(3) / 2
"""Height of a row of regular hexagons or triangles by their width."""

Polygon = list[tuple[float, float]]
"""The corners of a cell, (x, y) in pixels."""


@dataclass(frozen=True)
class Cells:
    """Cells of one kind. height, width: of a cell, in pixels; of hexagons and triangles the rows are flatter."""

    height: int
    width: int

    @property
    def factor(self) -> int:
        """Both sides of a picture are multiples of this."""
        return math.lcm(self.height, self.width)

    def grid(self, size: Size) -> tuple[int, int]:
        """Rows and columns of a picture of this size."""
        return size[0] // self.height, size[1] // self.width

    def size(self, grid: tuple[int, int]) -> Size:
        """The picture's size, from its rows and columns."""
        return grid[0] * self.height, grid[1] * self.width

    def find(self, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """The row and the column of the cell at these places, in pixels."""
        return (y / self.height).floor(), (x / self.width).floor()

    def polygon(self, row: int, column: int) -> Polygon:
        """The corners of a cell."""
        y, x = row * self.height, column * self.width
        return [(x, y), (x + self.width, y), (x + self.width, y + self.height), (x, y + self.height)]


class Shifted(Cells):
    """Rectangles, every second row shifted by half a cell to the left, as bricks are laid."""

    def grid(self, size: Size) -> tuple[int, int]:
        return size[0] // self.height, size[1] // self.width + 1

    def size(self, grid: tuple[int, int]) -> Size:
        return grid[0] * self.height, (grid[1] - 1) * self.width

    def find(self, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        row = (y / self.height).floor()
        return row, ((x + row % 2 * self.width / 2) / self.width).floor()

    def polygon(self, row: int, column: int) -> Polygon:
        left = row % 2 * self.width / 2
        return [(x - left, y) for x, y in super().polygon(row, column)]


@dataclass(frozen=True)
class _Centred(Cells):
    """Cells around centres, those of every second row half a cell to the right."""

    @property
    def pitch(self) -> float:
        """From a row of centres to the next."""
        raise NotImplementedError

    def grid(self, size: Size) -> tuple[int, int]:
        return math.ceil(size[0] / self.pitch) + 1, size[1] // self.width + 1

    def size(self, grid: tuple[int, int]) -> Size:
        height = math.floor((grid[0] - 1) * self.pitch / self.factor) * self.factor
        return height, (grid[1] - 1) * self.width

    def find(self, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        above = (y / self.pitch).floor()
        found = []
        for row in (above, above + 1):
            shift = row % 2 / 2
            column = (x / self.width - shift).round()
            aside = (x - (column + shift) * self.width).abs() / self.width
            found.append((row, column, self.distance((y - row * self.pitch).abs() / self.pitch, aside)))
        (row, column, first), (other_row, other_column, second) = found
        return torch.where(second < first, other_row, row), torch.where(second < first, other_column, column)

    def distance(self, down: Tensor, aside: Tensor) -> Tensor:
        """How far from a centre, by rows and columns; where two are equal lies the border of their cells."""
        raise NotImplementedError

    def centre(self, row: int, column: int) -> tuple[float, float]:
        return (column + row % 2 / 2) * self.width, row * self.pitch


class Hexagons(_Centred):
    """Hexagons that stand on a corner, as in a honeycomb."""

    @property
    def pitch(self) -> float:
        return max(1, round(self.height * FLAT))

    def distance(self, down: Tensor, aside: Tensor) -> Tensor:
        return down + aside * 2 / 3

    def polygon(self, row: int, column: int) -> Polygon:
        (x, y), across, long, short = self.centre(row, column), self.width / 2, self.pitch * 2 / 3, self.pitch / 3
        return [
            *((x, y - long), (x + across, y - short), (x + across, y + short)),
            *((x, y + long), (x - across, y + short), (x - across, y - short)),
        ]


class Diamonds(_Centred):
    """Squares or rectangles that stand on a corner."""

    @property
    def pitch(self) -> float:
        return self.height / 2

    def distance(self, down: Tensor, aside: Tensor) -> Tensor:
        return down / 2 + aside

    def polygon(self, row: int, column: int) -> Polygon:
        (x, y), across, down = self.centre(row, column), self.width / 2, self.height / 2
        return [(x, y - down), (x + across, y), (x, y + down), (x - across, y)]


class Triangles(Cells):
    """Rows of triangles that stand on a side and on a corner by turns."""

    @property
    def pitch(self) -> int:
        """Height of a row."""
        return max(1, round(self.height * FLAT))

    def grid(self, size: Size) -> tuple[int, int]:
        return math.ceil(size[0] / self.pitch), 2 * (size[1] // self.width) + 1

    def size(self, grid: tuple[int, int]) -> Size:
        return grid[0] * self.pitch // self.factor * self.factor, grid[1] // 2 * self.width

    def find(self, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        row, left = (y / self.pitch).floor(), (2 * x / self.width).floor()
        down, aside = y / self.pitch - row, 2 * x / self.width - left
        upright = (row + left) % 2 == 0
        return row, left + torch.where(upright, aside > down, aside > 1 - down)

    def polygon(self, row: int, column: int) -> Polygon:
        half, top, bottom = self.width / 2, row * self.pitch, (row + 1) * self.pitch
        apex, base = (top, bottom) if (row + column) % 2 == 0 else (bottom, top)
        return [(column * half, apex), ((column + 1) * half, base), ((column - 1) * half, base)]


class Knitted(Cells):
    """Stitches: each a V as high as a cell, those of a column in one another."""

    def grid(self, size: Size) -> tuple[int, int]:
        return size[0] // self.height + 1, size[1] // self.width

    def size(self, grid: tuple[int, int]) -> Size:
        return (grid[0] - 1) * self.height, grid[1] * self.width

    def find(self, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        column = (x / self.width).floor()
        aside = (2 * (x / self.width - column) - 1).abs()
        return (y / self.height + aside / 2).floor(), column

    def polygon(self, row: int, column: int) -> Polygon:
        left, middle, right = (self.width * (column + part) for part in (0, 0.5, 1))
        top, bottom, rise = row * self.height, (row + 1) * self.height, self.height / 2
        return [
            *((left, top - rise), (middle, top), (right, top - rise)),
            *((right, bottom - rise), (middle, bottom), (left, bottom - rise)),
        ]


KINDS: Mapping[str, type[Cells]] = {
    "square": Cells,
    "shifted": Shifted,
    "hexagon": Hexagons,
    "triangle": Triangles,
    "diamond": Diamonds,
    "knitted": Knitted,
}


@functools.lru_cache(maxsize=16)
def labels(cells: Cells, size: Size) -> Tensor:
    """The index of the cell of every pixel, int64 (H, W)."""
    y, x = (torch.arange(side, dtype=torch.float64) + 0.5 for side in size)
    row, column = cells.find(*torch.meshgrid(y, x, indexing="ij"))
    rows, columns = cells.grid(size)
    index: Tensor = row.clamp(0, rows - 1) * columns + column.clamp(0, columns - 1)
    return index.long()


@functools.lru_cache(maxsize=16)
def neighbours(cells: Cells, size: Size, corners: bool) -> Tensor:
    """The pairs of cells that touch along a side, or with `corners` at a corner too: int64 (2, N), each both ways."""
    label = labels(cells, size)
    beside = [(label[:, :-1], label[:, 1:]), (label[:-1], label[1:])]
    if corners:
        beside += [(label[:-1, :-1], label[1:, 1:]), (label[:-1, 1:], label[1:, :-1])]
    pairs = torch.cat([torch.stack([a.flatten(), b.flatten()]) for a, b in beside], dim=1)
    pairs = pairs[:, pairs[0] != pairs[1]].unique(dim=1)
    both: Tensor = torch.cat([pairs, pairs.flip(0)], dim=1).unique(dim=1)
    return both
