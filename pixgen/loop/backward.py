"""The two-stage, chunked backward pass: memory is bounded by the chunk, never by the number of cutouts.

Stage one goes from the losses to the pictures, chunk by chunk, into `.grad` of detached pictures. Stage two, the
engine's, goes once from the pictures through the generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pixgen.backend.tensors import at_least_float32, autocast
from pixgen.contracts import Cutter, Frame, Loss, Perceptor, Scheduler, View


@dataclass
class Term:
    """A loss in a run and its weight; the weight may be changed between steps."""

    loss: Loss
    weight: Scheduler


@dataclass(frozen=True)
class Look:
    """One perceptor's look at the pictures of one step; `weight` is its share among all perceptors."""

    name: str
    perceptor: Perceptor
    weight: float
    plan: Any
    chunk: int
    precision: torch.dtype | None = None

    def chunks(self) -> list[slice]:
        """The plan's cutouts in pieces of `chunk` for each picture."""
        count = len(self.plan.matrices[0])
        return [slice(a, min(a + self.chunk, count)) for a in range(0, count, self.chunk)]


Losses = dict[str, Tensor]
"""Term id -> unweighted loss of each picture, (B,), detached."""


def select(terms: Mapping[str, Term], reads: str) -> dict[str, Term]:
    """The terms whose loss reads this."""
    return {name: term for name, term in terms.items() if term.loss.reads == reads}


def from_looks(frame: Frame, looks: Sequence[Look], terms: Mapping[str, Term], cutter: Cutter) -> Losses:
    """Add the gradient of all terms on cutouts and embeddings to `frame.images.grad`; return their losses.

    `frame.images` is a leaf. Under `torch.no_grad` only the losses are computed.
    """
    single, together = select(terms, "cutouts"), select(terms, "embeddings")
    losses: Losses = {}
    for look in looks if single or together else []:
        chunks = look.chunks()
        upstream = None
        if together and len(chunks) > 1:
            upstream = _from_embeddings(frame, look, together, cutter, losses)
        for views in chunks:
            view = _see(frame.images, look, views, cutter)
            share = look.weight * (views.stop - views.start) / chunks[-1].stop
            total = _weigh(replace(frame, view=view), single, share, losses)
            if upstream is not None:
                total = total + (view.embeddings * upstream[:, views]).sum()
            else:
                total = total + _weigh(replace(frame, view=replace(view, cutouts=None)), together, look.weight, losses)
            if total.requires_grad:
                total.backward()
    return losses


def from_frame(frame: Frame, terms: Mapping[str, Term], reads: str) -> Losses:
    """Add the gradient of the terms that read `images` or `params` to what they read; return their losses."""
    losses: Losses = {}
    total = _weigh(frame, select(terms, reads), 1.0, losses)
    if total.requires_grad:
        total.backward()
    return losses


def _from_embeddings(
    frame: Frame, look: Look, terms: Mapping[str, Term], cutter: Cutter, losses: Losses
) -> Tensor | None:
    """The gradient on all embeddings, which were computed without a graph (GradCache, arXiv 2101.06983)."""
    with torch.no_grad():
        seen = [_see(frame.images, look, views, cutter).embeddings for views in look.chunks()]
    embeddings = torch.cat(seen, dim=1).requires_grad_(torch.is_grad_enabled())
    view = View(look.name, None, look.plan.matrices, embeddings)
    total = _weigh(replace(frame, view=view), terms, look.weight, losses)
    return torch.autograd.grad(total, embeddings)[0] if total.requires_grad else torch.zeros_like(embeddings)


def _see(images: Tensor, look: Look, views: slice, cutter: Cutter) -> View:
    plan = look.plan[views]
    cutouts = cutter.cut(images, plan)
    with autocast(images.device, look.precision):
        encoded = look.perceptor.encode_image(cutouts.flatten(0, 1))
    embeddings = at_least_float32(encoded).unflatten(0, cutouts.shape[:2])
    return View(look.name, cutouts, plan.matrices, embeddings)


def _weigh(frame: Frame, terms: Mapping[str, Term], share: float, losses: Losses) -> Tensor:
    """The weighted sum of the terms over pictures; `share` of each joins `losses`."""
    total = frame.images.new_zeros(())
    for name, term in terms.items():
        loss = term.loss(frame)
        losses[name] = losses.get(name, 0) + share * loss.detach()
        total = total + term.weight.value(frame.progress) * share * loss.sum()
    return total
