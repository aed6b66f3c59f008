"""What scores ask of a run that is over: its losses on views of the finished pictures that no step has used."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from pixgen.contracts import FinishedRun, Frame, Loss
from pixgen.loop import backward
from pixgen.loop.backward import Losses
from pixgen.loop.forward import plan_views
from pixgen.loop.scene import Scene, Term
from pixgen.registry import schedule


def finished_run(scene: Scene) -> FinishedRun:
    """The run as a `pixgen.contracts.Score` is given it."""
    losses = {name: term.loss for name, term in scene.terms.items()}
    return FinishedRun(scene.session, losses, partial(evaluate, scene))


@torch.no_grad()
def evaluate(scene: Scene, images: Tensor, losses: Mapping[str, Loss], cutouts: int, stream: str) -> Losses:
    """Each loss of each picture, as `FinishedRun.evaluate` says."""
    steps = sum(stage.steps for stage in scene.stages)
    frame = Frame(steps - 1, 1.0, images, {})
    terms = {name: Term(loss, schedule(1.0)) for name, loss in losses.items()}
    size, counts = (images.shape[2], images.shape[3]), dict.fromkeys(scene.session.perceptors, cutouts)
    views = plan_views(scene, size, counts, 0, stream)
    return backward.from_views(frame, views, terms, scene.cutter) | backward.from_frame(frame, terms, "images")
