"""The check of losses."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pixgen.contracts import Frame, Generator, Loss, Params, Reads, View
from pixgen.loop.forward import ViewPlan, plan_views
from pixgen.loop.scene import Scene
from pixgen.testing import toys
from pixgen.testing.comparing import alike, cast, converted, require_float, require_gradients
from pixgen.testing.options import check_options
from pixgen.testing.round_trip import check_round_trip, generator_settings
from pixgen.testing.subject import Subject, checking

PICTURES = ((3, "a fox"), (4, "a dog | a cat:-0.5"), (5, "a red car on a hill"))
"""(seed, prompt) of the batch."""

CUTOUTS = 6
SIZE = (32, 48)


def check_loss(
    plugin: Loss | type[Loss] | str,
    options: Mapping[str, Any] | None = None,
    *,
    wrong: Iterable[Mapping[str, Any]] = (),
    generator: Generator | None = None,
    dtype: torch.dtype = torch.float64,
) -> None:
    """Check that a loss keeps its contract (`pixgen.contracts.Loss`), on three pictures of 48x32 and a toy perceptor.

    That it returns one finite number a picture, (B,), which does not depend on the others of the batch; what it reads
    has a gradient, finite and not zero; on cutouts it is their mean; it changes nothing that it is given; every option
    is documented, and its values work or are refused; the global random state is left alone; the settings come back
    from a picture's metadata, and `again` gives the same bytes.

    plugin: its name, its class, or an instance. options: by name, for a class or a name.
    wrong: options that must be refused, as `[{"share": 2.0}]`.
    generator: whose params it reads, for a loss that asks for one; a toy otherwise.
    dtype: in which a picture is compared with the same one in a batch; torch.float32 where it cannot compute in more.

    Raises AssertionError, whose line says what is wrong and how to mend it.
    """
    with checking("loss", plugin, options) as subject:
        drawing = generator or toys.ToyGenerator()
        drawing.prepare(torch.device("cpu"))
        loss: Loss = subject.plugin()
        known = typing.get_args(Reads)
        reads = str(getattr(loss, "reads", None))
        subject.require(reads in known, f"its reads is {reads!r}", f'write reads = "images", or one of {known[1:]}')
        values, grads = _looked_at(subject, loss, drawing, range(3), dtype)
        _require_slope(subject, reads, grads)
        _check_alone(subject, loss, drawing, values, grads, dtype)
        if reads == "cutouts":
            _check_mean(subject, loss, drawing, dtype)
        check_options(subject, wrong, lambda made: _looked_at(subject, made, drawing, (0,), torch.float32))
        values_of = {"losses": {"it": {"type": subject.name, **subject.options}}}
        check_round_trip(subject, {**values_of, **generator_settings(generator)}, generator)


def _scene(generator: Generator, which: Iterable[int]) -> Scene:
    scene = toys.scene([PICTURES[b] for b in which], generator=generator)
    return replace(scene, chunk=CUTOUTS)


def _frame(scene: Scene, generator: Generator, dtype: torch.dtype) -> tuple[Frame, ViewPlan, View]:
    """The first step: params, the pictures as a leaf, and what the perceptor sees of them."""
    session, size = scene.session, scene.rounded(SIZE)
    found = [(generator.init(size, streams), _noise(streams.generator("picture"), size)) for streams in session.streams]
    params = cast({name: torch.cat([each[name] for each, _ in found]) for name in found[0][0]}, dtype)
    params = {name: value.requires_grad_() for name, value in params.items()}
    with torch.no_grad():
        decoded = converted(generator, dtype).decode(params)
    images = 0.7 * decoded[:, :3] + 0.3 * torch.stack([noise for _, noise in found]).to(dtype)
    alpha = decoded[:, 3:].detach() if decoded.shape[1] == 4 else None
    start = {name: value.detach() * 0.5 - 0.1 for name, value in params.items()}
    frame = Frame(0, 0.0, images.detach().requires_grad_(), params, alpha, start=start)
    (plan,) = plan_views(scene, size, dict.fromkeys(session.perceptors, CUTOUTS), 0)
    return frame, plan, plan.view(frame.images, slice(0, CUTOUTS), scene.cutter)


def _noise(random: torch.Generator, size: tuple[int, int]) -> Tensor:
    return torch.rand(3, *size, generator=random)


def _looked_at(
    subject: Subject, loss: Loss, generator: Generator, which: Iterable[int], dtype: torch.dtype
) -> tuple[Tensor, Params]:
    """The loss of some of PICTURES drawn together, and its gradients to what it reads, as far as there are any."""
    scene = _scene(generator, which)
    with subject.calling("prepare"):
        loss.prepare(scene.session)
    frame, _, view = _frame(scene, generator, dtype)
    shown = {"images": None, "params": None, "cutouts": view, "embeddings": replace(view, cutouts=None)}
    frame = replace(frame, view=shown[loss.reads])
    values = _valued(subject, converted(loss, dtype), frame)
    if not values.requires_grad:
        return values, {}
    read = frame.params if loss.reads == "params" else {"images": frame.images}
    with subject.calling("its gradient"):
        grads = torch.autograd.grad(values.sum(), list(read.values()), allow_unused=True)
    return values, {name: grad for name, grad in zip(read, grads, strict=True) if grad is not None}


def _require_slope(subject: Subject, reads: str, grads: Params) -> None:
    mend = "keep detach, round, argmax and torch.no_grad out of it, and compute it from what it says that it reads"
    subject.require(grads, f"it has no gradient to the {reads}", mend)
    require_gradients(subject, grads, "the loss of some picture", mend)


def _valued(subject: Subject, loss: Loss, frame: Frame) -> Tensor:
    before = _copied(frame)
    with subject.calling("the loss"):
        values = loss(frame)
    require_float(subject, values, "the loss", (len(frame.images),))
    untouched = all(torch.equal(a, b) for a, b in zip(before, _copied(frame), strict=True))
    subject.require(untouched, "it changes what it is given", "compute with copies: no methods that end in _")
    return values


def _copied(frame: Frame) -> list[Tensor]:
    seen = [] if frame.view is None else [frame.view.embeddings, frame.view.matrices]
    if frame.view is not None and frame.view.cutouts is not None:
        seen.append(frame.view.cutouts)
    start = (frame.start or {}).values()
    return [value.detach().clone() for value in (frame.images, *frame.params.values(), *start, *seen)]


def _check_alone(
    subject: Subject, loss: Loss, generator: Generator, values: Tensor, grads: Params, dtype: torch.dtype
) -> None:
    mend = "take means and norms over all dimensions but the first: .flatten(1).mean(1)"
    for b in range(len(PICTURES)):
        own, own_grads = _looked_at(subject, loss, generator, (b,), dtype)
        fits = alike(values[b : b + 1], own)
        subject.require(fits, f"in a batch picture {b} has another loss than alone", mend)
        for name, grad in grads.items():
            fits = name in own_grads and alike(grad[b : b + 1], own_grads[name])
            subject.require(fits, f"in a batch picture {b} has another gradient to {name} than alone", mend)


def _check_mean(subject: Subject, loss: Loss, generator: Generator, dtype: torch.dtype) -> None:
    scene = _scene(generator, (0,))
    loss.prepare(scene.session)
    twin = converted(loss, dtype)
    frame, plan, view = _frame(scene, generator, dtype)
    whole = _valued(subject, twin, replace(frame, view=view))
    parts = [slice(0, 2), slice(2, CUTOUTS)]
    found = [_valued(subject, twin, replace(frame, view=plan.view(frame.images, part, scene.cutter))) for part in parts]
    mean = (2 * found[0] + (CUTOUTS - 2) * found[1]) / CUTOUTS
    subject.require(
        alike(whole, mean),
        "the loss of six cutouts is not the mean of those of two and of four, as they come in chunks",
        'return the mean over the cutouts, or write reads = "embeddings" for what needs all of them together',
    )
