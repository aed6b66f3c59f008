"""DALL-E 2's way (arXiv 2204.06125): the prior guesses the picture's embedding, the decoder draws what has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pixgen.errors import UsageError
from pixgen.networks.pair import Pair
from pixgen.plugins.starts.candidates import Candidates, picture
from pixgen.prompts.grammar import Prompt
from pixgen.registry import register


@register("start", "dalle2")
@dataclass
class Dalle2(Candidates):
    """Code grids written after the image embedding that the prior draws; the one that CLIP likes best begins."""

    networks: ClassVar[Sequence[str]] = ("perceptor", "vqgan", "tokens", "prior")

    def grids(self, pair: Pair, prompts: Sequence[Prompt], random: torch.Generator) -> Tensor:
        """Every candidate has an embedding of its own; several prompts' are added by weight, a picture's as it is.

        That of a prompt that tells the colour of a thing is mixed with that of the same without it.

        Raises UsageError where every weight is negative.
        """
        found = []
        for prompt in prompts:
            if prompt.kind == "image":
                found.append(picture(pair, prompt).expand(self.candidates, -1))
                continue
            said = pair.text_to_image_embedding([prompt.text], self.candidates, random)
            if (plain := self.plain(prompt.text)) != prompt.text:
                other = pair.text_to_image_embedding([plain], self.candidates, random)
                said = pair.mix((said, other), (1 - self.uncoloured, self.uncoloured))
            found.append(said)
        weights = [prompt.weight for prompt in prompts]
        if not any(weight > 0 for weight in weights):
            raise UsageError("start dalle2 needs a prompt of positive weight: what to draw, not only what to avoid")
        return pair.from_embedding(
            pair.mix(found, weights), self.candidates, temperature=self.temperature, top_k=self.top_k,
            guidance=self.guidance, generator=random,
        )  # fmt: skip
