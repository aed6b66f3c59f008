"""Filters: what they do to a picture, and that gradients pass through them."""

from __future__ import annotations

import pytest
import torch

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.contracts import Filter
from pixgen.errors import UsageError

STREAMS = [Streams(0), Streams(1)]


def pictures() -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.rand(2, 3, 24, 17, generator=random, dtype=torch.float64)


@pytest.fixture(params=registry.names("filter"))
def plugin(request: pytest.FixtureRequest) -> Filter:
    made: Filter = registry.create("filter", {"type": request.param})
    return made


def test_every_filter_gives_pictures_of_the_same_kind_with_gradient_each_on_its_own(plugin: Filter) -> None:
    images = pictures().requires_grad_()
    out = plugin(images, 0, STREAMS)
    assert out.shape == images.shape and out.dtype == images.dtype
    assert out.min() >= 0 and out.max() <= 1 + 1e-9
    (grad,) = torch.autograd.grad(out.square().sum(), images)
    assert grad.isfinite().all() and (grad.flatten(1).abs().sum(1) > 0).all()
    torch.testing.assert_close(plugin(images[1:], 0, STREAMS[1:]), out[1:])


def test_pixelate_leaves_squares_of_their_mean() -> None:
    squares = registry.create("filter", {"type": "pixelate", "across": 4})
    images = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    out = squares(images, 0, STREAMS[:1])
    torch.testing.assert_close(out[..., 2:4, 4:6], images[..., 2:4, 4:6].mean((2, 3), keepdim=True).expand(1, 3, 2, 2))
    torch.testing.assert_close(registry.create("filter", {"type": "pixelate", "across": 99})(images, 0, []), images)


def test_posterize_leaves_few_levels() -> None:
    out = registry.create("filter", {"type": "posterize", "levels": 3})(pictures(), 0, STREAMS)
    assert {round(value, 6) for value in out.unique().tolist()} == {0, 0.5, 1}


def test_monochrome_lies_between_its_two_colours() -> None:
    ink = registry.create("filter", {"type": "monochrome", "dark": "#ff0000", "light": "#00ff00"})
    ends = torch.stack([torch.zeros(3, 4, 4), torch.ones(3, 4, 4)])
    out = ink(ends, 0, STREAMS)
    assert out[:, :, 0, 0].tolist() == [[1, 0, 0], pytest.approx([0, 1, 0], abs=1e-6)]


def test_monochrome_sees_the_colours_that_it_is_told_to() -> None:
    red, blue = torch.tensor([[1.0, 0, 0], [0, 0, 1.0]]).view(2, 3, 1, 1)
    plate = registry.create("filter", {"type": "monochrome", "weights": [0, 1, 3]})
    out = plate(torch.stack((red, blue)), 0, STREAMS)
    assert out.view(2, 3).tolist() == [[0, 0, 0], [0.75, 0.75, 0.75]]


@pytest.mark.parametrize("options", [
    {"type": "pixelate", "across": 1}, {"type": "posterize", "levels": 1}, {"type": "monochrome", "dark": "black"},
    {"type": "monochrome", "weights": [0, 0, 0]}, {"type": "monochrome", "weights": [1, -1, 1]},
])  # fmt: skip
def test_what_cannot_be_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="must be at least 2|not a valid colour|not all 0"):
        registry.create("filter", options)
