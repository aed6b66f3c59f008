"""Tiling: the picture is seen moved by a random amount, so that it goes on over its own borders."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.contracts import Filter
from pixgen.registry import register


@register("filter", "tile")
@dataclass
class Tile(Filter):
    """Makes pictures that can be laid beside themselves: every step sees another window of the endless tiling.

    Only what the perceptors see moves; the picture that is saved stays in its place. A generator that is tileable by
    nature (fft) needs it least, one that begins at a finished drawing needs many steps.
    """

    only_while_optimising: ClassVar[bool] = True

    across: bool = True
    """Whether left and right borders meet."""
    down: bool = True
    """Whether top and bottom borders meet."""
    shift: float = 0.0
    """How far each row of tiles is moved against the row above, as a share of the width, 0 to 1; bricks have 0.5."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.shift) and 0 <= self.shift <= 1):
            raise ValueError(f"shift is {self.shift}; it must be 0 to 1")
        if not (self.across or self.down):
            raise ValueError("across and down are both false: nothing would be tiled")
        if self.shift and not self.across:
            raise ValueError(f"shift is {self.shift} and across is false; rows that are shifted meet at the sides")

    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        height, width = images.shape[2:]
        moved = []
        for image, own in zip(images, streams, strict=True):
            random = own.generator("tile", step)
            right = int(torch.randint(width, (1,), generator=random)) if self.across else 0
            lower = int(torch.randint(height, (1,), generator=random)) if self.down else 0
            moved.append(window(image, right, lower, round(self.shift * width)))
        return torch.stack(moved)


def window(image: Tensor, right: int, lower: int, shift: int) -> Tensor:
    """(C, H, W) -> the window of the tiling that begins `right` and `lower` pixels further.

    shift: pixels by which each row of tiles is moved to the right against the row above.
    """
    rolled = image.roll((-lower, -right), dims=(1, 2))
    if shift and lower:  # what came from the tile below
        rolled = torch.cat([rolled[:, :-lower], rolled[:, -lower:].roll(shift, dims=2)], dim=1)
    return rolled
