"""DALL-E's way (arXiv 2102.12092): the caption's tokens, then the picture's, in one stream; CLIP ranks what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pixgen.errors import UsageError
from pixgen.networks.pair import Pair
from pixgen.plugins.starts.candidates import Candidates
from pixgen.prompts.grammar import Prompt
from pixgen.registry import register


@register("start", "dalle1")
@dataclass
class Dalle1(Candidates):
    """Code grids written after the prompt's words; the one that CLIP likes best begins."""

    networks: ClassVar[Sequence[str]] = ("perceptor", "vqgan", "tokens")

    def grids(self, pair: Pair, prompts: Sequence[Prompt], random: torch.Generator) -> Tensor:
        """Several prompts are one caption, the heaviest first; negative ones count in the ranking alone.

        A caption that tells the colour of a thing is followed beside the same without it.

        Raises UsageError where no words say what to draw.
        """
        said = [p for p in prompts if p.kind == "text" and p.weight > 0]
        if not said:
            raise UsageError("start dalle1 begins from words, and no prompt of positive weight has any; try dalle2")
        texts = [p.text for p in sorted(said, key=lambda p: -p.weight)]
        plain = [self.plain(text) for text in texts]
        return pair.from_text(
            texts, self.candidates, temperature=self.temperature, top_k=self.top_k, guidance=self.guidance,
            generator=random, beside=plain if plain != texts else (), share=self.uncoloured,
        )  # fmt: skip
