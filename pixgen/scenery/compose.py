"""Composes drawings of the bank into one picture: layout, cut-out, recolouring, background, style.

The second half of the default start, `pixgen.plugins.starts.bank`, which parses the prompt and picks the drawings.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.tensors import Size, gaussian_blur
from pixgen.io.pictures import fit
from pixgen.scenery import svg_drawings
from pixgen.scenery.reader import ParsedScene, ParsedThing
from pixgen.scenery.styles import STYLES, tinted
from pixgen.scenery.vocabulary import COLOURS

COMPOSED_SIDE, LARGEST_SIDE = 256, 512
"""Side in pixels of the square in which a picture is composed: at least the one, and up to the other as it grows."""
FILL = 0.86
"""Share of its square that a drawing of the bank fills, 0 to 1."""
LIGHTS = ((0.96, 0.96, 0.95), (0.80, 0.90, 0.97), (0.98, 0.93, 0.78), (0.86, 0.94, 0.84), (0.55, 0.70, 0.86))
"""Plain backgrounds (RGB, 0 to 1) where the prompt names none; one is chosen that contrasts with the things."""
MAIN = 0.5
"""Minimum share of a drawing in its main hue; a drawing with less counts as grey or many-coloured."""
OTHER_COLOUR = 0.17
"""Mean RGB difference (0 to 1) from the requested colour above which a drawing is recoloured."""
_HUES = torch.tensor([colorsys.hsv_to_rgb(hue / 12, 1.0, 1.0) for hue in range(12)])
_SPOTS = {
    1: ((0.0, 0.0),),
    2: ((-0.48, 0.0), (0.48, 0.0)),
    3: ((-0.5, 0.42), (0.5, 0.42), (0.0, -0.46)),
    4: ((-0.48, -0.48), (0.48, -0.48), (-0.48, 0.48), (0.48, 0.48)),
}


@dataclass(frozen=True)
class PlacedThing:
    """A thing and its position: centre x, y in [-1, 1] (y downwards), size as a share of the picture's side."""

    thing: ParsedThing
    x: float = 0.0
    y: float = 0.0
    size: float = 0.8


def layout(reading: ParsedScene, people: set[str]) -> list[PlacedThing]:
    """The position of every thing, back to front."""
    things = reading.things[: max(_SPOTS)]
    if not things:
        return []
    if len(things) == 1:
        return _alone(things[0], reading, things[0].group in people)
    one, two = PlacedThing(things[0], size=0.45), PlacedThing(things[1], size=0.45)
    match reading.relation if len(things) == 2 else None:
        case "above":
            pair = [replace(two, y=0.48), replace(one, y=-0.48)]
        case "below":
            pair = [replace(two, y=-0.48), replace(one, y=0.48)]
        case "right":
            pair = [replace(two, x=-0.48), replace(one, x=0.48)]
        case "on":
            pair = [replace(two, y=0.42, size=0.55), replace(one, y=-0.36, size=0.48)]
        case "front":
            pair = [replace(two, y=-0.12, size=0.85), replace(one, y=0.45, size=0.5)]
        case "behind":
            pair = [replace(one, y=-0.12, size=0.85), replace(two, y=0.45, size=0.5)]
        case _:
            pair = [PlacedThing(t, x, y, 0.45) for t, (x, y) in zip(things, _SPOTS[len(things)], strict=True)]
    return [placed for group in pair for placed in _with_props(group)]


def _alone(thing: ParsedThing, reading: ParsedScene, person: bool) -> list[PlacedThing]:
    if thing.count > 1:
        return [PlacedThing(thing, x, y, 0.42) for x, y in _SPOTS[min(thing.count, max(_SPOTS))]]
    size = (0.8 if reading.place else 1.0) if reading.closeup else 0.72 if reading.place else 0.85
    # People are busts, and stand on the lower border.
    y = 1 - size if person else 0.12 if reading.place and not reading.closeup else 0.0
    return _with_props(PlacedThing(thing, 0.0, y, size))


def _with_props(placed: PlacedThing) -> list[PlacedThing]:
    """A thing, repeated `count` times, and in front of it what it holds."""
    if placed.thing.count > 1:
        spots = _SPOTS[min(placed.thing.count, max(_SPOTS))]
        return [replace(placed, x=placed.x + x * 0.5, y=placed.y + y * 0.5, size=placed.size * 0.5) for x, y in spots]
    size = placed.size * (0.6 if placed.thing.small else 1.0)
    reach = min(1.0, size)
    found = [replace(placed, size=size)]
    for i, prop in enumerate(placed.thing.holds[:2]):
        x = placed.x + (0.42 - 0.84 * i) * reach
        found.append(PlacedThing(prop, x, min(placed.y + 0.5 * reach, 0.58), 0.42 * reach))
    return found


