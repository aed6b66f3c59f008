"""A perceptor and a VQGAN of toy size with random weights, written as files of a pair."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from pixgen.networks import store, vqgan
from pixgen.networks.clip import TinyCLIP, TinyConfig

SIZES = {
    "side": 32, "dim": 16, "stem": 4, "widths": (8, 8, 8), "residuals": 1, "text_width": 12, "text_depth": 1,
    "vocabulary": 300, "context": 12,
}  # fmt: skip
WORDS = ["a", "an", "the", "of", "in", "cat", "dog", "red", "apple", "car", "teacher", "gato", "um", "uma", "sunflower"]


def write_pair(folder: Path, seed: int = 0) -> None:
    """`perceptor.safetensors` and `vqgan.safetensors` into `folder`."""
    torch.manual_seed(seed)
    tokenizer = Tokenizer(models.WordLevel(unk_token="[unk]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator([WORDS], trainers.WordLevelTrainer(special_tokens=["[pad]", "[unk]"]))
    network = TinyCLIP(TinyConfig(**SIZES))  # type: ignore[arg-type]
    about = {"architecture": SIZES, "tokenizer": json.loads(tokenizer.to_str()), "words": WORDS}
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file({**weights, "gap": torch.zeros(16)}, folder / "perceptor.safetensors", {"pixgen": json.dumps(about)})
    tiny = vqgan.TINY
    small = {"ch": 32, "ch_mult": [1, 1, 1, 1], "z_channels": 4, "resolution": 32}
    described = {**tiny, "ddconfig": {**tiny["ddconfig"], **small}, "n_embed": 64, "embed_dim": 4}
    store.save(vqgan.VQModel(described), folder / "vqgan.safetensors")
