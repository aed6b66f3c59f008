"""The start of a run: of several attempts the best one of each picture."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from pixgen.backend.tensors import Size
from pixgen.contracts import Frame, Params
from pixgen.loop import backward
from pixgen.loop.forward import decode, plan_views
from pixgen.loop.scene import Scene, Stage

VIEWS = 4
"""Cutouts by which attempts are compared; cutters give the views of the whole picture first."""


@torch.no_grad()
def best_start(scene: Scene, size: Size, stage: Stage) -> Params:
    """The first params, B pictures together: each picture keeps the attempt of the lowest loss on the same few views.

    Of equal losses the first attempt is kept; with one attempt nothing is computed.
    """
    session = scene.session
    best: Params = {}
    lowest: Tensor | None = None
    for attempt in range(max(1, scene.starts)):
        pictures = [scene.start(session, b, size, attempt) for b in range(len(session.streams))]
        params = {name: torch.cat([p[name] for p in pictures]).to(session.device) for name in pictures[0]}
        if scene.starts > 1:
            total = start_loss(scene, params, size, stage)
            better = total < lowest if lowest is not None else torch.ones_like(total, dtype=torch.bool)
            lowest = total if lowest is None else torch.where(better, total, lowest)
            params = {name: _where(better, value, best.get(name, value)) for name, value in params.items()}
        best = params
    return best


@torch.no_grad()
def start_loss(scene: Scene, params: Params, size: Size, stage: Stage) -> Tensor:
    """The weighted loss (B,) of first params, infinite where it is not a number; losses on params are left out."""
    images, alpha = decode(scene, params, 0)
    frame = Frame(0, 0.0, images, params, alpha)
    plans = plan_views(scene, size, scene.cutouts_in(stage), 0)
    few = [replace(one, plan=one.plan[:VIEWS]) for one in plans]
    losses = backward.from_views(frame, few, scene.terms, scene.cutter)
    losses |= backward.from_frame(frame, scene.terms, "images")
    return backward.weighted_total(frame, scene.terms, losses).nan_to_num(nan=torch.inf)


def _where(which: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """a where `which` (B,) is true, else b."""
    return torch.where(which.view(-1, *[1] * (a.dim() - 1)), a, b)
