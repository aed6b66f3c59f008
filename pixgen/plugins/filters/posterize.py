"""Few tones a channel."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.contracts import Filter
from pixgen.registry import register


@register("filter", "posterize")
@dataclass
class Posterize(Filter):
    """Rounds each channel to a few levels, with a straight-through gradient (Bengio et al. 2013, arXiv 1308.3432)."""

    levels: int = 4
    """Levels of each channel, at least 2, evenly spaced from 0 to 1."""

    def __post_init__(self) -> None:
        if self.levels < 2:
            raise ValueError(f"levels is {self.levels}; it must be at least 2")

    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        steps = self.levels - 1
        rounded = (images * steps).round() / steps
        return images + (rounded - images).detach()
