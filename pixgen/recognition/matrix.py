"""The matrix of pictures and labels as a picture: the figure by which the CLIP lesson begins."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from pixgen.errors import UsageError
from pixgen.io import pictures
from pixgen.io.image_files import Source
from pixgen.io.sheet import Sheet, font
from pixgen.recognition.classify import Classified
from pixgen.recognition.clip_models import opened

TILE, GAP = 96, 4
LETTERS = 22
"""Of a label or a name, before it is cut."""
MOST = 50
"""Pictures and labels; more is a figure that nobody can read."""

_LIGHT, _DARK = (255, 255, 229), (0, 69, 41)


def figure(found: Sequence[Classified], files: Sequence[Source]) -> Sheet:
    """Pictures as columns, labels as rows, in each cell the cosine on a colour: light is low, dark is high.

    files: the pictures of `found`. Raises UsageError where there are more pictures or labels than can be read.
    """
    labels = list(found[0].cosines)
    if max(len(found), len(labels)) > MOST:
        raise UsageError(
            f"a figure of {len(found)} pictures and {len(labels)} labels cannot be read; the most is {MOST} of each"
        )
    words = font(13)
    values = [value for one in found for value in one.cosines.values()]
    low, high = min(values), max(values)
    sheet = Sheet(len(found), len(labels) + 1, TILE, gap=GAP, left=190)
    for column, (one, file) in enumerate(zip(found, files, strict=True)):
        try:
            sheet.paste(column, 0, pictures.to_image(opened(file)), keep_shape=True)
        except UsageError:  # it went meanwhile
            sheet.outline(column, 0)
        for row, value in enumerate(one.cosines.values(), 1):
            share = (value - low) / (high - low) if high > low else 0.5
            sheet.paste(column, row, Image.new("RGB", (TILE, TILE), _colour(share)))
            left, top = sheet.corner(column, row)
            middle, ink = (left + TILE // 2, top + TILE // 2), "white" if share > 0.5 else "black"
            sheet.write(middle, f"{value:.2f}", font=font(16), anchor="mm", fill=ink)
    for row, label in enumerate(labels, 1):
        _, top = sheet.corner(0, row)
        sheet.write((190 - GAP, top + TILE // 2), _short(label), font=words, anchor="rm")
    return sheet


def _colour(share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(_LIGHT, _DARK, strict=True))
    return red, green, blue


def _short(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 3]}..."
