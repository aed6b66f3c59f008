"""Filters: what they do to a picture, and that gradients pass through them."""

from __future__ import annotations

import itertools

import pytest
import torch

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.contracts import Filter
from pixgen.errors import UsageError
from pixgen.plugins.filters.tile import window
from pixgen.plugins.filters.wallpaper import GROUPS, HEXAGONAL

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


# -- tiling and symmetry ---------------------------------------------------------------------------------------------


def test_a_window_of_a_tiling_begins_anywhere_in_it() -> None:
    image = torch.rand(3, 6, 8)
    endless = image.tile(1, 2, 2)
    torch.testing.assert_close(window(image, 5, 2, 0), endless[:, 2:8, 5:13])
    bricks = torch.cat([image.tile(1, 1, 3), image.roll(4, 2).tile(1, 1, 3)], dim=1)  # the lower row moved by half
    torch.testing.assert_close(window(image, 3, 4, 4), bricks[:, 4:10, 3:11])


def test_tiling_moves_what_is_seen_and_not_what_is_saved() -> None:
    tile = registry.create("filter", {"type": "tile"})
    images = pictures()
    seen = [tile(images, step, STREAMS) for step in range(3)]
    assert not torch.equal(seen[0], seen[1]) and not torch.equal(seen[1], seen[2])
    torch.testing.assert_close(seen[0].flatten(2).sort(2).values, images.flatten(2).sort(2).values)
    assert tile.only_while_optimising
    only_down = registry.create("filter", {"type": "tile", "across": False})(images, 1, STREAMS)
    torch.testing.assert_close(only_down.mean(2), images.mean(2))


@pytest.mark.parametrize("axis", ["vertical", "horizontal", "both"])
def test_a_mirror_leaves_no_difference(axis: str) -> None:
    out = registry.create("filter", {"type": "mirror", "axis": axis})(pictures(), 0, STREAMS)
    if axis != "horizontal":
        torch.testing.assert_close(out, out.flip(3))
    if axis != "vertical":
        torch.testing.assert_close(out, out.flip(2))


def test_a_kaleidoscope_looks_the_same_after_a_turn() -> None:
    out = registry.create("filter", {"type": "kaleidoscope", "sectors": 4})(_smooth(32, 32), 0, STREAMS[:1])
    torch.testing.assert_close(out, out.rot90(1, (2, 3)), atol=1e-6, rtol=0)
    torch.testing.assert_close(out, out.flip(2), atol=1e-6, rtol=0)


def _smooth(height: int, width: int) -> torch.Tensor:
    small = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return torch.nn.functional.interpolate(small, size=(height, width), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("group", GROUPS)
def test_a_wallpaper_has_the_motions_of_its_group(group: str) -> None:
    """Points that the group makes equal have the same colour: read off a picture whose colours are its places."""
    paper = registry.create("filter", {"type": "wallpaper", "group": group, "across": 2})
    grid = paper._grid((64, 64))[0]
    tall, slant = (0.75**0.5, -0.5) if group in HEXAGONAL else (1.0, 0.0)
    checked = 0
    for row, column in itertools.product(range(3, 64, 11), repeat=2):
        y, x = (row + 0.5) / 32, (column + 0.5) / 32
        v = y / tall
        u = x - slant * v
        for a, b, s, c, d, t in GROUPS[group]:
            p, q = a * u + b * v + s, c * u + d * v + t
            for i, j in itertools.product(range(-3, 4), repeat=2):
                other_x, other_y = (p + i + slant * (q + j)) * 32 - 0.5, tall * (q + j) * 32 - 0.5
                if 0 <= other_x <= 63 and 0 <= other_y <= 63 and _whole(other_x) and _whole(other_y):
                    same = grid[round(other_y), round(other_x)]
                    torch.testing.assert_close(same, grid[row, column], atol=1e-9, rtol=0)
                    checked += 1
    assert checked > 36


def _whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-9


def test_every_motion_of_a_group_keeps_its_lattice_and_they_are_a_group() -> None:
    for name, motions in GROUPS.items():
        linear = {(a, b, c, d, s % 1, t % 1) for a, b, s, c, d, t in motions}
        for (a, b, c, d, s, t), (e, f, g, h, k, m) in itertools.product(linear, repeat=2):
            product = (a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h,
                       (a * k + b * m + s) % 1, (c * k + d * m + t) % 1)  # fmt: skip
            assert product in linear, name
