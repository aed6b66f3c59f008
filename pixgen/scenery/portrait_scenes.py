"""A portrait: who it shows, how near, what they hold and what is behind them; composed into a picture."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from pixgen.backend.tensors import gaussian_blur
from pixgen.scenery import backdrops, portraits, props, svg_drawings
from pixgen.scenery.people import Person
from pixgen.scenery.portrait_parts import AVATAR_SETS, AvatarSet
from pixgen.scenery.portrait_styles import PORTRAIT_STYLES
from pixgen.scenery.rendering import rendered

CLOSE, HALF, GROUP = "close", "half", "group"
FRAMES = {CLOSE: (0.50, 0.645), HALF: (0.36, 0.475), GROUP: (0.34, 0.50)}
"""Height of the head, crown to chin, and the chin's place, as shares of the picture's height."""
FACES_KEPT = {
    "watercolor": (0.55, 0.5),
    "oil": (0.5, 0.3),
    "pastel": (0.4, 0.3),
    "stained-glass": (0.4, 0.3),
    "mosaic": (0.3, 0.2),
}
"""Styles that would lose a face: how much of it as it was shows through, and how much of its lines is added."""
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'


@dataclass(frozen=True)
class Portrait:
    """One picture of people.

    frame: "close" for face and shoulders, "half" for a half figure, "group" for two people side by side.
    prop: a key of PROPS, "" for nothing. backdrop: a key of BACKDROPS, of the places drawn as SVG or of
    PLACES, "" for a plain ground of this rgb.
    turned: people are mirrored. side: -1 or 1, where a close-up has its prop. look: how prop and backdrop are drawn.
    """

    people: tuple[Person, ...]
    frame: str = HALF
    prop: str = ""
    backdrop: str = ""
    ground: tuple[float, float, float] = (0.90, 0.93, 0.96)
    turned: bool = False
    side: int = 1
    look: int = 0


@dataclass(frozen=True)
class Box:
    """A part of the picture, as shares of its sides from the left upper corner."""

    left: float
    top: float
    right: float
    bottom: float


def face_box(person: Person, frame: str, middle: float = 0.5, turned: bool = False) -> Box:
    """Where a face will be, crown to chin."""
    avatar_set = AVATAR_SETS[person.avatar_set]
    head, chin = FRAMES[frame]
    scale, left = _canvas(avatar_set, head, middle, turned)
    edges = sorted(left + scale * (1 - x if turned else x) for x in avatar_set.face)
    return Box(edges[0], chin - head, edges[1], chin)


def prop_box(portrait: Portrait) -> Box:
    """Where the prop will be; its square is as high as it is wide."""
    half, x, y = _prop_place(portrait)
    wide = half * props.PROPS[portrait.prop].width / 100
    return Box(x - wide, y - half, x + wide, y + half)


def compose_portrait(portrait: Portrait, side: int, noise: Generator) -> Tensor:
    """The picture, float32 (3, side, side) in [0, 1]. `noise` draws the places that are no SVG."""
    picture = _behind(portrait, side, noise)
    for person, middle in zip(portrait.people, _middles(portrait), strict=False):
        picture = _over(picture, _figure(person, portrait, middle, side))
    if portrait.prop:
        picture = _over(picture, rendered(f"{_SVG}{_held(portrait)}</svg>", side))
    return picture.clamp(0, 1)


def styled_portrait(portrait: Portrait, style: str, side: int, noise: Generator) -> Tensor:
    """The picture in a style, float32 (3, side, side) in [0, 1], in which faces and props are still seen."""
    plain = compose_portrait(portrait, side, noise)
    styled = PORTRAIT_STYLES[style](plain[None], noise).expand(1, 3, side, side)[0].clamp(0, 1)
    return with_faces(styled, plain, portrait, style)


def with_faces(styled: Tensor, plain: Tensor, portrait: Portrait, style: str) -> Tensor:
    """A styled picture in which faces and what is held are still seen, as a painter takes a finer brush to them.

    styled, plain: float32 (3, S, S) in [0, 1], after the style and before it.
    """
    if style not in FACES_KEPT:
        return styled
    through, lines = FACES_KEPT[style]
    side = plain.shape[-1]
    boxes = [
        face_box(person, portrait.frame, middle, portrait.turned)
        for person, middle in zip(portrait.people, _middles(portrait), strict=False)
    ]
    boxes += [prop_box(portrait)] if portrait.prop else []
    at = (torch.arange(side) + 0.5) / side
    mask = torch.zeros(side, side)
    for box in boxes:
        x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
        across, down = (at - x) / (box.right - box.left), (at - y) / (box.bottom - box.top)
        distance = 2 * (across[None] ** 2 + down[:, None] ** 2).sqrt()  # 1 at the outline of a face
        mask = torch.maximum(mask, torch.sigmoid((1.35 - distance) * 10))
    detail = plain - gaussian_blur(plain[None], side / 32)[0]
    return (styled.lerp(plain, through * mask) + lines * mask * detail).clamp(0, 1)


def _middles(portrait: Portrait) -> tuple[float, ...]:
    """Where people stand, from left to right, as shares of the width."""
    return (0.5,) if len(portrait.people) == 1 else (0.27, 0.73)


def _over(picture: Tensor, layer: Tensor) -> Tensor:
    return picture * (1 - layer[3:]) + layer[:3]


def _behind(portrait: Portrait, side: int, noise: Generator) -> Tensor:
    name = portrait.backdrop
    if name in backdrops.BACKDROPS:
        body = backdrops.svg_body(name, random.Random(f"{portrait.look}/behind"))
        return rendered(f"{_SVG}{body}</svg>", side)[:3]
    if name:
        return svg_drawings.place(name, side, noise)[0]
    return torch.tensor(portrait.ground).view(3, 1, 1).expand(3, side, side)


def _canvas(avatar_set: AvatarSet, head: float, middle: float, turned: bool) -> tuple[float, float]:
    """Side and left border of the avatar set's canvas, as shares of the picture."""
    scale = head / (avatar_set.chin - avatar_set.crown)
    face, body = (sum(edges) / 2 for edges in (avatar_set.face, avatar_set.body))
    centre = 0.6 * face + 0.4 * body  # heads that look aside stand a little aside of their bodies
    return scale, middle - scale * (1 - centre if turned else centre)


