"""Things and places that pixgen draws itself: the SVG files in `svg/`, named by the table `svg/names.csv`.

They are rendered at the size they are needed in, so nothing is lost on the way through codes. The drawings of the bank,
which come from open icon sets, stand beside them; a name that both have means ours.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from pixgen.scenery.places import PLACES
from pixgen.scenery.rendering import rendered

FOLDER = Path(__file__).parent / "svg"
FILL = 0.86
"""Share of its square that a thing fills, 0 to 1, as the bank's drawings do."""
LIGHTS = ("night", "sunset")
"""Places that are a time of day: said beside another place they light it."""
_MARGIN = 0.12
"""Part of a place's side that is outside of the picture, on one side or the other."""
_DARK, _WARM = (0.26, 0.30, 0.52), (1.0, 0.72, 0.56)
"""What moonlight and a low sun leave of each colour, RGB."""


@dataclass(frozen=True)
class Drawn:
    """A row of the table. en, pt: names without article, the most common first; empty for places that have others."""

    name: str
    en: tuple[str, ...]
    pt: tuple[str, ...]

    def names(self) -> dict[str, Any]:
        """The names as `Reader` takes them."""
        return {"kind": "thing", "en": self.en, "pt": self.pt, "male": (), "female": ()}


@cache
def things() -> dict[str, Drawn]:
    """What can stand in a picture, by name."""
    return _rows("thing")


@cache
def places() -> dict[str, Drawn]:
    """What can be behind everything, by name."""
    return _rows("place")


def _rows(kind: str) -> dict[str, Drawn]:
    with (FOLDER / "names.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == kind]
    found = {}
    for row in rows:
        english, portuguese = (row[column].rpartition(":")[2] for column in ("en", "pt"))
        found[row["name"]] = Drawn(row["name"], _split(english), _split(portuguese))
    return found


def _split(names: str) -> tuple[str, ...]:
    return tuple(name for name in names.split("|") if name)


def sprite(name: str, side: int) -> Tensor:
    """A thing in the middle of its square, premultiplied RGBA float32 (4, side, side) in [0, 1]."""
    whole = rendered(_markup("things", name), 2 * side)
    inside = (whole[3] > 0.02).nonzero()
    (top, left), (bottom, right) = inside.amin(0).tolist(), (inside.amax(0) + 1).tolist()
    cut = whole[:, top:bottom, left:right]
    scale = FILL * side / max(cut.shape[1:])
    height, width = (max(1, round(scale * edge)) for edge in cut.shape[1:])
    small = F.interpolate(cut[None], size=(height, width), mode="bicubic", antialias=True)[0].clamp(0, 1)
    small[:3] = small[:3].minimum(small[3:])
    above, before = (side - height) // 2, (side - width) // 2
    return F.pad(small, (before, side - width - before, above, side - height - above))


def place(name: str, side: int, random: Generator, light: str = "") -> Tensor:
    """A place, float32 (1, 3, side, side) in [0, 1]: another part and shade of it at every draw.

    One that has no file is painted, as the perceptor learnt it (`PLACES`).
    light: "night" or "sunset", or empty for the place's own.
    """
    if name not in places():
        return PLACES[name](1, side, random).expand(1, 3, side, side).clamp(0, 1)
    large = round(side * (1 + _MARGIN))
    image = rendered(_markup("places", name), large)[:3]
    draws = torch.rand(5, generator=random).tolist()
    left, top = (int(draw * (large - side)) for draw in draws[:2])
    image = image[:, top : top + side, left : left + side]
    image = image.flip(-1) if draws[2] < 0.5 else image
    shade = 1 + 0.08 * (torch.tensor([draws[3], 0.5, draws[4]]) - 0.5)
    image = (image * shade.view(3, 1, 1)).clamp(0, 1)
    return (_lit(image, light, side) if light and light != name else image)[None]


def _lit(image: Tensor, light: str, side: int) -> Tensor:
    if light == "sunset":
        return (image * torch.tensor(_WARM).view(3, 1, 1)).clamp(0, 1)
    dark = image * torch.tensor(_DARK).view(3, 1, 1)
    # Moon and stars stand where the day was bright, in the upper part: in the sky.
    stars = rendered(_markup("places", "night"), side)[:3]
    down = torch.linspace(0, 1, side).view(1, side, 1)
    sky = torch.sigmoid((image.mean(0, keepdim=True) - 0.62) * 30) * torch.sigmoid((0.42 - down) * 30)
    return torch.maximum(dark, stars * sky * (stars.mean(0, keepdim=True) > 0.42))


@cache
def _markup(folder: str, name: str) -> str:
    return (FOLDER / folder / f"{name}.svg").read_text(encoding="utf-8")
