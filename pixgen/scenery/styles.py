"""Procedural styles and places: whole batches of pictures at once, any size, on the CPU or a GPU.

Every length is a fraction of the picture's side, so a style looks the same at 64 and at 256 pixels. All take and
give float32 (B, 3, S, S) in [0, 1]; `rng` is the torch.Generator that everything random is drawn from.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from pixgen.backend.tensors import gaussian_blur

Style = Callable[[Tensor, Generator], Tensor]
Place = Callable[[int, int, Generator], Tensor]


def uniform(rng: Generator, n: int, low: float, high: float) -> Tensor:
    """(n, 1, 1, 1), one number a picture."""
    return torch.empty(n, 1, 1, 1).uniform_(low, high, generator=rng)


def grey(x: Tensor) -> Tensor:
    """Luma (Rec. 601), (B, 1, S, S)."""
    return (x * x.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)


def cloud(n: int, side: int, cells: int, rng: Generator, channels: int = 1) -> Tensor:
    """Smooth noise with about `cells` bumps across, (n, channels, S, S), roughly in [-1, 1]."""
    coarse = torch.randn(n, channels, cells, cells, generator=rng)
    return F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)


def grain(x: Tensor, rng: Generator) -> Tensor:
    """Fine noise of about 64 grains across whatever the size, (B, 1, S, S)."""
    fine = torch.randn(x.shape[0], 1, 64, 64, generator=rng)
    return fine if x.shape[-1] == 64 else F.interpolate(fine, size=x.shape[-2:], mode="bilinear")


def edges(x: Tensor, width: float = 1.0) -> Tensor:
    """Strength of the edges of a picture in [0, 1], (B, 1, S, S); `width` in 64ths of the side."""
    scale = x.shape[-1] / 64
    if width * scale > 1:
        x = gaussian_blur(x, 0.5 * width * scale)
    x = F.pad(x, (1, 1, 1, 1), "replicate")
    dx, dy = x[..., 1:-1, 2:] - x[..., 1:-1, :-2], x[..., 2:, 1:-1] - x[..., :-2, 1:-1]
    return ((dx**2 + dy**2).sum(1, keepdim=True).sqrt() * scale * 0.9).clamp(0, 1)


def warp(x: Tensor, rng: Generator, cells: int, amount: float) -> Tensor:
    """Displace by smooth noise; `amount` as a fraction of the side."""
    n, _, side, _ = x.shape
    base = F.affine_grid(torch.eye(2, 3).repeat(n, 1, 1), [n, 1, side, side], align_corners=False)
    shift = cloud(n, side, cells, rng, 2).permute(0, 2, 3, 1) * 2 * amount
    return F.grid_sample(x, base + shift, padding_mode="reflection", align_corners=False)


def tinted(sprite: Tensor, rgb: tuple[float, float, float]) -> Tensor:
    """Recolour a sprite, premultiplied RGBA (4, H, W), keeping light and shade about the colour."""
    alpha = sprite[3:].clamp(min=1e-3)
    light = (sprite[:3] / alpha * sprite.new_tensor([0.3, 0.59, 0.11]).view(3, 1, 1)).sum(0, keepdim=True)
    inside = sprite[3:] > 0.5
    middle = light[inside].mean() if inside.any() else light.mean()
    light = (light - middle) * 0.8
    target = sprite.new_tensor(rgb).view(3, 1, 1)
    return torch.cat(((target + light).clamp(0, 1) * sprite[3:], sprite[3:]))


def drawing(x: Tensor, rng: Generator) -> Tensor:
    return x


def watercolor(x: Tensor, rng: Generator) -> Tensor:
    n, side = x.shape[0], x.shape[-1]
    x = warp(x, rng, 10, 0.006)
    soft = gaussian_blur(x, side / 64)
    pigment = 1 + 0.18 * cloud(n, side, 7, rng) + 0.06 * grain(x, rng)
    wash = 1 - (1 - (0.5 * soft + 0.5 * x)) * pigment * uniform(rng, n, 0.7, 0.9)
    rim = edges(soft, 2).clamp(0, 0.5)
    paper = torch.tensor([1.0, 0.99, 0.96]).view(3, 1, 1)
    margin = torch.sigmoid((vignette(n, side) + 0.10 * cloud(n, side, 9, rng) - 0.12) * 30)
    return (margin * wash * (1 - 0.45 * rim) + (1 - margin) * paper).clamp(0, 1)


def vignette(n: int, side: int) -> Tensor:
    """Distance to the nearest border as a fraction of half the side, (n, 1, S, S)."""
    t = 1 - torch.linspace(-1, 1, side).abs()
    return torch.minimum(t[:, None], t[None, :]).expand(n, 1, side, side)


def oil(x: Tensor, rng: Generator) -> Tensor:
    n, side = x.shape[0], x.shape[-1]
    x = warp(warp(x, rng, 16, 0.007), rng, 32, 0.004)
    angle = uniform(rng, n, 0, math.pi)
    t = torch.linspace(0, 1, side)
    across = torch.cos(angle) * t.view(1, 1, 1, -1) + torch.sin(angle) * t.view(1, 1, -1, 1)
    strokes = torch.sin(2 * math.pi * (across * 13 + 0.9 * cloud(n, side, 9, rng)))
    mean = x.mean((2, 3), keepdim=True)
    rich = mean + (x - mean) * 1.15
    return (rich * 0.93 + 0.02 + 0.075 * strokes + 0.025 * grain(x, rng)).clamp(0, 1)


def pencil(x: Tensor, rng: Generator) -> Tensor:
    n, side = x.shape[0], x.shape[-1]
    light = grey(warp(x, rng, 12, 0.006))
    line = edges(light.expand(-1, 3, -1, -1), 1.0) * 0.9
    t = torch.linspace(0, 1, side)
    hatch = 0.5 + 0.5 * torch.sin(
        2 * math.pi * (26 * (t.view(1, 1, 1, -1) + t.view(1, 1, -1, 1)) + cloud(n, side, 6, rng))
    )
    shade = (1 - light) * (0.22 + 0.3 * hatch)
    paper = 0.96 + 0.02 * grain(x, rng)
    return (paper - shade - line).clamp(0.05, 1).expand(-1, 3, -1, -1)


def ink(x: Tensor, rng: Generator) -> Tensor:
    line = (edges(warp(x, rng, 10, 0.008), 1.6) * 2.6 - 0.35).clamp(0, 1)
    solid = torch.sigmoid((0.28 - grey(x)) * 25)
    return (1 - torch.maximum(line, solid) * 0.95).clamp(0, 1).expand(-1, 3, -1, -1)


def neon(x: Tensor, rng: Generator) -> Tensor:
    side = x.shape[-1]
    line = (edges(x, 1.4) * 1.6).clamp(0, 1)
    hue = x / x.amax(1, keepdim=True).clamp(min=0.15)
    vivid = (hue - hue.amin(1, keepdim=True) * 0.75).clamp(0, 1)
    tint = torch.rand(x.shape[0], 3, 1, 1, generator=rng)
    tint = tint / tint.amax(1, keepdim=True)
    glow = line * (0.55 * vivid + 0.45 * tint)
    return (0.04 + 0.10 * x + glow + 1.3 * gaussian_blur(glow, side / 24)).clamp(0, 1)


def pixel_art(x: Tensor, rng: Generator) -> Tensor:
    side = x.shape[-1]
    cells = int(torch.randint(16, 25, (1,), generator=rng))
    small = F.interpolate(x, size=(cells, cells), mode="area")
    return F.interpolate((small * 5).round() / 5, size=(side, side), mode="nearest")


def black_and_white(x: Tensor, rng: Generator) -> Tensor:
    light = grey(x)
    contrast = uniform(rng, x.shape[0], 1.0, 1.5)
    return ((light - 0.5) * contrast + 0.5 + 0.02 * grain(x, rng)).clamp(0, 1).expand(-1, 3, -1, -1)


def sepia(x: Tensor, rng: Generator) -> Tensor:
    light = grey(x) * 0.8 + 0.12 + 0.03 * grain(x, rng)
    tone = torch.tensor([1.08, 0.88, 0.64]).view(3, 1, 1)
    fade = 0.75 + 0.25 * vignette(x.shape[0], x.shape[-1]).clamp(0, 0.5) * 2
    return (light * tone * fade).clamp(0, 1)


def pastel(x: Tensor, rng: Generator) -> Tensor:
    side = x.shape[-1]
    soft = 0.5 * gaussian_blur(x, side / 64) + 0.5 * x
    chalky = 0.07 * grain(x, rng) * (1.2 - soft)
    return (0.42 + 0.56 * soft + chalky).clamp(0, 1)


def poster(x: Tensor, rng: Generator) -> Tensor:
    light = grey(x)
    vivid = (light + (x - light) * 1.7).clamp(0, 1)
    return (vivid * 2.0).round() / 2.0 * 0.9 + 0.06


def mosaic(x: Tensor, rng: Generator) -> Tensor:
    """Tiles of a jittered grid with light grout: each pixel takes the colour of its nearest tile's centre."""
    return tiled(x, rng, cells=13, line=0.82, keep=0.0, width=0.16)


