"""Scenes: drawings placed on grounds and places, passed through styles, with captions made from the same parts.

`Scenes(sprites, ...)[step]` is one batch, always the same for the same seed and step: a training may be killed
and go on, and one seed is one data set. Everything is drawn at the size at which it is used.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from pixgen.training.captions import Scene, Thing, write
from pixgen.training.drawings import HELD_OUT, Drawing, load_sprites
from pixgen.training.labels import labels, things
from pixgen.training.places import PLACES
from pixgen.training.styles import STYLES, tinted, uniform
from pixgen.training.subjects import load_subjects
from pixgen.training.words import COLOURS, FIELD_PROPS, FIELDS

STYLE_NAMES = list(STYLES)


@dataclass
class Placed:
    """One sprite in a picture: centre in [-1, 1], half its side as a share of half the picture's, angle in radians."""

    sprite: int
    x: float = 0.0
    y: float = 0.0
    size: float = 0.75
    angle: float = 0.0
    flip: bool = False
    colour: str | None = None


@dataclass
class Sketch:
    """A scene and where everything in it stands."""

    scene: Scene
    placed: list[Placed] = field(default_factory=list)


@dataclass
class Batch:
    """images: float32 (B, 3, S, S) in [0, 1]; subjects, styles: int64 (B,), -1 where none is the only one.

    captions: one a picture. wordings: several a picture, where they were asked for. things: every subject of each
    picture; labels: int64 (B, len(LABELS)), the answers of `pixgen.training.labels`.
    """

    images: Tensor
    captions: list[str]
    subjects: Tensor
    styles: Tensor
    wordings: list[list[str]] = field(default_factory=list)
    things: list[list[int]] = field(default_factory=list)
    labels: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))

    def to(self, device: torch.device) -> Batch:
        """The same batch with its tensors on `device`."""
        images, subjects, styles = (x.to(device) for x in (self.images, self.subjects, self.styles))
        return replace(self, images=images, subjects=subjects, styles=styles, labels=self.labels.to(device))