def cut_out(images: Tensor, masks: Tensor) -> Tensor:
    """Cut subjects out: drawings float32 (N, 3, S, S) and masks bool (N, M, M) -> premultiplied RGBA (N, 4, S, S)."""
    soft = F.interpolate(masks[:, None].float(), size=images.shape[-2:], mode="bicubic", antialias=False)
    # A little inside the outline, where the decoded colours are mixed with the background.
    alpha = torch.sigmoid((gaussian_blur(soft, 1.0) - 0.55) * 14)
    return torch.cat((images * alpha, alpha), 1)


def recoloured(sprite: Tensor, rgb: tuple[float, float, float]) -> Tensor:
    """A drawing, premultiplied RGBA (4, S, S), recoloured to `rgb` (each 0 to 1).

    Only pixels of its main hue change, so that leaves, eyes and outlines keep their colours; a drawing without a main
    hue changes as a whole. One that has nearly the colour already stays as it is.
    """
    colour = sprite[:3] / sprite[3:].clamp(min=1e-3)
    chroma = colour - colour.mean(0)
    vivid = chroma.norm(dim=0)
    directions = F.normalize(_HUES - _HUES.mean(1, keepdim=True), dim=1)
    near = torch.einsum("hc,cyx->hyx", directions, chroma) / vivid.clamp(min=1e-3)  # cosines
    near = torch.sigmoid((near - 0.6) * 12) * torch.sigmoid((vivid - 0.12) * 40)
    main = near[(near * vivid * sprite[3]).sum((1, 2)).argmax()]
    if (main * sprite[3]).sum() < MAIN * sprite[3].sum():
        main = torch.ones_like(main)
    own = (sprite[:3] * main).sum((1, 2)) / (sprite[3] * main).sum().clamp(min=1e-3)
    other = (own - own.new_tensor(rgb)).abs().mean() > OTHER_COLOUR
    return sprite.lerp(tinted(sprite, rgb), main) if other else sprite


def compose(
    reading: ParsedScene, sprites: list[tuple[PlacedThing, Tensor]], size: Size, random: torch.Generator
) -> Tensor:
    """The picture, float32 (1, 3, height, width) in [0, 1].

    sprites: back to front, each with its drawing, premultiplied RGBA float32 (4, S, S), as from `cut_out`.
    random: jitters the positions, and draws place and style.
    """
    long, short = max(size), min(size)
    side = min(LARGEST_SIDE, max(round(COMPOSED_SIDE * long / short), long))
    image = _ground(reading, [sprite for _, sprite in sprites], side, random)
    for placed, sprite in sprites:
        dx, dy, grown = ((torch.rand(3, generator=random) * 2 - 1) * torch.tensor([0.04, 0.03, 0.05])).tolist()
        share = short / long
        moved = replace(
            placed,
            x=(placed.x + dx) * size[1] / long,
            y=(placed.y + dy) * size[0] / long,
            size=placed.size * (1 + grown) * share,
        )
        drawn = _drawn(moved, sprite, side)
        image = image * (1 - drawn[:, 3:]) + drawn[:, :3]
    return fit(STYLES[reading.style](image, random).expand(1, 3, side, side).clamp(0, 1), size)


def _ground(reading: ParsedScene, sprites: list[Tensor], side: int, random: torch.Generator) -> Tensor:
    if reading.place:
        return svg_drawings.place(reading.place, side, random, reading.light or "")
    if reading.ground:
        rgb = torch.tensor(COLOURS[reading.ground][0])
    else:
        lost = [_lost(sprites, light) for light in LIGHTS]
        clear = [light for light, share in zip(LIGHTS, lost, strict=True) if share < max(0.15, min(lost) + 0.01)]
        rgb = torch.tensor(clear[int(torch.randint(len(clear), (), generator=random))])
    return rgb.view(1, 3, 1, 1).expand(1, 3, side, side)


def _lost(sprites: list[Tensor], ground: tuple[float, float, float]) -> float:
    """Share of the drawings' area that has the background's colour and would not be visible on it."""
    colour = torch.tensor(ground).view(3, 1, 1)
    inside = sum(float(sprite[3].sum()) for sprite in sprites)
    near = sum(float((sprite[3] * ((sprite[:3] - colour).abs().amax(0) < 0.15)).sum()) for sprite in sprites)
    return near / max(inside, 1.0)


def _drawn(placed: PlacedThing, sprite: Tensor, side: int) -> Tensor:
    """A sprite scaled and moved to its position, (1, 4, side, side)."""
    scale = FILL / placed.size
    matrix = torch.tensor([[[scale, 0.0, -scale * placed.x], [0.0, scale, -scale * placed.y]]])
    small = max(1, round(side / scale))
    if small < sprite.shape[-1]:  # antialiased first, for grid_sample alone would skip pixels
        sprite = F.interpolate(sprite[None], size=(small, small), mode="bicubic", antialias=True)[0].clamp(0, 1)
    grid = F.affine_grid(matrix, [1, 4, side, side], align_corners=False)
    return F.grid_sample(sprite[None], grid, mode="bilinear", align_corners=False)
