"""Losses on the pixels of the whole picture, without a perceptor.

palette, saturation, brightness, contrast, edges, symmetry; and `luma` and `colour`, which they share.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from pixgen.contracts import Frame, Loss, Reads
from pixgen.registry import register

LUMA = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in brightness (ITU-R BT.709), taken on the sRGB values themselves."""


def luma(images: Tensor) -> Tensor:
    """Brightness: (B, 3, H, W) in [0, 1] -> (B, H, W) in [0, 1]."""
    return (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1)


def colour(text: str, where: str) -> tuple[float, float, float]:
    """`#rrggbb` -> red, green, blue in [0, 1]. Raises ValueError that names `where` it was written."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError(f"{where} has {text!r}, which is not a valid colour; write #rrggbb, as in #ff8800")
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


@register("loss", "palette")
@dataclass
class Palette(Loss):
    """Mean squared distance of every pixel to the nearest of a few colours."""

    reads: ClassVar[Reads] = "images"

    colours: Sequence[str] = ("#1d3557", "#457b9d", "#a8dadc", "#f1faee", "#e63946")
    """The allowed colours, #rrggbb each, at least one."""

    _colours: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.colours:
            raise ValueError("a palette needs at least one colour, as in colours: ['#ff8800']")
        self._colours = torch.tensor([colour(text, "colours") for text in self.colours], dtype=torch.float64)

    def __call__(self, frame: Frame) -> Tensor:
        # A colour at a time: (B, colours, 3, H, W) would be large.
        colours = self._colours.to(frame.images).view(-1, 1, 3, 1, 1)
        distances = torch.stack([(frame.images - each).square().sum(1) for each in colours], dim=1)
        return distances.min(dim=1).values.flatten(1).mean(1)


@register("loss", "saturation")
@dataclass
class Saturation(Loss):
    """Squared distance of the mean chroma (largest minus smallest channel) to a target."""

    reads: ClassVar[Reads] = "images"

    target: float = 0.5
    """Mean chroma, 0 (grey) to 1 (pure colours)."""

    def __call__(self, frame: Frame) -> Tensor:
        chroma = frame.images.amax(1) - frame.images.amin(1)
        return (chroma.flatten(1).mean(1) - self.target).square()


@register("loss", "brightness")
@dataclass
class Brightness(Loss):
    """Squared distance of the mean brightness to a target."""

    reads: ClassVar[Reads] = "images"

    target: float = 0.5
    """Mean brightness, 0 (black) to 1 (white)."""

    def __call__(self, frame: Frame) -> Tensor:
        return (luma(frame.images).flatten(1).mean(1) - self.target).square()


@register("loss", "contrast")
@dataclass
class Contrast(Loss):
    """Squared distance of the standard deviation of the brightness to a target."""

    reads: ClassVar[Reads] = "images"

    target: float = 0.25
    """Standard deviation of the brightness, 0 (flat) to 0.5 (half black, half white)."""

    def __call__(self, frame: Frame) -> Tensor:
        # A little is added, for the root has no slope at 0, where a flat picture would stay.
        variance = luma(frame.images).flatten(1).var(1, correction=0)
        return ((variance + 1e-8).sqrt() - self.target).square()


@register("loss", "edges")
@dataclass
class Edges(Loss):
    """Squared distance of the mean gradient magnitude of the brightness to a target: more edges, or fewer."""

    reads: ClassVar[Reads] = "images"

    target: float = 0.1
    """Mean gradient magnitude of the brightness, per pixel, from 0 (no edges); drawings have about 0.05."""

    def __call__(self, frame: Frame) -> Tensor:
        bright = luma(frame.images)
        down, across = bright.diff(dim=1)[:, :, :-1], bright.diff(dim=2)[:, :-1]
        steepness = (down.square() + across.square() + 1e-8).sqrt()
        return (steepness.flatten(1).mean(1) - self.target).square()


@register("loss", "symmetry")
@dataclass
class Symmetry(Loss):
    """Mean squared difference of the picture and its mirror image."""

    reads: ClassVar[Reads] = "images"

    axis: Literal["vertical", "horizontal"] = "vertical"
    """Axis of the mirror: "vertical" exchanges left and right, "horizontal" top and bottom."""

    def __call__(self, frame: Frame) -> Tensor:
        mirrored = frame.images.flip(3 if self.axis == "vertical" else 2)
        return (frame.images - mirrored).square().flatten(1).mean(1)
