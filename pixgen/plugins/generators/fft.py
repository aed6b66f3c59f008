"""The Fourier spectrum of a picture as parameters (Olah et al. 2017; Mordvintsev et al. 2018, Lucid)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pixgen.backend.tensors import Size
from pixgen.contracts import Params
from pixgen.plugins.generators.decorrelated import Decorrelated
from pixgen.registry import register


@register("generator", "fft")
@dataclass
class FFT(Decorrelated):
    """Params are {"spectrum": float32 (B, 3, H, W)}, the picture's Hartley transform over the step sizes.

    Every coefficient moves the whole picture, and a step moves low frequencies most: large shapes come first, and
    hardly any of the noise of single pixels that a perceptor takes for detail. Pictures tile, for they are periodic.

    The Hartley transform, real minus imaginary part of Fourier's, is real, orthogonal and its own inverse at any
    size: as many numbers as the picture has, none of them twice.
    """

    defaults: ClassVar[dict[str, Any]] = {"optimizer": {"type": "Adam", "lr": 0.3}}

    def transformed(self, image: Tensor) -> Params:
        return {"spectrum": _hartley(image) / self._scale(image)}

    def image(self, params: Params) -> Tensor:
        spectrum = params["spectrum"]
        return _hartley(spectrum * self._scale(spectrum))

    def _scale(self, like: Tensor) -> Tensor:
        """The step size of every coefficient, (H, W), root mean square 1."""
        size: Size = (like.shape[2], like.shape[3])
        down, across = (torch.fft.fftfreq(n, dtype=torch.float64) for n in size)
        lowest = 1 / max(size)
        octaves = ((down[:, None].square() + across.square()).sqrt() / lowest).clamp(min=1).log2()
        scale: Tensor = self.steps(octaves, math.log2(max(1.0, math.sqrt(0.5) / lowest)))
        return (scale / scale.square().mean().sqrt()).to(like)


def _hartley(x: Tensor) -> Tensor:
    spectrum = torch.fft.fft2(x, norm="ortho")
    made: Tensor = spectrum.real - spectrum.imag
    return made
