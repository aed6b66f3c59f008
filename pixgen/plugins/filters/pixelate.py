"""Large square pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.contracts import Filter
from pixgen.registry import register


@register("filter", "pixelate")
@dataclass
class Pixelate(Filter):
    """Pixel art: every square takes its mean colour. The number of squares does not depend on the size."""

    across: int = 32
    """Squares along the longer side, at least 2."""

    def __post_init__(self) -> None:
        if self.across < 2:
            raise ValueError(f"across is {self.across}; it must be at least 2")

    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        height, width = images.shape[2:]
        share = min(1.0, self.across / max(height, width))
        squares = (max(1, round(height * share)), max(1, round(width * share)))
        return F.interpolate(F.adaptive_avg_pool2d(images, squares), size=(height, width), mode="nearest")
