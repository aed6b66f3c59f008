"""A differentiable rasteriser of strokes and filled shapes, composited in painter's order as SVG does.

Curves are polylines of samples, which are linear in the control points. A pixel's coverage is a function of its
distance to the nearest edge of the polyline; at a nearest point that distance does not change with the place along the
curve (the envelope theorem), so that the gradient needs only the edge and the place that were found without one.
Curves are culled by tile, and only pixels at an edge, where coverage changes, get a gradient to the points.
Compositing goes through sums of logarithms, so that all layers of all tiles are one prefix sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pixgen.backend.tensors import Size

TILE = 8
"""Side of a tile in pixels, up to LARGE pixels; twice that beyond."""

LARGE = 512 * 512

OPAQUE = 1 - 1e-4
"""What an opaque layer covers at most: the logarithm of what shines through stays finite."""


@dataclass(frozen=True)
class Curves:
    """Curves of some pictures, the first in each picture at the bottom.

    samples: (B, N, M, 2), points (x, y) along each curve in pixels; the centre of the first pixel is (0.5, 0.5).
    colours: (B, N, 3) in [0, 1]. opacity: (B, N) in [0, 1].
    widths: (B, N) in pixels, of strokes with round ends; None where the curves are closed and filled.
    """

    samples: Tensor
    colours: Tensor
    opacity: Tensor
    widths: Tensor | None = None


@dataclass(frozen=True)
class _Pairs:
    """Curves and the tiles that they touch: curve: (P,), of B * N. tile: (P,), of B * T, ascending; within a tile the
    curves ascend. corner: (T, 2), upper left corners. inside: (P,), the tile is covered whole."""

    curve: Tensor
    tile: Tensor
    corner: Tensor
    inside: Tensor
    side: int
    across: int
    down: int


def draw(curves: Curves, paper: Tensor, size: Size) -> Tensor:
    """The pictures, (B, 3, H, W) in the dtype of the samples, differentiable by all that the curves have.

    paper: (B, 3), the colour beneath.
    """
    samples = curves.samples
    count = len(samples)
    flat, widths = samples.flatten(0, 1), None if curves.widths is None else curves.widths.flatten()
    with torch.no_grad():
        pairs = _pairs(flat.detach(), None if widths is None else widths.detach(), count, size)
    coverage = _coverage(flat, widths, pairs)
    alpha = OPAQUE * coverage * curves.opacity.flatten().index_select(0, pairs.curve)[:, None]
    colours = curves.colours.flatten(0, 1).index_select(0, pairs.curve)
    tiles = _composited(alpha, colours, pairs, paper)
    picture = tiles.view(count, pairs.down, pairs.across, 3, pairs.side, pairs.side)
    picture = picture.permute(0, 3, 1, 4, 2, 5).reshape(count, 3, pairs.down * pairs.side, pairs.across * pairs.side)
    return picture[..., : size[0], : size[1]]


def _composited(alpha: Tensor, colours: Tensor, pairs: _Pairs, paper: Tensor) -> Tensor:
    """The tiles' colours, (B * T, 3, side * side)."""
    total, tiles = len(paper) * pairs.down * pairs.across, pairs.down * pairs.across
    paper = paper.repeat_interleave(tiles, 0)[:, :, None]
    if not len(pairs.curve):
        return paper.expand(-1, -1, pairs.side**2)
    # Layers above a layer of the same tile follow it. Double precision: the prefix sum goes over all tiles.
    clear = torch.log1p(-alpha).double()
    sums = clear.cumsum(0)
    last = torch.searchsorted(pairs.tile, torch.arange(total, device=alpha.device), right=True) - 1
    above = torch.exp(sums.index_select(0, last[pairs.tile]) - sums).to(alpha)
    weights = (alpha * above)[:, None] * colours[:, :, None]
    shown = paper.new_zeros(total, 3, pairs.side**2).index_add(0, pairs.tile, weights)
    through = clear.new_zeros(total, pairs.side**2).index_add(0, pairs.tile, clear)
    return shown + paper * torch.exp(through).to(paper)[:, None]


# -- which curves touch which tiles -----------------------------------------------------------------------------------


