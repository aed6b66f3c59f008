"""The patch discriminator (arXiv 1611.07004) for the last, adversarial part of a VQGAN's training."""

from __future__ import annotations

from torch import nn


class Discriminator(nn.Sequential):
    """float32 (B, 3, H, W) in [0, 1] -> logits (B, 1, H/8, W/8), one a patch, high for real pictures."""

    def __init__(self, width: int = 32) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for wide in (width, 2 * width):
            layers += [nn.Conv2d(wide, 2 * wide, 4, 2, 1, bias=False), nn.GroupNorm(8, 2 * wide), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(4 * width, 1, 3, 1, 1))
