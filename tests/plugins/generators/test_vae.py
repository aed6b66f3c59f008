"""generator.vae with small random networks that the tests save, and with the true sizes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import pixgen
from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.backend.torchvision_ops import ensure_torchvision
from pixgen.errors import PixgenError, UsageError
from pixgen.plugins.generators.vae import VAE
from pixgen.testing import check_generator

pytestmark = pytest.mark.extras
KINDS = ["AutoencoderKL", "VQModel", "AutoencoderTiny"]


def network(kind: str) -> Any:
    ensure_torchvision()
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    if kind == "AutoencoderTiny":
        channels = (8, 8, 8)
        return diffusers.AutoencoderTiny(
            encoder_block_out_channels=channels, decoder_block_out_channels=channels,
            num_encoder_blocks=(1, 1, 1), num_decoder_blocks=(1, 1, 1),
        )  # fmt: skip
    down, up = ("DownEncoderBlock2D",) * 2, ("UpDecoderBlock2D",) * 2
    options: dict[str, Any] = {"num_vq_embeddings": 16} if kind == "VQModel" else {}
    return getattr(diffusers, kind)(
        down_block_types=down, up_block_types=up, block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4,
        **options,
    )  # fmt: skip


@pytest.fixture(params=KINDS)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    network(request.param).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def prepared(model: object, **options: Any) -> VAE:
    made: VAE = registry.create("generator", {"type": "vae", "model": str(model), **options})
    made.prepare(torch.device("cpu"))
    return made


def test_a_saved_network_keeps_the_contract(saved: Path) -> None:
    generator = prepared(saved)
    check_generator(generator, encodes=False, dtype=torch.float32)
    assert generator.files() == [str(saved / "diffusion_pytorch_model.safetensors")]


@pytest.mark.parametrize("kind", KINDS)
def test_it_decodes_and_encodes_as_diffusers_does(kind: str, tmp_path: Path) -> None:
    own = network(kind).eval()
    own.save_pretrained(tmp_path)
    generator, images = prepared(tmp_path), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        encoded = own.encode(images * 2 - 1)
        latent = encoded.latent_dist.mode() if kind == "AutoencoderKL" else encoded.latents
        wanted = (own.decode(latent).sample * 0.5 + 0.5).clamp(0, 1)
    torch.testing.assert_close(generator.decode(generator.encode(images)), wanted, atol=1e-5, rtol=1e-4)


def test_a_pipeline_s_folder_gives_its_vae_and_checkpointing_changes_nothing(tmp_path: Path) -> None:
    network("AutoencoderKL").save_pretrained(tmp_path / "vae")
    plain, lean = prepared(tmp_path), prepared(tmp_path, checkpointing=True)
    grads = []
    for generator in (plain, lean):
        params = generator.init((16, 16), Streams(0))
        latent = params["latent"].requires_grad_()
        generator.decode({"latent": latent}).square().sum().backward()
        grads.append(latent.grad)
    torch.testing.assert_close(*grads)


def test_a_picture_is_drawn_and_its_weights_are_in_its_metadata(tmp_path: Path) -> None:
    network("AutoencoderTiny").save_pretrained(tmp_path)
    generator = {"type": "vae", "model": str(tmp_path)}
    drawn = pixgen.generate("a fox", generator=generator, size=32, steps=2, cutouts=2, starts=1, seed=0)
    assert drawn.images[0].size == (32, 32)
    assert [Path(item.path).name for item in drawn.metadata[0].inputs] == ["diffusion_pytorch_model.safetensors"]


@pytest.mark.parametrize("kind", KINDS[:1])
def test_what_is_no_model_is_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")  # without it, it is that which is missing
    model = tmp_path / "model"
    with pytest.raises(UsageError, match="is not there; give a folder, or a name OWNER/MODEL"):
        prepared(model)
    with pytest.raises(UsageError, match="not downloaded; `hf download nobody/nothing-here` gets it"):
        prepared("nobody/nothing-here")
    model.mkdir()
    with pytest.raises(UsageError, match="is not a model of diffusers: it has no config.json"):
        prepared(model)
    (model / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel"}))
    with pytest.raises(UsageError, match="holds 'UNet2DModel'; generator vae takes AutoencoderKL, VQModel"):
        prepared(model)
    network(kind).save_pretrained(model, safe_serialization=False)
    with pytest.raises(UsageError, match="has no .safetensors weights, and others are not read"):
        prepared(model)
    network(kind).save_pretrained(model)
    described = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**described, "latent_channels": 8}))
    with pytest.raises(PixgenError, match="latent_channels|config.json|shape"):
        prepared(model)
    (model / "config.json").write_text(json.dumps({**described, "block_out_channels": [8, 10**9]}))
    with pytest.raises(PixgenError, match="has the number 1000000000, too large for a network"):
        prepared(model)
    with pytest.raises(UsageError, match="a file; give the folder"):
        prepared(model / "config.json")


def test_a_missing_extra_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UsageError, match=r'generator vae needs the package diffusers: pip install .* ".\[diffusers\]"'):
        prepared("x")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_true_sizes_draw(kind: str) -> None:
    ensure_torchvision()
    diffusers = pytest.importorskip("diffusers")
    channels = (128, 256, 512, 512) if kind == "AutoencoderKL" else (128, 256, 512)
    options: dict[str, Any] = {
        "block_out_channels": channels, "layers_per_block": 2, "latent_channels": 4,
        "down_block_types": ("DownEncoderBlock2D",) * len(channels),
        "up_block_types": ("UpDecoderBlock2D",) * len(channels),
    }  # fmt: skip
    if kind == "VQModel":
        options |= {"latent_channels": 3, "num_vq_embeddings": 8192}
    torch.manual_seed(0)
    made = getattr(diffusers, kind)(**({} if kind == "AutoencoderTiny" else options))
    generator = VAE("random").use(made)
    latent = generator.init((64, 64), Streams(0))["latent"].requires_grad_()
    images = generator.decode({"latent": latent})
    images.mean().backward()
    assert images.shape == (1, 3, 64, 64) and latent.grad is not None and latent.grad.abs().sum() > 0
