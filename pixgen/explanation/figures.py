"""The pictures of an explanation. They hold no words: those stand on the page, in its language."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from pixgen.explanation.recording import Codes, Cutouts
from pixgen.io import own_files, pictures

SIDE = 512
"""Longest side of a picture on the page."""
_HEAT = ((24, 15, 61), (104, 31, 110), (187, 55, 84), (243, 120, 25), (252, 255, 164))
"""From nothing to the most, dark to light (after matplotlib's inferno, CC0)."""
_REAL = ((178, 63, 30), (240, 170, 110), (238, 238, 238), (120, 180, 215), (24, 92, 150))
"""From painted (red) over undecided (white) to real (blue)."""
_INK, _GRID, _PAPER, _LINE = (70, 70, 80), (226, 226, 232), (255, 255, 255), (196, 62, 76)
_OUTLINES = ((255, 214, 10), (10, 132, 255), (255, 69, 58), (48, 209, 88), (191, 90, 242), (100, 210, 255))


def png(image: Image.Image) -> bytes:
    """A PNG with the mark by which pixgen knows its own."""
    about, data = PngInfo(), io.BytesIO()
    about.add_text("Software", own_files.EXPLANATION.decode())
    image.convert("RGB").save(data, "PNG", pnginfo=about, optimize=True)
    return data.getvalue()


def shown(picture: Tensor, side: int = SIDE) -> Image.Image:
    """A picture, (1, 3, H, W), no longer than `side`; a tiny one is enlarged, its pixels kept square."""
    image = pictures.to_image(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    times = side // 2 // max(image.size)
    return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST) if times > 1 else image


def heat(picture: Image.Image, share: Tensor) -> Image.Image:
    """A map (h, w) in [0, 1] over a picture: grey and dark where it is 0, light where it is 1."""
    return _over(picture, share, _HEAT, strength=0.25 + 0.6 * _grown(share, picture))


def realness(picture: Image.Image, logits: Tensor) -> Image.Image:
    """Logits (h, w) over a picture: blue where they are above their median, red below, grey near it."""
    above = logits - logits.median()
    share = 0.5 + above / (2 * above.abs().max().clamp(min=1e-12))
    strength = 0.12 + 0.75 * np.abs(_grown(share, picture) * 2 - 1)
    return _over(picture, share, _REAL, strength=strength)


def curve(values: Sequence[float], width: int = 640, height: int = 320) -> Image.Image:
    """A loss over the steps, with its lowest and its highest value and the first and the last step in numbers."""
    scale, left, right, top, bottom = 2, 76, 18, 16, 34
    image = Image.new("RGB", (width * scale, height * scale), _PAPER)
    pen, letters = ImageDraw.Draw(image), ImageFont.load_default(14 * scale)
    finite = [value for value in values if np.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    room = (high - low) or max(abs(high), 1.0)

    def at(step: float, value: float) -> tuple[float, float]:
        x = left + (width - left - right) * (step / max(len(values) - 1, 1))
        y = height - bottom - (height - top - bottom) * ((value - low) / room if high > low else 0.5)
        return x * scale, y * scale

    for share in (0, 0.25, 0.5, 0.75, 1):
        y = (top + (height - top - bottom) * share) * scale
        pen.line([(left * scale, y), ((width - right) * scale, y)], fill=_GRID, width=scale)
    for value in {low, high}:
        pen.text((at(0, value)[0] - 10 * scale, at(0, value)[1]), f"{value:.3g}", _INK, letters, anchor="rm")
    for step in {0, len(values) - 1}:
        x, _ = at(step, low)
        anchor = "lt" if step == 0 else "rt"
        pen.text((x, (height - bottom + 9) * scale), str(step + 1), _INK, letters, anchor=anchor)
    points = [at(step, value) for step, value in enumerate(values) if np.isfinite(value)]
    if len(points) > 1:
        pen.line(points, fill=_LINE, width=3 * scale, joint="curve")
    for x, y in points[-1:]:
        pen.ellipse([x - 5 * scale, y - 5 * scale, x + 5 * scale, y + 5 * scale], fill=_LINE)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def cutouts(found: Cutouts, side: int = 96, gap: int = 6) -> Image.Image:
    """The cutouts in rows, those that are outlined by `outlines` first and framed in their colour."""
    columns = 4 if len(found.images) <= 12 else 6
    rows = -(-len(found.images) // columns)
    size = columns * (side + gap) + gap, rows * (side + gap) + gap
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, cutout in enumerate(found.images[_order(found)]):
        x, y = gap + number % columns * (side + gap), gap + number // columns * (side + gap)
        if number < len(_OUTLINES):
            pen.rectangle([x - 4, y - 4, x + side + 3, y + side + 3], fill=_OUTLINES[number])
        sheet.paste(pictures.to_image(cutout).resize((side, side), Image.Resampling.BICUBIC), (x, y))
    return sheet


def outlines(found: Cutouts) -> Image.Image:
    """The picture, and on it the frames of some cutouts."""
    image = shown(found.picture).convert("RGB")
    pen = ImageDraw.Draw(image)
    corners = np.array([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], dtype=np.float64).T
    for number, colour in enumerate(_OUTLINES[: len(found.images)]):
        matrix = found.matrices[_order(found)[number]].double().cpu().numpy()
        x, y, w = matrix @ corners
        w = np.where(np.abs(w) < 1e-6, 1e-6, w)
        points = [((a / c + 1) / 2 * image.width, (b / c + 1) / 2 * image.height) for a, b, c in zip(x, y, w)]
        pen.line([*points, points[0]], fill=(20, 20, 20), width=6, joint="curve")
        pen.line([*points, points[0]], fill=colour, width=3, joint="curve")
    return image


def mosaic(found: Codes) -> Image.Image:
    """Every code in its place, drawn by itself."""
    return shown(found.mosaic())


def code(found: Codes, number: int, side: int = 72) -> Image.Image:
    """One code: what it looks like by itself, and beside it where in the picture it stands."""
    tile = pictures.to_image(found.tiles[number]).resize((side, side), Image.Resampling.NEAREST)
    rows, columns = found.grid.shape
    scale = side / max(rows, columns)
    where = np.where((found.grid == number).numpy()[..., None], np.array(_LINE, np.uint8), np.array(_GRID, np.uint8))
    place = Image.fromarray(where).resize(
        (max(1, round(columns * scale)), max(1, round(rows * scale))), Image.Resampling.NEAREST
    )
    card = Image.new("RGB", (2 * side + 6, side), _PAPER)
    card.paste(tile, (0, 0))
    card.paste(place, (side + 6, (side - place.height) // 2))
    return card


def _order(found: Cutouts) -> list[int]:
    """Outlined ones first: the first whole view, then the smaller ones that come behind the whole views."""
    count, wanted = len(found.images), len(_OUTLINES)
    first = [0, *range(max(1, count - wanted + 1), count)][:wanted]
    return [*first, *(i for i in range(count) if i not in first)]


def _grown(share: Tensor, picture: Image.Image) -> np.ndarray:
    small = Image.fromarray(share.clamp(0, 1).float().cpu().numpy())
    return np.array(small.resize(picture.size, Image.Resampling.BICUBIC)).clip(0, 1)[..., None]


def _over(
    picture: Image.Image, share: Tensor, colours: Sequence[tuple[int, int, int]], strength: np.ndarray
) -> Image.Image:
    values = _grown(share, picture)[..., 0]
    places = np.linspace(0, 1, len(colours))
    heat = np.stack([np.interp(values, places, [colour[i] for colour in colours]) for i in range(3)], axis=-1)
    grey = np.array(picture.convert("L"), dtype=np.float64)[..., None].repeat(3, axis=-1)
    return Image.fromarray((grey + (heat - grey) * strength).round().clip(0, 255).astype(np.uint8))
