"""Contact sheets: the drawings, one row a subject and one column an icon set; and scenes of every style, with captions.

python -m pixgen.evaluation.contact_sheet CACHE docs/scenes.webp
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pixgen.io import terminal
from pixgen.io.pictures import to_image
from pixgen.io.sheet import Sheet, font
from pixgen.training.data.drawings import SETS, Icon, load_sprites

TITLE = 12  # pixels for the words over a row


def contact_sheet(cache: Path, path: Path, subjects: int = 48, seed: int = 0, tile: int = 64, columns: int = 4) -> None:
    """Write a PNG of `subjects` random groups, each with one random drawing of every icon set that has it.

    `tile` is a drawing's side in pixels.

    Raises UsageError when there is no cache, PixgenError when `path` cannot be written.
    """
    sprites, index = load_sprites(cache)
    rng = random.Random(seed)
    by_group: dict[str, dict[str, list[tuple[int, Icon]]]] = {}
    for i, drawing in enumerate(index):
        by_group.setdefault(drawing.group, {}).setdefault(drawing.icon_set, []).append((i, drawing))
    groups = sorted(rng.sample(sorted(by_group), min(subjects, len(by_group))))

    names = [icon_set.name for icon_set in SETS]
    rows = -(-len(groups) // columns)
    sheet = Sheet(columns, rows, (len(names) * tile + TITLE, tile), over=TITLE)
    for place, group in enumerate(groups):
        column, row = divmod(place, rows)
        strip = Image.new("RGB", sheet.tile, "white")
        for name, found in by_group[group].items():
            number, _ = rng.choice(found)
            strip.paste(_on_white(sprites[number], tile), (names.index(name) * tile, 0))
        sheet.paste(column, row, strip)
        x, y = sheet.corner(column, row)
        sheet.write((x + 1, y - TITLE), group)
    sheet.save(path)


def scene_sheet(cache: Path, path: Path, each: int = 2, seed: int = 0, tile: int = 144, columns: int = 8) -> None:
    """Write a WebP of `each` random scenes of every style, `tile` pixels wide; a third of the captions Portuguese.

    Raises UsageError when there is no cache, PixgenError when `path` cannot be written.
    """
    import torch

    from pixgen.scenery.captions import write
    from pixgen.scenery.styles import STYLE_NAMES
    from pixgen.training.data.scenes import Scenes
    from pixgen.training.data.sketches import Sketch

    rng = random.Random(seed)
    scenes = Scenes(cache, 1, tile, seed)
    sketches: list[tuple[Sketch, str]] = []
    for i in range(each):
        for name in STYLE_NAMES:
            sketch = scenes.sketch(rng)
            sketch.scene.style = name
            sketches.append((sketch, write(sketch.scene, rng, portuguese=(len(sketches) + i) % 3 == 2)))
    images = scenes.render([sketch for sketch, _ in sketches], rng, torch.Generator().manual_seed(seed))
    line, lines = 13, 4
    sheet = Sheet(columns, -(-len(sketches) // columns), tile, under=line * lines, font=font(10))
    for place, (picture, (_, caption)) in enumerate(zip(images, sketches, strict=True)):
        row, column = divmod(place, columns)
        sheet.paste(column, row, to_image(picture))
        x, y = sheet.corner(column, row)
        sheet.write((x + 3, y + tile), *textwrap.wrap(caption, tile * 2 // 13)[:lines], step=line)
    sheet.save(path, quality=70, method=6)


def _on_white(sprite: np.ndarray, side: int) -> Image.Image:
    """Premultiplied over white is the colour plus what the alpha leaves free; it never passes 255."""
    colour = sprite[:3] + (255 - sprite[3:])
    return Image.fromarray(colour.transpose(1, 2, 0)).resize((side, side), Image.Resampling.LANCZOS)


def main(argv: Sequence[str] | None = None) -> None:
    import argparse

    parser = argparse.ArgumentParser(description="Draw scenes of every style with their captions.")
    parser.add_argument("cache", type=Path)
    parser.add_argument("path", type=Path, help="a .webp")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    scene_sheet(options.cache, options.path, seed=options.seed)


if __name__ == "__main__":
    terminal.run(main)
