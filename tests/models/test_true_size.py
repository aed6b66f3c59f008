"""Networks of the published sizes with random weights against the programs that they come from, in float32."""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from pixgen.models import clips, vqgans, zoo
from pixgen.networks.vqgan import VQModel
from tests.models import llamagen

pytestmark = pytest.mark.slow


@pytest.fixture
def taming_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`taming.models.vqgan` itself, with a stand-in for lightning, which it only derives from."""
    lightning = types.ModuleType("pytorch_lightning")
    lightning.LightningModule = torch.nn.Module  # type: ignore[attr-defined]
    main = types.ModuleType("taming.main")
    main.instantiate_from_config = lambda config: torch.nn.Identity()  # type: ignore[attr-defined]
    for name, module in {"pytorch_lightning": lightning, "taming.main": main}.items():
        monkeypatch.setitem(sys.modules, name, module)
    before = set(sys.modules)
    from taming.models import vqgan

    yield vqgan
    for name in set(sys.modules) - before:
        if name.startswith("taming.models"):
            del sys.modules[name]


@torch.no_grad()
@pytest.mark.parametrize("name", ["vqgan-imagenet-f16-1024", "vqgan-imagenet-f16-16384", "vqgan-openimages-f8-8192"])
def test_vqgans_equal_taming_s_own(name: str, taming_models: Any, capsys: pytest.CaptureFixture[str]) -> None:
    about = zoo.get(name).architecture
    options = {"ddconfig": about["ddconfig"], "n_embed": about["n_embed"], "embed_dim": about["embed_dim"]}
    torch.manual_seed(0)
    gumbel = about["quantizer"] == "gumbel"
    if gumbel:
        theirs = taming_models.GumbelVQ(**options, lossconfig={}, temperature_scheduler_config={}).eval()
    else:
        theirs = taming_models.VQModel(**options, lossconfig={}).eval()
    with torch.device("meta"):
        ours = VQModel(about).eval()
    # The very same tensors, so that two networks fit where one does.
    ours.load_state_dict(theirs.state_dict(), assign=True)

    images = torch.rand(1, 3, 64, 64)
    close = {"rtol": 1e-5, "atol": 1e-5}
    latent = theirs.quant_conv(theirs.encoder(images * 2 - 1))
    if gumbel:
        chosen = theirs.quantize.proj(latent).argmax(1)
        codes = theirs.quantize.embed(chosen).movedim(-1, 1)
        torch.testing.assert_close(ours.encode(images), codes, **close)
        # Theirs adds Gumbel noise to its choice even in eval mode; without it this is the choice.
        quantised, indices = ours.quantize(codes)
        assert torch.equal(indices, chosen)
    else:
        torch.testing.assert_close(ours.encode(images), latent, **close)
        codes, _, (_, _, chosen) = theirs.quantize(latent)
        quantised, indices = ours.quantize(latent)
        assert torch.equal(indices.flatten(), chosen.flatten())
    torch.testing.assert_close(quantised, codes, **close)
    torch.testing.assert_close(ours.decode(quantised), theirs.decode(codes) * 0.5 + 0.5, **close)
    # A random code at every place, as drawing begins.
    indices = torch.randint(about["n_embed"], (1, 4, 4))
    table = theirs.quantize.embed if gumbel else theirs.quantize.embedding
    codes = table(indices).movedim(-1, 1)
    torch.testing.assert_close(ours.codes(indices), codes, **close)
    torch.testing.assert_close(ours.decode(codes), theirs.decode(codes) * 0.5 + 0.5, **close)


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "multiples"), [("vqgan-llamagen-f16", [1, 1, 2, 2, 4]), ("vqgan-llamagen-f8", [1, 2, 2, 4])]
)
def test_llamagen_s_tokenizers_equal_their_source(name: str, multiples: list[int]) -> None:
    state = llamagen.weights(multiples)
    with torch.device("meta"):
        ours = VQModel(zoo.get(name).architecture).eval()
    ours.load_state_dict(vqgans.normal(state, Path(name)), assign=True)

    images = torch.rand(1, 3, 64, 64)
    close = {"rtol": 1e-4, "atol": 1e-4}
    latent = llamagen.encode(state, images * 2 - 1)
    torch.testing.assert_close(ours.encode(images), latent, **close)
    codes, chosen = llamagen.quantise(state, latent)
    quantised, indices = ours.quantize(latent)
    assert torch.equal(indices.flatten(), chosen.flatten())
    torch.testing.assert_close(quantised, codes, **close)
    torch.testing.assert_close(ours.codes(chosen), codes, **close)
    torch.testing.assert_close(ours.decode(codes), llamagen.decode(state, codes) * 0.5 + 0.5, **close)


def vit_b_32(quick_gelu: bool) -> clips.Built:
    torch.manual_seed(0)
    return clips.build({"name": "ViT-B-32", "pretrained": "openai", "quick_gelu": quick_gelu}, None)


@torch.no_grad()
def test_vit_b_32_equals_open_clip_s_own(tmp_path: Any) -> None:
    from safetensors.torch import save_file

    from pixgen import registry

    open_clip = clips.open_clip()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = open_clip.create_model("ViT-B-32-quickgelu", load_weights=False).eval()
    save_file({name: value.contiguous() for name, value in theirs.state_dict().items()}, tmp_path / "a.safetensors")
    options = {"type": "open_clip", "model": "ViT-B/32", "path": tmp_path / "a.safetensors"}
    ours = registry.create("perceptor", options)
    ours.prepare(torch.device("cpu"))
    images, texts = torch.rand(2, 3, 224, 224), ["a fox in the snow", "a teacher"]
    normal = (images - torch.tensor(clips._MEAN)[:, None, None]) / torch.tensor(clips._STD)[:, None, None]
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(ours.encode_image(images), theirs.encode_image(normal, normalize=True), **close)
    found, expected = ours.encode_text(texts), theirs.encode_text(open_clip.tokenize(texts), normalize=True)
    torch.testing.assert_close(found, expected, **close)


@torch.no_grad()
@pytest.mark.parametrize("quick_gelu", [True, False])
def test_vit_b_32_equals_transformers_clip(quick_gelu: bool) -> None:
    transformers = pytest.importorskip("transformers")
    act = "quick_gelu" if quick_gelu else "gelu"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = transformers.CLIPConfig(
            text_config={"hidden_act": act, "eos_token_id": 49407, "bos_token_id": 49406, "pad_token_id": 1},
            vision_config={"hidden_act": act},
            projection_dim=512,
        )
        with torch.device("meta"):
            theirs = transformers.CLIPModel(config).eval()
    ours = vit_b_32(quick_gelu).model
    own = theirs.state_dict()
    state = {name: value for name, value in to_transformers(ours.state_dict()).items() if name in own}
    assert {name for name in own if name not in state} <= {n for n in own if n.endswith("position_ids")}
    theirs.load_state_dict(state, assign=True, strict=False)
    for tower in (theirs.vision_model.embeddings, theirs.text_model.embeddings):
        tower.position_ids = torch.arange(tower.position_embedding.num_embeddings)[None]

    images = torch.randn(2, 3, 224, 224)
    tokens = clips.open_clip().tokenize(["a fox in the snow", "a teacher"])
    close = {"rtol": 1e-4, "atol": 1e-4}
    seen = theirs.visual_projection(theirs.vision_model(pixel_values=images).pooler_output)
    torch.testing.assert_close(F.normalize(ours.encode_image(images)), F.normalize(seen), **close)
    read = theirs.text_projection(theirs.text_model(input_ids=tokens).pooler_output)
    torch.testing.assert_close(F.normalize(ours.encode_text(tokens)), F.normalize(read), **close)
    # The other activation loads as well, and is seen to be wrong.
    other = vit_b_32(not quick_gelu).model
    assert (F.normalize(other.encode_image(images)) - F.normalize(seen)).abs().max() > 1e-3


def to_transformers(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """OpenAI's names to those of transformers' CLIPModel, by its conversion script's rules."""
    found = {
        "logit_scale": state["logit_scale"],
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "text_projection.weight": state["text_projection"].T,
        "visual_projection.weight": state["visual.proj"].T,
        "vision_model.embeddings.class_embedding": state["visual.class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["visual.conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": state["visual.positional_embedding"],
    }
    norms = {
        "ln_final": "text_model.final_layer_norm",
        "visual.ln_pre": "vision_model.pre_layrnorm",
        "visual.ln_post": "vision_model.post_layernorm",
    }
    for name, value in state.items():
        module, _, kind = name.rpartition(".")
        if module in norms:
            found[f"{norms[module]}.{kind}"] = value
        if ".resblocks." not in f".{name}":
            continue
        tower = "vision_model" if name.startswith("visual") else "text_model"
        number, _, rest = name.partition("resblocks.")[2].partition(".")
        at = f"{tower}.encoder.layers.{number}"
        if rest.startswith("attn.in_proj_"):
            for part, piece in zip("qkv", value.chunk(3), strict=True):
                found[f"{at}.self_attn.{part}_proj.{rest.removeprefix('attn.in_proj_')}"] = piece
            continue
        for theirs, ours in {
            "attn.out_proj": "self_attn.out_proj",
            "ln_1": "layer_norm1",
            "ln_2": "layer_norm2",
            "mlp.c_fc": "mlp.fc1",
            "mlp.c_proj": "mlp.fc2",
        }.items():
            if rest.startswith(f"{theirs}."):
                found[f"{at}.{rest.replace(theirs, ours)}"] = value
    return found
