"""The contract of a score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol

from torch import Tensor

from pixgen.frame import Session

if TYPE_CHECKING:
    from pixgen.losses.base import Loss


class Judged(Protocol):
    """The run whose pictures are scored: what a score may ask of it."""

    session: Session

    def own_losses(self) -> Mapping[str, Loss]:
        """The losses that the run lowered, by term id."""

    def look_again(self, images: Tensor, losses: Mapping[str, Loss], cutouts: int, stream: str) -> dict[str, Tensor]:
        """Losses, each (B,), of finished pictures on cutouts that no step of the run has used.

        images: float32 (B, 3, H, W) in [0, 1]. cutouts: for each perceptor and picture, drawn from the random streams
        called `stream`. Losses that read params are left out.
        """


class Score(ABC):
    """Judges finished pictures. Subclasses are dataclasses of their options (see `pixgen.registry.register`)."""

    lower_is_better: ClassVar[bool] = True

    @abstractmethod
    def __call__(self, run: Judged, images: Tensor) -> dict[str, Tensor]:
        """float32 (B, 3, H, W) in [0, 1] -> numbers of each picture, each float32 (B,).

        The key "" is the score itself, another key a detail: "smooth" of the score "held_out" is told as
        "held_out.smooth". Raises PixgenError where it cannot judge (weights that are missing): it is then told of
        once and left out.
        """
