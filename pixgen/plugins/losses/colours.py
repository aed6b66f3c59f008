"""Losses on all colours of a picture together: colourfulness, and the histogram of another picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.contracts import Frame, Loss, Reads, Session
from pixgen.io.pictures import Fitted
from pixgen.registry import register

PIXELS = 4096
"""Colours of a picture that are compared with those of another; more change nothing that can be seen."""


@register("loss", "colourfulness")
@dataclass
class Colourfulness(Loss):
    """Minus the colourfulness of Hasler and Süsstrunk (2003): without end, as Pixray's saturation. See `saturation`."""

    reads: ClassVar[Reads] = "images"

    def __call__(self, frame: Frame) -> Tensor:
        red, green, blue = frame.images.flatten(2).unbind(1)
        opponents = torch.stack([red - green, (red + green) / 2 - blue], dim=1)
        # A little is added, for the root has no slope at 0, where a grey picture would stay.
        spread = (opponents.var(2, correction=0).sum(1) + 1e-8).sqrt()
        middle = (opponents.mean(2).square().sum(1) + 1e-8).sqrt()
        return -(spread + 0.3 * middle)


@register("loss", "histogram")
@dataclass
class Histogram(Loss):
    """Distance of the picture's colours to those of another picture, wherever they lie.

    The sliced Wasserstein distance of order 2 (Bonneel et al. 2015): both clouds of colours are projected on
    directions, and what is left is sorting.
    """

    reads: ClassVar[Reads] = "images"
    path: Path
    """The picture that has the colours."""
    directions: int = 16
    """On which the colours are projected, 3 to 256; the axes of red, green and blue are always among them."""

    _picture: Fitted | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if not 3 <= self.directions <= 256:
            raise ValueError(f"directions is {self.directions}; it must be 3 to 256")

    def prepare(self, session: Session) -> None:
        """Read the picture. Raises UsageError if it is missing or not a picture."""
        self._picture = Fitted(self.path)

    def __call__(self, frame: Frame) -> Tensor:
        assert self._picture is not None
        colours = _few(frame.images)
        side = math.isqrt(colours.shape[2])
        wanted = F.adaptive_avg_pool2d(self._picture((side * 4, side * 4)), side).to(colours).flatten(2)
        wanted = _resampled((self._axes(colours) @ wanted).sort(2).values, colours.shape[2])
        found = (self._axes(colours) @ colours).sort(2).values
        return (found - wanted).square().mean((1, 2))

    def _axes(self, like: Tensor) -> Tensor:
        """Unit directions, (directions, 3): the three axes, and others spread over the sphere (Fibonacci)."""
        number = torch.arange(self.directions - 3, dtype=torch.float64)
        height = 1 - (2 * number + 1) / max(1, self.directions - 3)
        turn = math.pi * (1 + 5**0.5) * number
        ring = (1 - height.square()).sqrt()
        spread = torch.stack([ring * turn.cos(), ring * turn.sin(), height], dim=1)
        return torch.cat([torch.eye(3, dtype=torch.float64), spread]).to(like)


def _few(images: Tensor) -> Tensor:
    """(B, 3, H, W) -> at most PIXELS colours of each, (B, 3, N)."""
    side = max(1, math.isqrt(min(PIXELS, images.shape[2] * images.shape[3])))
    return F.adaptive_avg_pool2d(images, side).flatten(2)


def _resampled(ordered: Tensor, count: int) -> Tensor:
    """Sorted values along the last dimension, as `count` of them."""
    return ordered if ordered.shape[2] == count else F.interpolate(ordered, size=count, mode="linear")
