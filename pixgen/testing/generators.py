"""The check of generators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size
from pixgen.contracts import Generator, Params
from pixgen.errors import PixgenError
from pixgen.scenery.rendering import rendered
from pixgen.testing.comparing import (
    alike,
    cast,
    converted,
    distance,
    require_float,
    require_gradients,
    require_range,
    same,
)
from pixgen.testing.options import check_options
from pixgen.testing.round_trip import check_round_trip
from pixgen.testing.subject import Subject, checking

SIZES = ((21, 35), (31, 24))
"""(height, width) of the pictures that are tried, before they are rounded as the loop rounds them."""

SVG_ERROR = 0.05
"""Largest mean absolute difference of decode's picture and the SVG as resvg draws it; small pictures are all edges."""


def check_generator(
    plugin: Generator | type[Generator] | str,
    options: Mapping[str, Any] | None = None,
    *,
    wrong: Iterable[Mapping[str, Any]] = (),
    encodes: bool = True,
    dtype: torch.dtype = torch.float64,
) -> None:
    """Check that a generator keeps its contract (`pixgen.contracts.Generator`), on pictures of about 32 pixels.

    That first params depend on the seed alone; pictures are float32 (B, 3 or 4, H, W), finite, in [0, 1]; every param
    has a gradient; a picture does not depend on the others of its batch; `encode` comes near the picture; `project_`
    works in place, and done twice as once; `resize` keeps the picture; the SVG shows what `decode` gives where
    `has_svg` says so; every option is documented, and its values work or are refused; the global random state is left
    alone; the settings come back from a picture's metadata, and `again` gives the same bytes.

    plugin: its name, its class, or an instance: one with networks of the caller's own, which are used then.
    options: by name, for a class or a name.
    wrong: options that must be refused, as `[{"cells": 0}]`.
    encodes: whether `encode` comes near the picture; untrained networks do not.
    dtype: in which a picture is compared with the same one in a batch; torch.float32 where it cannot compute in more.

    Raises AssertionError, whose line says what is wrong and how to mend it.
    """
    with checking("generator", plugin, options) as subject:
        generator: Generator = subject.plugin()
        with subject.calling("prepare"):
            generator.prepare(torch.device("cpu"))
        for size in SIZES:
            _check_pictures(subject, generator, _rounded(subject, generator, size))
        size, other = (_rounded(subject, generator, each) for each in SIZES)
        _check_gradient(subject, generator, size)
        _check_batch(subject, generator, size, dtype)
        _check_encode(subject, generator, size, encodes)
        _check_project(subject, generator, size)
        _check_resize(subject, generator, size, other, encodes)
        _check_svg(subject, generator, size)
        check_options(subject, wrong, lambda made: _use(subject, made))
        check_round_trip(subject, {"generator": {"type": subject.name, **subject.options}}, generator)


def _rounded(subject: Subject, generator: Generator, size: Size) -> Size:
    factor = generator.factor
    whole = isinstance(factor, int) and factor >= 1
    subject.require(whole, f"its factor is {factor!r}", "set self.factor to a whole number from 1 in __post_init__")
    return max(1, round(size[0] / factor)) * factor, max(1, round(size[1] / factor)) * factor


def _init(subject: Subject, generator: Generator, size: Size, seed: int = 5) -> Params:
    with subject.calling("init"):
        params = generator.init(size, Streams(seed))
    _require_params(subject, params, "init", 1)
    return params


def _require_params(subject: Subject, params: Any, what: str, count: int) -> None:
    named = isinstance(params, dict) and params and all(isinstance(name, str) for name in params)
    subject.require(named, f"{what} returns {type(params).__name__}", "return a dict of tensors by name, not empty")
    for name, value in params.items():
        shape = tuple(value.shape) if isinstance(value, Tensor) else ()
        require_float(subject, value, f"{what}'s {name}", (count, *[None] * max(len(shape) - 1, 0)))
        subject.require(value.dtype == torch.float32, f"{what}'s {name} is of {value.dtype}", "params are float32")
        subject.require(
            not value.requires_grad, f"{what}'s {name} has a gradient graph", "put @torch.no_grad() above it"
        )


def _decode(subject: Subject, generator: Generator, params: Params, size: Size) -> Tensor:
    count = len(next(iter(params.values())))
    before = {name: value.detach().clone() for name, value in params.items()}
    with subject.calling("decode"):
        images = generator.decode(params)
    channels = images.shape[1] if isinstance(images, Tensor) and images.dim() == 4 and images.shape[1] == 4 else 3
    require_float(subject, images, "what decode returns", (count, channels, *size))
    require_range(subject, images, "what decode returns")
    subject.require(
        same(before, {name: value.detach() for name, value in params.items()}),
        "decode changes its params",
        "change copies: project_ is the place to change params",
    )
    return images


def _use(subject: Subject, generator: Generator) -> None:
    with subject.calling("prepare"):
        generator.prepare(torch.device("cpu"))
    size = _rounded(subject, generator, SIZES[0])
    _decode(subject, generator, _init(subject, generator, size), size)


