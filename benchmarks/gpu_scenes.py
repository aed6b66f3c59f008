"""Scenes for `one_gpu.py`, composed by all cores into files of raw pixels."""

from __future__ import annotations

import functools
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixgen.scenery import svg_drawings
from pixgen.scenery.compose import PlacedThing, compose
from pixgen.scenery.reader import ParsedScene, ParsedThing
from pixgen.scenery.styles import STYLE_NAMES
from pixgen.scenery.vocabulary import COLOURS
from pixgen.training.data import drawings
from pixgen.training.data.grids import WORDINGS, CleanScenes
from pixgen.training.data.scenes import Scenes

EACH = 16
"""Scenes that a worker composes at once."""


@functools.cache
def _sprite(name: str) -> Tensor:
    return svg_drawings.sprite(name, 320)


def _own_scene(side: int, seed: int) -> Tensor:
    """Things and places that pixgen draws itself, as a prompt would have them, in any style."""
    rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    scene = ParsedScene(style=rng.choice(STYLE_NAMES) if rng.random() < 0.5 else "drawing")
    if rng.random() < 0.6:
        scene.place = rng.choice(sorted(svg_drawings.places()))
        scene.light = rng.choice(("night", "sunset")) if rng.random() < 0.2 else None
    elif rng.random() < 0.5:
        scene.ground = rng.choice(list(COLOURS))
    placed = []
    for _ in range(1 + (rng.random() < 0.25)) if rng.random() < 0.8 or not scene.place else ():
        name = rng.choice(sorted(svg_drawings.things()))
        spot = PlacedThing(
            ParsedThing(name, name), rng.uniform(-0.4, 0.4), rng.uniform(-0.3, 0.3), rng.uniform(0.35, 0.9)
        )
        placed.append((spot, _sprite(name)))
    return compose(scene, placed, (side, side), noise)


_made: dict[str, Any] = {}


def _compose(job: tuple[str, str, str, int, int, float, int]) -> list[list[str]]:
    """Write one batch of scenes into its place of the file; the captions of token scenes."""
    cache, path, kind, side, total, share, number = job
    torch.set_num_threads(1)
    pictures = np.memmap(path, np.uint8, "r+", shape=(total, 3, side, side))
    wordings: list[list[str]] = []
    if kind == "own":
        images = torch.cat([_own_scene(side, number * EACH + i) for i in range(EACH)])
    else:
        key = f"{kind}/{side}/{share}"
        if key not in _made:
            _made[key] = (
                CleanScenes(Path(cache), EACH, 300, drawings.ALL_SUBJECTS, side, share)
                if kind == "tokens"
                else Scenes(Path(cache), EACH, side, 700, drawings.ALL_SUBJECTS, noise=0.0, portraits=share)
            )
        batch = _made[key].batch_at(number, WORDINGS if kind == "tokens" else 0)
        images, wordings = batch.images, batch.wordings if kind == "tokens" else []
    begin = number * EACH
    rows = images[: total - begin].clamp(0, 1).mul(255).round().byte().numpy()
    pictures[begin : begin + len(rows)] = rows
    return wordings


def compose_all(pool: Any, cache: Path, path: Path, kind: str, side: int, total: int, share: float) -> list[list[str]]:
    np.memmap(path, np.uint8, "w+", shape=(total, 3, side, side)).flush()
    jobs = [(str(cache), str(path), kind, side, total, share, n) for n in range(-(-total // EACH))]
    return [said for batch in pool.imap(_compose, jobs, chunksize=2) for said in batch][:total]


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)
