"""Scenes as the token decoder learns them: code grids, image embeddings and wordings, made as they are first needed.

To encode a picture takes as long as to learn from it, so each is encoded once and used in several epochs. The first
epoch goes through the scenes in order and makes them on the way: the training begins at once, and a kill loses little.
A perceptor that has learnt more in the meantime embeds them again; their codes stay.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pixgen.io import files
from pixgen.networks import store
from pixgen.networks.pair import PAIR_SIDE, Pair
from pixgen.scenery.captions import SceneDescription
from pixgen.scenery.places import PLACES
from pixgen.scenery.vocabulary import COLOURS
from pixgen.training.data.scenes import Scenes
from pixgen.training.data.sketches import Sketch, Sketcher

WORDINGS = 4
PLAIN = 0.85
"""Share of scenes with a single subject, plain to see: upright, in the middle, always of one size."""
ICON_SET = "fluent-emoji-flat"
"""Whose drawings the scenes show, where it has any: a small network memorises one drawing of a subject, and
of ten no more than their textures. This set's are the plainest, and those that judges recognise best as codes."""
PORTRAIT_SETS = ("avataaars", "toon-head")
"""Whose parts its people are made of, for the same reason."""
WHOLE, CLOSE = 0.85, 1.15
"""Half the side of a subject as a share of half the picture's: whole, and of somebody seen closely."""
CLEAR = (*["drawing"] * 8, "watercolor", "oil", "pencil", "neon")
"""The styles of plain scenes, in which a small network finds most."""


class CleanScenes(Scenes):
    """Without noise, which codes cannot show; most of them of a single subject."""

    drift = 0.0

    def __init__(
        self, cache: Path, batch: int, seed: int, subjects: int, side: int = PAIR_SIDE, portraits: float = 0.0
    ) -> None:
        super().__init__(cache, batch, side, seed, subjects, noise=0.0, portraits=portraits)
        own = {group: [one for one in drawn if one[1].icon_set == ICON_SET] for group, drawn in self.drawings.items()}
        self.drawings = {group: own[group] or drawn for group, drawn in self.drawings.items()}
        self.sketcher = Sketcher(self.drawings, self.subjects)

    def sketch(self, rng: random.Random) -> Sketch:
        if (portrait := self.portrait(rng)) is not None:
            return portrait
        things = len(self.sketcher.things) / len(self.sketcher.groups)  # the others are whole pictures of a user's own
        if rng.random() >= PLAIN * things:
            return self.sketcher.sketch(rng)
        somebody = self.sketcher.people and rng.random() < 0.25
        sketch = self.sketcher.person(rng) if somebody else self.sketcher.single(rng)
        scene = sketch.scene
        scene.style = rng.choice(CLEAR)
        if scene.place is None and rng.random() < 0.2:
            scene.place = rng.choice(list(PLACES))
        elif scene.place is None and rng.random() < 0.4:
            scene.ground = rng.choice(list(COLOURS))
        _pose(sketch)
        return sketch

    def portrait(self, rng: random.Random) -> Sketch | None:
        """As others, in a style in which a small network finds something."""
        if (sketch := super().portrait(rng)) is not None:
            sketch.scene.style = rng.choice(CLEAR)
        return sketch

    def _portrait_sets(self, icon_sets: str) -> tuple[str, ...]:
        return PORTRAIT_SETS

    def ground_colour(self, scene: SceneDescription, rng: random.Random) -> tuple[float, float, float]:
        """Always the same colour for a name, white where the caption names none, which could only be guessed."""
        return COLOURS[scene.ground][0] if scene.ground else (0.98, 0.98, 0.98)


def _pose(sketch: Sketch) -> None:
    """Fix the pose, which would take most of the few bits that a small network learns."""
    subject, *held = sketch.placed
    subject.size = CLOSE if sketch.scene.closeup else WHOLE
    subject.x, subject.y, subject.angle, subject.flip = 0.0, subject.size - WHOLE, 0.0, False
    for prop in held:
        prop.x, prop.y, prop.size, prop.angle = math.copysign(0.4, prop.x), 0.55, 0.38, 0.0


class Grids:
    """codes: int64 (N, 16, 16); embeddings: float32 (N, D), unit; wordings: N lists of captions of one scene.

    They lie in `folder` under names that tell which VQGAN and perceptor made them, so others make their own.

    scenes_wanted: how many at least; N is the next multiple of a file.
    chunk: batches of scenes in one file.
    """

    def __init__(self, folder: Path, scenes: CleanScenes, pair: Pair, scenes_wanted: int, chunk: int = 8) -> None:
        vqgan, self._perceptor = (store.fingerprint(pair.path(name))[:8] for name in ("vqgan", "perceptor"))
        share = f"-{scenes.portraits:g}" if scenes.portraits else ""  # others than without people
        self.folder = folder / f"grids-{vqgan}-{scenes.seed}{share}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.scenes, self.pair = scenes, pair
        self.chunk, self.each = chunk, chunk * scenes.batch
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
            drawn = self.folder / f"{number:05}.npz"
            embedded = self.folder / f"{number:05}-{self._perceptor}.npy"
            if not (drawn.exists() and embedded.exists()):
                self._make(number, drawn, embedded)
            with np.load(drawn) as held:
                self._chunks[number] = held["codes"], np.load(embedded), json.loads(bytes(held["wordings"]).decode())
        return self._chunks[number]

    @torch.no_grad()
    def _make(self, number: int, drawn: Path, embedded: Path) -> None:
        steps = range(number * self.chunk, (number + 1) * self.chunk)
        batches = [self.scenes.batch_at(step, WORDINGS) for step in steps]
        wordings = json.dumps([said for b in batches for said in b.wordings], ensure_ascii=False).encode()
        if not drawn.exists() or np.load(drawn)["wordings"].tobytes() != wordings:  # another pixgen drew other scenes
            codes = np.concatenate([self.pair.token_codes(b.images).cpu().numpy().astype(np.uint16) for b in batches])
            _write(drawn, np.savez, codes=codes, wordings=np.frombuffer(wordings, np.uint8))
        embeddings = [self.pair.embed(b.images).cpu().numpy().astype(np.float16) for b in batches]
        _write(embedded, np.save, np.concatenate(embeddings))


def _write(path: Path, write: Callable[..., None], *arrays: np.ndarray, **named: np.ndarray) -> None:
    with files.replacing(path, sole=True) as temporary, temporary.open("wb") as file:
        write(file, *arrays, **named)
