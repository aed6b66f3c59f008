"""The run's losses on cutouts that the loop has not used, so that overfitting to its own cutouts does not count."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pixgen import registry
from pixgen.contracts import FinishedRun, Score
from pixgen.registry import register


@register("score", "held_out")
@dataclass
class HeldOut(Score):
    """Mean spherical distance of fresh cutouts to the prompts; lower is better.

    The same measure whatever losses the run minimised; those on the same cutouts are its details.
    """

    cutouts: int = 64
    """Number of fresh cutouts for each perceptor, at least 1."""

    def __post_init__(self) -> None:
        if self.cutouts < 1:
            raise ValueError(f"cutouts is {self.cutouts}; it must be at least 1")

    def __call__(self, run: FinishedRun, images: Tensor) -> dict[str, Tensor]:
        measure = registry.create("loss", {"type": "clip"}, "held_out")
        measure.prepare(run.session)
        own = {name: loss for name, loss in run.losses.items() if name}
        return run.evaluate(images, {"": measure, **own}, self.cutouts, "held out")
