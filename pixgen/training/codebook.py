"""What a VQGAN's codebook is made from: principal components first, then clusters, then running means.

The codes follow the latents that chose them (arXiv 1711.00937, appendix A.1) and are not parameters of an optimiser.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixgen.training.reconstruction import opponent

CODE_DECAY = 0.98
MAX_SIMILARITIES = 2**20
"""Cosines of latents and codes that clustering holds at once: 4 MB, which a processor's cache holds."""


class Codes(nn.Module):
    """What the codebook follows: running counts and sums of the latents that chose each code."""

    counts: Tensor
    sums: Tensor

    def __init__(self, n: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(n))
        self.register_buffer("sums", torch.zeros(n, dim))

    def hold(self, codebook: Tensor) -> None:
        """Begin from codes (n, dim) that were learnt before, each as if a latent had chosen it."""
        self.counts.fill_(1.0)
        self.sums.copy_(codebook.detach())

    def cluster(self, latents: Tensor, rounds: int = 12) -> Tensor:
        """k-means on the unit sphere; latents (M, dim), unit. Returns the codebook (n, dim)."""
        codebook = latents[torch.randperm(len(latents))[: len(self.counts)]].clone()
        for _ in range(rounds):
            self._count(latents, codebook)
            empty = self.counts == 0
            codebook = F.normalize(self.sums, dim=1)
            codebook[empty] = latents[torch.randint(len(latents), (int(empty.sum()),))]
        return codebook

    def extend(self, codebook: Tensor, latents: Tensor, rounds: int = 6) -> Tensor:
        """k-means with the codes that are there, (m, dim), held fixed and others added behind them: (n, dim).

        latents: (M, dim), unit. The new codes begin at latents drawn with chances in proportion to their squared
        distance from the old ones, as k-means++ draws (Arthur and Vassilvitskii 2007).
        """
        kept = len(codebook)
        first = torch.multinomial(_distances(latents, codebook), len(self.counts) - kept)
        whole = torch.cat((codebook, latents[first]))
        for _ in range(rounds):
            self._count(latents, whole)
            empty = self.counts[kept:] == 0
            moved = F.normalize(self.sums[kept:], dim=1)
            if bool(empty.any()):
                moved[empty] = latents[torch.multinomial(_distances(latents, whole), int(empty.sum()))]
            whole = torch.cat((codebook, moved))
        return whole

    def follow(self, codebook: Tensor, indices: Tensor, latents: Tensor) -> None:
        """Move every code towards the latents (M, dim) that chose it (indices (M,))."""
        self.counts.mul_(CODE_DECAY)
        self.sums.mul_(CODE_DECAY)
        self._add(indices, latents, 1 - CODE_DECAY)
        used = self.counts > 1e-3
        codebook[used] = F.normalize(self.sums[used], dim=1)

    def revive(self, codebook: Tensor, latents: Tensor) -> int:
        """Move every code that is hardly used onto a random latent; how many were moved."""
        share = self.counts / self.counts.sum().clamp(min=1e-9)
        dead = (share < 0.02 / len(share)).nonzero().flatten()
        chosen = latents[torch.randint(len(latents), (len(dead),))]
        codebook[dead] = chosen
        self.counts[dead] = self.counts.mean()
        self.sums[dead] = chosen * self.counts[dead, None]
        return len(dead)

    def _count(self, latents: Tensor, codebook: Tensor) -> None:
        """Counts and sums of the latents by their nearest codes, from nothing."""
        self.counts.zero_()
        self.sums.zero_()
        for part in latents.split(max(1, MAX_SIMILARITIES // len(codebook))):
            self._add((part @ codebook.T).argmax(1), part, 1.0)

    def _add(self, indices: Tensor, latents: Tensor, share: float) -> None:
        self.counts += share * torch.bincount(indices, minlength=len(self.counts))
        self.sums.index_add_(0, indices, latents, alpha=share)


def _distances(latents: Tensor, codebook: Tensor) -> Tensor:
    """Half the squared distance of every unit latent (M, dim) to its nearest code, (M,), a little above zero."""
    parts = latents.split(max(1, MAX_SIMILARITIES // len(codebook)))
    nearest = torch.cat([(part @ codebook.T).amax(1) for part in parts])
    return (1 - nearest).clamp(min=1e-9)


class Components(nn.Module):
    """First latents to learn: each patch's principal components, on the unit sphere.

    Left to itself a narrow network spends its first thousands of steps on light and lets its latents collapse onto that
    one direction. With these as the encoder's target and the decoder's input, colours are there from the first step.
    """

    mean: Tensor
    rows: Tensor

    def __init__(self, dim: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.register_buffer("mean", torch.zeros(3 * factor**2))
        self.register_buffer("rows", torch.zeros(dim - 1, 3 * factor**2))

    def measure(self, images: Tensor) -> None:
        """Find the components of these pictures, (B, 3, H, W) in [0, 1], each scaled to unit variance."""
        flat = self._patches(images).movedim(1, -1).flatten(0, 2)
        self.mean.copy_(flat.mean(0))
        values, vectors = torch.linalg.eigh(torch.cov(flat.T))
        count = len(self.rows)
        self.rows.copy_((vectors[:, -count:] / values[-count:].sqrt()).T.flip(0))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> unit latents (B, dim, H/f, W/f)."""
        centred = self._patches(images) - self.mean[:, None, None]
        found = torch.einsum("dp,bphw->bdhw", self.rows, centred).clamp(-3, 3)
        return F.normalize(torch.cat((found, torch.full_like(found[:, :1], 1.5)), 1), dim=1)

    def _patches(self, images: Tensor) -> Tensor:
        return F.pixel_unshuffle(opponent(images), self.factor)
