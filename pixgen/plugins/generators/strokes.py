"""Bezier strokes on paper through a differentiable rasteriser (CLIPDraw, arXiv 2106.14843)."""

from __future__ import annotations

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

SAMPLES = 16
"""Edges of the polyline that a stroke is drawn as."""

ROUNDS = 8
"""In which strokes are placed on a picture, from wide to narrow, each where the picture is farthest from it."""

STRAYS = 0.2
"""Distance of colours at which a stroke that is placed ends."""


@register("generator", "strokes")
@dataclass
class Strokes(curves.OnPaper):
    """Strokes with width, colour and opacity on paper, the first at the bottom; `-o x.svg` gives them as vectors.

    Params, in units in which one learning rate suits all: {"points": (B, N, 4, 2), the control points of cubic Bezier
    curves in half heights from the middle; "widths": (B, N) in twentieths of the height; "colours": (B, N, 3);
    "opacity": (B, N); "paper": (B, 3); "canvas": (B, 0, H, W), empty, for its size}.

    Departs from CLIPDraw in its rasteriser, which is plain torch, and in its start from a picture: strokes follow the
    picture's edges and have its colours, wide ones below.
    """

    number: int = 256
    """Number of strokes, 1 to 1024."""
    min_width: float = 0.01
    """Width of the thinnest stroke as a share of the picture's height, above 0."""
    max_width: float = 0.05
    """Width of the widest stroke as a share of the picture's height, at least min_width, at most 0.5."""
    length: float = 0.25
    """Length of a stroke at the start as a share of the picture's height, above 0, at most 2."""
    paper: str = "learnt"
    """Colour of the paper: `learnt`, `chosen` from the picture at the start and kept, or a colour (`#fffaf0`, `white`).
    Before a random start it is white."""
    palette: list[str] = field(default_factory=list)
    """Colours that strokes may have, as `["#d62828", "black"]`; any colour where it is empty."""
    sketch: bool = False
    """Draw lines only: opaque strokes of one colour, the palette's first or black, along the picture's edges."""

    def __post_init__(self) -> None:
        if not 1 <= self.number <= curves.MOST:
            raise ValueError(f"number is {self.number}; it must be 1 to {curves.MOST} strokes")
        if not 0 < self.min_width <= 0.5:
            raise ValueError(f"min_width is {self.min_width}; it must be above 0 and at most 0.5 of the height")
        if not self.min_width <= self.max_width <= 0.5:
            raise ValueError(f"max_width is {self.max_width}; it must be at least min_width and at most 0.5")
        if not 0 < self.length <= 2:
            raise ValueError(f"length is {self.length}; it must be above 0 and at most 2 heights")
        curves.check_paper(self.paper)
        for text in self.palette:
            curves.colour(text, "palette")

    def init(self, size: Size, streams: Streams) -> Params:
        random = streams.generator("init")
        ratio = torch.tensor([size[1] / size[0], 1.0])
        first = (2 * torch.rand(1, self.number, 1, 2, generator=random) - 1) * ratio
        steps = torch.randn(1, self.number, 3, 2, generator=random) * (2 * self.length / 3)
        points = torch.cat((first, first + steps.cumsum(2)), 2)
        widths = torch.empty(1, self.number).uniform_(self.min_width, self.max_width, generator=random)
        params = {"points": points, "widths": widths * curves.WIDTHS_IN_HEIGHT}
        if not self.sketch:
            params["colours"] = torch.rand(1, self.number, 3, generator=random)
            params["opacity"] = 0.3 + 0.7 * torch.rand(1, self.number, generator=random)
        params["paper"] = curves.paper_from(torch.ones(3, *size), self.paper)[None]
        params["canvas"] = curves.canvas(1, size, points)
        self.project_(params)
        return params

    def decode(self, params: Params) -> Tensor:
        size, points = curves.size_of(params), params["points"]
        with torch.autocast(points.device.type, enabled=False):
            samples = _basis(points) @ curves.in_pixels(points, size)
            lowest, highest = (share * curves.WIDTHS_IN_HEIGHT for share in (self.min_width, self.max_width))
            widths = clamp(params["widths"], lowest, highest) * (size[0] / curves.WIDTHS_IN_HEIGHT)
            drawn = Curves(samples, self._colours(params), self._opacity(params), widths)
            return clamp(rasterizer.draw(drawn, curves.paper_of(params, self.paper), size))

    def _colours(self, params: Params) -> Tensor:
        if not self.sketch:
            return curves.from_palette(params["colours"], self.palette)
        ink = curves.colour(self.palette[0] if self.palette else "black", "palette")
        return params["points"].new_tensor(ink).expand(*params["widths"].shape, 3)

    def _opacity(self, params: Params) -> Tensor:
        return torch.ones_like(params["widths"]) if self.sketch else clamp(params["opacity"])

    @torch.no_grad()
    def project_(self, params: Params) -> None:
        curves.keep_near(params["points"], curves.size_of(params))
        lowest, highest = (share * curves.WIDTHS_IN_HEIGHT for share in (self.min_width, self.max_width))
        params["widths"].clamp_(lowest, highest)
        for name in {"colours", "opacity", "paper"} & params.keys():
            params[name].clamp_(0, 1)

    @torch.no_grad()
    def to_svg(self, params: Params, size: Size) -> list[str]:
        if curves.size_of(params) != tuple(size):
            params = self.resize(params, size)
        points = curves.in_pixels(params["points"], size).tolist()
        lowest, highest = self.min_width * size[0], self.max_width * size[0]
        widths = (params["widths"] * (size[0] / curves.WIDTHS_IN_HEIGHT)).clamp(lowest, highest).tolist()
        colours, opacity = self._colours(params), self._opacity(params).tolist()
        group, documents = 'fill="none" stroke-linecap="round" stroke-linejoin="round"', []
        for b, paper in enumerate(curves.paper_of(params, self.paper)):
            elements = [
                f'<path d="{curves.path(points[b][i][0], [points[b][i][1:]])}" '
                f'stroke="{curves.hexadecimal(colours[b, i])}" stroke-width="{widths[b][i]:.2f}"'
                + (f' stroke-opacity="{opacity[b][i]:.3f}"' if opacity[b][i] < 1 else "")
                + "/>"
                for i in range(len(points[b]))
            ]
            documents.append(curves.document(size, paper, group, elements))
        return documents

    # -- placing on a picture --------------------------------------------------------------------------------------

    def _placed(self, image: Tensor) -> Params:
        image = curves.reduced(image)
        size = (image.shape[2], image.shape[3])
        paper = curves.paper_from(image[0], self.paper)
        params: Params = {
            "points": image.new_zeros(1, 0, 4, 2),
            "widths": image.new_zeros(1, 0),
            "colours": image.new_zeros(1, 0, 3),
            "opacity": image.new_zeros(1, 0),
            "paper": paper[None],
            "canvas": curves.canvas(1, size, image),
        }
        if self.sketch:
            del params["colours"], params["opacity"]
        strength = curves.edges(image) if self.sketch else image
        rounds = min(ROUNDS, self.number)
        for turn in range(rounds):
            share = turn / max(rounds - 1, 1)
            count = self.number * (turn + 1) // rounds - self.number * turn // rounds
            width = self.max_width * (self.min_width / self.max_width) ** share
            more = self._more(params, image, strength, count, width, size)
            for name, value in more.items():
                params[name] = torch.cat((params[name], value[None]), 1)
        if not self.sketch:
            curves.fitted(params, image, self.decode, self.project_)
        return params

    def _more(
        self, params: Params, image: Tensor, strength: Tensor, count: int, width: float, size: Size
    ) -> dict[str, Tensor]:
        """`count` further strokes of a width where the picture is farthest from what is drawn; without a batch."""
        radius = width * size[0] / 2
        shown = self.decode(params)
        if self.sketch:
            missing = (shown - params["paper"][:, :, None, None]).abs().amax(1, keepdim=True)
            near = torch.nn.functional.max_pool2d(missing, 5, 1, 2)
            score = strength * (1 - near / near.max().clamp(min=0.05)).clamp(0, 1)
        else:
            score = curves.blurred((shown - image).abs().mean(1, keepdim=True), radius)
        start = curves.peaks(score, count, max(radius, 0.02 * size[0]))
        smooth = curves.blurred(image, max(radius / 2, 1))
        own = curves.at(smooth, start)

        def stops(points: Tensor) -> Tensor:
            inside = (points >= 0).all(1) & (points <= points.new_tensor([size[1], size[0]])).all(1)
            if self.sketch:
                return ~inside | (curves.at(strength, points)[:, 0] < 0.15)
            return ~inside | ((curves.at(smooth, points) - own).abs().amax(1) > STRAYS)

        share = 1 if self.sketch else max(0.4, width / self.max_width)
        length = start.new_full((count,), self.length * size[0] * share)
        way = curves.traced(curves.along_edges(image, 2 if self.sketch else max(radius, 2)), start, length, 6, stops)
        a, b, c, d = way[:, 0], way[:, 4], way[:, 8], way[:, 12]
        inner = (-5 * a + 18 * b - 9 * c + 2 * d) / 6, (2 * a - 9 * b + 18 * c - 5 * d) / 6
        found = {
            "points": curves.from_pixels(torch.stack((a, *inner, d), 1), size),
            "widths": start.new_full((count,), width * curves.WIDTHS_IN_HEIGHT),
        }
        if not self.sketch:
            colours = curves.at(smooth, way.flatten(0, 1)).unflatten(0, way.shape[:2])
            found |= {"colours": colours.mean(1), "opacity": start.new_full((count,), 0.95)}
        return found


def _basis(like: Tensor) -> Tensor:
    """What makes samples of control points: (SAMPLES + 1, 4)."""
    t = torch.linspace(0, 1, SAMPLES + 1, dtype=like.dtype, device=like.device)
    return torch.stack(((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3), 1)
