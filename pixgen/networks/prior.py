"""The prior of DALL-E 2 (arXiv 2204.06125, 2.2): samples image embeddings, given a caption's embedding.

A caption leaves much open, so many image embeddings are right. A regression gives their mean, which belongs to no
picture. The prior is a diffusion model in embedding space: it learns to predict the clean embedding from a noisy one,
the caption's embedding and the noise level, and samples in ten denoising steps.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixgen.io import schema

STEPS = 10
CANDIDATES = 2
"""Embeddings sampled for each caption; the one with the higher similarity to the text is kept, as in DALL-E 2."""
TRUNCATION = 0.25
"""Interpolation from the caption's mean embedding (0) to the sample (1). Lower values are nearer to any one true
picture's embedding, for the mean is nearest to all of them, and less diverse; on held-out captions 0.25 was nearer than
ridge regression, and its samples were still distributed more like true embeddings."""
ALL_NOISE = 0.25
"""Share of training samples at full noise, where the prediction is the caption's mean embedding."""


@dataclass(frozen=True)
class PriorConfig:
    """Sizes of the network.

    embedding: dimension of the perceptor's embeddings.
    width, blocks: hidden width and number of blocks of the residual network.
    Raises ValueError for sizes that no such network has.
    """

    embedding: int = 192
    width: int = 256
    blocks: int = 2

    def __post_init__(self) -> None:
        schema.require_between(self, embedding=(1, 8192), width=(1, 8192), blocks=(0, 64))


