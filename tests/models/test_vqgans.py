"""VQGANs of taming's, Net2Net's and LlamaGen's programs, loaded by the paths of their files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from pixgen import registry
from pixgen.errors import PixgenError, UsageError
from pixgen.models import vqgans
from pixgen.networks.vqgan import VQModel, load

DDCONFIG = {
    "double_z": False,
    "z_channels": 8,
    "resolution": 32,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 32,
    "ch_mult": [1, 2, 2],
    "num_res_blocks": 2,
    "attn_resolutions": [8],
    "dropout": 0.0,
}


def architecture(quantizer: str) -> dict[str, Any]:
    return {"ddconfig": DDCONFIG, "n_embed": 24, "embed_dim": 8, "quantizer": quantizer}


def config(target: str, folder: Path, net2net: bool = False) -> Path:
    """A config as taming writes it."""
    stage: dict[str, Any] = {
        "base_learning_rate": 4.5e-06,
        "target": target,
        "params": {"embed_dim": 8, "n_embed": 24, "lossconfig": {"target": "a.Loss"}, "ddconfig": DDCONFIG},
    }
    if net2net:
        whole = "taming.models.cond_transformer.Net2NetTransformer"
        stage = {"target": whole, "params": {"first_stage_config": stage, "cond_stage_config": {"target": "a.Coord"}}}
    path = folder / "model.yaml"
    path.write_text(yaml.safe_dump({"model": stage, "data": {"params": {"batch_size": 12}}}))
    return path


@pytest.fixture(params=["vq", "gumbel"])
def network(request: pytest.FixtureRequest) -> VQModel:
    torch.manual_seed(0)
    return VQModel(architecture(request.param)).eval()


def target(network: VQModel) -> str:
    return {"vq": "taming.models.vqgan.VQModel", "gumbel": "taming.models.vqgan.GumbelVQ"}[network.quantize.kind]


def require_same(found: VQModel, expected: VQModel) -> None:
    codes = expected.codes(torch.arange(16).reshape(1, 4, 4))
    torch.testing.assert_close(found.decode(codes), expected.decode(codes), rtol=0, atol=0)
    torch.testing.assert_close(found.encode(torch.ones(1, 3, 8, 8) / 3), expected.encode(torch.ones(1, 3, 8, 8) / 3))


@pytest.mark.parametrize("net2net", [False, True])
def test_a_checkpoint_and_its_config_draw(network: VQModel, net2net: bool, tmp_path: Path) -> None:
    prefix = "first_stage_model." if net2net else ""
    state: dict[str, Tensor] = {f"{prefix}{name}": value for name, value in network.state_dict().items()}
    state[f"{prefix}loss.discriminator.main.0.weight"] = torch.ones(1)
    if net2net:
        state |= {"transformer.pos_emb": torch.ones(1), "cond_stage_model.quant_conv.bias": torch.ones(1)}
    torch.save({"state_dict": state, "global_step": 1}, tmp_path / "last.ckpt")
    file = config(target(network), tmp_path, net2net)
    options = {"type": "vqgan", "model": str(tmp_path / "last.ckpt"), "config": str(file)}
    generator = registry.create("generator", options)
    generator.prepare(torch.device("cpu"))
    require_same(generator.network, network)
    assert not any(parameter.requires_grad for parameter in generator.network.parameters())


def test_a_config_of_the_same_name_beside_the_weights_is_found(network: VQModel, tmp_path: Path) -> None:
    torch.save({"state_dict": network.state_dict()}, tmp_path / "model.ckpt")
    config(target(network), tmp_path)
    require_same(load(tmp_path / "model.ckpt"), network)


def test_what_pixgen_wrote_says_itself_how_it_is_built(network: VQModel, tmp_path: Path) -> None:
    vqgans.write(network.state_dict(), architecture(network.quantize.kind), tmp_path / "a.safetensors")
    require_same(load(tmp_path / "a.safetensors"), network)
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def to_llamagen(name: str, levels: int) -> str:
    """Names as LlamaGen's vq_model.py gives them; written from its source, not from our conversion."""
    name = re.sub(r"\.mid\.block_1\.", ".mid.0.", name)
    name = re.sub(r"\.mid\.attn_1\.", ".mid.1.", name)
    name = re.sub(r"\.mid\.block_2\.", ".mid.2.", name)
    name = re.sub(r"encoder\.down\.", "encoder.conv_blocks.", name)
    name = re.sub(r"decoder\.up\.(\d+)", lambda m: f"decoder.conv_blocks.{levels - 1 - int(m[1])}", name)
    return re.sub(r"(conv_blocks\.\d+)\.block\.", r"\1.res.", name)


