"""The two-stage, chunked backward pass: memory is bounded by the chunk, never by the number of cutouts.

Stage one goes from the losses to the pictures, chunk by chunk, into `.grad` of detached pictures. Stage two goes once
from the pictures through the generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pixgen.contracts import Cutter, Frame, View
from pixgen.loop import returned
from pixgen.loop.forward import ViewPlan
from pixgen.loop.scene import Term

Losses = dict[str, Tensor]
"""Term id -> unweighted loss of each picture, (B,), detached."""


def select(terms: Mapping[str, Term], reads: str) -> dict[str, Term]:
    """The terms whose loss reads this."""
    return {name: term for name, term in terms.items() if term.loss.reads == reads}


def from_views(frame: Frame, plans: Sequence[ViewPlan], terms: Mapping[str, Term], cutter: Cutter) -> Losses:
    """Add the gradient of all terms on cutouts and embeddings to `frame.images.grad`; return their losses.

    `frame.images` is a leaf. Under `torch.no_grad` only the losses are computed.
    """
    single, together = select(terms, "cutouts"), select(terms, "embeddings")
    losses: Losses = {}
    for plan in plans if single or together else []:
        chunks = plan.chunks()
        upstream = None
        if together and len(chunks) > 1:
            upstream = _from_embeddings(frame, plan, together, cutter, losses)
        for part in chunks:
            view = plan.view(frame.images, part, cutter)
            share = plan.weight * (part.stop - part.start) / chunks[-1].stop
            total = _weigh(replace(frame, view=view), single, share, losses)
            if upstream is not None:
                total = total + (view.embeddings * upstream[:, part]).sum()
            else:
                total = total + _weigh(replace(frame, view=replace(view, cutouts=None)), together, plan.weight, losses)
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


def through(pairs: Sequence[tuple[Tensor | None, Tensor | None]]) -> None:
    """Stage two: from the gradients gathered on detached tensors back through what they were detached from."""
    held = [(whole, leaf.grad) for whole, leaf in pairs if whole is not None and leaf is not None]
    held = [(whole, grad) for whole, grad in held if grad is not None and whole.requires_grad]
    if held:
        torch.autograd.backward([whole for whole, _ in held], [grad for _, grad in held])


def weighted_total(frame: Frame, terms: Mapping[str, Term], losses: Losses) -> Tensor:
    """The sum of the losses of each picture, each times its weight at this progress: (B,)."""
    total = torch.zeros(len(frame.images), device=frame.images.device)
    for name, loss in losses.items():
        total = total + terms[name].weight.value(frame.progress) * loss
    return total


def _from_embeddings(
    frame: Frame, plan: ViewPlan, terms: Mapping[str, Term], cutter: Cutter, losses: Losses
) -> Tensor | None:
    """The gradient on all embeddings, which were computed without a graph (GradCache, arXiv 2101.06983)."""
    with torch.no_grad():
        seen = [plan.view(frame.images, part, cutter).embeddings for part in plan.chunks()]
    embeddings = torch.cat(seen, dim=1).requires_grad_(torch.is_grad_enabled())
    view = View(plan.name, None, plan.plan.matrices, embeddings)
    total = _weigh(replace(frame, view=view), terms, plan.weight, losses)
    return torch.autograd.grad(total, embeddings)[0] if total.requires_grad else torch.zeros_like(embeddings)


def _weigh(frame: Frame, terms: Mapping[str, Term], share: float, losses: Losses) -> Tensor:
    """The weighted sum of the terms over pictures; `share` of each joins `losses`."""
    total = frame.images.new_zeros(())
    for name, term in terms.items():
        count, device = len(frame.images), frame.images.device
        loss = returned.checked(term.loss(frame), f"losses.{name}", returned.PER_PICTURE, (count,), device)
        losses[name] = losses.get(name, 0) + share * loss.detach()
        total = total + term.weight.value(frame.progress) * share * loss.sum()
    return total