def _check_pictures(subject: Subject, generator: Generator, size: Size) -> None:
    params = _init(subject, generator, size)
    images = _decode(subject, generator, params, size)
    subject.require(images.dtype == torch.float32, f"decode gives {images.dtype}", "give float32 for float32 params")
    subject.require(
        torch.equal(images, _decode(subject, generator, params, size)),
        "decode gives another picture of the same params",
        "what is random belongs to init; decode is a function of its params",
    )
    mend = "draw everything random from streams.generator('init')"
    subject.require(same(params, _init(subject, generator, size)), "init gives other params for the same seed", mend)
    different = not same(params, _init(subject, generator, size, seed=6))
    subject.require(different, "init gives the same params for two seeds", mend)


def _leaves(params: Params) -> Params:
    return {name: value.detach().clone().requires_grad_() for name, value in params.items()}


def _weights(images: Tensor, seed: int) -> Tensor:
    """Fixed random numbers of the shape of one picture, in its precision."""
    drawn = torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(seed))
    return drawn.to(images.dtype)


def _check_gradient(subject: Subject, generator: Generator, size: Size) -> None:
    params = _leaves(_init(subject, generator, size))
    images = _decode(subject, generator, params, size)
    mend = "keep detach, round, argmax and torch.no_grad out of decode, or let a straight-through gradient pass them"
    subject.require(images.requires_grad, "the picture has no gradient to its params", mend)
    with subject.calling("the gradient of decode"):
        (images * _weights(images, 0)).sum().backward()
    # A param without elements is there for its shape, as the size of a picture of strokes.
    grads = {name: value.grad for name, value in params.items() if value.numel()}
    require_gradients(subject, grads, "the picture", mend)


def _check_batch(subject: Subject, generator: Generator, size: Size, dtype: torch.dtype) -> None:
    """A step of three pictures together and of each alone: picture, gradient, and what project_ leaves."""
    first = [cast(_init(subject, generator, size, seed), dtype) for seed in (5, 6, 7)]
    generator = converted(generator, dtype)
    together = {name: torch.cat([params[name] for params in first]) for name in first[0]}
    try:
        images, grads, moved = _step(generator, together, 0)
    except Exception as error:
        subject.fail(
            f"a step with a batch of three in {dtype} raises {type(error).__name__}: {error}",
            "make constants with `.to(params[name])`, or give dtype=torch.float32 to the check",
        )
    mend = "treat the pictures of a batch independently: no mean, norm or index over the first dimension"
    for b, params in enumerate(first):
        alone, own_grads, own_moved = _step(generator, params, b)
        what = f"in a batch picture {b}"
        subject.require(alike(images[b : b + 1], alone), f"{what} is another picture than alone", mend)
        for name, grad in own_grads.items():
            fits = alike(grads[name][b : b + 1], grad)
            subject.require(fits, f"{what} has another gradient to {name} than alone", mend)
            fits = alike(moved[name][b : b + 1], own_moved[name])
            subject.require(fits, f"{what} has another {name} after project_ than alone", mend)


def _step(generator: Generator, params: Params, first: int) -> tuple[Tensor, Params, Params]:
    leaves = _leaves(params)
    images = generator.decode(leaves)
    weights = torch.stack([_weights(images, first + b) for b in range(len(images))])
    (images * weights).sum().backward()
    grads = {name: value.grad for name, value in leaves.items() if value.grad is not None}
    with torch.no_grad():
        moved = {name: value - 0.1 * grads[name] for name, value in leaves.items() if name in grads}
        moved = {name: moved.get(name, value.detach().clone()) for name, value in leaves.items()}
        generator.project_(moved)
    return images, grads, moved


def pictures(size: Size) -> Tensor:
    """Two smooth pictures with something in them: float32 (2, 3, H, W) in [0, 1]."""
    y, x = torch.meshgrid(torch.linspace(0, 1, size[0]), torch.linspace(0, 1, size[1]), indexing="ij")
    disc = torch.sigmoid(40 * (0.3 - ((x - 0.5).square() + (y - 0.4).square()).sqrt()))
    first = torch.stack([0.1 + 0.8 * disc, 0.2 + 0.3 * y, 0.7 - 0.6 * disc])
    second = torch.stack([0.9 - 0.8 * x, 0.9 - 0.7 * disc, 0.1 + 0.6 * y])
    return torch.stack([first, second])


def _encode(subject: Subject, generator: Generator, images: Tensor) -> Params:
    with subject.calling("encode"):
        params = generator.encode(images)
    _require_params(subject, params, "encode", len(images))
    return params


