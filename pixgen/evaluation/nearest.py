"""How much of a picture is a copy: drawn pictures, and the training's drawings that come nearest to them.

    python -m pixgen.evaluation.nearest PICTURE.png ... --cache CACHE --out SHEET.png

Near is what has similar embeddings. In every pair of rows the pictures stand above and their drawings below.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.errors import UsageError
from pixgen.io import resources, terminal
from pixgen.io.pictures import Fitted
from pixgen.networks.pair import PairPerceptor, load_perceptor
from pixgen.training import bank, monitor
from pixgen.training.data.drawings import HELD_OUT_ICON_SET, load_sprites

COLUMNS = 10
TILE = 128


def on_ground(sprites: np.ndarray, side: int) -> Tensor:
    """Premultiplied RGBA drawings, uint8 (N, 4, S, S), on a light ground: float32 (N, 3, side, side)."""
    shown = bank.on_ground(torch.from_numpy(sprites).float().div_(255))
    return F.interpolate(shown, size=(side, side), mode="bilinear", antialias=True).clamp(0, 1)


@torch.no_grad()
def nearest(perceptor: PairPerceptor, pictures: Tensor, sprites: np.ndarray) -> tuple[Tensor, Tensor]:
    """The nearest drawing of each picture, float32 (B, 3, S, S): its place, int64 (B,), and cosine similarity (B,)."""
    side = perceptor.input_size
    seen = perceptor.encode_image(F.interpolate(pictures, size=(side, side), mode="bilinear", antialias=True))
    parts = np.array_split(sprites, max(1, len(sprites) // 256))
    known = torch.cat([perceptor.encode_image(on_ground(part, side)) for part in parts])
    near, place = (seen @ known.T).max(dim=1)
    return place, near


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Show drawn pictures above the training's nearest drawings.")
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="folder of the rasterised drawings")
    parser.add_argument("--perceptor", type=Path, default=resources.embedded() / "perceptor.safetensors")
    parser.add_argument("--out", type=Path, required=True, help="the sheet to write, a PNG")
    options = parser.parse_args(argv)
    sprites, index = load_sprites(options.cache)
    learnt = [i for i, drawing in enumerate(index) if drawing.icon_set != HELD_OUT_ICON_SET]
    if not learnt:
        raise UsageError(f"{options.cache} has no drawing of an icon set that is learnt from")
    perceptor = load_perceptor(options.perceptor)
    pictures = torch.cat([Fitted(path)((2 * TILE, 2 * TILE)) for path in options.pictures])
    places, near = nearest(perceptor, pictures, sprites[learnt])
    for path, place, cosine in zip(options.pictures, places.tolist(), near.tolist(), strict=True):
        drawing = index[learnt[place]]
        terminal.write(f"{path.name}: {drawing.name} of {drawing.icon_set}, cosine {cosine:.2f}")
    drawings = on_ground(sprites[[learnt[place] for place in places.tolist()]], 2 * TILE)
    rows = zip(pictures.split(COLUMNS), drawings.split(COLUMNS), strict=True)
    monitor.sheet(options.out, [row for pair in rows for row in pair], side=TILE)


if __name__ == "__main__":
    terminal.run(main)
