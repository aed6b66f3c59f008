"""DALL-E 2 (arXiv 2204.06125): the prior samples an image embedding, the decoder samples codes that match it."""

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
    """Code grids sampled from image embeddings of the prior; the loop starts from the one that CLIP ranks first."""

    networks: ClassVar[Sequence[str]] = ("perceptor", "vqgan", "tokens", "prior")

    def grids(self, pair: Pair, prompts: Sequence[Prompt], random: torch.Generator) -> Tensor:
        """Sample one grid for each of `candidates` image embeddings.

        The embeddings of several prompts are added by weight; an image prompt has its own. That of a prompt with object
        colours is mixed with that of the same text without them. Raises UsageError where no weight is positive.
        """
        found = []
        for prompt in prompts:
            if prompt.kind == "image":
                found.append(picture(pair, prompt).expand(self.candidates, -1))
                continue
            embeddings = pair.text_to_image_embedding([prompt.text], self.candidates, random)
            if (colour_free := self.colour_free(prompt.text)) != prompt.text:
                second = pair.text_to_image_embedding([colour_free], self.candidates, random)
                embeddings = pair.mix((embeddings, second), (1 - self.colour_free_weight, self.colour_free_weight))
            found.append(embeddings)
        weights = [prompt.weight for prompt in prompts]
        if not any(weight > 0 for weight in weights):
            raise UsageError("start dalle2 needs a prompt of positive weight: what to draw, not only what to avoid")
        return pair.from_embedding(
            pair.mix(found, weights), self.candidates, temperature=self.temperature, top_k=self.top_k,
            guidance=self.guidance, generator=random,
        )  # fmt: skip
