"""Losses that hold a picture back: tv (smoothness), init (distance to the start), image (distance to a picture)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from pixgen.backend.tensors import Size
from pixgen.contracts import STORED_WHEN_SET, Frame, Loss, Reads, Session
from pixgen.io.pictures import Fitted
from pixgen.registry import register


@register("loss", "tv")
@dataclass
class TotalVariation(Loss):
    """Mean squared difference of neighbours, across and down (Mahendran & Vedaldi, arXiv 1412.0035, beta 2)."""

    reads: ClassVar[Reads] = "images"

    def __call__(self, frame: Frame) -> Tensor:
        down = frame.images.diff(dim=2).square().flatten(1).mean(1)
        across = frame.images.diff(dim=3).square().flatten(1).mean(1)
        return down + across


@register("loss", "init")
@dataclass
class Init(Loss):
    """Mean squared distance of the params to the first ones, which later stages resize."""

    reads: ClassVar[Reads] = "params"

    def __call__(self, frame: Frame) -> Tensor:
        assert frame.start is not None
        start = frame.start
        moved = [(value - start[name].to(value)).flatten(1) for name, value in frame.params.items()]
        return torch.cat(moved, dim=1).square().mean(1)


@register("loss", "image")
@dataclass
class ImageDistance(Loss):
    """Mean distance of the pixels to those of a target picture."""

    reads: ClassVar[Reads] = "images"

    path: Path
    """The target picture file, centre-cropped to the aspect ratio and resized."""
    distance: Literal["mse", "l1"] = "mse"
    """`mse`: mean squared difference of values in [0, 1]; `l1`: mean absolute difference."""

    first_frame: bool = field(default=False, metadata=STORED_WHEN_SET)
    """Take the first frame of a file that moves."""

    _target: Fitted | None = field(init=False, repr=False, compare=False, default=None)
    _fitted: dict[Size, Tensor] = field(init=False, repr=False, compare=False, default_factory=dict)

    def prepare(self, session: Session) -> None:
        """Read the picture. Raises UsageError if it is missing or not a picture."""
        self._target, self._fitted = Fitted(self.path, self.first_frame), {}

    def __call__(self, frame: Frame) -> Tensor:
        assert self._target is not None
        size = (frame.images.shape[2], frame.images.shape[3])
        if size not in self._fitted:
            self._fitted[size] = self._target(size).to(frame.images)
        difference = frame.images - self._fitted[size]
        return (difference.abs() if self.distance == "l1" else difference.square()).flatten(1).mean(1)
