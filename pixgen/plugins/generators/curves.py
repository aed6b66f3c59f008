"""What strokes and shapes share: units, canvas, paper, palette, SVG, and how they are placed on a picture.

Params have units in which one learning rate suits all, CLIPDraw's ratio of 1 pixel to 0.1 pixels of width to 0.01 of
colour at 224x224: points are in half heights from the middle, and widths in twentieths of the height.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.tensors import Size, clamp
from pixgen.contracts import Generator, Params

WIDTHS_IN_HEIGHT = 20
MOST = 1024
"""Curves of one picture."""

FITTED_SIDE, FIT_STEPS, FIT_RATE = 112, 24, 0.02
"""Of the fit to a picture after the placement: shorter side in pixels, steps of Adam, learning rate."""

BEYOND = 1.25
"""How far from the middle a point may lie, in half heights, and in half widths."""


class OnPaper(Generator):
    """What strokes and shapes have in common: their defaults, SVG, and params whose points are shares of the height."""

    has_svg: ClassVar[bool] = True
    defaults: ClassVar[dict[str, Any]] = {
        "optimizer": {"type": "Adam", "lr": 0.01},
        "noise": 0.0,
        "starts": 1,
        "stages": [{"steps": 1.0, "size": 1.0, "cutouts": 8}],
    }

    @abstractmethod
    def _placed(self, image: Tensor) -> Params:
        """Params of one picture (1, 3, H, W), at the size at which they are fitted."""

    @torch.no_grad()
    def encode(self, images: Tensor) -> Params:
        """Curves where each picture has edges and colours, moved a little towards it."""
        size = (images.shape[2], images.shape[3])
        placed = [self._placed(image[None].float()) for image in images]
        params = {name: torch.cat([each[name] for each in placed]) for name in placed[0]}
        params["canvas"] = canvas(len(images), size, params["points"])
        return params

    def resize(self, params: Params, size: Size) -> Params:
        """The same curves: their units are shares of the height. Another shape of picture moves their sides with it."""
        before, points = size_of(params), params["points"].clone()
        points[..., 0] *= (size[1] / size[0]) / (before[1] / before[0])
        return {**params, "points": points, "canvas": canvas(len(points), size, points)}


# -- canvas and colours -----------------------------------------------------------------------------------------------


def canvas(count: int, size: Size, like: Tensor) -> Tensor:
    """An empty tensor whose shape says the size of the pictures: (B, 0, H, W)."""
    return like.new_zeros(count, 0, *size)


def size_of(params: Params) -> Size:
    """(height, width) of the pictures."""
    return params["canvas"].shape[2], params["canvas"].shape[3]


def in_pixels(points: Tensor, size: Size) -> Tensor:
    """Points (..., 2) as (x, y) in pixels."""
    return points * (size[0] / 2) + points.new_tensor([size[1] / 2, size[0] / 2])


def from_pixels(points: Tensor, size: Size) -> Tensor:
    """The inverse of `in_pixels`."""
    return (points - points.new_tensor([size[1] / 2, size[0] / 2])) / (size[0] / 2)


@torch.no_grad()
def keep_near(points: Tensor, size: Size) -> None:
    """Move points that lie far outside the picture back to its surroundings, in place."""
    points[..., 0].clamp_(-BEYOND * size[1] / size[0], BEYOND * size[1] / size[0])
    points[..., 1].clamp_(-BEYOND, BEYOND)


def colour(text: str, option: str) -> tuple[float, float, float]:
    """A colour as `#rrggbb` or by its CSS name. Raises ValueError, naming the option, for anything else."""
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError:
        raise ValueError(f"{option} has {text!r}, which is not a colour; write #rrggbb or a name, as in red") from None
    return red / 255, green / 255, blue / 255


def check_paper(paper: str) -> None:
    """Raise ValueError for what is neither `learnt`, `chosen` nor a colour."""
    if paper not in ("learnt", "chosen"):
        try:
            colour(paper, "paper")
        except ValueError as error:
            raise ValueError(f"{error}; or learnt, or chosen") from None


def paper_of(params: Params, paper: str) -> Tensor:
    """The paper's colours, (B, 3); only one that is learnt has a gradient."""
    return clamp(params["paper"]) if paper == "learnt" else params["paper"].detach().clamp(0, 1)


def from_palette(colours: Tensor, palette: Sequence[str]) -> Tensor:
    """The nearest colours of a palette, straight-through: the gradient is that of the colours."""
    colours = clamp(colours)
    if not palette:
        return colours
    table = colours.new_tensor([colour(text, "palette") for text in palette])
    nearest = table[torch.cdist(colours.detach().flatten(0, -2), table).argmin(1)].view_as(colours)
    return colours + (nearest - colours).detach()


def paper_from(image: Tensor, paper: str) -> Tensor:
    """The first paper of a picture (3, H, W): the colour that was asked for, or the median of its border. (3,)"""
    if paper not in ("learnt", "chosen"):
        return image.new_tensor(colour(paper, "paper"))
    border = torch.cat([image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]], 1)
    return border.median(1).values


# -- placing ----------------------------------------------------------------------------------------------------------


def reduced(image: Tensor) -> Tensor:
    """A picture (1, 3, H, W) at the size at which curves are placed and fitted."""
    scale = FITTED_SIDE / min(image.shape[2:])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[2:]]
    return F.interpolate(image, size=size, mode="bilinear", antialias=True).clamp(0, 1)


