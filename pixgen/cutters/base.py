"""The contract of a cutter: pictures into cutouts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from pixgen.frame import Size
from pixgen.streams import Streams


class Cutter(ABC):
    """Draws random views of the pictures in two steps, so that the views can be cut chunk by chunk.

    `plan` draws everything random, a picture at a time; `cut` is deterministic and differentiable, and gives
    for a slice of the plan exactly what it would give inside the whole.
    """

    @abstractmethod
    def plan(self, size: Size, cutouts: int, side: int, step: int, streams: Sequence[Streams], name: str) -> Any:
        """Draw `cutouts` views of `side` pixels for each picture (one `Streams` a picture).

        `name` is the perceptor's id: two perceptors get two plans. The plan has `.matrices`,
        float32 (B, N, 3, 3), and slices: `plan[a:b]` are cutouts a to b of every picture. Views that show the
        whole picture come first: by them the engine judges several starts.
        """

    @abstractmethod
    def cut(self, images: Tensor, plan: Any) -> Tensor:
        """float32 (B, 3, H, W) in [0, 1] -> cutouts float32 (B, N, 3, S, S) in [0, 1]."""
