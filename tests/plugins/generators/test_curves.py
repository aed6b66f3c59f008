"""Strokes and shapes: what they refuse, what they keep, and that another renderer draws their SVG alike."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.errors import UsageError
from pixgen.scenery.rendering import rendered
from pixgen.testing.generators import pictures

SIZE = (48, 64)
SMALL: dict[str, dict[str, Any]] = {
    "strokes": {"type": "strokes", "number": 24},
    "sketch": {"type": "strokes", "number": 12, "sketch": True, "min_width": 0.02},
    "shapes": {"type": "shapes", "number": 16},
    "palette": {"type": "shapes", "number": 16, "palette": ["red", "#00ff00", "white"], "paper": "navy"},
}


def generator(name: str, **options: Any) -> Any:
    return registry.create("generator", {**SMALL[name], **options})


def image() -> Tensor:
    return pictures(SIZE)[:1]


@pytest.mark.parametrize("name", SMALL)
def test_another_renderer_draws_the_svg_like_the_picture(name: str) -> None:
    made = generator(name)
    for params in (made.init(SIZE, Streams(3)), made.encode(image())):
        (text,) = made.to_svg(params, SIZE)
        with torch.no_grad():
            assert (rendered(text, SIZE[1], SIZE[0])[:3] - made.decode(params)[0]).abs().mean() <= 0.03


@pytest.mark.parametrize("name", ["strokes", "shapes"])
def test_a_picture_is_drawn_at_once(name: str) -> None:
    made = generator(name, number=64)
    with torch.no_grad():
        assert (made.decode(made.encode(image())) - image()).abs().mean() < 0.05


def test_a_sketch_has_one_colour_on_paper() -> None:
    made = generator("sketch", paper="white", palette=["#ff0000"])
    with torch.no_grad():
        shown = made.decode(made.encode(image()))[0]
    assert shown[0].min() > 0.99 and shown[1].min() < 0.5


def test_a_palette_is_kept_and_colours_still_have_a_gradient() -> None:
    made = generator("palette")
    params = made.init(SIZE, Streams(0))
    params["opacity"].fill_(1)
    params["colours"].requires_grad_()
    shown = made.decode(params)
    whole = shown.detach()[0].flatten(1).T.round(decimals=2).unique(dim=0)
    for wanted in ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.5]):
        assert (whole - torch.tensor(wanted)).abs().amax(1).min() < 0.02
    shown.sum().backward()
    assert params["colours"].grad.abs().sum() > 0


@pytest.mark.parametrize(("paper", "moves"), [("learnt", True), ("chosen", False), ("ivory", False)])
def test_only_a_learnt_paper_has_a_gradient(paper: str, moves: bool) -> None:
    made = generator("strokes", paper=paper)
    params = {name: value.requires_grad_() for name, value in made.encode(image()).items()}
    made.decode(params).sum().backward()
    assert (params["paper"].grad is not None) == moves


@pytest.mark.parametrize("name", ["strokes", "shapes"])
def test_another_size_shows_the_same_curves(name: str) -> None:
    made = generator(name)
    params = made.encode(image())
    with torch.no_grad():
        small, large = made.decode(params), made.decode(made.resize(params, (96, 128)))
    assert (torch.nn.functional.avg_pool2d(large, 2) - small).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("strokes", {"number": 0}, "number is 0; it must be 1 to 1024 strokes"),
        ("strokes", {"number": 1025}, "number is 1025"),
        ("strokes", {"min_width": 0.0}, "min_width"),
        ("strokes", {"min_width": 0.1}, "max_width is 0.05"),
        ("strokes", {"max_width": 0.9}, "at most 0.5"),
        ("strokes", {"length": 0.0}, "length"),
        ("strokes", {"paper": "papyrus"}, "or learnt, or chosen"),
        ("strokes", {"palette": ["red", "#12"]}, "palette has '#12'"),
        ("shapes", {"number": 0}, "number is 0; it must be 1 to 1024 shapes"),
        ("shapes", {"corners": 2}, "corners is 2; it must be 3 to 16"),
        ("shapes", {"min_size": 0.5}, "max_size is 0.3"),
        ("shapes", {"min_size": float("nan")}, "min_size"),
    ],
)
def test_options_outside_their_range_are_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        generator(name, **options)