def blurred(image: Tensor, radius: float) -> Tensor:
    """Box-blurred twice, (B, C, H, W)."""
    side = 2 * min(round(radius), (min(image.shape[2:]) - 1) // 2) + 1
    for _ in range(2 if side > 1 else 0):
        image = F.avg_pool2d(F.pad(image, [side // 2] * 4, mode="replicate"), side, 1)
    return image


def at(field: Tensor, points: Tensor) -> Tensor:
    """Values of a field (1, C, H, W) at points (N, 2) in pixels, (N, C); beyond the edge, those of the edge."""
    height, width = field.shape[2:]
    scaled = points / points.new_tensor([width / 2, height / 2]) - 1
    found = F.grid_sample(field, scaled[None, None], mode="bilinear", padding_mode="border", align_corners=False)
    return found[0, :, 0].T


def peaks(score: Tensor, count: int, apart: float) -> Tensor:
    """`count` points in pixels where a score (1, 1, H, W) is high, far from each other as long as there are enough.

    Deterministic: (count, 2).
    """
    height, width = score.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    jitter = ((x * 12.9898 + y * 78.233).sin() * 43758.5453).frac().abs().to(score)
    score = score * (1 + 0.2 * jitter) + 1e-6 * jitter
    side = 2 * max(1, round(apart)) + 1
    best = score == F.max_pool2d(score, side, 1, side // 2)
    ranked = torch.where(best, score + score.max(), score).flatten()
    chosen = ranked.topk(min(count, len(ranked))).indices
    chosen = chosen.repeat(-(-count // len(chosen)))[:count]
    return torch.stack((chosen % width, chosen // width), 1).to(score) + 0.5


def along_edges(image: Tensor, radius: float) -> Tensor:
    """The direction in which a picture (1, 3, H, W) changes least, unit vectors (1, 2, H, W)."""
    padded = F.pad(image, [1, 1, 1, 1], mode="replicate")
    dx = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    dy = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    products = torch.cat([(a * b).sum(1, keepdim=True) for a, b in ((dx, dx), (dx, dy), (dy, dy))], 1)
    xx, xy, yy = blurred(products, radius).unbind(1)
    angle = 0.5 * torch.atan2(2 * xy, xx - yy) + math.pi / 2
    return torch.stack((angle.cos(), angle.sin()), 1)


def edges(image: Tensor) -> Tensor:
    """How strong the edges of a picture (1, 3, H, W) are, (1, 1, H, W) in [0, 1]."""
    padded = F.pad(blurred(image, 1), [1, 1, 1, 1], mode="replicate")
    dx = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    dy = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    strength = (dx.square() + dy.square()).sum(1, keepdim=True).sqrt()
    return (strength / strength.quantile(0.98).clamp(min=1e-3)).clamp(0, 1)


def traced(field: Tensor, start: Tensor, length: Tensor, steps: int, stops: Callable[[Tensor], Tensor]) -> Tensor:
    """Walk along a field of directions both ways: (N, 2 * steps + 1, 2), from end to end.

    length: (N,) of the whole way in pixels. stops: which of the points (N, 2) a walk does not reach.
    """
    halves = []
    for way in (-1.0, 1.0):
        place, direction = start, way * at(field, start)
        going, points = torch.ones(len(start), dtype=torch.bool, device=start.device), []
        for _ in range(steps):
            ahead = at(field, place)
            ahead = torch.where((ahead * direction).sum(1, keepdim=True) < 0, -ahead, ahead)
            direction = F.normalize(ahead + 1e-6 * direction, dim=1)
            new = place + direction * (length / (2 * steps))[:, None]
            going = going & ~stops(new)
            place = torch.where(going[:, None], new, place)
            points.append(place)
        halves.append(points)
    return torch.stack([*reversed(halves[0]), start, *halves[1]], 1)


def fitted(
    params: Params, image: Tensor, decode: Callable[[Params], Tensor], project: Callable[[Params], None]
) -> None:
    """Move params towards a picture (1, 3, H, W) by a few steps on the squared error, in place."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in params.items()}
    first = {name: torch.zeros_like(value) for name, value in params.items()}
    second = {name: torch.zeros_like(value) for name, value in params.items()}
    for step in range(1, FIT_STEPS + 1):
        with torch.enable_grad():
            loss = (decode(leaves) - image).square().sum()
            found: Sequence[Tensor | None] = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        rate = FIT_RATE * (1 - 0.8 * step / FIT_STEPS)
        for (name, leaf), grad in zip(leaves.items(), found, strict=True):
            if grad is None:
                continue
            # Adam, written out: it needs neither torch's optimisers nor their state.
            first[name].lerp_(grad, 0.2)
            second[name].lerp_(grad.square(), 0.05)
            mean, square = first[name] / (1 - 0.8**step), second[name] / (1 - 0.95**step)
            leaf.data.sub_(rate * mean / (square.sqrt() + 1e-8))
        project(leaves)
    for name in params:
        params[name] = leaves[name].detach()


# -- SVG --------------------------------------------------------------------------------------------------------------


def hexadecimal(rgb: Tensor) -> str:
    """(3,) in [0, 1] -> `#rrggbb`."""
    return "#" + "".join(f"{round(value * 255):02x}" for value in rgb.clamp(0, 1).tolist())


def path(start: Sequence[float], cubics: Sequence[Sequence[Sequence[float]]], closed: bool = False) -> str:
    """A `d` attribute: a start point, then three points for each cubic."""
    parts = [f"M{start[0]:.2f} {start[1]:.2f}"]
    parts += ["C" + " ".join(f"{x:.2f} {y:.2f}" for x, y in cubic) for cubic in cubics]
    return "".join(parts) + ("Z" if closed else "")


def document(size: Size, paper: Tensor, group: str, elements: Sequence[str]) -> str:
    """An SVG of a paper and elements on it, the first at the bottom. group: attributes of all elements."""
    height, width = size
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    ground = f'<rect width="{width}" height="{height}" fill="{hexadecimal(paper)}"/>'
    return "\n".join([head, ground, f"<g {group}>", *elements, "</g>", "</svg>", ""])
