"""Styles as portraits have them: finer where the usual one has no room for a face, and true to the colour of skin.

As in `styles.py`: float32 (B, 3, S, S) in [0, 1], lengths as fractions of the side, `rng` for all that is random.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from pixgen.io.pictures import read, to_image
from pixgen.scenery.styles import STYLES, Style, cloud, edges, grain, grey, tiled, uniform, warp

PALETTE = 24
"""Colours of pixel art: as few as a picture of a person can do with."""


def pixel_art(x: Tensor, rng: Generator) -> Tensor:
    """Forty to forty-five pixels across, in a palette of the picture's own (median cut)."""
    side = x.shape[-1]
    across = int(torch.randint(40, 46, (1,), generator=rng))
    small = F.interpolate(x, size=(across, across), mode="area")
    few = torch.cat([read(to_image(one).quantize(PALETTE).convert("RGB")) for one in small])
    return F.interpolate(few, size=(side, side), mode="nearest")


def oil(x: Tensor, rng: Generator) -> Tensor:
    """Short strokes: noise that is long one way and fine the other, in two directions that meet in patches."""
    n, side = x.shape[0], x.shape[-1]
    x = warp(warp(x, rng, 16, 0.004), rng, 32, 0.003)
    angle = uniform(rng, n, 0, math.pi)
    patches = torch.sigmoid(6 * cloud(n, side, 7, rng))
    strokes = patches * bristles(n, side, angle, rng) + (1 - patches) * bristles(n, side, angle + 1.1, rng)
    mean = x.mean((2, 3), keepdim=True)
    rich = mean + (x - mean) * 1.15
    return (rich * 0.93 + 0.02 + 0.075 * strokes + 0.02 * grain(x, rng)).clamp(0, 1)


def bristles(n: int, side: int, angle: Tensor, rng: Generator) -> Tensor:
    """Noise along the angles (n, 1, 1, 1), about six bumps to a side that way and forty-five across: (n, 1, S, S)."""
    noise = torch.randn(n, 1, 64, 8, generator=rng)
    t = torch.linspace(-1, 1, side)
    x, y = t.view(1, 1, -1).expand(n, side, -1), t.view(1, -1, 1).expand(n, -1, side)
    cos, sin = torch.cos(angle[:, 0]), torch.sin(angle[:, 0])
    turned = torch.stack((cos * x + sin * y, cos * y - sin * x), -1) / math.sqrt(2)
    return F.grid_sample(noise, turned, mode="bicubic", padding_mode="reflection", align_corners=False)


def mosaic(x: Tensor, rng: Generator) -> Tensor:
    return tiled(x, rng, cells=19, line=0.82, keep=0.0, width=0.15)


def poster(x: Tensor, rng: Generator) -> Tensor:
    light = grey(x)
    return flattened((light + (x - light) * 1.5).clamp(0, 1), 5) * 0.92 + 0.05


def comic(x: Tensor, rng: Generator) -> Tensor:
    side = x.shape[-1]
    light = grey(x)
    flat = flattened((light + (x - light) * 1.3).clamp(0, 1), 5)
    t = torch.linspace(0, 1, side)
    turned = (t.view(-1, 1) + t.view(1, -1), t.view(-1, 1) - t.view(1, -1))
    dots = torch.cos(2 * math.pi * 13 * turned[0]) * torch.cos(2 * math.pi * 13 * turned[1])
    tone = 0.2 * torch.sigmoid((dots - 0.3) * 6) * (1.1 - light)
    line = (edges(x, 0.6) * 1.3 - 0.3).clamp(0, 1)
    return ((flat * (1 - tone) + 0.03) * (1 - line)).clamp(0, 1)


def flattened(x: Tensor, levels: int) -> Tensor:
    """A picture whose light has so many levels from black to white, with every hue as it was."""
    light = grey(x).clamp(min=0.02)
    return (x * ((light * (levels - 1)).round() / (levels - 1)).clamp(min=0.08) / light).clamp(0, 1)


PORTRAIT_STYLES: dict[str, Style] = {
    **STYLES,
    "oil": oil,
    "pixel-art": pixel_art,
    "mosaic": mosaic,
    "poster": poster,
    "comic": comic,
}
