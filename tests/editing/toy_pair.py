"""A model pair of toys with random weights, which needs no file: for tests of what a pair can do."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from pixgen.networks.pair import Pair
from pixgen.networks.token_decoder import TokenConfig, TokenDecoder
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.testing import ToyPerceptor

NARROW = {**TINY["ddconfig"], "ch": 32, "ch_mult": [1, 1, 1, 1], "num_res_blocks": 1, "attn_resolutions": []}


class ToyPair(Pair):
    """As `pixgen.networks.pair.load` gives it, but for the prior, which gives the texts' own embeddings."""

    def __init__(self) -> None:
        super().__init__(Path("toys"), torch.device("cpu"))
        _ = self.decoder  # is there, for all that no file is

    @cached_property
    def perceptor(self) -> Any:
        return ToyPerceptor()

    @cached_property
    def vqgan(self) -> VQModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return VQModel({**TINY, "ddconfig": NARROW, "n_embed": 64}).eval().requires_grad_(False)

    @cached_property
    def decoder(self) -> TokenDecoder:
        sizes = TokenConfig(codes=64, width=16, depth=1, heads=2, code_width=8, head_width=16, embedding=32)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return TokenDecoder(sizes).eval().requires_grad_(False)

    def text_to_image_embedding(self, texts: list[str], n: int, generator: Any = None) -> torch.Tensor:
        return self.perceptor.encode_text([", ".join(texts)]).expand(n, -1)
