"""Two-colour pictures: one ink on one paper."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.contracts import Filter
from pixgen.registry import register


@register("filter", "monochrome")
@dataclass
class Monochrome(Filter):
    """Maps brightness to the line from a dark colour to a light one."""

    dark: str = "#000000"
    """Colour of black, #rrggbb."""
    light: str = "#ffffff"
    """Colour of white, #rrggbb."""
    weights: list[float] = field(default_factory=lambda: [0.2126, 0.7152, 0.0722])
    """Weights of red, green and blue in the brightness, each at least 0, not all 0; by default those of BT.709."""

    def __post_init__(self) -> None:
        for name, text in (("dark", self.dark), ("light", self.light)):
            if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
                raise ValueError(f"{name} is {text!r}, which is not a valid colour; write #rrggbb, as in #ff8800")

        if len(self.weights) != 3 or min(self.weights) < 0 or not 0 < sum(self.weights) < math.inf:
            raise ValueError(f"weights are {self.weights}; give three of red, green and blue, none below 0, not all 0")

    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        weights = images.new_tensor(self.weights).view(1, 3, 1, 1) / sum(self.weights)
        bright = (images * weights).sum(1, keepdim=True)
        dark, light = (
            images.new_tensor([int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]).view(1, 3, 1, 1)
            for text in (self.dark, self.light)
        )
        return dark + (light - dark) * bright
