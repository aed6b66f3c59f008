"""Colours as eyes tell them apart: Oklab, the nearest of a palette, and a palette of a picture's own colours."""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 32
"""Levels a channel into which a picture's colours are gathered before they are clustered."""

ROUNDS = 12
"""Of k-means."""

_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def oklab(colours: Tensor) -> Tensor:
    """sRGB in [0, 1], (..., 3) -> lightness 0 to 1, green-red and blue-yellow, (..., 3) (Ottosson 2020)."""
    linear = torch.where(colours <= 0.04045, colours / 12.92, ((colours.clamp(min=0) + 0.055) / 1.055) ** 2.4)
    cones = (linear @ colours.new_tensor(_TO_CONES).T).clamp(min=0) ** (1 / 3)
    return cones @ colours.new_tensor(_TO_LAB).T


def nearest(colours: Tensor, palette: Tensor) -> Tensor:
    """Which of the palette's colours, (K, 3), is nearest to each colour, (N, 3): int64 (N,). Both sRGB in [0, 1]."""
    return torch.cdist(oklab(colours), oklab(palette)).argmin(1)


def to_8_bits(colours: Tensor) -> Tensor:
    """The nearest colours that 8 bits a channel can hold."""
    return (colours.clamp(0, 1) * 255).round() / 255


def palette_of(image: Tensor, count: int) -> Tensor:
    """At most `count` colours that stand for those of a picture (3, H, W): sRGB in [0, 1], (K, 3), the commonest first.

    k-means in Oklab, begun with colours that are far from each other, so that a small spot of a colour of its own gets
    one. A colour counts by the square root of its area, or plain grounds would take all. Deterministic.
    """
    flat = image.detach().flatten(1).T.float()
    levels = (flat.clamp(0, 1) * (BINS - 1)).round().long()
    keys = (levels[:, 0] * BINS + levels[:, 1]) * BINS + levels[:, 2]
    _, where, area = keys.unique(return_inverse=True, return_counts=True)
    area = area.float()
    colours = torch.zeros(len(area), 3, device=flat.device).index_add_(0, where, flat) / area[:, None]
    points, weights = oklab(colours), area.sqrt()
    centres = _spread_out(points, weights, count)
    for _ in range(ROUNDS):
        label = torch.cdist(points, centres).argmin(1)
        centres = _means(points, weights, label, centres)
    label = torch.cdist(points, centres).argmin(1)
    share = torch.zeros(len(centres), device=flat.device).index_add_(0, label, area)
    found = _means(colours, area, label, torch.zeros_like(centres))[share.argsort(descending=True, stable=True)]
    kept = to_8_bits(found[: int((share > 0).sum())])
    return kept.new_tensor(list(dict.fromkeys(tuple(colour) for colour in kept.tolist())))


def _spread_out(points: Tensor, weights: Tensor, count: int) -> Tensor:
    """The heaviest point, and again and again the one that is farthest from all that are chosen, by weight."""
    chosen = [int(weights.argmax())]
    distance = (points - points[chosen[0]]).square().sum(1)
    while len(chosen) < count and bool((distance > 0).any()):
        chosen.append(int((distance * weights.sqrt()).argmax()))
        distance = torch.minimum(distance, (points - points[chosen[-1]]).square().sum(1))
    return points[chosen]


def _means(values: Tensor, weights: Tensor, label: Tensor, otherwise: Tensor) -> Tensor:
    """The weighted mean of each label's values; `otherwise` (K, 3) where it has none."""
    total = torch.zeros(len(otherwise), device=values.device).index_add_(0, label, weights)
    summed = torch.zeros_like(otherwise).index_add_(0, label, values * weights[:, None])
    return torch.where(total[:, None] > 0, summed / total[:, None].clamp(min=1e-9), otherwise)
