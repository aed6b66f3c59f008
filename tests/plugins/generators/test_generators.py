import pytest
import torch

import pixgen.testing  # noqa: F401 (registers the toys)
from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.contracts import Generator
from pixgen.io.schema import OptionError
from pixgen.networks.vqgan import TINY, VQModel

LOADED = {"vae"}
"""It needs a model's folder: its own tests make one."""


@pytest.fixture(params=[name for name in registry.names("generator") if name not in LOADED])
def generator(request: pytest.FixtureRequest) -> Generator:
    made = registry.create("generator", {"type": request.param})
    if request.param == "vqgan":
        torch.manual_seed(0)
        made.use(VQModel(TINY))
    return made


def sized(generator: Generator, *sides: int) -> tuple[int, int]:
    return tuple(side * generator.factor for side in sides)


@pytest.mark.parametrize("sides", [(7, 11), (16, 16), (5, 1)])
def test_pictures_have_the_size_asked_for(generator: Generator, sides: tuple[int, int]) -> None:
    size = sized(generator, *sides)
    params = generator.init(size, Streams(3))
    images = generator.decode(params)
    assert all(value.shape[0] == 1 and value.dtype == torch.float32 for value in params.values())
    assert images.shape == (1, 3, *size) and images.dtype == torch.float32
    assert images.min() >= 0 and images.max() <= 1
    again = generator.decode(generator.encode(images.detach()))
    assert again.shape == images.shape


def test_every_param_has_a_gradient(generator: Generator) -> None:
    params = generator.init(sized(generator, 8, 8), Streams(0))
    params = {name: value.requires_grad_() for name, value in params.items()}
    (generator.decode(params) - 0.9).square().sum().backward()
    for value in params.values():
        if not value.numel():  # strokes know one only after a start from a picture
            continue
        assert value.grad is not None and value.grad.isfinite().all() and value.grad.abs().sum() > 0


def test_init_depends_on_the_seed_alone(generator: Generator) -> None:
    size = sized(generator, 4, 4)
    before = torch.get_rng_state()
    first, again, other = (generator.init(size, Streams(seed)) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in first.items():
        assert torch.equal(value, again[name])
    assert any(not torch.equal(value, other[name]) for name, value in first.items())


def test_resize_and_project_keep_params_valid(generator: Generator) -> None:
    params = generator.init(sized(generator, 6, 8), Streams(0))
    larger = generator.resize(params, sized(generator, 9, 12))
    assert generator.decode(larger).shape == (1, 3, *sized(generator, 9, 12))
    wild = {name: value.detach() * 100 for name, value in params.items()}
    generator.project_(wild)
    once = {name: value.clone() for name, value in wild.items()}
    generator.project_(wild)
    for name, value in wild.items():
        torch.testing.assert_close(value, once[name])


@pytest.mark.parametrize("name", ["pixel", "multires"])
def test_pictures_survive_encoding(name: str) -> None:
    generator = registry.create("generator", {"type": name})
    images = 0.1 + 0.8 * torch.rand(2, 3, 21, 34)
    torch.testing.assert_close(generator.decode(generator.encode(images)), images, rtol=1e-4, atol=1e-4)


def test_multires_under_sgd_moves_low_frequencies_most() -> None:
    generator = registry.create("generator", {"type": "multires"})
    params = {name: value.zero_().requires_grad_() for name, value in generator.init((64, 64), Streams(0)).items()}
    wanted = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    (generator.decode(params) * wanted).sum().backward()
    moved = generator.decode({name: value.detach() + 1e-3 * value.grad for name, value in params.items()}) - 0.5
    spectrum = torch.fft.rfft2(moved).abs()[..., :32, :] / torch.fft.rfft2(wanted).abs()[..., :32, :]
    assert spectrum[..., :3, :3].median() > 20 * spectrum[..., 24:, 24:].median()


def test_multires_with_a_gain_moves_coarse_levels_further_and_keeps_pictures() -> None:
    plain, steep = (registry.create("generator", {"type": "multires", "octave_gain": gain}) for gain in (1.0, 1.5))
    images = 0.1 + 0.8 * torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(steep.decode(steep.encode(images)), images, rtol=1e-4, atol=1e-4)
    step = {name: torch.full_like(value, 0.001) for name, value in plain.init((32, 32), Streams(0)).items()}
    fine, coarse = ({name: v * (name == which) for name, v in step.items()} for which in ("P0", "P3"))
    moved = [[(g.decode(p) - 0.5).abs().mean() for p in (fine, coarse)] for g in (plain, steep)]
    torch.testing.assert_close(moved[0][0], moved[1][0])
    torch.testing.assert_close(moved[1][1], moved[0][1] * 1.5**3, rtol=1e-3, atol=0)
    with pytest.raises(OptionError, match="octave_gain is 0; it must be from 0.1 to 10"):
        registry.create("generator", {"type": "multires", "octave_gain": 0.0})


def test_encode_of_a_decoded_grid_of_codes_needs_no_gradient() -> None:
    generator = registry.create("generator", {"type": "vqgan"}).use(VQModel(TINY))
    assert not generator.encode(torch.rand(1, 3, 16, 16))["latent"].requires_grad


@pytest.mark.parametrize("init_from", ["codes", "noise", "gradient"])
def test_a_random_vqgan_start_consists_of_codes(init_from: str) -> None:
    generator = registry.create("generator", {"type": "vqgan", "init_from": init_from}).use(VQModel(TINY))
    latent = generator.init((32, 48), Streams(0))["latent"]
    codes, _ = generator.network.quantize(latent)
    torch.testing.assert_close(latent, codes, rtol=1e-5, atol=1e-5)
