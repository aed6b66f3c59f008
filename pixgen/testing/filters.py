"""The check of filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.contracts import Filter
from pixgen.testing.comparing import alike, converted, require_float, require_gradients, require_range
from pixgen.testing.options import check_options
from pixgen.testing.round_trip import check_round_trip
from pixgen.testing.subject import Subject, checking

SIZES = ((24, 17), (16, 40))


def check_filter(
    plugin: Filter | type[Filter] | str,
    options: Mapping[str, Any] | None = None,
    *,
    wrong: Iterable[Mapping[str, Any]] = (),
    dtype: torch.dtype = torch.float64,
) -> None:
    """Check that a filter keeps its contract (`pixgen.contracts.Filter`), on random pictures of 24x17 and 16x40.

    That it gives pictures of the same shape and precision, finite, in [0, 1]; the gradient passes it, finite and not
    zero; a picture does not depend on the others of its batch, nor on what was drawn before; it changes nothing that
    it is given; every option is documented, and its values work or are refused; the global random state is left alone;
    the settings come back from a picture's metadata, and `again` gives the same bytes.

    Arguments as for `check_loss`. Raises AssertionError, whose line says what is wrong and how to mend it.
    """
    with checking("filter", plugin, options) as subject:
        made: Filter = subject.plugin()
        for size in SIZES:
            _filtered(subject, made, _pictures(size, torch.float32), _streams())
        _check_batch(subject, converted(made, dtype), dtype)
        one = _pictures(SIZES[0], torch.float32)[:1]
        check_options(subject, wrong, lambda other: _filtered(subject, other, one, _streams()[:1]))
        check_round_trip(subject, {"filters": {"it": {"type": subject.name, **subject.options}}})


def _pictures(size: tuple[int, int], dtype: torch.dtype) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.rand(3, 3, *size, generator=random, dtype=torch.float64).to(dtype)


def _streams() -> list[Streams]:
    return [Streams(seed) for seed in (5, 6, 7)]


def _filtered(subject: Subject, made: Filter, images: Tensor, streams: list[Streams], step: int = 0) -> Tensor:
    before = images.detach().clone()
    with subject.calling("the filter"):
        found = made(images, step, streams)
    require_float(subject, found, "what the filter returns", tuple(images.shape))
    require_range(subject, found, "what the filter returns")
    same = found.dtype == images.dtype
    subject.require(same, f"of {images.dtype} it makes {found.dtype}", "make constants with `.to(images)`")
    untouched = torch.equal(before, images.detach())
    subject.require(untouched, "it changes the pictures that it is given", "no methods that end in _ on them")
    return found


def _check_batch(subject: Subject, made: Filter, dtype: torch.dtype) -> None:
    images, streams = _pictures(SIZES[0], dtype).requires_grad_(), _streams()
    found = _filtered(subject, made, images, streams)
    mend = "let round, argmax and comparisons pass the gradient: images + (result - images).detach()"
    subject.require(found.requires_grad, "no gradient passes it", mend)
    with subject.calling("its gradient"):
        weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
        (grad,) = torch.autograd.grad((found * weights).sum(), images)
    require_gradients(subject, {"the pictures": grad}, "what the filter returns", mend)
    _filtered(subject, made, images.detach(), streams, step=1)
    mend = "treat the pictures independently, and draw those of picture b from streams[b].generator(name, step)"
    for b in range(len(images)):
        alone = _filtered(subject, made, images.detach()[b : b + 1], streams[b : b + 1])
        subject.require(alike(found[b : b + 1], alone), f"in a batch picture {b} comes out otherwise than alone", mend)