def _figure(person: Person, portrait: Portrait, middle: float, side: int) -> Tensor:
    """A person in the picture, premultiplied RGBA (4, side, side); what lies below the drawing is made longer."""
    avatar_set = AVATAR_SETS[person.avatar_set]
    head, chin = FRAMES[portrait.frame]
    if person.age == "child":
        head, chin = head * 0.86, chin + 0.04
    scale, left = _canvas(avatar_set, head, middle, portrait.turned)
    pixels = max(8, round(scale * side))
    drawing = portraits.drawn(person, pixels)
    drawing = drawing.flip(-1) if portrait.turned else drawing
    top = round((chin - scale * avatar_set.chin) * side)
    missing = side - (top + pixels)
    if missing > 0:
        row = _lowest(person, pixels, drawing, portrait.turned)
        drawing = torch.cat((drawing, row.expand(4, missing, pixels)), 1)
    if person.age == "child":
        drawing = _narrowed(drawing, avatar_set.chin * pixels, sum(avatar_set.body) / 2)
    x = round(left * side)
    return _pasted(drawing, x, top, side)


def _lowest(person: Person, pixels: int, drawing: Tensor, turned: bool) -> Tensor:
    """The lowest row of the body, (4, 1, S): of the same person without the hair that falls over it."""
    if person.hair in ("long", "bun", "curly", "bob") or person.headwear in ("hijab", "winter-hat"):
        kinds = AVATAR_SETS[person.avatar_set].hair
        short = next((k for k in ("bald", "short") if k in kinds), None)
        if short:
            other = replace(person, hair=short, headwear="", sex="male", beard="", hair_colour=person.hair_colour)
            try:
                drawing = portraits.drawn(other, pixels)
                drawing = drawing.flip(-1) if turned else drawing
            except (IndexError, KeyError):  # a garment of one sex: as it is
                pass
    row = drawing[:, -2:-1].clone()
    if "hem" in AVATAR_SETS[person.avatar_set].own:  # its collar ends at the border
        left, right = (round(x * pixels) for x in (0.22, 0.78))
        row[:3, :, left:right] = torch.tensor([int(portraits.cloth(person)[i : i + 2], 16) / 255 for i in (1, 3, 5)])[
            :, None, None
        ]
    return row


