import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from pixgen.errors import PixgenError, UsageError
from pixgen.io import resources
from pixgen.networks import store, vqgan
from pixgen.networks.vqgan import TINY, Quantizer, VQModel
from pixgen.plugins.generators.vqgan import VQGAN

TAMING = {key: value for key, value in TINY.items() if key != "group"}  # taming's own blocks know only 32 groups
SMALL = {**TAMING, "ddconfig": {**TINY["ddconfig"], "ch_mult": [1, 2], "attn_resolutions": [128], "resolution": 256}}


@pytest.fixture(scope="module")
def model() -> VQModel:
    torch.manual_seed(0)
    return VQModel(SMALL).eval()


def test_encoder_and_decoder_equal_taming(model: VQModel, capsys: pytest.CaptureFixture[str]) -> None:
    from taming.modules.diffusionmodules.model import Decoder, Encoder

    encoder, decoder = Encoder(**SMALL["ddconfig"]), Decoder(**SMALL["ddconfig"])
    encoder.load_state_dict(model.encoder.state_dict())
    decoder.load_state_dict(model.decoder.state_dict())
    images, codes = torch.rand(2, 3, 24, 16), torch.randn(2, 8, 6, 10)
    torch.testing.assert_close(model.encoder(images), encoder(images), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(model.decoder(codes), decoder(codes), rtol=1e-5, atol=1e-5)


def test_building_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    VQModel(SMALL)
    assert capsys.readouterr().out == ""


def test_attention_gradient_equals_taming() -> None:
    from taming.modules.diffusionmodules.model import AttnBlock

    block = AttnBlock(32).double()
    x = torch.randn(2, 32, 5, 7, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(block(x).square().sum(), x)
    (found,) = torch.autograd.grad(vqgan._attend(block, x).square().sum(), x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_quantiser_equals_tamings() -> None:
    from taming.modules.vqvae.quantize import VectorQuantizer2

    theirs = VectorQuantizer2(64, 4, beta=0.25, sane_index_shape=True)
    ours = Quantizer("vq", 64, 4, 4)
    ours.load_state_dict(theirs.state_dict())
    z = torch.randn(2, 4, 5, 3) / 64
    expected, _, (_, _, expected_indices) = theirs(z)
    found, indices = ours(z)
    assert torch.equal(indices, expected_indices)
    torch.testing.assert_close(found, expected)


def test_gumbel_encode_equals_tamings_choice() -> None:
    from taming.modules.vqvae.quantize import GumbelQuantize

    model = VQModel({**SMALL, "quantizer": "gumbel", "n_embed": 32}).eval()
    theirs = GumbelQuantize(8, 8, 32).eval()
    theirs.load_state_dict(model.quantize.state_dict())
    images = torch.rand(1, 3, 16, 16)
    z = model.quant_conv(model.encoder(images * 2 - 1))
    *_, logits = theirs(z, return_logits=True)
    expected = theirs.get_codebook_entry(logits.argmax(1).flatten(), (1, 8, 8, 8))
    torch.testing.assert_close(model.encode(images), expected)


def test_unit_codes_are_chosen_by_cosine() -> None:
    quantizer = Quantizer("unit", 50, 8, 8)
    z = torch.randn(1, 8, 3, 4)
    codes, indices = quantizer(z)
    cosine = torch.einsum("bchw,nc->bnhw", F.normalize(z, dim=1), F.normalize(quantizer.embedding.weight, dim=1))
    assert torch.equal(indices, cosine.argmax(1))
    torch.testing.assert_close(codes.norm(dim=1), torch.ones(1, 3, 4))


@pytest.mark.parametrize("kind", ["vq", "gumbel"])
def test_gradient_passes_straight_through(kind: str) -> None:
    quantizer = Quantizer(kind, 16, 4, 4)
    z = torch.randn(1, 4, 2, 2, requires_grad=True)
    towards = torch.randn(1, 4, 2, 2)
    (quantizer(z)[0] * towards).sum().backward()
    torch.testing.assert_close(z.grad, towards)


def test_a_chunked_search_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    quantizer, z = Quantizer("vq", 16, 4, 4), torch.randn(2, 4, 6, 6)
    expected = quantizer.nearest(z)
    monkeypatch.setattr(vqgan, "DISTANCES", 7 * 16)
    assert torch.equal(quantizer.nearest(z), expected)
    monkeypatch.setattr(vqgan, "DISTANCES", 1)
    assert torch.equal(quantizer.nearest(z), expected)


@pytest.mark.parametrize("width", [16, 4096, 4097, 4160])
def test_the_nearest_of_many_codes_is_found_in_folded_rows(width: int) -> None:
    distances = torch.randn(20, width)
    distances[3, 7] = -100.0
    distances[4, width - 1] = -100.0
    assert torch.equal(vqgan._argmin(distances), distances.argmin(1))


def test_the_first_codes_alone_can_be_asked_for() -> None:
    quantizer, z = Quantizer("unit", 16, 4, 4), torch.randn(2, 4, 6, 6)
    among = torch.einsum("bchw,nc->bnhw", z, quantizer.codebook[:5])
    assert torch.equal(quantizer.nearest(z, 5), among.argmax(1)) and quantizer.nearest(z).max() >= 5


def test_a_token_decoder_has_all_codes_or_the_first_ones() -> None:
    assert VQModel(SMALL).token_codes == SMALL["n_embed"]
    assert VQModel({**SMALL, "token_codes": 3}).token_codes == 3
    for wrong in (0, SMALL["n_embed"] + 1):
        with pytest.raises(UsageError, match=f"token_codes is {wrong}; it must be a whole number from 1 to"):
            VQModel({**SMALL, "token_codes": wrong})


def test_half_precision_latents_are_quantised_in_float32() -> None:
    assert Quantizer("unit", 16, 4, 4)(torch.randn(1, 4, 2, 2, dtype=torch.bfloat16))[0].dtype == torch.float32


def test_saved_weights_load_again(model: VQModel, tmp_path) -> None:
    store.save(model, tmp_path / "vqgan.safetensors", pictures=5)
    loaded = vqgan.load(tmp_path)
    codes = torch.randn(1, 8, 4, 4)
    torch.testing.assert_close(loaded.decode(codes), model.decode(codes), rtol=0.05, atol=0.02)
    assert loaded.config == model.config
    assert store.about(tmp_path / "vqgan.safetensors") == {"architecture": model.config, "pictures": 5}
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert [path.name for path in tmp_path.iterdir()] == ["vqgan.safetensors"]


def test_keys_that_do_not_fit_are_named(model: VQModel, tmp_path) -> None:
    weights = model.state_dict()
    weights["extra"] = weights.pop("quant_conv.bias")
    with pytest.raises(PixgenError, match=r"missing quant_conv.bias, extra extra"):
        vqgan.load_strict(model, weights, tmp_path)


def test_missing_files_and_unknown_quantisers_are_usage_errors(tmp_path) -> None:
    with pytest.raises(UsageError, match="not found"):
        vqgan.load(tmp_path / "no.safetensors")
    with pytest.raises(UsageError, match="quantizer is 'soft'"):
        VQModel({**SMALL, "quantizer": "soft"})


@pytest.mark.parametrize(
    ("content", "metadata", "said"),
    [
        (b"", None, "empty"),
        (b"\x10\0\0\0\0\0\0\0{no header at all", None, "damaged"),
        (b"\x10\0\0\0\0\0\0\0no header at all", None, "not a weights file"),
        (b"<!DOCTYPE html>", None, "not a weights file .it is a web page"),
        (None, None, "not a VQGAN"),
        (None, {"pixgen": "{}"}, "not a VQGAN"),
        (None, {"pixgen": '{"quantizer": "unit"'}, "not a VQGAN"),
        (None, {"pixgen": '{"quantizer": "unit", "ddconfig": 3}'}, "not a VQGAN"),
    ],
)
def test_files_that_are_no_vqgan_are_named(content: bytes | None, metadata: dict | None, said: str, tmp_path) -> None:
    path = tmp_path / "odd.safetensors"
    if content is None:
        save_file({"a": torch.zeros(1)}, path, metadata=metadata)
    else:
        path.write_bytes(content)
    with pytest.raises(PixgenError, match=rf"odd\.safetensors is {said}"):
        vqgan.load(path)


def test_pixgen_s_own_weights_missing_are_no_mistake_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(resources, "embedded", lambda: tmp_path)
    with pytest.raises(PixgenError, match="install pixgen again") as caught:
        VQGAN().prepare(torch.device("cpu"))
    assert caught.value.exit_code == 1
