"""Wallpaper: the picture repeated by one of the seventeen plane symmetry groups."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size
from pixgen.contracts import Filter
from pixgen.registry import register

Motion = tuple[int, int, float, int, int, float]
"""(a, b, s, c, d, t): (x, y) -> (a x + b y + s, c x + d y + t) in coordinates of the lattice."""

_ID: Motion = (1, 0, 0, 0, 1, 0)
_HALF_TURN: Motion = (-1, 0, 0, 0, -1, 0)
_MIRRORS: tuple[Motion, ...] = ((-1, 0, 0, 0, 1, 0), (1, 0, 0, 0, -1, 0))
_QUARTER_TURNS: tuple[Motion, ...] = (_ID, _HALF_TURN, (0, -1, 0, 1, 0, 0), (0, 1, 0, -1, 0, 0))
_THIRDS: tuple[Motion, ...] = (_ID, (0, -1, 0, 1, -1, 0), (-1, 1, 0, -1, 0, 0))
_SIXTHS: tuple[Motion, ...] = (*_THIRDS, _HALF_TURN, (0, 1, 0, -1, 1, 0), (1, -1, 0, 1, 0, 0))
_P3M1: tuple[Motion, ...] = ((0, -1, 0, -1, 0, 0), (-1, 1, 0, 0, 1, 0), (1, 0, 0, 1, -1, 0))
_P31M: tuple[Motion, ...] = ((0, 1, 0, 1, 0, 0), (1, -1, 0, 0, -1, 0), (-1, 0, 0, -1, 1, 0))


def _centred(motions: tuple[Motion, ...]) -> tuple[Motion, ...]:
    return (*motions, *((a, b, s + 0.5, c, d, t + 0.5) for a, b, s, c, d, t in motions))


GROUPS: dict[str, tuple[Motion, ...]] = {
    "p1": (_ID,),
    "p2": (_ID, _HALF_TURN),
    "pm": (_ID, _MIRRORS[0]),
    "pg": (_ID, (-1, 0, 0, 0, 1, 0.5)),
    "cm": _centred((_ID, _MIRRORS[0])),
    "pmm": (_ID, _HALF_TURN, *_MIRRORS),
    "pmg": (_ID, _HALF_TURN, (-1, 0, 0.5, 0, 1, 0), (1, 0, 0.5, 0, -1, 0)),
    "pgg": (_ID, _HALF_TURN, (-1, 0, 0.5, 0, 1, 0.5), (1, 0, 0.5, 0, -1, 0.5)),
    "cmm": _centred((_ID, _HALF_TURN, *_MIRRORS)),
    "p4": _QUARTER_TURNS,
    "p4m": (*_QUARTER_TURNS, *_MIRRORS, (0, 1, 0, 1, 0, 0), (0, -1, 0, -1, 0, 0)),
    "p4g": (
        *_QUARTER_TURNS,
        *((-1, 0, 0.5, 0, 1, 0.5), (1, 0, 0.5, 0, -1, 0.5), (0, 1, 0.5, 1, 0, 0.5), (0, -1, 0.5, -1, 0, 0.5)),
    ),
    "p3": _THIRDS,
    "p3m1": (*_THIRDS, *_P3M1),
    "p31m": (*_THIRDS, *_P31M),
    "p6": _SIXTHS,
    "p6m": (*_SIXTHS, *_P3M1, *_P31M),
}
"""Motions of each group up to translations, in general position (International Tables for Crystallography, A)."""

HEXAGONAL = frozenset({"p3", "p3m1", "p31m", "p6", "p6m"})
"""Groups whose lattice has an angle of 120 degrees; the others have a right one."""

Group = Literal[
    "p1", "p2", "pm", "pg", "cm", "pmm", "pmg", "pgg", "cmm", "p4", "p4m", "p4g", "p3", "p3m1", "p31m", "p6", "p6m"
]

_CENTRE = (0.537, 0.471)
"""Of the part of the picture that is repeated, in a cell; on no mirror or axis of any group."""


@register("filter", "wallpaper")
@dataclass
class Wallpaper(Filter):
    """Repeats the middle of the picture over a lattice, turned and mirrored as a symmetry group says.

    Every cell shows the whole picture made smaller, or the part of it that the group leaves free.
    """

    group: Group = "p1"
    """The symmetry group: p1 only repeats, pmm mirrors in both directions, p4m and p6m are kaleidoscopes."""
    across: int = 2
    """Cells side by side, 1 to 32."""
    down: int | None = None
    """Cells one above the other, 1 to 32; by default as many as leave them square. Hexagonal lattices decide it."""

    _grids: dict[Size, Tensor] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in {"across": self.across, "down": 1 if self.down is None else self.down}.items():
            if not 1 <= value <= 32:
                raise ValueError(f"{name} is {value}; it must be 1 to 32")
        if self.down is not None and self.group in HEXAGONAL:
            raise ValueError(f"down is {self.down}; a hexagonal lattice ({self.group}) takes across alone")

    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        size = (images.shape[2], images.shape[3])
        if size not in self._grids:
            self._grids[size] = self._grid(size)
        grid = self._grids[size].to(images).expand(len(images), -1, -1, -1)
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    def _grid(self, size: Size) -> Tensor:
        """Where each pixel is taken from, float64 (1, H, W, 2) in [-1, 1].

        Of all points that the group makes equal, the one nearest to the middle of a cell.
        """
        height, width = size
        cell = width / self.across
        rows = self.down or max(1, round(height / cell))
        # Cells as they lie in the picture, in units of their width.
        tall = math.sqrt(0.75) if self.group in HEXAGONAL else height / rows / cell
        slant = -0.5 if self.group in HEXAGONAL else 0.0
        y, x = torch.meshgrid(
            (torch.arange(height, dtype=torch.float64) + 0.5) / cell,
            (torch.arange(width, dtype=torch.float64) + 0.5) / cell,
            indexing="ij",
        )
        v = y / tall
        u = x - slant * v
        best, nearest_u, nearest_v = torch.full_like(u, math.inf), u, v
        for a, b, s, c, d, t in GROUPS[self.group]:
            p, q = a * u + b * v + s - _CENTRE[0], c * u + d * v + t - _CENTRE[1]
            p, q = p - p.round(), q - q.round()
            for i, j in itertools.product((-1, 0, 1), repeat=2):
                far = (p + i + slant * (q + j)).square() + (tall * (q + j)).square()
                nearer = far < best - 1e-12
                best = torch.where(nearer, far, best)
                nearest_u, nearest_v = torch.where(nearer, p + i, nearest_u), torch.where(nearer, q + j, nearest_v)
        # One cell shows the whole picture.
        across = 2 * (nearest_u + slant * nearest_v)
        return torch.stack([across, 2 * nearest_v], dim=-1)[None]