def test_llamagen_s_names_are_taming_s(tmp_path: Path) -> None:
    network = VQModel(architecture("unit")).eval()
    state = {to_llamagen(name, 3): value for name, value in network.state_dict().items()}
    state["quantize.codebook_used"] = torch.zeros(65536)
    assert "decoder.conv_blocks.0.res.2.conv1.weight" in state and "decoder.conv_blocks.0.attn.0.q.weight" in state
    assert "decoder.conv_blocks.1.upsample.conv.weight" in state and "encoder.mid.1.norm.weight" in state
    torch.save({"model": state, "optimizer": {}}, tmp_path / "vq_ds4.pt")
    require_same(load(tmp_path / "vq_ds4.pt", architecture=architecture("unit")), network)


def test_a_config_that_does_not_fit_names_the_first_keys_and_shapes(tmp_path: Path) -> None:
    torch.save({"state_dict": VQModel({**architecture("vq"), "n_embed": 25}).state_dict()}, tmp_path / "a.ckpt")
    file = config("taming.models.vqgan.VQModel", tmp_path)
    with pytest.raises(
        PixgenError, match=r"a\.ckpt does not fit .*model\.yaml: quantize\.embedding\.weight is \(25, 8\)"
    ):
        load(tmp_path / "a.ckpt", file)
    file = config("taming.models.vqgan.GumbelVQ", tmp_path)
    with pytest.raises(PixgenError, match=r"missing quantize\.proj\.weight.*extra quantize\.embedding\.weight"):
        load(tmp_path / "a.ckpt", file)


def test_weights_of_another_network_do_not_fit(tmp_path: Path) -> None:
    save_file({f"visual.{i}": torch.zeros(1) for i in range(20)}, tmp_path / "clip.safetensors")
    file = config("taming.models.vqgan.VQModel", tmp_path)
    with pytest.raises(PixgenError, match=r"missing encoder\.conv_in\.weight.* and \d+ more"):
        load(tmp_path / "clip.safetensors", file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: {target: a.b.VQModel, params: {}}", "a.b.VQModel is not a VQGAN that pixgen knows"),
        ("data: {target: taming.models.vqgan.VQModel}", "no model.target"),
        ("model: {target: taming.models.vqgan.VQModel}", "has no ddconfig, n_embed, embed_dim"),
        ("- 1", "must be 'name: value'"),
    ],
)
def test_a_config_that_is_none_is_named(text: str, said: str, tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "a.ckpt")
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(UsageError, match=rf"odd\.yaml.*{said}"):
        load(tmp_path / "a.ckpt", tmp_path / "odd.yaml")


def test_weights_without_a_config_say_what_is_missing(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "a.ckpt")
    with pytest.raises(UsageError, match=r"give generator\.config=FILE\.yaml.*as a\.yaml"):
        load(tmp_path / "a.ckpt")


def test_recomputed_activations_give_the_same_gradient() -> None:
    network = VQModel(architecture("vq")).eval().requires_grad_(False)
    codes = torch.randn(1, 8, 4, 4, requires_grad=True)
    (expected,) = torch.autograd.grad(network.decode(codes).square().sum(), codes)
    network.checkpointing()
    (found,) = torch.autograd.grad(network.decode(codes).square().sum(), codes)
    torch.testing.assert_close(found, expected)
