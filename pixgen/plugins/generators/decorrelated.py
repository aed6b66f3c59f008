"""What generators of frequencies share: decorrelated colours, steps that fall with the frequency, periodic resizing."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size
from pixgen.contracts import Generator, Params

EDGE = 1 / 255
"""Encoded values end this far from 0 and 1, which a sigmoid never reaches: less than a picture file can hold."""

COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""A square root of the covariance of colours in photographs, rows red, green, blue; columns brightness, red to blue,
green to violet (Olah et al. 2017, Feature Visualization)."""


@dataclass
class Decorrelated(Generator):
    """Pictures sigmoid(colours(image)), where `image` is periodic: its right edge goes on at its left, its bottom at
    its top. Subclasses turn coefficients into `image` by an orthogonal transform."""

    decay: float = 1.5
    """How fast steps fall with the frequency f, as f ** -decay; 0 to 4. Larger: large shapes first, soft detail."""
    sharpness: float = 0.1
    """Share of the decay that is taken back at the finest frequencies, 0 to 1. Larger: crisper detail, more noise."""
    colours: float = 1.5
    """Steps of the two colour differences relative to those in photographs, above 0 to 10. Larger: more colourful."""
    spread: float = 0.3
    """Standard deviation of the initial noise about mid-grey, before the sigmoid; at least 0."""

    _limits: ClassVar[dict[str, tuple[float, float]]] = {
        "decay": (0, 4), "sharpness": (0, 1), "colours": (0.01, 10), "spread": (0, 10)
    }  # fmt: skip

    def __post_init__(self) -> None:
        for name, (low, high) in self._limits.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be from {low:g} to {high:g}")

    @abstractmethod
    def transformed(self, image: Tensor) -> Params:
        """float (B, 3, H, W), any values -> its coefficients, each divided by its step size."""

    @abstractmethod
    def image(self, params: Params) -> Tensor:
        """The inverse of `transformed`."""

    def init(self, size: Size, streams: Streams) -> Params:
        shape = (1, 3, *size)
        shapes = self.transformed(torch.zeros(shape))
        random = streams.generator("init")
        return {name: self.spread * torch.randn(value.shape, generator=random) for name, value in shapes.items()}

    def decode(self, params: Params) -> Tensor:
        image = self.image(params)
        return torch.einsum("ij,bjhw->bihw", self._matrix(image), image).sigmoid()

    def encode(self, images: Tensor) -> Params:
        """Exact but for values nearer to 0 or 1 than EDGE."""
        return self.transformed(self._image_of(images))

    def resize(self, params: Params, size: Size) -> Params:
        return self.transformed(resized(self.image(params), size))

    def steps(self, octaves: Any, highest: float) -> Any:
        """The step size of coefficients so many octaves above the lowest frequency, not normalised.

        highest: octaves between the lowest and the highest frequency.
        """
        step: Any = 2.0 ** (-self.decay * octaves * (1 - self.sharpness * octaves / max(highest, 1e-9)))
        return step

    def _image_of(self, images: Tensor) -> Tensor:
        logits = torch.logit(images, eps=EDGE)
        return torch.einsum("ij,bjhw->bihw", torch.linalg.inv(self._matrix(logits)), logits)

    def _matrix(self, like: Tensor) -> Tensor:
        """Colours of the image -> red, green, blue before the sigmoid; (3, 3)."""
        matrix = torch.tensor(COLOURS, device=like.device, dtype=like.dtype)
        matrix = matrix / matrix.norm(dim=0).max()
        chroma: Tensor = matrix * torch.tensor([1.0, self.colours, self.colours]).to(like)
        return chroma


def resized(x: Tensor, size: Size) -> Tensor:
    """A periodic picture (B, C, H, W) at another size, by bicubic interpolation across its edges."""
    if tuple(x.shape[2:]) == tuple(size):
        return x
    rows, columns = (_weights(x.shape[2 + axis], size[axis]).to(x) for axis in (0, 1))
    made: Tensor = rows @ x @ columns.T
    return made


def _weights(old: int, new: int) -> Tensor:
    """Weights (new, old) by which a periodic row of `old` pixels gets `new` ones; antialiased where it shrinks."""
    width = max(1.0, old / new)
    reach = math.ceil(2 * width)
    centre = (torch.arange(new, dtype=torch.float64) + 0.5) * old / new - 0.5
    taps = centre.floor().long()[:, None] + torch.arange(-reach, reach + 2)
    distance = ((taps - centre[:, None]) / width).abs()
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1  # Keys' cubic, a = -1/2
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    values = torch.where(distance <= 1, near, torch.where(distance < 2, far, torch.zeros(())))
    weights = torch.zeros(new, old, dtype=torch.float64).scatter_add_(1, taps % old, values)
    return weights / weights.sum(1, keepdim=True)
