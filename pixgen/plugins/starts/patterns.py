"""Starts from simple pictures, for every generator: noise, gradient, snow, solid."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.tensors import Size
from pixgen.contracts import Params, Session, Start
from pixgen.errors import UsageError
from pixgen.io import palettes
from pixgen.registry import register


class Pattern(Start):
    """Encodes a picture that `draw` makes; every attempt has its own random stream."""

    @abstractmethod
    def draw(self, size: Size, random: torch.Generator) -> Tensor:
        """The picture, float32 (1, 3, H, W) in [0, 1]."""

    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        picture = self.draw(size, session.streams[index].generator("start", attempt)).clamp(0, 1)
        with torch.no_grad():
            return session.generator.encode(picture.to(session.device))


@register("start", "noise")
@dataclass
class Noise(Pattern):
    """Squares of random colours; of one pixel each they are white noise."""

    cell: int = 1
    """Side of a square in pixels, at least 1."""
    contrast: float = 1.0
    """From mid-grey (0) to all colours (1)."""

    def __post_init__(self) -> None:
        if self.cell < 1:
            raise ValueError(f"cell is {self.cell}; it must be at least 1")
        if not 0 <= self.contrast <= 1:
            raise ValueError(f"contrast is {self.contrast:g}; it must be from 0 to 1")

    def draw(self, size: Size, random: torch.Generator) -> Tensor:
        rows, columns = (-(-side // self.cell) for side in size)
        squares = 0.5 + self.contrast * (torch.rand(1, 3, rows, columns, generator=random) - 0.5)
        return _repeated(squares, self.cell, size)


@register("start", "snow")
@dataclass
class Snow(Pattern):
    """Black and white squares at random, as on a television without a signal."""

    cell: int = 1
    """Side of a square in pixels, at least 1."""
    white: float = 0.5
    """Share of the white ones, 0 to 1."""

    def __post_init__(self) -> None:
        if self.cell < 1:
            raise ValueError(f"cell is {self.cell}; it must be at least 1")
        if not 0 <= self.white <= 1:
            raise ValueError(f"white is {self.white:g}; it must be from 0 to 1")

    def draw(self, size: Size, random: torch.Generator) -> Tensor:
        rows, columns = (-(-side // self.cell) for side in size)
        squares = (torch.rand(1, 1, rows, columns, generator=random) < self.white).float()
        return _repeated(squares, self.cell, size).repeat(1, 3, 1, 1)


@register("start", "gradient")
@dataclass
class Gradient(Pattern):
    """Colours that run into each other: four random ones from the corners, or given ones from top to bottom."""

    colours: str | list[str] = ""
    """The colours from top to bottom, as a palette (`[navy, orange]`); empty for random ones in the corners."""

    def __post_init__(self) -> None:
        self._colours = _palette(self.colours) if self.colours else None

    def files(self) -> list[str]:
        """The files that the colours are read from."""
        return palettes.files(self.colours)

    def draw(self, size: Size, random: torch.Generator) -> Tensor:
        if self._colours is None:
            corners = torch.rand(1, 3, 2, 2, generator=random)
        else:
            corners = self._colours.T[None, :, :, None].expand(1, 3, len(self._colours), 2)
        return F.interpolate(corners, size=size, mode="bilinear", align_corners=True)


@register("start", "solid")
@dataclass
class Solid(Pattern):
    """One colour everywhere."""

    colour: str = "#808080"
    """A CSS name or #rrggbb."""

    def __post_init__(self) -> None:
        try:
            self._colour = torch.tensor(palettes.colour(self.colour))
        except UsageError as error:
            raise ValueError(str(error)) from error

    def draw(self, size: Size, random: torch.Generator) -> Tensor:
        return self._colour.view(1, 3, 1, 1).expand(1, 3, *size).clone()


def _palette(text: str | list[str]) -> Tensor:
    try:
        return palettes.parse(text)
    except UsageError as error:
        raise ValueError(str(error)) from error


def _repeated(squares: Tensor, cell: int, size: Size) -> Tensor:
    """Squares enlarged to `cell` pixels, and cut to the size."""
    return squares.repeat_interleave(cell, 2).repeat_interleave(cell, 3)[:, :, : size[0], : size[1]]
