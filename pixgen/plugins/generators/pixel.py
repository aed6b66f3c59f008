"""RGB pixels as parameters, the simplest generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size, clamp
from pixgen.contracts import Generator, Params
from pixgen.registry import register


@register("generator", "pixel")
@dataclass
class Pixel(Generator):
    """Params are {"pixels": float32 (B, 3, H/pixel_size, W/pixel_size)} in [0, 1], enlarged as squares."""

    defaults: ClassVar[dict[str, Any]] = {"optimizer": {"type": "Adam", "lr": 0.03}}

    pixel_size: int = 1
    """Side of one square, in pixels of the picture, at least 1; sides are rounded to a multiple of it."""
    spread: float = 0.05
    """Standard deviation of the initial noise about mid-grey (values 0 to 1)."""

    def __post_init__(self) -> None:
        if self.pixel_size < 1:
            raise ValueError(f"pixel_size is {self.pixel_size}; it must be at least 1")
        self.factor = self.pixel_size

    def init(self, size: Size, streams: Streams) -> Params:
        shape = (1, 3, size[0] // self.pixel_size, size[1] // self.pixel_size)
        noise = torch.randn(shape, generator=streams.generator("init"))
        return {"pixels": (0.5 + self.spread * noise).clamp(0, 1)}

    def decode(self, params: Params) -> Tensor:
        pixels = clamp(params["pixels"])
        if self.pixel_size == 1:
            return pixels
        return F.interpolate(pixels, scale_factor=float(self.pixel_size), mode="nearest")

    def encode(self, images: Tensor) -> Params:
        return {"pixels": F.avg_pool2d(images, self.pixel_size) if self.pixel_size > 1 else images.clone()}

    @torch.no_grad()
    def project_(self, params: Params) -> None:
        params["pixels"].clamp_(0, 1)