def _narrowed(drawing: Tensor, chin: float, middle: float) -> Tensor:
    """A child's proportions: narrow shoulders below the chin."""
    _, height, width = drawing.shape
    y = (torch.arange(height) + 0.5 - chin) / (0.18 * width)
    factor = 1 + 0.28 * torch.sigmoid((y - 0.35) * 8)
    x = torch.linspace(-1, 1, width)
    centre = 2 * middle - 1
    grid_x = centre + (x[None] - centre) * factor[:, None]
    grid = torch.stack((grid_x, torch.linspace(-1, 1, height)[:, None].expand(height, width)), -1)
    return F.grid_sample(drawing[None], grid[None], align_corners=True)[0]


def _pasted(drawing: Tensor, x: int, y: int, side: int) -> Tensor:
    """The drawing with its left upper corner at (x, y) of an empty square; what lies outside is cut off."""
    layer = torch.zeros(4, side, side)
    height, width = drawing.shape[1:]
    left, top, right, bottom = max(0, x), max(0, y), min(side, x + width), min(side, y + height)
    if right > left and bottom > top:
        layer[:, top:bottom, left:right] = drawing[:, top - y : bottom - y, left - x : right - x]
    return layer


# -- what is held ------------------------------------------------------------------------------------------


def _prop_place(portrait: Portrait) -> tuple[float, float, float]:
    """Half its side, and the middle of the prop's square."""
    if portrait.frame == CLOSE:
        half = 0.17
        return half, 0.5 + portrait.side * (0.5 - half - 0.01), 1 - half - 0.005
    if portrait.frame == GROUP:
        return 0.19, 0.5, 0.80
    half = 0.215
    return half, 0.5, 1 - half - 0.02


def _held(portrait: Portrait) -> str:
    """The prop with the arms and fists of the nearest person, in a square of 100."""
    prop, person = props.PROPS[portrait.prop], portrait.people[0]
    half, x, y = (100 * v for v in _prop_place(portrait))
    avatar_set = AVATAR_SETS[person.avatar_set]
    cloth, skin = portraits.cloth(person), portraits.skin_colour(person)
    if not avatar_set.colours["skin"]:
        cloth = "#ffffff"
    line = avatar_set.outline or _darker(cloth)
    body = props.svg_body(portrait.prop, random.Random(f"{portrait.look}/prop"))
    drawn = f'<g transform="translate({x - half} {y - half}) scale({half / 50})">{body}</g>'
    height, reach = y - half + prop.grip[0] * half / 50, prop.grip[1] * half / 50
    arms, fists = "", ""
    if portrait.frame == HALF:
        head, chin = FRAMES[HALF]
        shoulder = 100 * chin + 17
        width = 100 * (avatar_set.body[1] - avatar_set.body[0]) * head / (avatar_set.chin - avatar_set.crown) / 2
        width = max(17.0, min(width, 27.0)) * (0.8 if person.age == "child" else 1)
        for way in (-1, 1):
            bend = max(width + 3, reach + 5)
            path = (
                f"M{50 + way * (width - 4)} {shoulder}Q{50 + way * bend} {height + 8} {50 + way * (reach + 1)} {height}"
            )
            arms += _limb(path, cloth, line, 9.5, bool(avatar_set.outline))
            fists += _fist(50 + way * reach, height, skin, line if avatar_set.outline else _darker(skin))
    else:
        for way in (-1, 1) if portrait.frame == GROUP else (-portrait.side,):
            fists += _fist(x + way * reach, height, skin, line if avatar_set.outline else _darker(skin))
    return f"{arms}{drawn}{fists}"


def _limb(path: str, colour: str, line: str, width: float, outlined: bool) -> str:
    shape = f'<path d="{path}" fill="none" stroke-linecap="round"'
    return (
        f'{shape} stroke="{line}" stroke-width="{width + (1.6 if outlined else 0.9)}"/>'
        f'{shape} stroke="{colour}" stroke-width="{width}"/>'
    )


def _fist(x: float, y: float, skin: str, line: str) -> str:
    fingers = "".join(f"M{x - 2.2} {y + dy}h4.4" for dy in (-1.7, 0.1, 1.9))
    return (
        f'<ellipse cx="{x}" cy="{y}" rx="4.200" ry="4.700" fill="{skin}" stroke="{line}" stroke-width=".7"/>'
        f'<path d="{fingers}" stroke="{line}" stroke-width=".5" stroke-linecap="round"/>'
    )


def _darker(colour: str) -> str:
    return "#" + "".join(f"{round(int(colour[i : i + 2], 16) * 0.8):02x}" for i in (1, 3, 5))
