"""The prior of DALL-E 2 (arXiv 2204.06125, 2.2): from a caption's embedding to those of pictures that it may belong to.

A caption leaves much open, so many embeddings are right. A regression gives their mean, which is no picture's; the
prior is a diffusion in the space of embeddings: it learns to tell the clean embedding from a noisy one, the caption's
and how much noise there is, and draws one by going from noise to none in ten steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class PriorConfig:
    """Sizes. embedding: the perceptor's; width and blocks: of the residual network."""

    embedding: int = 192
    width: int = 256
    blocks: int = 3


class Block(nn.Module):
    """x + MLP(x), scaled and moved by what is known (arXiv 2212.09748). x: (N, width), known: (N, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.known = nn.Linear(width, 2 * width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        nn.init.zeros_(self.known.weight)
        nn.init.zeros_(self.known.bias)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        scale, move = self.known(known).chunk(2, dim=-1)
        result: Tensor = x + self.mlp(self.norm(x) * (1 + scale) + move)
        return result


class Prior(nn.Module):
    """Predicts the clean image embedding. Text and image embeddings are float32 (N, D), unit norm."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        c = self.config = config
        self.register_buffer("mean", torch.zeros(2, c.embedding))  # of text and of image embeddings
        self.register_buffer("scale", torch.full((2,), c.embedding**0.5))
        self.linear = nn.Linear(c.embedding, c.embedding)  # the regression, on which the rest builds
        self.text = nn.Sequential(nn.Linear(c.embedding, c.width), nn.SiLU(), nn.Linear(c.width, c.width))
        self.noise = nn.Sequential(nn.Linear(2, c.width), nn.SiLU(), nn.Linear(c.width, c.width))
        self.enter = nn.Linear(2 * c.embedding, c.width)
        self.blocks = nn.ModuleList(Block(c.width) for _ in range(c.blocks))
        self.norm, self.out = nn.LayerNorm(c.width), nn.Linear(c.width, c.embedding)
        nn.init.zeros_(self.out.weight)

    def sample(self, texts: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One image embedding for each text embedding, (N, D), unit norm; the same for the same generator."""
        raise NotImplementedError
