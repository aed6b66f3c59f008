"""A contact sheet of the drawings: one row a subject, one column a hand. Wrong matches are seen at a glance."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pixgen import files
from pixgen.training.drawings import SETS, Drawing, load_sprites

TITLE = 12  # pixels for the words over a row


def contact_sheet(cache: Path, path: Path, subjects: int = 48, seed: int = 0, tile: int = 64, columns: int = 4) -> None:
    """Write a PNG of `subjects` random groups, each with one random drawing by every hand that has it.

    `tile` is a drawing's side in pixels.

    Raises UsageError when there is no cache, PixgenError when `path` cannot be written.
    """
    sprites, index = load_sprites(cache)
    rng = random.Random(seed)
    by_group: dict[str, dict[str, list[tuple[int, Drawing]]]] = {}
    for i, drawing in enumerate(index):
        by_group.setdefault(drawing.group, {}).setdefault(drawing.hand, []).append((i, drawing))
    groups = sorted(rng.sample(sorted(by_group), min(subjects, len(by_group))))

    hands = [drawings.hand for drawings in SETS]
    rows = -(-len(groups) // columns)
    wide, high = len(hands) * tile + TITLE, tile + TITLE
    sheet = Image.new("RGB", (columns * wide, rows * high), "white")
    draw = ImageDraw.Draw(sheet)
    for place, group in enumerate(groups):
        x, y = place // rows * wide, place % rows * high
        draw.text((x + 1, y), group, fill="black")
        for hand, found in by_group[group].items():
            number, _ = rng.choice(found)
            sheet.paste(_on_white(sprites[number], tile), (x + hands.index(hand) * tile, y + TITLE))
    png = io.BytesIO()
    sheet.save(png, "PNG")
    files.write(path, png.getvalue(), overwrite=True)


def _on_white(sprite: np.ndarray, side: int) -> Image.Image:
    """Premultiplied over white is the colour plus what the alpha leaves free; it never passes 255."""
    colour = sprite[:3] + (255 - sprite[3:])
    return Image.fromarray(colour.transpose(1, 2, 0)).resize((side, side), Image.Resampling.LANCZOS)
