"""What lies at the borders: a frame of one colour, and corners that fade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pixgen.contracts import Frame, Loss, Reads
from pixgen.plugins.losses.appearance import colour
from pixgen.registry import register


@register("loss", "frame")
@dataclass
class FrameColour(Loss):
    """Mean squared distance of a frame around the picture to a colour: the thing stands free (Pixray's `edge`)."""

    reads: ClassVar[Reads] = "images"
    colour: str = "#ffffff"
    """Of the frame, #rrggbb."""
    thickness: float = 0.05
    """Of the frame, as a share of each side, above 0 and at most 0.5."""
    left: float | None = None
    """Share of the width that the frame takes at the left, 0 to 1; by default `thickness`."""
    right: float | None = None
    """At the right, alike."""
    top: float | None = None
    """At the top, as a share of the height, alike."""
    bottom: float | None = None
    """At the bottom, alike."""
    everywhere: float = 0.0
    """Weight of the same distance over the whole picture, at least 0."""

    def __post_init__(self) -> None:
        colour(self.colour, "colour")
        if not 0 < self.thickness <= 0.5:
            raise ValueError(f"thickness is {self.thickness}; it must be above 0 and at most 0.5")
        for name in ("left", "right", "top", "bottom"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; it must be 0 to 1")
        if not 0 <= self.everywhere < float("inf"):
            raise ValueError(f"everywhere is {self.everywhere}; it must be at least 0")

    def __call__(self, frame: Frame) -> Tensor:
        height, width = frame.images.shape[2:]
        distance = (
            (frame.images - frame.images.new_tensor(colour(self.colour, "colour")).view(1, 3, 1, 1)).square().mean(1)
        )
        inside = torch.zeros(height, width, dtype=torch.bool, device=frame.images.device)
        left, right, top, bottom = (
            round((self.thickness if share is None else share) * side)
            for share, side in ((self.left, width), (self.right, width), (self.top, height), (self.bottom, height))
        )
        inside[top : height - bottom, left : width - right] = True
        outside = (~inside).to(distance)
        framed = (distance * outside).flatten(1).sum(1) / outside.sum().clamp(min=1)
        return framed + self.everywhere * distance.flatten(1).mean(1)


@register("loss", "fade")
@dataclass
class Fade(Loss):
    """Mean distance to a colour, the more the further a pixel lies from the middle (Pixray's `gaussian`)."""

    reads: ClassVar[Reads] = "images"
    colour: str = "#ffffff"
    """Towards which the picture fades, #rrggbb."""
    across: float = 0.25
    """Standard deviation of the clear middle, as a share of the width, above 0 and at most 10."""
    down: float = 0.25
    """As a share of the height, alike."""

    def __post_init__(self) -> None:
        colour(self.colour, "colour")
        for name in ("across", "down"):
            if not 0 < getattr(self, name) <= 10:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0 and at most 10")

    def __call__(self, frame: Frame) -> Tensor:
        images = frame.images
        y, x = (torch.linspace(-0.5, 0.5, side, dtype=images.dtype, device=images.device) for side in images.shape[2:])
        clear = torch.exp(-0.5 * ((y / self.down).square()[:, None] + (x / self.across).square()[None]))
        distance = (images - _like(self.colour, images)).abs().mean(1)
        return ((1 - clear) * distance).flatten(1).mean(1)


def _like(text: str, images: Tensor) -> Tensor:
    """A colour as a tensor (1, 3, 1, 1) of the same kind as the pictures."""
    return images.new_tensor(colour(text, "colour")).view(1, 3, 1, 1)
