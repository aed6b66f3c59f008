"""What scores ask of a run that is over: its losses on views of the finished pictures that no step has used."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pixgen.backend.isolation import isolated
from pixgen.contracts import FinishedRun, Frame, Loss, Score
from pixgen.errors import PixgenError
from pixgen.loop import backward, returned
from pixgen.loop.backward import Losses
from pixgen.loop.forward import plan_views
from pixgen.loop.scene import Scene, Term
from pixgen.registry import schedule


def judge(scene: Scene, name: str, score: Score, images: Tensor) -> dict[str, Tensor]:
    """The numbers that a score gives the finished pictures (B, 3, H, W) of a scene, each (B,), by their detail.

    name: the score's. Raises what the score raises, and PixgenError where it returns anything else.
    """
    with isolated(scene.threads):
        numbers: Any = score(finished_run(scene), images)
        if not isinstance(numbers, Mapping):
            what = type(numbers).__name__
            raise PixgenError(f'score {name} returned a {what}; it must return a dict, {{"": one number a picture}}')
        return {
            detail: returned.checked(values, f"score {name}.{detail}".rstrip("."), returned.PER_PICTURE, (len(images),))
            for detail, values in numbers.items()
        }


def finished_run(scene: Scene) -> FinishedRun:
    """The run as a `pixgen.contracts.Score` is given it."""
    losses = {name: term.loss for name, term in scene.terms.items()}
    return FinishedRun(scene.session, losses, partial(evaluate, scene))


def evaluate(scene: Scene, images: Tensor, losses: Mapping[str, Loss], cutouts: int, stream: str) -> Losses:
    """Each loss of each picture, as `FinishedRun.evaluate` says."""
    steps = sum(stage.steps for stage in scene.stages)
    frame = Frame(steps - 1, 1.0, images, {})
    terms = {name: Term(loss, schedule(1.0)) for name, loss in losses.items()}
    size, counts = (images.shape[2], images.shape[3]), dict.fromkeys(scene.session.perceptors, cutouts)
    with isolated(scene.threads), torch.no_grad():
        views = plan_views(scene, size, counts, 0, stream)
        return backward.from_views(frame, views, terms, scene.cutter) | backward.from_frame(frame, terms, "images")
