"""DALL-E (arXiv 2102.12092): caption tokens, then picture codes in one sequence; CLIP ranks the samples."""

from __future__ import annotations

import logging
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

log = logging.getLogger(__name__)


@register("start", "dalle1")
@dataclass
class Dalle1(Candidates):
    """Code grids sampled from the prompt's text; the loop starts from the one that CLIP ranks first."""

    networks: ClassVar[Sequence[str]] = ("perceptor", "vqgan", "tokens")

    def grids(self, pair: Pair, prompts: Sequence[Prompt], random: torch.Generator) -> Tensor:
        """Sample from one caption: all prompts of positive weight, the heaviest first.

        Negative prompts count in the ranking alone. A caption with object colours has itself without them as second
        condition. Raises UsageError where no text prompt has a positive weight.
        """
        positive = [p for p in prompts if p.kind == "text" and p.weight > 0]
        if not positive:
            raise UsageError("start dalle1 needs a text prompt of positive weight; dalle2 takes pictures as well")
        texts = [p.text for p in sorted(positive, key=lambda p: -p.weight)]
        colour_free = [self.colour_free(text) for text in texts]
        grids = pair.from_text(
            texts, self.candidates, temperature=self.temperature, top_k=self.top_k, guidance=self.guidance,
            generator=random, second_texts=colour_free if colour_free != texts else (),
            second_weight=self.colour_free_weight,
        )  # fmt: skip
        if unread := pair.perceptor.unread(", ".join(texts)):
            log.warning("start dalle1 has no room for the whole prompt; it does not read %r", unread)
        return grids