def _check_encode(subject: Subject, generator: Generator, size: Size, encodes: bool) -> None:
    images = pictures(size)
    params, first = _encode(subject, generator, images), _init(subject, generator, size)
    for name in first.keys() | params.keys():
        shapes = [tuple(found[name].shape[1:]) if name in found else None for found in (first, params)]
        subject.require(
            shapes[0] == shapes[1],
            f"its param {name} has the shape {shapes[0]} a picture from init and {shapes[1]} from encode",
            "give the same names and shapes from both, for a run may begin with either",
        )
    shown = _decode(subject, generator, params, size)[:, :3]
    mend = "let encode find params whose decode is as near to its images as they can come"
    subject.require(not alike(shown[:1], shown[1:]), "encode gives the same picture for two different ones", mend)
    alone = _decode(subject, generator, _encode(subject, generator, images[1:]), size)[:, :3]
    subject.require(
        distance(shown[1:], alone) < 1e-3,
        "encode gives another picture in a batch than alone",
        "treat the pictures of a batch independently: no mean, norm or index over the first dimension",
    )
    if encodes:
        random = _decode(subject, generator, first, size)[:, :3]
        for image, found in zip(images, shown, strict=True):
            near, far = distance(found, image), distance(random[0], image)
            line = f"decode(encode(picture)) is {near:.3f} from the picture on average, and a random start {far:.3f}"
            subject.require(near < far, line, mend + "; encodes=False for untrained networks")


def _check_project(subject: Subject, generator: Generator, size: Size) -> None:
    params = _init(subject, generator, size)
    wild = {name: value.detach() * 100 + 10 for name, value in params.items()}
    tensors = dict(wild)
    with subject.calling("project_"), torch.no_grad():
        generator.project_(wild)
    in_place = wild.keys() == tensors.keys() and all(wild[name] is value for name, value in tensors.items())
    subject.require(
        in_place, "project_ puts other tensors into params", "change them in place: params[name].clamp_(0, 1)"
    )
    _decode(subject, generator, wild, size)
    once = {name: value.clone() for name, value in wild.items()}
    with subject.calling("project_"), torch.no_grad():
        generator.project_(wild)
    fits = all(alike(value, once[name]) for name, value in wild.items())
    subject.require(fits, "project_ moves params that it projected already", "move only what is not valid")
    leaves = _leaves(params)
    with subject.calling("project_ on params with a gradient"), torch.no_grad():
        generator.project_(leaves)


def _check_resize(subject: Subject, generator: Generator, size: Size, other: Size, encodes: bool) -> None:
    if other == size:
        other = (size[0] + generator.factor, size[1] + generator.factor)
    params = _encode(subject, generator, pictures(size)[:1])
    with subject.calling("resize"), torch.no_grad():
        resized = generator.resize(params, other)
    _require_params(subject, resized, "resize", 1)
    shown, random = (
        _decode(subject, generator, found, other)[:, :3] for found in (resized, _init(subject, generator, other))
    )
    before = _decode(subject, generator, params, size)[:, :3]
    wanted = F.interpolate(before, size=other, mode="bilinear", antialias=True).clamp(0, 1)
    near, far = distance(shown, wanted), distance(random, wanted)
    subject.require(
        near < far or not encodes,
        f"resize gives a picture {near:.3f} from the resized one on average, and a random start is {far:.3f} from it",
        "give params of the same picture at the other size",
    )


def _check_svg(subject: Subject, generator: Generator, size: Size) -> None:
    own = type(generator).to_svg is not Generator.to_svg
    if not generator.has_svg:
        subject.require(not own, "it has to_svg, and has_svg is false", "set has_svg: ClassVar[bool] = True")
        return
    subject.require(own, "has_svg is true, and it has no to_svg", "write to_svg, or set has_svg to False")
    params = _encode(subject, generator, pictures(size))
    with subject.calling("to_svg"), torch.no_grad():
        documents = generator.to_svg(params, size)
    many = isinstance(documents, list) and len(documents) == 2 and all(isinstance(text, str) for text in documents)
    subject.require(
        many, "to_svg does not give one document a picture", "return a list of strings, one for each picture"
    )
    for text, image in zip(documents, _decode(subject, generator, params, size), strict=True):
        with subject.calling("reading the SVG"):
            root = ElementTree.fromstring(text)
            sides = [float(str(root.get(key)).removesuffix("px")) for key in ("height", "width")]
        subject.require(sides == list(size), f"the SVG's height and width are {sides}", f"write those of {size}")
        try:
            picture = rendered(text, size[1], size[0])
        except PixgenError as error:
            subject.fail(f"another renderer cannot read the SVG: {error}", "write an SVG document that resvg reads")
        apart = distance(_on_white(picture, premultiplied=True), _on_white(image))
        line = f"the SVG as resvg draws it is {apart:.3f} from decode's picture on average, over {SVG_ERROR}"
        subject.require(apart <= SVG_ERROR, line, "let both draw the same shapes, colours and opacities")


def _on_white(image: Tensor, premultiplied: bool = False) -> Tensor:
    """A picture, (3 or 4, H, W), as it looks on white paper: (3, H, W)."""
    if len(image) == 3:
        return image.detach()
    colours = image[:3] if premultiplied else image[:3] * image[3:]
    return (colours + 1 - image[3:]).detach()
