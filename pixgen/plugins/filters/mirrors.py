"""Mirrors: one half shown twice, and the sectors of a kaleidoscope."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.contracts import Filter
from pixgen.registry import register


@register("filter", "mirror")
@dataclass
class Mirror(Filter):
    """Exactly symmetric pictures: one half is shown, and its mirror image instead of the other."""

    axis: Literal["vertical", "horizontal", "both"] = "vertical"
    """Axis of the mirror: "vertical" shows the left half twice, "horizontal" the upper one, "both" a quarter."""

    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        if self.axis in ("vertical", "both"):
            images = _doubled(images, 3)
        return _doubled(images, 2) if self.axis in ("horizontal", "both") else images


def _doubled(images: Tensor, dim: int) -> Tensor:
    """The first half along `dim`, then its mirror image; an odd middle line stands once."""
    size = images.shape[dim]
    half = images.narrow(dim, 0, (size + 1) // 2)
    return torch.cat([half, half.narrow(dim, 0, size // 2).flip(dim)], dim=dim)


@register("filter", "kaleidoscope")
@dataclass
class Kaleidoscope(Filter):
    """Sectors around the middle, each the mirror image of its neighbours."""

    sectors: int = 6
    """Pairs of mirrored sectors, 1 to 64."""
    angle: float = 0.0
    """Where the sector that is shown begins, in degrees clockwise from the right."""

    def __post_init__(self) -> None:
        if not 1 <= self.sectors <= 64:
            raise ValueError(f"sectors is {self.sectors}; it must be 1 to 64")
        if not math.isfinite(self.angle):
            raise ValueError(f"angle is {self.angle}; it must be a number of degrees")

    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        height, width = images.shape[2:]
        # In pixels from the middle, so that circles stay circles in pictures that are not square.
        down = torch.arange(height, dtype=images.dtype, device=images.device) - (height - 1) / 2
        across = torch.arange(width, dtype=images.dtype, device=images.device) - (width - 1) / 2
        y, x = torch.meshgrid(down, across, indexing="ij")
        radius, turn = torch.hypot(x, y), torch.atan2(y, x) - math.radians(self.angle)
        sector = math.pi / self.sectors
        folded = torch.remainder(turn, 2 * sector)
        folded = torch.minimum(folded, 2 * sector - folded) + math.radians(self.angle)
        # Corners are further from the middle than sides are; what lies outside is mirrored in.
        grid = torch.stack([radius * folded.cos() / (width / 2), radius * folded.sin() / (height / 2)], dim=-1)
        grid = grid.expand(len(images), -1, -1, -1)
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
