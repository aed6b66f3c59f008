"""The prior of DALL-E 2 (arXiv 2204.06125, 2.2): from a caption's embedding to those of pictures that it may belong to.

A caption leaves much open, so many embeddings are right. A regression gives their mean, which is no picture's; the
prior is a diffusion in the space of embeddings: it learns to tell the clean embedding from a noisy one, the caption's
and how much noise there is, and draws one by going from noise to none in ten steps.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS = 10
CANDIDATES = 2
"""As in DALL-E 2: of two embeddings the one is kept that is more like the text's."""
TRUNCATION = 0.25
"""How far a sample goes from the caption's mean to where it was drawn. Less is nearer to any one true picture's
embedding, for the mean is nearest to all of them, and less diverse; on held-out captions a quarter was nearer than
ridge regression and yet more like a cloud of true embeddings."""
ALL_NOISE = 0.25
"""Share of the training at full noise: there the prior says the caption's mean."""


@dataclass(frozen=True)
class PriorConfig:
    """Sizes. embedding: the perceptor's; width and blocks: of the residual network."""

    embedding: int = 192
    width: int = 256
    blocks: int = 2


class ModulatedBlock(nn.Module):
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
    """Predicts the clean image embedding. Text and image embeddings are float32 (N, D), unit norm.

    Inside, embeddings are centred and scaled, for all of a perceptor's lie in one narrow cone.
    """

    mean: Tensor
    scale: Tensor
    spread: Tensor

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        c = self.config = config
        self.register_buffer("mean", torch.zeros(2, c.embedding))  # of text and of image embeddings
        self.register_buffer("scale", torch.full((2,), c.embedding**0.5))
        self.register_buffer("spread", torch.ones(()))  # variance that the regression leaves
        self.linear = nn.Linear(c.embedding, c.embedding)
        self.text = nn.Sequential(nn.Linear(c.embedding, c.width), nn.SiLU(), nn.Linear(c.width, c.width))
        self.noise = nn.Sequential(nn.Linear(2, c.width), nn.SiLU(), nn.Linear(c.width, c.width))
        self.enter = nn.Linear(2 * c.embedding, c.width)
        self.blocks = nn.ModuleList(ModulatedBlock(c.width) for _ in range(c.blocks))
        self.norm, self.out = nn.LayerNorm(c.width), nn.Linear(c.width, c.embedding)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    @torch.no_grad()
    def learn_regression(self, texts: Tensor, images: Tensor, strength: float = 0.01) -> None:
        """Begin from the best that a linear map can do: ridge regression of pairs, (N, D) each."""
        for i, rows in enumerate((texts, images)):
            self.mean[i] = rows.mean(0)
            self.scale[i] = 1 / (rows - rows.mean(0)).std().clamp(min=1e-6)
        said, shown = self.inner(texts, 0), self.inner(images, 1)
        size = said.shape[1]
        gram = said.T @ said / len(said) + strength * torch.eye(size, device=said.device)
        self.linear.weight.copy_(torch.linalg.solve(gram, said.T @ shown / len(said)).T)
        self.linear.bias.zero_()
        self.spread.copy_((shown - self.linear(said)).square().mean())

    def inner(self, embeddings: Tensor, kind: int) -> Tensor:
        """Embeddings of kind 0 (text) or 1 (image), centred and scaled."""
        return (embeddings - self.mean[kind]) * self.scale[kind]

    def outer(self, inner: Tensor) -> Tensor:
        """Back from `inner` to image embeddings of unit norm."""
        return F.normalize(inner / self.scale[1] + self.mean[1], dim=-1)

    @torch.no_grad()
    def regression(self, texts: Tensor) -> Tensor:
        """The linear map alone, (N, D), unit norm: what the prior is measured against, before it learns."""
        return self.outer(self.linear(self.inner(texts, 0)))

    def forward(self, noisy: Tensor, said: Tensor, time: Tensor) -> Tensor:
        """The clean embedding behind cos(t) * clean + sin(t) * noise. All `inner`, (N, D); time t: (N, 1) in [0, pi/2].

        Were what the regression leaves Gaussian, the right answer would be known; the network learns what differs.
        """
        kept, noise = time.cos(), time.sin()
        guess = self.linear(said)
        total = kept**2 * self.spread + noise**2
        guess = guess + kept * self.spread / total * (noisy - kept * guess)
        left = (self.spread * noise**2 / total).sqrt()
        known = self.text(said) + self.noise(torch.cat((kept, noise), 1))
        x = self.enter(torch.cat((noisy, said), 1))
        for block in self.blocks:
            x = block(x, known)
        result: Tensor = guess + left * self.out(self.norm(x))
        return result

    def loss(self, texts: Tensor, images: Tensor, rng: torch.Generator) -> Tensor:
        """Mean squared error of the clean embedding at random noise, a number."""
        said, clean = self.inner(texts, 0), self.inner(images, 1)
        time = (torch.rand(len(clean), 1, generator=rng).to(clean) / (1 - ALL_NOISE)).clamp(max=1) * (math.pi / 2)
        noise = torch.randn(clean.shape, generator=rng).to(clean)
        return F.mse_loss(self(time.cos() * clean + time.sin() * noise, said, time), clean)

    @torch.no_grad()
    def sample(
        self,
        texts: Tensor,
        generator: torch.Generator | None = None,
        candidates: int = CANDIDATES,
        truncation: float = TRUNCATION,
    ) -> Tensor:
        """One image embedding for each text embedding, (N, D), unit norm; the same for the same generator.

        The one of `candidates` that is most like its text, truncated (arXiv 1812.04948) towards the mean: 1 leaves it
        where it was drawn, 0 gives the mean.
        """
        drawn = torch.stack([self._draw(texts, generator) for _ in range(candidates)])
        best = (drawn * texts).sum(-1).argmax(0)
        chosen = drawn[best, torch.arange(len(texts), device=best.device)]
        return F.normalize(torch.lerp(self.average(texts), chosen, truncation), dim=-1)

    @torch.no_grad()
    def average(self, texts: Tensor) -> Tensor:
        """The mean of a caption's image embeddings as the prior sees it, (N, D), unit norm."""
        said = self.inner(texts, 0)
        return self.outer(self(torch.zeros_like(said), said, torch.full_like(said[:, :1], math.pi / 2)))

    def _draw(self, texts: Tensor, generator: torch.Generator | None) -> Tensor:
        """Ten deterministic steps from noise to none (DDIM, arXiv 2010.02502)."""
        said = self.inner(texts, 0)
        x = torch.randn(texts.shape, generator=generator).to(texts)
        times = torch.linspace(math.pi / 2, 0, STEPS + 1).tolist()
        for now, then in itertools.pairwise(times):
            clean = self(x, said, torch.full_like(x[:, :1], now))
            noise = (x - math.cos(now) * clean) / math.sin(now)
            x = math.cos(then) * clean + math.sin(then) * noise
        return self.outer(x)
