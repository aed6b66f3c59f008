"""A whole model pair of toys in a folder: random weights, written as the trainings write them."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

from pixgen.networks import store, vqgan
from pixgen.networks.clip import TinyCLIP, TinyConfig
from pixgen.networks.prior import Prior, PriorConfig
from pixgen.networks.token_decoder import TokenConfig, TokenDecoder
from pixgen.scenery.vocabulary import COLOURS
from pixgen.training.clip import export
from pixgen.training.data.scenes import Batch

WORDS = ["a", "cat", "dog", "red", "teacher", "in", "oil", *(colour for colour in COLOURS if colour != "red")]
CLIP = TinyConfig(
    side=32, dim=16, stem=4, widths=(8, 8, 8), residuals=1, text_width=12, text_depth=1, vocabulary=32, context=8
)
TOKENS = TokenConfig(
    codes=24, width=32, depth=2, heads=2, code_width=8, head_width=16, image_tokens=2, embedding=16, text_width=12
)
SMALL = TokenConfig(
    codes=12, grid=6, patch=2, width=32, depth=2, heads=2, code_width=8, head_width=16, embedding=8, text_width=8
)


def decoder(config: TokenConfig = SMALL, seed: int = 0) -> TokenDecoder:
    """Random weights that are large enough for every input to count, in float64."""
    torch.manual_seed(seed)
    model = TokenDecoder(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(std=1.5 * weight.shape[-1] ** -0.5)
    return model.double().eval().requires_grad_(False)


def networks(folder: Path, seed: int = 0) -> Path:
    """The perceptor and the VQGAN alone: what the other trainings begin from. Returns the folder."""
    torch.manual_seed(seed)
    tokenizer = Tokenizer(WordLevel({w: i for i, w in enumerate(["[PAD]", "[UNK]", *WORDS])}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    none = torch.tensor([-1, -1])
    batch = Batch(torch.rand(2, 3, 32, 32), ["a cat", "a dog"], none, none)
    folder.mkdir(parents=True, exist_ok=True)
    export(TinyCLIP(CLIP).eval(), tokenizer, WORDS, batch, folder / "perceptor.safetensors", {"pictures": 0})
    sizes = {**vqgan.TINY["ddconfig"], "ch_mult": [1, 1, 1, 1], "resolution": 128}
    config = {**vqgan.TINY, "ddconfig": sizes, "n_embed": TOKENS.codes}
    store.save(vqgan.VQModel(config), folder / "vqgan.safetensors")
    return folder


def pair(folder: Path) -> Path:
    """All that DALL-E needs. Returns the folder."""
    networks(folder)
    made_by = {name: store.fingerprint(folder / f"{name}.safetensors") for name in ("perceptor", "vqgan")}
    store.save(decoder(TOKENS), folder / "tokens.safetensors", **made_by)
    torch.manual_seed(1)
    store.save(Prior(PriorConfig(16, 16, 1)), folder / "prior.safetensors", perceptor=made_by["perceptor"])
    return folder