class ModulatedBlock(nn.Module):
    """x + MLP(x), scaled and shifted by the condition (adaLN, arXiv 2212.09748); x and condition are (N, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.known = nn.Linear(width, 2 * width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        nn.init.zeros_(self.known.weight)
        nn.init.zeros_(self.known.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.known(condition).chunk(2, dim=-1)
        result: Tensor = x + self.mlp(self.norm(x) * (1 + scale) + shift)
        return result


class Prior(nn.Module):
    """Predicts the clean image embedding. Text and image embeddings are float32 (N, D), unit norm.

    Inside, embeddings are standardised (`standardise`), for those of a perceptor fill only a narrow cone.
    """

    mean: Tensor
    scale: Tensor
    spread: Tensor

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        c = self.config = config
        self.register_buffer("mean", torch.zeros(2, c.embedding))  # of text and of image embeddings
        self.register_buffer("scale", torch.full((2,), c.embedding**0.5))
        self.register_buffer("spread", torch.ones(()))  # residual variance of the regression
        self.linear = nn.Linear(c.embedding, c.embedding)
        self.text = nn.Sequential(nn.Linear(c.embedding, c.width), nn.SiLU(), nn.Linear(c.width, c.width))
        self.noise = nn.Sequential(nn.Linear(2, c.width), nn.SiLU(), nn.Linear(c.width, c.width))
        self.enter = nn.Linear(2 * c.embedding, c.width)
        self.blocks = nn.ModuleList(ModulatedBlock(c.width) for _ in range(c.blocks))
        self.norm, self.out = nn.LayerNorm(c.width), nn.Linear(c.width, c.embedding)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    @torch.no_grad()
    def fit_regression(self, texts: Tensor, images: Tensor, strength: float = 0.01) -> None:
        """Initialise with the ridge regression of paired embeddings, (N, D) each; `strength` is its penalty."""
        for i, rows in enumerate((texts, images)):
            self.mean[i] = rows.mean(0)
            self.scale[i] = 1 / (rows - rows.mean(0)).std().clamp(min=1e-6)
        text, shown = self.standardise(texts, 0), self.standardise(images, 1)
        size = text.shape[1]
        gram = text.T @ text / len(text) + strength * torch.eye(size, device=text.device)
        self.linear.weight.copy_(torch.linalg.solve(gram, text.T @ shown / len(text)).T)
        self.linear.bias.zero_()
        self.spread.copy_((shown - self.linear(text)).square().mean())

    def standardise(self, embeddings: Tensor, kind: int) -> Tensor:
        """Embeddings of kind 0 (text) or 1 (image), centred and scaled to unit variance."""
        return (embeddings - self.mean[kind]) * self.scale[kind]

    def restore(self, standardised: Tensor) -> Tensor:
        """The inverse of `standardise` for image embeddings: (N, D), unit norm."""
        return F.normalize(standardised / self.scale[1] + self.mean[1], dim=-1)

    @torch.no_grad()
    def regression(self, texts: Tensor) -> Tensor:
        """The linear map alone, (N, D), unit norm: the baseline that the prior is measured against."""
        return self.restore(self.linear(self.standardise(texts, 0)))

    def forward(self, noisy: Tensor, text: Tensor, time: Tensor) -> Tensor:
        """Predict the clean embedding from noisy = cos(t) * clean + sin(t) * noise.

        noisy, text: standardised image and text embeddings, (N, D). time: t, (N, 1) in [0, pi/2].
        If the regression's residual were Gaussian, the answer would have a closed form; the network learns the rest.
        """
        kept, noise = time.cos(), time.sin()
        guess = self.linear(text)
        total = kept**2 * self.spread + noise**2
        guess = guess + kept * self.spread / total * (noisy - kept * guess)
        left = (self.spread * noise**2 / total).sqrt()
        condition = self.text(text) + self.noise(torch.cat((kept, noise), 1))
        x = self.enter(torch.cat((noisy, text), 1))
        for block in self.blocks:
            x = block(x, condition)
        result: Tensor = guess + left * self.out(self.norm(x))
        return result

    def loss(self, texts: Tensor, images: Tensor, rng: torch.Generator) -> Tensor:
        """Mean squared error of the predicted clean embedding at random noise levels, a scalar."""
        text, clean = self.standardise(texts, 0), self.standardise(images, 1)
        time = (torch.rand(len(clean), 1, generator=rng).to(clean) / (1 - ALL_NOISE)).clamp(max=1) * (math.pi / 2)
        noise = torch.randn(clean.shape, generator=rng).to(clean)
        return F.mse_loss(self(time.cos() * clean + time.sin() * noise, text, time), clean)

    @torch.no_grad()
    def sample(
        self,
        texts: Tensor,
        generator: torch.Generator | None = None,
        candidates: int = CANDIDATES,
        truncation: float = TRUNCATION,
    ) -> Tensor:
        """Sample one image embedding for each text embedding, (N, D), unit norm; the same for the same generator.

        candidates: samples per text, of which the most similar to the text is kept.
        truncation: interpolation from the mean (0) to the sample (1), as in arXiv 1812.04948.
        """
        drawn = torch.stack([self._draw(texts, generator) for _ in range(candidates)])
        best = (drawn * texts).sum(-1).argmax(0)
        chosen = drawn[best, torch.arange(len(texts), device=best.device)]
        return F.normalize(torch.lerp(self.mean_embedding(texts), chosen, truncation), dim=-1)

    @torch.no_grad()
    def mean_embedding(self, texts: Tensor) -> Tensor:
        """The predicted mean of a caption's image embeddings, (N, D), unit norm."""
        text = self.standardise(texts, 0)
        return self.restore(self(torch.zeros_like(text), text, torch.full_like(text[:, :1], math.pi / 2)))

    def _draw(self, texts: Tensor, generator: torch.Generator | None) -> Tensor:
        """One sample by STEPS deterministic denoising steps (DDIM, arXiv 2010.02502)."""
        text = self.standardise(texts, 0)
        x = torch.randn(texts.shape, generator=generator).to(texts)
        times = torch.linspace(math.pi / 2, 0, STEPS + 1).tolist()
        for now, then in itertools.pairwise(times):
            clean = self(x, text, torch.full_like(x[:, :1], now))
            noise = (x - math.cos(now) * clean) / math.sin(now)
            x = math.cos(then) * clean + math.sin(then) * noise
        return self.restore(x)
