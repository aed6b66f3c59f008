"""A pool: scenes rendered once, used in many orders, each time with another camera and caption, and often mirrored.

Rendering costs as much as a training step of a small network; a pool makes it free after the first pass. It is the
same for the same seed and lies in one file, so a training that was killed finds it again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.io import files
from pixgen.training.data.scenes import Batch, Scenes

WORDINGS = 4
_OTHER_SIDE = {"left of": "right of", "right of": "left of", "esquerda de": "direita de", "direita de": "esquerda de"}
_SIDES = re.compile("|".join(_OTHER_SIDE))


@dataclass
class ScenePool:
    """pictures: uint8 (N, 3, S, S), memory-mapped; wordings: N lists of captions of the same scene.

    things and labels: as in `Batch`; empty in a pool from before they were kept.
    """

    pictures: np.ndarray
    wordings: list[list[str]]
    subjects: Tensor
    styles: Tensor
    things: list[list[int]] = field(default_factory=list)
    labels: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))

    def __len__(self) -> int:
        return len(self.pictures)

    def order(self, epoch: int, seed: int) -> np.ndarray:
        """All places in random order; twins of a minimal pair (2i, 2i + 1) stay side by side."""
        pairs = np.random.default_rng((seed, epoch)).permutation(len(self) // 2)
        return (pairs[:, None] * 2 + np.arange(2)).reshape(-1)

    def batch(self, places: np.ndarray, side: int, rng: torch.Generator) -> Batch:
        """The pictures at these places through a random camera at `side`, each in one of its wordings."""
        chosen = np.sort(places)
        images = torch.from_numpy(self.pictures[chosen]).float().div_(255)
        which = torch.randint(WORDINGS, (len(chosen),), generator=rng).tolist()
        flips = torch.rand(len(chosen), generator=rng) < 0.5
        images[flips] = images[flips].flip(-1)
        chosen_wordings = [self.wordings[i][w] for i, w in zip(chosen.tolist(), which, strict=True)]
        captions = [mirror_caption(c) if flip else c for c, flip in zip(chosen_wordings, flips.tolist(), strict=True)]
        rows = torch.from_numpy(chosen)
        return Batch(camera(images, side, rng), captions, self.subjects[rows], self.styles[rows])


def mirror_caption(caption: str) -> str:
    """What a picture's mirror image shows: left and right change places, in English and Portuguese."""
    return _SIDES.sub(lambda found: _OTHER_SIDE[found.group()], caption)


def camera(images: Tensor, side: int, rng: torch.Generator) -> Tensor:
    """Zoom up to 1.8 and shift, then light, colour and noise, as the loop's cutouts do: (B, 3, side, side)."""
    n = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(n, *shape).uniform_(low, high, generator=rng)

    zoom = torch.where(uniform(0, 1) < 0.3, uniform(0.55, 0.9), uniform(0.9, 1.1))
    turn = uniform(-0.12, 0.12)
    reach = (1 - zoom).abs() + 0.05
    x, y = uniform(-1, 1) * reach, uniform(-1, 1) * reach
    cos, sin = zoom * turn.cos(), zoom * turn.sin()
    matrices = torch.stack((torch.stack((cos, -sin, x), 1), torch.stack((sin, cos, y), 1)), 1)
    if images.shape[-1] >= 2 * side:
        images = F.avg_pool2d(images, images.shape[-1] // side)
    grid = F.affine_grid(matrices, [n, 3, side, side], align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    contrast, gain, light = uniform(0.9, 1.1, 1, 1, 1), uniform(0.95, 1.05, 3, 1, 1), uniform(-0.06, 0.06, 1, 1, 1)
    images = (images - 0.5) * contrast * gain + 0.5 + light
    noise = torch.randn(images.shape, generator=rng) * uniform(0, 0.05, 1, 1, 1)
    return (images + noise).clamp_(0, 1)


def open_pool(path: Path, scenes: Scenes, pictures: int) -> ScenePool:
    """Open the pool at `path` (.npy, with its captions in the .json next to it); render it where it does not exist."""
    words = path.with_suffix(".json")
    if not words.exists():
        _render(path, words, scenes, pictures)
    held = json.loads(words.read_text())
    subjects, styles = torch.tensor(held["subjects"]), torch.tensor(held["styles"])
    named, shown = held.get("things", []), torch.tensor(held.get("labels", []), dtype=torch.long)
    return ScenePool(np.load(path, mmap_mode="r"), held["wordings"], subjects, styles, named, shown)


def _render(path: Path, words: Path, scenes: Scenes, pictures: int) -> None:
    with files.replacing(path, sole=True) as temporary:
        held = _fill(temporary, scenes, -(-pictures // scenes.batch))
    with files.replacing(words, sole=True) as temporary:  # last: where it is, the pictures are whole
        temporary.write_text(json.dumps(held, ensure_ascii=False))


def _fill(path: Path, scenes: Scenes, steps: int) -> dict[str, list[Any]]:
    """Render `steps` batches into a .npy file; their captions and labels, a list a kind."""
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (steps * scenes.batch, 3, scenes.side, scenes.side))
    held: dict[str, list[Any]] = {"wordings": [], "subjects": [], "styles": [], "things": [], "labels": []}
    for step in range(steps):
        batch = scenes.batch_at(step, WORDINGS)
        begin = step * scenes.batch
        array[begin : begin + scenes.batch] = (batch.images * 255).round().byte().numpy()
        held["wordings"] += batch.wordings
        held["subjects"] += batch.subjects.tolist()
        held["styles"] += batch.styles.tolist()
        held["things"] += batch.things
        held["labels"] += batch.labels.tolist()
    array.flush()
    return held