class Scenes(Dataset[Batch]):
    """Batches of scenes by step.

    cache: folder of `drawings.rasterise`. subjects: how many of subjects.csv, by rank.
    hands: "seen", "held-out" or "all".
    plain: single subjects, undistorted, without style, captioned by name alone (for measuring).
    strength: the least share of a style's effect; noise: the most noise on a picture.
    """

    def __init__(
        self,
        cache: Path,
        batch: int,
        side: int,
        seed: int,
        subjects: int = 516,
        hands: str = "seen",
        plain: bool = False,
        strength: float = 1.0,
        noise: float = 0.05,
    ) -> None:
        self.sprites, index = load_sprites(cache)
        self.index, self.strength = index, strength
        self.levels = _levels(cache, self.sprites)
        self.batch, self.side, self.seed, self.plain = batch, side, seed, plain
        self.noise = 0.0 if plain else noise  # the largest standard deviation
        everything = load_subjects(cache)
        self.numbers = {group: i for i, group in enumerate(everything)}
        keep = {d.group for d in index if d.hand != HELD_OUT}
        self.subjects = {g: s for g, s in everything.items() if s.rank <= subjects and g in keep}
        self.drawings: dict[str, list[tuple[int, Drawing]]] = {}
        for i, drawing in enumerate(index):
            right = hands == "all" or (drawing.hand == HELD_OUT) == (hands == "held-out")
            if drawing.group in self.subjects and right:
                self.drawings.setdefault(drawing.group, []).append((i, drawing))
        self.groups = list(self.drawings)
        self.wholes = [g for g in self.groups if self.subjects[g].kind == "picture"]  # a user's own photographs
        self.things = [g for g in self.groups if g not in self.wholes]
        self.people = [g for g in self.groups if self.subjects[g].kind == "person"]
        self.roles = [g for g in self.people if self.drawings[g][0][1].role]

    def __getitem__(self, step: int) -> Batch:
        return self.batch_at(step)

    def batch_at(self, step: int, wordings: int = 0) -> Batch:
        """The batch of this step, with `wordings` captions more of each picture, a third of them in Portuguese."""
        rng = random.Random(f"{self.seed}/{step}/{self.plain}")
        noise = torch.Generator().manual_seed(rng.getrandbits(62))
        if self.plain:
            sketches = [self._plain(rng) for _ in range(self.batch)]
        elif rng.random() < 0.25:
            sketches = [twin for _ in range(self.batch // 2) for twin in self._pair(rng)]
        else:
            sketches = [self.sketch(rng) for _ in range(self.batch)]
        images = self.render(sketches, rng, noise)
        captions = [
            "a " + s.scene.things[0].subject.en[0] if self.plain else write(s.scene, rng, rng.random() < 0.3)
            for s in sketches
        ]
        subjects = [self.numbers[s.scene.things[0].subject.group] if len(s.scene.things) == 1 else -1 for s in sketches]
        styles = [STYLE_NAMES.index(s.scene.style) for s in sketches]
        more = [[write(s.scene, rng, rng.random() < 0.3) for _ in range(wordings)] for s in sketches]
        drawn = [[self.index[p.sprite] for p in s.placed] for s in sketches]
        shown = torch.tensor([labels(s.scene, d[0]) for s, d in zip(sketches, drawn, strict=True)])
        named = [things(s.scene, d, self.numbers) for s, d in zip(sketches, drawn, strict=True)]
        return Batch(images, captions, torch.tensor(subjects), torch.tensor(styles), more, named, shown)

    # -- what is in a picture ------------------------------------------------------------------------------

    def sketch(self, rng: random.Random) -> Sketch:
        """Draw one scene at random."""
        if self.wholes and rng.random() < len(self.wholes) / len(self.groups):
            return self._whole(rng)
        kind = rng.random()
        if kind < 0.24 and self.people:
            sketch = self._person(rng)
        elif kind < 0.40 and len(self.things) > 1:
            sketch = self._two(rng)
        elif kind < 0.46:
            sketch = self._several(rng)
        else:
            sketch = self._single(rng)
        scene = sketch.scene
        scene.style = rng.choice(STYLE_NAMES) if rng.random() < 0.6 else "drawing"
        if scene.place is None:
            if rng.random() < 0.4:
                scene.place = rng.choice(list(PLACES))
            elif rng.random() < 0.6:
                scene.ground = rng.choice(list(COLOURS))
        if rng.random() < 0.25:  # the camera moves: what a cutout will show
            zoom, dx, dy = rng.uniform(1, 1.7), rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4)
            for p in sketch.placed:
                p.x, p.y, p.size = (p.x + dx) * zoom, (p.y + dy) * zoom, p.size * zoom
        return sketch

    def _plain(self, rng: random.Random) -> Sketch:
        group = rng.choice(self.groups)
        sprite, _ = rng.choice(self.drawings[group])
        return Sketch(Scene([Thing(self.subjects[group])]), [Placed(sprite, size=0.8)])

    def _whole(self, rng: random.Random) -> Sketch:
        group = rng.choice(self.wholes)
        sprite, _ = rng.choice(self.drawings[group])
        style = rng.choice(STYLE_NAMES) if rng.random() < 0.6 else "drawing"
        return Sketch(Scene([Thing(self.subjects[group])], style=style), [Placed(sprite, size=1.0)])

    def _single(self, rng: random.Random) -> Sketch:
        group = rng.choice(self.things)
        thing, placed = self._thing(group, rng, rng.uniform(0.5, 0.95))
        placed.x, placed.y = (rng.uniform(-0.3, 0.3) * (1.1 - placed.size) * 2 for _ in "xy")
        return Sketch(Scene([thing]), [placed])

    def _thing(self, group: str, rng: random.Random, size: float) -> tuple[Thing, Placed]:
        sprite, drawing = rng.choice(self.drawings[group])
        thing = Thing(self.subjects[group])
        placed = Placed(sprite, size=size, angle=rng.gauss(0, 0.12), flip=rng.random() < 0.3)
        if thing.subject.kind in ("person", "face"):
            if drawing.sex and rng.random() < 0.5:
                thing.sex = drawing.sex
        elif rng.random() < 0.2:
            thing.colour = placed.colour = rng.choice(list(COLOURS))
        elif drawing.colour and rng.random() < 0.6:
            thing.colour = drawing.colour if drawing.colour in COLOURS else None
        return thing, placed

    def _person(self, rng: random.Random) -> Sketch:
        if "teacher" in self.drawings and rng.random() < 0.3:
            group = "teacher"
        else:
            group = rng.choice(self.roles if self.roles and rng.random() < 0.6 else self.people)
        closeup = rng.random() < 0.4
        thing, placed = self._thing(group, rng, rng.uniform(1.0, 1.35) if closeup else rng.uniform(0.7, 0.98))
        placed.angle *= 0.3
        placed.y = placed.size - rng.uniform(0.75, 0.95)
        placed.x = rng.uniform(-0.2, 0.2)
        scene = Scene([thing], closeup=closeup)
        if group == "teacher" and rng.random() < 0.6:
            thing.field = rng.choice(list(FIELDS))
        if thing.subject.group in self.roles:
            thing.age = "young" if rng.random() < 0.35 else None
            elders = {"male": "old-man", "female": "old-woman"}
            if rng.random() < 0.2 and all(e in self.drawings for e in elders.values()):
                thing.sex, thing.age = thing.sex or rng.choice(list(elders)), "old"
                placed.sprite = rng.choice(self.drawings[elders[thing.sex]])[0]
        sketch = Sketch(scene, [placed])
        if thing.field == "blackboard" or (group == "teacher" and rng.random() < 0.3):
            scene.place = "blackboard"
        prop = FIELD_PROPS.get(thing.field or "", thing.field or rng.choice(("book", "laptop", "guitar")))
        if prop in self.drawings and (thing.field or rng.random() < 0.25):
            sprite, _ = rng.choice(self.drawings[prop])
            if not thing.field or rng.random() < 0.8:
                thing.holds = self.subjects[prop]
            sketch.placed.append(
                Placed(
                    sprite, rng.uniform(-0.5, 0.5), rng.uniform(0.45, 0.7), rng.uniform(0.3, 0.45), rng.gauss(0, 0.1)
                )
            )
        return sketch

    def _two(self, rng: random.Random) -> Sketch:
        one, two = rng.sample(self.things, 2)
        (first, a), (second, b) = (self._thing(g, rng, rng.uniform(0.36, 0.5)) for g in (one, two))
        gap = rng.uniform(0.42, 0.52)
        relation = rng.choice(("left", "left", "right", "right", "above", "below"))
        dx, dy = {"left": (-1, 0), "right": (1, 0), "above": (0, -1), "below": (0, 1)}[relation]
        a.x, a.y, b.x, b.y = dx * gap, dy * gap, -dx * gap, -dy * gap
        if rng.random() < 0.2:
            second.small, b.size = True, b.size * 0.55
        return Sketch(Scene([first, second], relation=relation), [a, b])

    def _several(self, rng: random.Random) -> Sketch:
        thing, placed = self._thing(rng.choice(self.things), rng, 0.42)
        thing.count = rng.choice((2, 3))
        spots = [(-0.48, 0.0), (0.48, 0.0)] if thing.count == 2 else [(-0.5, 0.35), (0.5, 0.35), (0.0, -0.45)]
        return Sketch(Scene([thing]), [_moved(placed, x, y) for x, y in spots])

    def _pair(self, rng: random.Random) -> tuple[Sketch, Sketch]:
        """Two scenes that differ only in style, colour, ground or side: what captions mean is learnt from these."""
        one = self.sketch(rng)
        two = copy.deepcopy(one)
        scene = two.scene
        if scene.relation and rng.random() < 0.7:
            scene.relation = {"left": "right", "right": "left", "above": "below", "below": "above"}[scene.relation]
            for p in two.placed:
                p.x, p.y = -p.x, -p.y
        elif scene.things[0].colour and two.placed[0].colour and rng.random() < 0.6:
            colour = rng.choice([c for c in COLOURS if c != scene.things[0].colour])
            scene.things[0].colour = colour
            for p in two.placed[: scene.things[0].count]:
                p.colour = colour
        elif scene.ground and rng.random() < 0.5:
            scene.ground = rng.choice([c for c in COLOURS if c != scene.ground])
        else:
            scene.style = rng.choice([s for s in STYLE_NAMES if s != scene.style])
        return one, two

    # -- how it looks --------------------------------------------------------------------------------------

    def render(self, sketches: list[Sketch], rng: random.Random, noise: torch.Generator) -> Tensor:
        """float32 (B, 3, S, S) in [0, 1]."""
        images = self._grounds(sketches, rng, noise)
        for layer in range(max(len(s.placed) for s in sketches)):
            rows = [i for i, s in enumerate(sketches) if len(s.placed) > layer]
            placed = [sketches[i].placed[layer] for i in rows]
            drawn = self._cut(placed)
            images[rows] = images[rows] * (1 - drawn[:, 3:]) + drawn[:, :3]
        for name in sorted({s.scene.style for s in sketches}):
            rows = [i for i, s in enumerate(sketches) if s.scene.style == name]
            styled = STYLES[name](images[rows], noise).clamp(0, 1)
            if self.strength < 1:
                styled = images[rows].lerp(styled, uniform(noise, len(rows), self.strength, 1))
            images[rows] = styled
        if self.noise:
            loud = torch.rand(len(sketches), 1, 1, 1, generator=noise) * self.noise
            images = (images + loud * torch.randn(images.shape, generator=noise)).clamp(0, 1)
        return images

    def _grounds(self, sketches: list[Sketch], rng: random.Random, noise: torch.Generator) -> Tensor:
        n, side = len(sketches), self.side
        if self.plain:
            return torch.ones(n, 3, side, side)
        # Mostly light and quiet grounds, as clip art has them; sometimes any colour at all.
        tops = torch.tensor([_ground_colour(s.scene, rng) for s in sketches]).view(n, 3, 1, 1)
        drift = (torch.rand(n, 3, 1, 1, generator=noise) - 0.5) * 0.25
        slope = torch.linspace(0, 1, side).view(1, 1, side, 1).expand(n, 3, side, side)
        images = (tops + drift * slope).clamp(0, 1)
        for name in sorted({s.scene.place for s in sketches if s.scene.place}):
            rows = [i for i, s in enumerate(sketches) if s.scene.place == name]
            images[rows] = PLACES[name](len(rows), side, noise).expand(-1, 3, side, side).contiguous()
        return images

    def _cut(self, placed: list[Placed]) -> Tensor:
        """Sprites moved to their places, premultiplied RGBA, (n, 4, S, S)."""
        biggest = max(p.size for p in placed) * self.side
        source = self.sprites if biggest > 96 * 1.25 else self.levels[96] if biggest > 48 else self.levels[48]
        order = np.array([p.sprite for p in placed])
        sprites = torch.from_numpy(source[order]).float().div_(255)
        for i, p in enumerate(placed):
            if p.colour:
                sprites[i] = tinted(sprites[i], COLOURS[p.colour][0])
        angle = torch.tensor([p.angle for p in placed])
        scale = 1 / torch.tensor([p.size for p in placed])
        flip = torch.tensor([-1.0 if p.flip else 1.0 for p in placed])
        cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
        x, y = torch.tensor([p.x for p in placed]), torch.tensor([p.y for p in placed])
        rows = (
            torch.stack((flip * cos, flip * sin, -flip * (cos * x + sin * y)), 1),
            torch.stack((-sin, cos, sin * x - cos * y), 1),
        )
        grid = F.affine_grid(torch.stack(rows, 1), [len(placed), 4, self.side, self.side], align_corners=False)
        return F.grid_sample(sprites, grid, align_corners=False)


def _moved(placed: Placed, x: float, y: float) -> Placed:
    moved = copy.copy(placed)
    moved.x, moved.y = x, y
    return moved


def _ground_colour(scene: Scene, rng: random.Random) -> tuple[float, float, float]:
    if scene.ground:
        r, g, b = (c + rng.gauss(0, 0.04) for c in COLOURS[scene.ground][0])
    elif rng.random() < 0.7:
        r, g, b = (rng.uniform(0.82, 1.0) for _ in "rgb")
    else:
        r, g, b = (rng.random() for _ in "rgb")
    return r, g, b


def _levels(cache: Path, sprites: np.ndarray) -> dict[int, np.ndarray]:
    """The sprites at 96 and 48 pixels, made once beside the cache."""
    levels = {}
    for side in (96, 48):
        path = cache / f"sprites{side}.npy"
        if not path.exists() or path.stat().st_mtime < (cache / "sprites.npy").stat().st_mtime:
            factor = sprites.shape[-1] // side
            parts = [
                F.avg_pool2d(torch.tensor(sprites[i : i + 256]).float(), factor).round().byte().numpy()
                for i in range(0, len(sprites), 256)
            ]
            np.save(path, np.concatenate(parts))
        levels[side] = np.load(path, mmap_mode="r")
    return levels
