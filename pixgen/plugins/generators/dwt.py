"""The wavelet coefficients of a picture as parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from pixgen.contracts import Params
from pixgen.plugins.generators.decorrelated import Decorrelated
from pixgen.registry import register

FILTERS = {
    "haar": (1 / math.sqrt(2), 1 / math.sqrt(2)),
    "db2": tuple(
        (a + b * math.sqrt(3)) / (4 * math.sqrt(2)) for a, b in ((1, 1), (3, 1), (3, -1), (1, -1))
    ),
    "sym4": (
        -0.07576571478927333, -0.02963552764599851, 0.49761866763201545, 0.8037387518059161,
        0.29785779560527736, -0.09921954357684722, -0.012603967262037833, 0.0322231006040427,
    ),
    "coif2": (
        -0.0007205494453645122, -0.0018232088707029932, 0.0056114348193944995, 0.023680171946334084,
        -0.0594344186464569, -0.0764885990783064, 0.41700518442169254, 0.8127236354455423,
        0.3861100668211622, -0.06737255472196302, -0.04146493678175915, 0.016387336463522112,
    ),
}  # fmt: skip
"""Low-pass filters of orthogonal wavelets, of Daubechies (1992), Ten Lectures on Wavelets."""

HALVINGS = 3
"""How often at least every picture is halved: sides are multiples of 8."""


@register("generator", "dwt")
@dataclass
class DWT(Decorrelated):
    """Params are {"detail0": float32 (B, 3, 3, H/2, W/2), "detail1": a quarter of it, ..., "coarse": the rest}.

    A coefficient moves one place at one scale, so that edges stay where `fft` would ring. Pictures tile: the transform
    is periodic. A side is halved as often as it is even, at least three times.
    """

    defaults: ClassVar[dict[str, Any]] = {"optimizer": {"type": "Adam", "lr": 0.3}}
    factor = 2**HALVINGS

    wavelet: Literal["haar", "db2", "sym4", "coif2"] = "coif2"
    """The wavelet, from the shortest filter to the longest: `haar` gives squares, `coif2` soft edges."""

    def transformed(self, image: Tensor) -> Params:
        low = torch.tensor(FILTERS[self.wavelet], dtype=image.dtype, device=image.device)
        params: Params = {}
        level = 0
        while image.shape[2] % 2 == 0 and image.shape[3] % 2 == 0:
            top, bottom = _split(image, low, 2)
            (image, across), (down, both) = _split(top, low, 3), _split(bottom, low, 3)
            params[f"detail{level}"] = torch.stack([across, down, both], dim=1)
            level += 1
        params["coarse"] = image
        return {name: value / scale for (name, value), scale in zip(params.items(), self._scales(params), strict=True)}

    def image(self, params: Params) -> Tensor:
        low = torch.tensor(FILTERS[self.wavelet], dtype=params["coarse"].dtype, device=params["coarse"].device)
        *scales, scale = self._scales(params)
        image = params["coarse"] * scale
        for level in reversed(range(len(params) - 1)):
            across, down, both = (params[f"detail{level}"] * scales[level]).unbind(1)
            top, bottom = _join(image, across, low, 3), _join(down, both, low, 3)
            image = _join(top, bottom, low, 2)
        return image

    def _scales(self, params: Params) -> list[float]:
        """The step size of each of the params: their root mean square over all coefficients is 1."""
        levels = len(params) - 1
        octaves = [*(levels - level for level in range(levels)), 0]
        scales = [float(self.steps(octave, levels)) for octave in octaves]
        counts = [value[0].numel() for value in params.values()]
        mean = sum(count * scale**2 for count, scale in zip(counts, scales, strict=True)) / sum(counts)
        return [scale / math.sqrt(mean) for scale in scales]


def _high(low: Tensor) -> Tensor:
    """The high-pass filter of an orthogonal low-pass filter: its mirror with alternating signs."""
    high = low.flip(0).clone()
    high[1::2] *= -1
    return high


def _split(x: Tensor, low: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """One level along one dimension of even length, periodic: (low, high), each half as long."""
    phases = x.unflatten(dim, (-1, 2)).unbind(dim + 1)
    rolled = torch.stack([phases[k % 2].roll(-(k // 2), dim) for k in range(len(low))], dim=-1)
    return rolled @ low, rolled @ _high(low)


def _join(low_part: Tensor, high_part: Tensor, low: Tensor, dim: int) -> Tensor:
    """The inverse of `_split`, which is its transpose."""
    high = _high(low)
    phases = []
    for phase in (0, 1):
        rolled = [part.roll(k // 2, dim) for part in (low_part, high_part) for k in range(phase, len(low), 2)]
        phases.append(torch.stack(rolled, dim=-1) @ torch.cat([low[phase::2], high[phase::2]]))
    return torch.stack(phases, dim=dim + 1).flatten(dim, dim + 1)
