"""Pixray's smoothness: the mean gradient of the colours, plain, clipped, or as a logarithm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from pixgen.backend.tensors import gaussian_blur
from pixgen.contracts import Frame, Loss, Reads
from pixgen.registry import register


@register("loss", "smoothness")
@dataclass
class Smoothness(Loss):
    """Mean length of the gradient of the three colours together.

    Unlike `tv`, which squares, it leaves the edges of a drawing and takes the small unrest beside them; `clipped` lets
    every edge beyond `clip` be as steep as it likes, `log` weighs steep edges less and less.
    """

    reads: ClassVar[Reads] = "images"
    kind: Literal["default", "clipped", "log"] = "default"
    """How a gradient counts: as it is, up to `clip`, or as log(1 + gradient)."""
    clip: float = 0.5
    """Largest gradient that counts for `clipped`, per pixel, above 0."""
    blur: float = 0.0
    """Standard deviation in pixels of a Gaussian blur before, 0 to 50: only what is coarser is smoothed."""

    def __post_init__(self) -> None:
        if not 0 < self.clip < math.inf:
            raise ValueError(f"clip is {self.clip}; it must be above 0")
        if not 0 <= self.blur <= 50:
            raise ValueError(f"blur is {self.blur}; it must be 0 to 50 pixels")

    def __call__(self, frame: Frame) -> Tensor:
        images = gaussian_blur(frame.images, self.blur) if self.blur > 0 else frame.images
        across = images.diff(dim=3)[:, :, :-1]
        down = images.diff(dim=2)[:, :, :, :-1]
        # A little is added, for the root has no slope at 0.
        steep = ((across.square() + down.square()).sum(1) + 1e-10).sqrt()
        if self.kind == "clipped":
            steep = steep.clamp(max=self.clip)
        elif self.kind == "log":
            steep = steep.log1p()
        return steep.flatten(1).mean(1)