def stained_glass(x: Tensor, rng: Generator) -> Tensor:
    light = grey(x)
    vivid = (light + (x - light) * 1.6).clamp(0.08, 1)
    lead = (edges(x, 1.6) * 1.8).clamp(0, 1)
    return tiled(vivid, rng, cells=8, line=0.03, keep=0.55, width=0.13) * (1 - lead) + 0.03 * lead


def tiled(x: Tensor, rng: Generator, cells: int, line: float, keep: float, width: float) -> Tensor:
    n, _, side, _ = x.shape
    t = (torch.arange(side) + 0.5) / side * cells
    gy, gx = torch.meshgrid(t, t, indexing="ij")
    jitter = 0.62 * (torch.rand(n, 2, cells + 2, cells + 2, generator=rng) - 0.5)
    best = torch.full((n, side, side), 9.0)
    second = best.clone()
    owner = torch.zeros(n, 2, side, side)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            cy, cx = gy.floor().long() + 1 + dy, gx.floor().long() + 1 + dx
            centre = torch.stack((cy - 0.5 + jitter[:, 0, cy, cx], cx - 0.5 + jitter[:, 1, cy, cx]), 1)
            distance = ((centre - torch.stack((gy, gx))) ** 2).sum(1).sqrt()
            nearer = distance < best
            second = torch.where(nearer, best, torch.minimum(second, distance))
            owner = torch.where(nearer[:, None], centre, owner)
            best = torch.where(nearer, distance, best)
    grid = torch.stack((owner[:, 1], owner[:, 0]), -1) / cells * 2 - 1
    tiles = F.grid_sample(gaussian_blur(x, side / cells / 3), grid, padding_mode="border", align_corners=False)
    tiles = tiles * (1 - keep) + x * keep
    grout = torch.sigmoid((width - (second - best)) * 25)[:, None]
    return tiles * (1 - grout) + line * grout


