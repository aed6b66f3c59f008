"""Cells of every shape, palettes in the loop, a downscale that stays sharp, and the same cells as SVG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import resvg_py
import torch
from PIL import Image
from torch import Tensor

import pixgen
import pixgen.testing
from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.contracts import Generator
from pixgen.errors import UsageError
from pixgen.io import metadata, pictures
from pixgen.plugins.generators.pixel_cells import KINDS, labels, neighbours

SHARP = {"colours": 6, "downscale": "sharp"}


def pixel(**options: Any) -> Generator:
    return registry.create("generator", {"type": "pixel", "pixel_size": 8, **options})


def colours_of(image: Tensor) -> set[tuple[float, ...]]:
    return {tuple(colour) for colour in image.flatten(1).T.tolist()}


def drawing(side: int = 96) -> Tensor:
    """A red disc with a black line through it, on blue, with noise and soft edges as a decoder leaves them."""
    y, x = torch.meshgrid(torch.arange(side) - side / 2, torch.arange(side) - side / 2, indexing="ij")
    inside = torch.sigmoid((side / 3 - (x * x + y * y).sqrt()) * 2)
    image = inside * torch.tensor([0.9, 0.1, 0.1]).view(3, 1, 1) + (1 - inside) * torch.tensor([0.3, 0.5, 0.9]).view(
        3, 1, 1
    )
    image[:, (y >= 1) & (y < 5) & (x.abs() < side / 6)] = 0.05
    noise = 0.02 * torch.randn(3, side, side, generator=torch.Generator().manual_seed(0))
    return (image + noise).clamp(0, 1)[None]


def test_plain_pixels_are_what_they_were() -> None:
    plain = pixel()
    params = plain.init((24, 16), Streams(3))
    assert list(params) == ["pixels"] and params["pixels"].shape == (1, 3, 3, 2)
    image = drawing(48)
    assert torch.equal(plain.encode(image)["pixels"], torch.nn.functional.avg_pool2d(image, 8))


@pytest.mark.parametrize("width", [0, 12])
@pytest.mark.parametrize("cells", KINDS)
def test_cells_of_every_shape_cover_the_picture_and_know_its_size(cells: str, width: int) -> None:
    made = pixel(cells=cells, cell_width=width)
    for rows, columns in ((1, 1), (2, 5), (7, 3)):
        size = (rows * made.factor, columns * made.factor)
        params = made.init(size, Streams(0))
        image = made.decode(params)
        assert image.shape == (1, 3, *size)
        assert colours_of(image[0]) <= {tuple(c) for c in params["pixels"].flatten(2)[0].T.tolist()}
        assert made.decode(made.encode(image)).shape == image.shape
        torch.testing.assert_close(made.decode(made.encode(image)), image)


@pytest.mark.parametrize("cells", KINDS)
def test_a_cell_is_as_large_as_its_polygon(cells: str) -> None:
    laid = KINDS[cells](16, 12)
    size = (laid.factor * 3, laid.factor * 3)
    label = labels(laid, size)
    middle = int(label[size[0] // 2 + 1, size[1] // 2 + 1])
    points = torch.tensor(laid.polygon(*divmod(middle, laid.grid(size)[1])), dtype=torch.float64)
    following = points.roll(-1, 0)
    area = (points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]).sum().abs() / 2
    assert int((label == middle).sum()) == pytest.approx(float(area), rel=0.1)
    one, other = neighbours(laid, size, corners=False)
    assert middle not in other[one == middle] and len(other[one == middle]) >= 3


@pytest.mark.parametrize("cells", KINDS)
def test_svg_is_drawn_like_the_picture(cells: str) -> None:
    made = pixel(cells=cells, **SHARP)
    params = made.encode(drawing())
    (svg,) = made.to_svg(params, (96, 96))
    other = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg)))).convert("RGB")
    difference = pictures.read(other) - made.decode(params)
    assert other.size == (96, 96) and difference.abs().mean() < 0.01


def test_every_cell_has_a_colour_of_the_palette_and_a_gradient() -> None:
    made = pixel(palette="gameboy")
    wanted = {tuple(colour) for colour in made._palette.tolist()}  # type: ignore[attr-defined]
    params = {name: value.requires_grad_() for name, value in made.encode(drawing()).items()}
    image = made.decode(params)
    assert colours_of(image[0].detach()) <= wanted
    image.square().sum().backward()
    assert params["pixels"].grad is not None and bool((params["pixels"].grad != 0).all())


def test_a_palette_of_its_own_is_optimised_too() -> None:
    made = pixel(**SHARP)
    params = made.encode(torch.cat([drawing(), drawing().flip(1)]))
    assert params["palette"].shape == (2, 6, 3)
    params = {name: value.requires_grad_() for name, value in params.items()}
    image = made.decode(params)
    assert all(len(colours_of(one)) <= 6 for one in image.detach())
    image.sum().backward()
    assert params["palette"].grad is not None and params["palette"].grad.abs().sum() > 0
    larger = made.resize({name: value.detach() for name, value in params.items()}, (192, 192))
    assert torch.equal(larger["palette"], params["palette"]) and larger["pixels"].shape == (2, 3, 24, 24)


def test_a_sharp_downscale_mixes_nothing_and_keeps_a_line() -> None:
    mean, sharp = pixel().encode(drawing()), pixel(**SHARP).encode(drawing())
    assert len(colours_of(mean["pixels"][0])) > 50 and len(colours_of(sharp["pixels"][0])) <= 6
    assert sharp["pixels"][0, :, 6, 5:7].max() < 0.1  # four pixels of black in a cell of eight, not grey
    ground = sharp["pixels"][0, :, 0]
    assert (ground == ground[:, :1]).all()


def test_an_outline_goes_around_a_thing_on_a_plain_ground_alone() -> None:
    plain, outlined = pixel(**SHARP), pixel(**SHARP, outline=True)
    before, after = plain.encode(drawing())["pixels"], outlined.encode(drawing())["pixels"]
    changed = (before != after).any(1)[0]
    assert changed.any() and after[0, :, changed].max() < 0.2
    stripes = drawing()
    stripes[..., :48] = stripes[..., :48].flip(1)
    assert torch.equal(plain.encode(stripes)["pixels"], outlined.encode(stripes)["pixels"])


def test_dithering_mixes_two_colours_where_the_tone_lies_between() -> None:
    grey = torch.full((1, 3, 64, 64), 0.5)
    flat, dithered = (pixel(palette="black-and-white", dither=dither) for dither in (0.0, 1.0))
    assert len(colours_of(flat.decode(flat.encode(grey))[0])) == 1
    image = dithered.decode(dithered.encode(grey))
    assert len(colours_of(image[0])) == 2 and 0.2 < float(image.mean()) < 0.8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cells": "round"}, "'round'"),
        ({"cell_width": -1}, "cell_width is -1"),
        ({"colours": 1}, "colours is 1; it must be 2 to 256"),
        ({"colours": 300}, "colours is 300"),
        ({"palette": "bleu"}, "is not a palette"),
        ({"palette": "@missing.png"}, "missing.png"),
        ({"palette": ["#12"]}, "is not a palette"),
        ({"palette": "pico8", "colours": 8}, "exclude each other"),
        ({"dither": 2, "colours": 8}, "dither is 2"),
        ({"scale": -1}, "scale is -1"),
        ({"scale": 65}, "scale is 65"),
        ({"scale": 2, "cells": "hexagon"}, "scale needs square cells"),
        ({"dither": 0.5}, "needs a palette"),
        ({"downscale": "sharp"}, "need a palette"),
        ({"outline": True, "colours": 4}, "needs downscale: sharp"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        pixel(**options)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_cell_larger_than_the_picture_is_refused() -> None:
    pixel(pixel_size=64).require_size((64, 64))
    for options in ({"pixel_size": 65}, {"cell_width": 80}):
        with pytest.raises(UsageError, match="is larger than the picture of 64x64; lower"):
            pixel(**options).require_size((64, 64))


def test_a_file_of_the_palette_is_known_to_the_picture() -> None:
    assert pixel(palette="gameboy").files() == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("scale", [1, 3])
def test_a_cell_is_saved_as_so_many_pixels_with_hard_edges(scale: int, tmp_path: Path) -> None:
    settings = {
        "generator": {"type": "pixel", "pixel_size": 4, "palette": "gameboy", "scale": scale},
        "perceptors": {"tiny": None, "toy": {"type": "toy"}},
        "start": {"type": "noise", "cell": 4},
        **{"size": "32x24", "steps": 1, "starts": 1, "cutouts": 4, "stages": [{"steps": 1, "size": 1}]},
    }
    result = pixgen.generate("a fox", seed=1, **settings)
    saved = result.save(tmp_path / "fox.png")[0]
    with Image.open(saved) as image:
        assert image.size == (8 * scale, 6 * scale)
        assert len(image.convert("RGB").getcolors()) == 4
        hard = image.resize((8, 6), Image.Resampling.NEAREST).resize(image.size, Image.Resampling.NEAREST)
        assert hard.tobytes() == image.tobytes()
    about = metadata.read(saved)
    assert about.size == (6 * scale, 8 * scale) and about.config["size"] == "32x24"