def _pairs(samples: Tensor, widths: Tensor | None, count: int, size: Size) -> _Pairs:
    side = TILE if size[0] * size[1] <= LARGE else 2 * TILE
    down, across = -(-size[0] // side), -(-size[1] // side)
    number = len(samples) // count
    reach = 1.0 if widths is None else widths[:, None] / 2 + 1
    low, high = samples.amin(1) - reach, samples.amax(1) + reach
    starts = [torch.arange(many, device=samples.device) * side for many in (across, down)]
    columns, rows = (
        (low[:, axis, None] < start + side) & (high[:, axis, None] > start) for axis, start in enumerate(starts)
    )
    curve, row, column = (rows[:, :, None] & columns[:, None, :]).nonzero(as_tuple=True)
    corner = torch.stack((starts[0].repeat(down), starts[1].repeat_interleave(across)), 1).to(samples)
    tile = row * across + column
    # Only tiles that the curve itself is near, or that lie within it.
    centre = corner[tile] + side / 2
    points = samples.index_select(0, curve)
    near, _, _ = _nearest(points, centre[:, None], widths is None)
    near, half = near[:, 0], side * 2**0.5 / 2
    bound = half + (1.0 if widths is None else widths[curve] / 2 + 1)
    keep = near < bound
    inside = torch.zeros_like(keep)
    if widths is None:
        inside = ~keep & _within(points, centre[:, None])[:, 0]
        keep = keep | inside
    curve, tile, inside = curve[keep], tile[keep], inside[keep]
    tile = (curve // number) * (down * across) + tile
    order = torch.argsort(tile, stable=True)
    return _Pairs(curve[order], tile[order], corner, inside[order], side, across, down)


# -- how much of a pixel a curve covers -------------------------------------------------------------------------------


def _coverage(samples: Tensor, widths: Tensor | None, pairs: _Pairs) -> Tensor:
    """Of each pair's pixels, (P, side * side) in [0, 1]."""
    side, device = pairs.side, samples.device
    with torch.no_grad():
        steps = torch.arange(side, device=device).to(samples) + 0.5
        offsets = torch.stack((steps.repeat(side), steps.repeat_interleave(side)), 1)
        edge = (~pairs.inside).nonzero()[:, 0]
        points = samples.detach().index_select(0, pairs.curve[edge])
        pixels = pairs.corner.index_select(0, pairs.tile[edge] % len(pairs.corner))[:, None] + offsets
        near, first, place = _nearest(points, pixels, widths is None)
        if widths is None:
            signed = torch.where(_within(points, pixels), -near, near)
            found = (0.5 - signed).clamp(0, 1)
            active = near < 0.5
        else:
            radius = widths.detach()[pairs.curve[edge], None] / 2
            found = _line_coverage(near, radius)
            active = (near < radius + 0.5) & ((near > radius - 0.5) | (radius < 0.5))
        whole = pairs.inside[:, None].to(samples).repeat(1, side * side)
        whole[edge] = found
        where = active.nonzero(as_tuple=True)
    if not samples.requires_grad and (widths is None or not widths.requires_grad):
        return whole
    # The same once more where it changes, with a gradient.
    curve, place = pairs.curve[edge][where[0]], place[where][:, None]
    flat, many = samples.flatten(0, 1), samples.shape[1]
    a, b = (curve * many + (first[where] + step) % many for step in (0, 1))
    delta = torch.lerp(flat.index_select(0, a), flat.index_select(0, b), place) - pixels[where]
    distance = (delta.square().sum(1) + 1e-12).sqrt()
    if widths is None:
        sign = torch.where(signed[where] < 0, -1.0, 1.0).to(samples)
        changed = 0.5 - sign * distance
    else:
        changed = _line_coverage(distance, widths[curve] / 2)
    return whole.index_put((edge[where[0]], where[1]), changed)


def _line_coverage(distance: Tensor, radius: Tensor) -> Tensor:
    """Of a pixel at this distance from the middle of a line: the overlap of two intervals, exact along an axis."""
    return (torch.minimum(distance + 0.5, radius) - torch.maximum(distance - 0.5, -radius)).clamp(min=0)


def _nearest(points: Tensor, pixels: Tensor, closed: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The nearest place on a polyline: (P, M, 2), (P, Q, 2) -> distance, edge and place on the edge, each (P, Q).

    Of the edges, those of the nearest sample are looked at. Edge i runs from sample i to i + 1, place 0 to 1.
    """
    many, middle = points.shape[1], points.mean(1, keepdim=True)
    points, pixels = points - middle, pixels - middle  # products of large coordinates would lose the differences
    (px, py), (x, y) = (part.unbind(2) for part in (points, pixels))
    apart = torch.baddbmm((px * px + py * py)[:, :, None], points, pixels.transpose(1, 2), alpha=-2)
    sample = apart.min(1).indices
    best: tuple[Tensor, Tensor, Tensor] | None = None
    for step in (-1, 0):
        first = (sample + step) % many if closed else (sample + step).clamp(0, many - 2)
        second = (first + 1) % many if closed else first + 1
        ax, ay = px.gather(1, first), py.gather(1, first)
        dx, dy = px.gather(1, second) - ax, py.gather(1, second) - ay
        ax, ay = ax - x, ay - y
        place = (-(ax * dx + ay * dy) / (dx * dx + dy * dy).clamp(min=1e-12)).clamp(0, 1)
        ax, ay = torch.addcmul(ax, place, dx), torch.addcmul(ay, place, dy)
        distance = (ax * ax + ay * ay).sqrt()
        if best is not None:
            better = distance < best[0]
            found = zip((distance, first, place), best, strict=True)
            distance, first, place = (torch.where(better, new, old) for new, old in found)
        best = distance, first, place
    assert best is not None
    return best


def _within(points: Tensor, pixels: Tensor) -> Tensor:
    """Whether pixels lie in a closed polyline by the nonzero rule, SVG's default: (P, M, 2), (P, Q, 2) -> (P, Q)."""
    x, y = (part[:, None] for part in pixels.unbind(2))
    ax, ay = (part[:, :, None] for part in points.unbind(2))
    bx, by = (part[:, :, None] for part in points.roll(-1, 1).unbind(2))
    up = ay <= y
    crosses = up ^ (by <= y)
    # Edges along x cross no line along x, so the place does not matter there.
    right = torch.addcmul(ax, y - ay, (bx - ax) / torch.where(by == ay, torch.ones_like(ay), by - ay)) > x
    turns = (crosses & right).to(points.dtype) * (2 * up.to(points.dtype) - 1)
    return turns.sum(1).abs() > 0.5
