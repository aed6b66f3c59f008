"""The check of cutters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size
from pixgen.contracts import Cutter
from pixgen.testing.comparing import alike, converted, require_float, require_gradients, require_range
from pixgen.testing.options import check_options
from pixgen.testing.round_trip import check_round_trip
from pixgen.testing.subject import Subject, checking

SIZES = ((32, 32), (24, 40), (9, 8))
SIDE, CUTOUTS = 16, 6

SHOWS = 0.8
"""Least correlation, over the cutouts on average, of what a cutout shows and what its matrix says."""


def check_cutter(
    plugin: Cutter | type[Cutter] | str,
    options: Mapping[str, Any] | None = None,
    *,
    wrong: Iterable[Mapping[str, Any]] = (),
    dtype: torch.dtype = torch.float64,
) -> None:
    """Check that a cutter keeps its contract (`pixgen.contracts.Cutter`), with 6 cutouts of 16 pixels a picture.

    That cutouts are (B, N, 3, S, S), finite, in [0, 1]; their gradient reaches every picture; a slice of a plan gives
    what it gives in the whole; matrices say what the cutouts show; plans depend on seed, step and name alone, and a
    picture on no other of its batch; every option is documented, and its values work or are refused; the global random
    state is left alone; the settings come back from a picture's metadata, and `again` gives the same bytes.

    Arguments as for `check_loss`. Raises AssertionError, whose line says what is wrong and how to mend it.
    """
    with checking("cutter", plugin, options) as subject:
        cutter: Cutter = subject.plugin()
        for size in SIZES:
            _cut(subject, cutter, _pictures(size, torch.float32), _plan(subject, cutter, size))
        _check_plan(subject, cutter)
        _check_batch(subject, cutter, dtype)
        _check_matrices(subject, cutter)

        def use(other: Cutter) -> None:
            _cut(subject, other, _pictures(SIZES[0], torch.float32), _plan(subject, other, SIZES[0]))

        check_options(subject, wrong, use)
        check_round_trip(subject, {"cutter": {"type": subject.name, **subject.options}})


def _pictures(size: Size, dtype: torch.dtype) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.rand(3, 3, *size, generator=random, dtype=torch.float64).to(dtype)


def _plan(
    subject: Subject, cutter: Cutter, size: Size, seeds: Sequence[int] = (5, 6, 7), step: int = 0, name: str = "toy"
) -> Any:
    with subject.calling("plan"):
        plan = cutter.plan(size, CUTOUTS, SIDE, step, [Streams(seed) for seed in seeds], name)
        matrices = plan.matrices
    require_float(subject, matrices, "plan's matrices", (len(seeds), CUTOUTS, 3, 3))
    return plan


def _cut(subject: Subject, cutter: Cutter, images: Tensor, plan: Any, count: int = CUTOUTS) -> Tensor:
    before = images.detach().clone()
    with subject.calling("cut"):
        cutouts = cutter.cut(images, plan)
    require_float(subject, cutouts, "what cut returns", (len(images), count, 3, SIDE, SIDE))
    require_range(subject, cutouts, "what cut returns")
    same = cutouts.dtype == images.dtype
    subject.require(same, f"of {images.dtype} cut makes {cutouts.dtype}", "make constants with `.to(images)`")
    untouched = torch.equal(before, images.detach())
    subject.require(untouched, "cut changes the pictures that it is given", "no methods that end in _ on them")
    return cutouts


def _check_plan(subject: Subject, cutter: Cutter) -> None:
    size = SIZES[0]
    images = _pictures(size, torch.float32)
    first = _cut(subject, cutter, images, _plan(subject, cutter, size))
    again = _cut(subject, cutter, images, _plan(subject, cutter, size))
    mend = "draw everything random in plan, from streams[b].generator(name, step)"
    subject.require(torch.equal(first, again), "the same seed, step and name give other cutouts", mend)
    for what, changed in {"seeds": {"seeds": (8, 9, 10)}, "steps": {"step": 1}, "names": {"name": "other"}}.items():
        other = _cut(subject, cutter, images, _plan(subject, cutter, size, **changed))  # type: ignore[arg-type]
        subject.require(not torch.equal(first, other), f"two {what} give the same cutouts", mend)
    plan = _plan(subject, cutter, size)
    for part in (slice(0, 2), slice(2, CUTOUTS)):
        with subject.calling("slicing the plan"):
            some = plan[part]
        few = _cut(subject, cutter, images, some, part.stop - part.start)
        subject.require(
            alike(few, first[:, part]),
            f"cutouts {part.start} to {part.stop} alone are others than among all",
            "plan[a:b] are cutouts a to b of every picture, and cut draws nothing random",
        )


def _check_batch(subject: Subject, cutter: Cutter, dtype: torch.dtype) -> None:
    size, seeds = SIZES[1], (5, 6, 7)
    twin = converted(cutter, dtype)
    images = _pictures(size, dtype).requires_grad_()
    cutouts = _cut(subject, twin, images, _plan(subject, twin, size))
    mend = "cut by sampling that has a gradient, as torch.nn.functional.grid_sample"
    subject.require(cutouts.requires_grad, "no gradient passes cut", mend)
    with subject.calling("the gradient of cut"):
        (grad,) = torch.autograd.grad(cutouts.square().sum(), images)
    require_gradients(subject, {"the pictures": grad}, "what cut returns", mend)
    for b, seed in enumerate(seeds):
        alone = _cut(subject, twin, images.detach()[b : b + 1], _plan(subject, twin, size, (seed,)))
        subject.require(
            alike(cutouts[b : b + 1], alone),
            f"in a batch picture {b} has other cutouts than alone",
            "plan each picture from its own stream, and treat the pictures independently",
        )


def _check_matrices(subject: Subject, cutter: Cutter) -> None:
    """A picture that is a ramp shows in each cutout the place that the matrix gives."""
    size = SIZES[0]
    plan = _plan(subject, cutter, size, (5,))
    centres = (torch.arange(SIDE) * 2 + 1) / SIDE - 1
    v, u = torch.meshgrid(centres, centres, indexing="ij")
    points = plan.matrices[0].float() @ torch.stack([u, v, torch.ones_like(u)]).flatten(1)
    places = (points[:, :2] / points[:, 2:]).unflatten(2, (SIDE, SIDE))
    inside = (places.abs() < 1).all(1)
    correlations = []
    for axis in (0, 1):  # x, then y
        ramp = torch.linspace(0.1, 0.9, size[1 - axis])
        image = (ramp if axis == 0 else ramp[:, None]).expand(1, 3, *size)
        shown = _cut(subject, cutter, image.contiguous(), plan)[0].mean(1)
        for place, found, within in zip(places[:, axis], shown, inside, strict=True):
            if int(within.sum()) > SIDE:
                correlations.append(float(torch.corrcoef(torch.stack([place[within], found[within]]))[0, 1]))
    mean = sum(correlations) / max(len(correlations), 1)
    subject.require(
        mean > SHOWS,
        f"its matrices do not say what the cutouts show (correlation {mean:.2f})",
        "plan.matrices lead from cutout to picture coordinates, both in [-1, 1], x before y",
    )
