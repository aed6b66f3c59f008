"""The generators of frequencies: fft and dwt."""

from typing import Any

import pytest
import torch

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.contracts import Generator
from pixgen.loop.engine import Engine
from pixgen.loop.scene import Stage
from pixgen.plugins.generators.dwt import FILTERS, HALVINGS
from pixgen.settings.config import OptionError
from pixgen.testing import check_generator, scene

NAMES = ["fft", "dwt"]
WAVELETS = ["haar", "db2", "sym4", "coif2"]


def made(name: str, **options: Any) -> Any:
    return registry.create("generator", {"type": name, **options})


def picture(*size: int) -> torch.Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NAMES)
def test_they_keep_the_contract(name: str) -> None:
    check_generator(name, wrong=[{"decay": -1}, {"sharpness": 2}, {"colours": 0}, {"spread": -1}])


@pytest.mark.parametrize(
    ("generator", "size"),
    [
        *((made("fft"), size) for size in [(16, 16), (37, 21), (1, 8)]),
        *((made("dwt", wavelet=wavelet), size) for wavelet in WAVELETS for size in [(16, 16), (48, 80)]),
    ],
)
def test_pictures_survive_encoding(generator: Generator, size: tuple[int, int]) -> None:
    images = picture(*size)
    assert (generator.decode(generator.encode(images)) - images).abs().max() < 1.1 / 255


@pytest.mark.parametrize("name", NAMES)
def test_a_step_moves_low_frequencies_most(name: str) -> None:
    generator = made(name, sharpness=0.0)
    params = {key: value.zero_().requires_grad_() for key, value in generator.init((64, 64), Streams(0)).items()}
    wanted = picture(64, 64)[:1] - 0.5
    (generator.decode(params) * wanted).sum().backward()
    moved = generator.decode({key: value.detach() + 1e-3 * value.grad for key, value in params.items()}) - 0.5
    spectrum = torch.fft.rfft2(moved).abs()[..., :32, :] / torch.fft.rfft2(wanted).abs()[..., :32, :]
    assert spectrum[..., 1:3, 1:3].median() > 20 * spectrum[..., 24:, 24:].median()


@pytest.mark.parametrize("name", NAMES)
def test_sharpness_moves_fine_detail_and_decay_less_of_it(name: str) -> None:
    def roughness(**options: float) -> float:
        image = made(name, **options).image(made(name, **options).init((64, 64), Streams(0)))
        return float(image.diff(dim=3).square().mean() / image.square().mean())

    assert roughness(sharpness=0.0) < roughness(sharpness=0.5) < roughness(sharpness=1.0)
    assert roughness(decay=2.0) < roughness(decay=1.0) < roughness(decay=0.0)


@pytest.mark.parametrize("name", NAMES)
def test_colours_make_a_random_start_more_colourful(name: str) -> None:
    grey, bright = (made(name, colours=value) for value in (0.01, 3.0))
    spread = [g.decode(g.init((32, 32), Streams(0))).std(dim=1).mean() for g in (grey, bright)]
    assert spread[1] > 3 * spread[0]


@pytest.mark.parametrize("name", NAMES)
def test_an_optimised_picture_has_no_seam(name: str) -> None:
    engine = Engine(scene(generator=made(name), stages=[Stage(3, (32, 32), 4), Stage(3, (64, 48), 4)]))
    for step in engine:
        images = step.images()
    for dim in (2, 3):
        steps = images.diff(dim=dim).abs().mean(dim=(0, 1, 5 - dim))
        seam = (images.select(dim, 0) - images.select(dim, -1)).abs().mean()
        assert seam < 2 * steps.mean()


@pytest.mark.parametrize("name", NAMES)
def test_resizing_goes_on_across_the_edges(name: str) -> None:
    generator = made(name, spread=1.0, decay=2.0, sharpness=0.0)
    params = generator.init((32, 32), Streams(0))
    rolled = generator.encode(generator.decode(params).roll((16, 16), (2, 3)))
    larger, moved = (generator.decode(generator.resize(p, (64, 64))) for p in (params, rolled))
    torch.testing.assert_close(moved, larger.roll((32, 32), (2, 3)), atol=2e-2, rtol=0)


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_filters_are_orthogonal(wavelet: str) -> None:
    low = torch.tensor(FILTERS[wavelet], dtype=torch.float64)
    assert abs(float(low.sum()) - 2**0.5) < 1e-9
    for shift in range(0, len(low), 2):
        assert abs(float((low[shift:] * low[: len(low) - shift]).sum()) - (shift == 0)) < 1e-9


def test_sides_of_wavelets_are_multiples_of_8() -> None:
    assert made("dwt").factor == 2**HALVINGS == 8
    assert list(made("dwt").init((16, 24), Streams(0))) == ["detail0", "detail1", "detail2", "coarse"]
    assert list(made("dwt").init((48, 80), Streams(0))) == ["detail0", "detail1", "detail2", "detail3", "coarse"]


def test_an_unknown_wavelet_is_refused_with_those_there_are() -> None:
    with pytest.raises(OptionError, match="generator.wavelet is 'db3'; it must be one of .*'coif2'"):
        registry.create("generator", {"type": "dwt", "wavelet": "db3"}, "generator")
