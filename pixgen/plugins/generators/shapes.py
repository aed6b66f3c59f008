"""Filled shapes with smooth outlines on paper, through the same differentiable rasteriser as strokes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pixgen.backend import rasterizer
from pixgen.backend.rasterizer import Curves
from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size, clamp
from pixgen.contracts import Params
from pixgen.plugins.generators import curves
from pixgen.registry import register

SAMPLES = 4
"""Edges of the polyline between two corners of an outline."""

ROUNDS = 8
"""In which shapes are placed on a picture, from large to small, each where the picture is farthest from it."""

STRAYS = 0.2
"""Distance of colours at which a shape that is placed ends."""

WALK = 12
"""Steps from the middle of a shape that is placed to its outline."""


@register("generator", "shapes")
@dataclass
class Shapes(curves.OnPaper):
    """Closed shapes, each filled with one colour, on paper, the first at the bottom; `-o x.svg` gives them as vectors.

    An outline is a closed Catmull-Rom curve through its corners, which is cubic Bezier curves. Params, in units in
    which one learning rate suits all: {"points": (B, N, corners, 2), in half heights from the middle; "colours":
    (B, N, 3); "opacity": (B, N); "paper": (B, 3); "canvas": (B, 0, H, W), empty, for its size}.

    From a picture, shapes grow from places of the largest error as far as the colour stays the same.
    """

    number: int = 96
    """Number of shapes, 1 to 1024."""
    corners: int = 8
    """Points that the outline of a shape goes through, 3 to 16."""
    min_size: float = 0.03
    """Radius of the smallest shape at the start as a share of the picture's height, above 0."""
    max_size: float = 0.3
    """Radius of the largest shape at the start as a share of the picture's height, at least min_size, at most 1."""
    paper: str = "learnt"
    """Colour of the paper: `learnt`, `chosen` from the picture at the start and kept, or a colour (`#fffaf0`, `white`).
    Before a random start it is white."""
    palette: list[str] = field(default_factory=list)
    """Colours that shapes may have, as `["#d62828", "black"]`; any colour where it is empty."""

    def __post_init__(self) -> None:
        if not 1 <= self.number <= curves.MOST:
            raise ValueError(f"number is {self.number}; it must be 1 to {curves.MOST} shapes")
        if not 3 <= self.corners <= 16:
            raise ValueError(f"corners is {self.corners}; it must be 3 to 16")
        if not 0 < self.min_size <= 1:
            raise ValueError(f"min_size is {self.min_size}; it must be above 0 and at most 1 height")
        if not self.min_size <= self.max_size <= 1:
            raise ValueError(f"max_size is {self.max_size}; it must be at least min_size and at most 1 height")
        curves.check_paper(self.paper)
        for text in self.palette:
            curves.colour(text, "palette")

    def init(self, size: Size, streams: Streams) -> Params:
        random = streams.generator("init")
        ratio = torch.tensor([size[1] / size[0], 1.0])
        middle = (2 * torch.rand(1, self.number, 1, 2, generator=random) - 1) * ratio
        radius = 2 * self._radii()[None, :, None, None]
        wobble = 0.7 + 0.6 * torch.rand(1, self.number, self.corners, 1, generator=random)
        points = middle + radius * wobble * self._directions()
        params = {
            "points": points,
            "colours": torch.rand(1, self.number, 3, generator=random),
            "opacity": 0.5 + 0.5 * torch.rand(1, self.number, generator=random),
            "paper": curves.paper_from(torch.ones(3, *size), self.paper)[None],
            "canvas": curves.canvas(1, size, points),
        }
        self.project_(params)
        return params

    def decode(self, params: Params) -> Tensor:
        size, points = curves.size_of(params), params["points"]
        with torch.autocast(points.device.type, enabled=False):
            samples = _outlines(curves.in_pixels(points, size))
            colours = curves.from_palette(params["colours"], self.palette)
            drawn = Curves(samples, colours, clamp(params["opacity"]))
            return clamp(rasterizer.draw(drawn, curves.paper_of(params, self.paper), size))

    @torch.no_grad()
    def project_(self, params: Params) -> None:
        curves.keep_near(params["points"], curves.size_of(params))
        for name in ("colours", "opacity", "paper"):
            params[name].clamp_(0, 1)

    @torch.no_grad()
    def to_svg(self, params: Params, size: Size) -> list[str]:
        if curves.size_of(params) != tuple(size):
            params = self.resize(params, size)
        points = curves.in_pixels(params["points"], size)
        cubics, starts = _cubics(points).tolist(), points[:, :, 0].tolist()
        colours = curves.from_palette(params["colours"], self.palette)
        opacity, documents = clamp(params["opacity"]).tolist(), []
        for b, paper in enumerate(curves.paper_of(params, self.paper)):
            elements = [
                f'<path d="{curves.path(starts[b][i], cubics[b][i], closed=True)}" '
                f'fill="{curves.hexadecimal(colours[b, i])}"'
                + (f' fill-opacity="{opacity[b][i]:.3f}"' if opacity[b][i] < 1 else "")
                + "/>"
                for i in range(self.number)
            ]
            documents.append(curves.document(size, paper, 'stroke="none"', elements))
        return documents

    def _radii(self) -> Tensor:
        """Of the shapes at the start, (N,) as shares of the height, from large to small."""
        share = torch.linspace(0, 1, self.number)
        return self.max_size * (self.min_size / self.max_size) ** share

    def _directions(self) -> Tensor:
        """From the middle of a shape to its corners, unit vectors (corners, 2)."""
        angle = torch.arange(self.corners) * (2 * math.pi / self.corners)
        return torch.stack((angle.cos(), angle.sin()), 1)

    # -- placing on a picture --------------------------------------------------------------------------------------

    def _placed(self, image: Tensor) -> Params:
        image = curves.reduced(image)
        size = (image.shape[2], image.shape[3])
        params: Params = {
            "points": image.new_zeros(1, 0, self.corners, 2),
            "colours": image.new_zeros(1, 0, 3),
            "opacity": image.new_zeros(1, 0),
            "paper": curves.paper_from(image[0], self.paper)[None],
            "canvas": curves.canvas(1, size, image),
        }
        rounds = min(ROUNDS, self.number)
        radii = self._radii().to(image) * size[0]
        for turn in range(rounds):
            own = radii[self.number * turn // rounds : self.number * (turn + 1) // rounds]
            for name, value in self._more(params, image, own, size).items():
                params[name] = torch.cat((params[name], value[None]), 1)
        curves.fitted(params, image, self.decode, self.project_)
        return params

    def _more(self, params: Params, image: Tensor, radii: Tensor, size: Size) -> dict[str, Tensor]:
        """Further shapes of at most these radii where the picture is farthest from what is drawn; without a batch."""
        shown, radius = self.decode(params), float(radii.mean())
        score = curves.blurred((shown - image).abs().mean(1, keepdim=True), radius / 3)
        start = curves.peaks(score, len(radii), max(radius * 0.7, 2))
        smooth = curves.blurred(image, max(radius / 6, 1))
        own = curves.at(smooth, start)
        directions = self._directions().to(image)
        reach = torch.full((len(radii), self.corners), 0.15, device=image.device, dtype=image.dtype)
        going = torch.ones_like(reach, dtype=torch.bool)
        for step in range(1, WALK + 1):
            place = start[:, None] + radii[:, None, None] * (step / WALK) * directions
            inside = (place >= -2).all(2) & (place <= place.new_tensor([size[1] + 2, size[0] + 2])).all(2)
            found = curves.at(smooth, place.flatten(0, 1)).unflatten(0, place.shape[:2])
            going = going & inside & ((found - own[:, None]).abs().amax(2) < STRAYS)
            reach = torch.where(going, torch.full_like(reach, step / WALK), reach)
        points = start[:, None] + (radii[:, None] * reach)[:, :, None] * directions
        return {
            "points": curves.from_pixels(points, size),
            "colours": own,
            "opacity": start.new_full((len(start),), 0.95),
        }


def _cubics(points: Tensor) -> Tensor:
    """The closed Catmull-Rom curve through points (..., K, 2): of each cubic what follows its start, (..., K, 3, 2)."""
    before, after, next_ = points.roll(1, -2), points.roll(-1, -2), points.roll(-2, -2)
    return torch.stack((points + (after - before) / 6, after - (next_ - points) / 6, after), -2)


def _outlines(points: Tensor) -> Tensor:
    """Samples along the outlines through points (..., K, 2): (..., K * SAMPLES, 2)."""
    t = torch.arange(SAMPLES, dtype=points.dtype, device=points.device) / SAMPLES
    basis = torch.stack(((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3), 1)
    return (basis @ torch.cat((points[..., None, :], _cubics(points)), -2)).flatten(-3, -2)
