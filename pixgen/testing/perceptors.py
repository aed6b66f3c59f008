"""The check of perceptors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from pixgen.contracts import Perceptor
from pixgen.testing.comparing import alike, converted, require_float, require_gradients, require_range
from pixgen.testing.options import check_options
from pixgen.testing.round_trip import check_round_trip
from pixgen.testing.subject import Subject, checking

TEXTS = ("a fox", "um cachorro no jardim", "", "a red car on a hill, " * 60)


def check_perceptor(
    plugin: Perceptor | type[Perceptor] | str,
    options: Mapping[str, Any] | None = None,
    *,
    wrong: Iterable[Mapping[str, Any]] = (),
    dtype: torch.dtype = torch.float64,
) -> None:
    """Check that a perceptor keeps its contract (`pixgen.contracts.Perceptor`), on three random cutouts and some texts.

    That embeddings of both are (M, D), finite, of unit norm, and each depends on its own picture or text alone; those
    of pictures have a gradient, finite and not zero; an empty text and one of 300 words are read, after `release_text`
    as well; `whole` gives a picture of the input size; every option is documented, and its values work or are refused;
    the global random state is left alone; the settings come back from a picture's metadata, and `again` gives the same
    bytes.

    Arguments as for `check_loss`; an instance with a network of its own is used as it is. Raises AssertionError, whose
    line says what is wrong and how to mend it.
    """
    with checking("perceptor", plugin, options) as subject:
        perceptor: Perceptor = subject.plugin()
        _prepare(subject, perceptor)
        _check_images(subject, perceptor, dtype)
        _check_whole(subject, perceptor)
        before = _check_texts(subject, perceptor)
        with subject.calling("release_text"):
            perceptor.release_text()
        after = _check_texts(subject, perceptor)
        mend = "let encode_text load again what release_text freed"
        subject.require(alike(before, after), "after release_text a text has another embedding", mend)

        def use(other: Perceptor) -> None:
            _prepare(subject, other)
            _encoded(subject, other, _cutouts(other, torch.float32))

        check_options(subject, wrong, use)
        check_round_trip(subject, {"perceptors": {"it": {"type": subject.name, **subject.options}}})


def _prepare(subject: Subject, perceptor: Perceptor) -> None:
    with subject.calling("prepare"):
        perceptor.prepare(torch.device("cpu"))
    for name in ("input_size", "dim"):
        value = getattr(perceptor, name, None)
        known = isinstance(value, int) and value >= 1
        subject.require(
            known, f"its {name} is {value!r}", f"set self.{name} to a whole number, in prepare at the latest"
        )
    scale = perceptor.logit_scale
    subject.require(isinstance(scale, float) and scale > 0, f"its logit_scale is {scale!r}", "give a float above 0")


def _cutouts(perceptor: Perceptor, dtype: torch.dtype) -> Tensor:
    random, side = torch.Generator().manual_seed(0), perceptor.input_size
    return torch.rand(3, 3, side, side, generator=random).to(dtype)


def _encoded(subject: Subject, perceptor: Perceptor, images: Tensor) -> Tensor:
    before = images.detach().clone()
    with subject.calling("encode_image"):
        found = perceptor.encode_image(images)
    _require_units(subject, found, "encode_image", len(images), perceptor.dim)
    untouched = torch.equal(before, images.detach())
    subject.require(untouched, "encode_image changes the cutouts that it is given", "no methods that end in _ on them")
    return found


def _require_units(subject: Subject, found: Tensor, what: str, count: int, dim: int) -> None:
    require_float(subject, found, f"what {what} returns", (count, dim))
    norms = found.detach().norm(dim=1)
    unit = bool(((norms - 1).abs() < 1e-3).all())
    line = f"{what} returns embeddings of norm {float(norms.min()):.3g} to {float(norms.max()):.3g}"
    subject.require(unit, line, "end with torch.nn.functional.normalize(found, dim=-1)")


def _check_images(subject: Subject, perceptor: Perceptor, dtype: torch.dtype) -> None:
    exact = _encoded(subject, perceptor, _cutouts(perceptor, torch.float32)).dtype
    subject.require(exact == torch.float32, f"encode_image gives {exact}", "give float32 for float32 cutouts")
    twin, images = converted(perceptor, dtype), _cutouts(perceptor, dtype).requires_grad_()
    found = _encoded(subject, twin, images)
    mend = "keep torch.no_grad and detach out of encode_image: the picture is drawn by its gradient"
    subject.require(found.requires_grad, "encode_image has no gradient to the cutouts", mend)
    with subject.calling("the gradient of encode_image"):
        wanted = torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
        (grad,) = torch.autograd.grad((found * wanted).sum(), images)
    require_gradients(subject, {"the cutouts": grad}, "encode_image", mend)
    for b in range(len(images)):
        alone = _encoded(subject, twin, images.detach()[b : b + 1])
        subject.require(
            alike(found[b : b + 1], alone),
            f"cutout {b} has another embedding among others than alone",
            "put the network into eval mode in prepare: batch norm must not look at the batch",
        )


def _check_whole(subject: Subject, perceptor: Perceptor) -> None:
    side = perceptor.input_size
    image = torch.rand(1, 3, 24, 40, generator=torch.Generator().manual_seed(2))
    with subject.calling("whole"):
        found = perceptor.whole(image)
    require_float(subject, found, "what whole returns", (1, 3, side, side))
    require_range(subject, found, "what whole returns")


def _check_texts(subject: Subject, perceptor: Perceptor) -> Tensor:
    texts = list(TEXTS)
    with subject.calling("encode_text"):
        found = perceptor.encode_text(texts)
    _require_units(subject, found, "encode_text", len(texts), perceptor.dim)
    subject.require(not found.requires_grad, "encode_text has a gradient graph", "put @torch.no_grad() above it")
    for text, embedding in zip(texts, found, strict=True):
        with subject.calling("encode_text"):
            alone = perceptor.encode_text([text])
        subject.require(
            alike(embedding[None], alone),
            f"{text[:30]!r} has another embedding among others than alone",
            "let padding count for nothing",
        )
        with subject.calling("pieces"):
            pieces = perceptor.pieces(text)
        many = isinstance(pieces, list) and pieces and all(isinstance(piece, str) for piece in pieces)
        subject.require(many, f"pieces returns {pieces!r}", "return a list of texts, the text itself where it fits")
        with subject.calling("unknown_words"):
            words = perceptor.unknown_words(text)
        subject.require(
            isinstance(words, dict), f"unknown_words returns {words!r}", "return a dict: word -> known ones"
        )
    with subject.calling("image_target"):
        moved = perceptor.image_target(found)
    _require_units(subject, moved, "image_target", len(texts), perceptor.dim)
    return found
