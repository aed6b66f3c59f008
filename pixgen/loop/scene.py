"""What a run is made of, and what is done once before its first step."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pixgen.backend.tensors import Size
from pixgen.contracts import Cutter, Filter, Loss, Scheduler, Session, Start

log = logging.getLogger(__name__)


@dataclass
class Term:
    """A loss in a run and its weight; the weight may be changed between steps."""

    loss: Loss
    weight: Scheduler


@dataclass(frozen=True)
class Stage:
    """Some steps at one size in pixels.

    cutouts: for each perceptor and picture.
    lr: multiplies the run's.
    """

    steps: int
    size: Size
    cutouts: int
    lr: float = 1.0


@dataclass
class Scene:
    """Everything a run needs, ready to use; `pixgen.loop.build` makes it of a config, which has the defaults.

    session: has one list of prompts and one `Streams` for each picture.
    terms: the losses by id.
    optimizer: {"type": name} and its keyword arguments, without the learning rate.
    lr: learning rate.
    noise: standard deviation of the noise on the params while they are decoded.
    filters: by id, applied in this order to what the generator decodes.
    cutouts: perceptor id -> its own number of cutouts, where the stage's does not hold for it.
    chunk: cutouts of each picture that are held in memory at a time.
    starts: random starts of which each picture keeps the best.
    clip_norm: largest norm of one picture's gradient; None for no limit.
    average: decay of the params' running average.
    precision: of generator and perceptors while they compute, None for float32; losses, warps and params stay float32.
    threads: of torch while it computes; None for as many as the caller has.
    """

    session: Session
    stages: Sequence[Stage]
    start: Start
    cutter: Cutter
    terms: dict[str, Term]
    optimizer: Mapping[str, Any]
    lr: Scheduler
    noise: Scheduler
    filters: Mapping[str, Filter]
    cutouts: Mapping[str, int]
    chunk: int
    starts: int
    clip_norm: float | None
    average: float
    precision: torch.dtype | None
    threads: int | None = None

    def rounded(self, size: Size) -> Size:
        """The nearest size whose sides are multiples of the generator's factor, at least one of them each."""
        factor = self.session.generator.factor
        return max(1, round(size[0] / factor)) * factor, max(1, round(size[1] / factor)) * factor

    def cutouts_in(self, stage: Stage) -> dict[str, int]:
        """The number of cutouts of each perceptor."""
        return {name: self.cutouts.get(name, stage.cutouts) for name in self.session.perceptors}


def prepare(scene: Scene, *, keep_text_towers: bool) -> None:
    """Let the start and every loss look at the session; warn of a size that will be rounded.

    keep_text_towers: more runs follow, so do not free the perceptors' text encoders.
    Generator and perceptors must be prepared already. Raises what the plugins' `prepare` raises.
    """
    session, asked = scene.session, scene.stages[-1].size
    session.generator.require_size(asked)
    scene.start.prepare(session)
    for term in scene.terms.values():
        term.loss.prepare(session)
    if not keep_text_towers:
        for perceptor in session.perceptors.values():
            perceptor.release_text()
    rounded, factor = scene.rounded(asked), session.generator.factor
    if rounded != tuple(asked):
        log.warning("size %dx%d becomes %dx%d: sides must be multiples of %d", *asked[::-1], *rounded[::-1], factor)
