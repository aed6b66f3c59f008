"""The contract of a filter: pictures to pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from pixgen.streams import Streams


class Filter(ABC):
    """Sits between the generator and the cutter. Subclasses are dataclasses of their options."""

    @abstractmethod
    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        """float32 (B, 3, H, W) in [0, 1] -> the same kind; `streams[b]` are picture b's random streams."""
