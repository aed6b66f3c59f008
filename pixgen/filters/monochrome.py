"""One ink on one paper."""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import Tensor

from pixgen.filters.base import Filter
from pixgen.registry import register
from pixgen.streams import Streams


@register("filter", "monochrome")
@dataclass
class Monochrome(Filter):
    """Brightness (ITU-R BT.709 weights) alone is kept, on the line from a dark colour to a light one."""

    dark: str = "#000000"
    """#rrggbb of black."""
    light: str = "#ffffff"
    """#rrggbb of white."""

    def __post_init__(self) -> None:
        for text in (self.dark, self.light):
            if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
                raise ValueError(f"{text!r} is no colour; write #rrggbb, as in #ff8800")

    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        weights = images.new_tensor([0.2126, 0.7152, 0.0722]).view(1, 3, 1, 1)
        bright = (images * weights).sum(1, keepdim=True)
        dark, light = (
            images.new_tensor([int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]).view(1, 3, 1, 1)
            for text in (self.dark, self.light)
        )
        return dark + (light - dark) * bright
