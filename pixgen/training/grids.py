"""Scenes as the token decoder learns them: code grids, image embeddings and wordings, made as they are first needed.

To encode a picture takes as long as to learn from it, so each is encoded once and used in several epochs. The first
epoch goes through the scenes in order and makes them on the way: the training begins at once, and a kill loses little.
"""

from __future__ import annotations

import io
import json
import os
import random
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pixgen.dalle import store
from pixgen.dalle.pair import SIDE, Pair
from pixgen.training.captions import COLOURS
from pixgen.training.places import PLACES
from pixgen.training.scenes import Scenes, Sketch

WORDINGS = 4
CHUNK = 8
"""Batches of scenes in one file."""
CLEAR = ("drawing", "drawing", "drawing", "watercolor", "oil", "pencil", "neon")
"""The styles of plain scenes, in which a small network finds most."""


class CleanScenes(Scenes):
    """128 x 128 and without noise, which codes cannot show; every second one a single subject, plain to see."""

    def __init__(self, cache: Path, batch: int, seed: int, subjects: int) -> None:
        super().__init__(cache, batch, SIDE, seed, subjects)
        self.noise = 0.0

    def sketch(self, rng: random.Random) -> Sketch:
        if rng.random() < 0.5:
            return super().sketch(rng)
        sketch = self._person(rng) if self.people and rng.random() < 0.25 else self._single(rng)
        scene = sketch.scene
        scene.style = rng.choice(CLEAR)
        if scene.place is None and rng.random() < 0.25:
            scene.place = rng.choice(list(PLACES))
        elif scene.place is None and rng.random() < 0.5:
            scene.ground = rng.choice(list(COLOURS))
        return sketch


class Grids:
    """codes: int64 (N, 16, 16); embeddings: float32 (N, D), unit; wordings: N lists of captions of one scene.

    They lie in `folder` under a name that tells which perceptor and VQGAN made them, so another pair makes its own.
    """

    def __init__(self, folder: Path, scenes: CleanScenes, pair: Pair, scenes_wanted: int) -> None:
        made_by = "-".join(store.fingerprint(pair.path(name))[:8] for name in ("perceptor", "vqgan"))
        self.folder = folder / f"grids-{made_by}-{scenes.seed}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.scenes, self.pair = scenes, pair
        self.each = CHUNK * scenes.batch
        self.count = -(-scenes_wanted // self.each) * self.each
        self._chunks: dict[int, tuple[np.ndarray, np.ndarray, list[list[str]]]] = {}

    def __len__(self) -> int:
        return self.count

    def order(self, epoch: int) -> np.ndarray:
        """All places: in order in the first epoch, shuffled in every other."""
        if epoch == 0:
            return np.arange(self.count)
        return np.random.default_rng((self.scenes.seed, epoch)).permutation(self.count)

    def rows(self, places: np.ndarray, rng: torch.Generator) -> tuple[Tensor, Tensor, list[str]]:
        """Codes, embeddings and one of the wordings of the scenes at these places."""
        which = torch.randint(WORDINGS, (len(places),), generator=rng).tolist()
        found = [(self._chunk(int(place) // self.each), int(place) % self.each) for place in places]
        codes = torch.from_numpy(np.stack([chunk[0][row] for chunk, row in found]).astype(np.int64))
        embeddings = torch.from_numpy(np.stack([chunk[1][row] for chunk, row in found]).astype(np.float32))
        return codes, embeddings, [chunk[2][row][w] for (chunk, row), w in zip(found, which, strict=True)]

    def _chunk(self, number: int) -> tuple[np.ndarray, np.ndarray, list[list[str]]]:
        if number not in self._chunks:
            path = self.folder / f"{number:05}.npz"
            if not path.exists():
                self._make(number, path)
            with np.load(path) as held:
                wordings = json.loads(bytes(held["wordings"]).decode())
                self._chunks[number] = held["codes"], held["embeddings"], wordings
        return self._chunks[number]

    @torch.no_grad()
    def _make(self, number: int, path: Path) -> None:
        codes, embeddings, wordings = [], [], []
        for step in range(number * CHUNK, (number + 1) * CHUNK):
            batch = self.scenes.batch_at(step, WORDINGS)
            codes.append(self.pair.codes(batch.images).cpu().numpy().astype(np.uint16))
            embeddings.append(self.pair.embed(batch.images).cpu().numpy().astype(np.float16))
            wordings += batch.wordings
        words = np.frombuffer(json.dumps(wordings, ensure_ascii=False).encode(), np.uint8)
        held = io.BytesIO()
        np.savez(held, codes=np.concatenate(codes), embeddings=np.concatenate(embeddings), wordings=words)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_bytes(held.getvalue())
        os.replace(temporary, path)