def comic(x: Tensor, rng: Generator) -> Tensor:
    side = x.shape[-1]
    light = grey(x)
    flat = ((light + (x - light) * 1.5).clamp(0, 1) * 3).round() / 3
    t = torch.linspace(0, 1, side)
    turned = (t.view(-1, 1) + t.view(1, -1), t.view(-1, 1) - t.view(1, -1))
    dots = torch.cos(2 * math.pi * 10 * turned[0]) * torch.cos(2 * math.pi * 10 * turned[1])
    tone = 0.16 * torch.sigmoid((dots - 0.1) * 6)
    line = (edges(x, 1.6) * 2 - 0.3).clamp(0, 1)
    return ((flat - tone + 0.08) * (1 - line)).clamp(0, 1)


def blueprint(x: Tensor, rng: Generator) -> Tensor:
    n, side = x.shape[0], x.shape[-1]
    line = (edges(x, 1.2) * 1.5).clamp(0, 1)
    t = (torch.arange(side) / side * 8) % 1
    mesh = torch.maximum((t < 0.06).float().view(-1, 1), (t < 0.06).float().view(1, -1))
    ground = torch.tensor([0.08, 0.25, 0.60]).view(3, 1, 1) * uniform(rng, n, 0.85, 1.15)
    return (ground + 0.10 * mesh + 0.10 * (grey(x) - 0.5) + line * 0.75).clamp(0, 1)


def chalk(x: Tensor, rng: Generator) -> Tensor:
    rough = (1 + 0.35 * grain(x, rng)).clamp(0, 1.4)
    line = (edges(x, 1.5) * 1.3).clamp(0, 1)
    board = torch.tensor([0.13, 0.17, 0.16]).view(3, 1, 1)
    return (board + 0.02 * grain(x, rng) + rough * (0.85 * line + 0.22 * (x - 0.2).clamp(0, 1))).clamp(0, 1)


STYLES: dict[str, Style] = {
    "drawing": drawing,
    "watercolor": watercolor,
    "oil": oil,
    "pencil": pencil,
    "ink": ink,
    "neon": neon,
    "pixel-art": pixel_art,
    "black-and-white": black_and_white,
    "sepia": sepia,
    "pastel": pastel,
    "poster": poster,
    "mosaic": mosaic,
    "stained-glass": stained_glass,
    "comic": comic,
    "blueprint": blueprint,
    "chalk": chalk,
}
STYLE_NAMES = list(STYLES)
