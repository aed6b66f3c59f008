"""Scenes: drawings placed on grounds and places, passed through styles, with captions made from the same parts.

`Scenes(sprites, ...)[step]` is one batch, always the same for the same seed and step: a training may be killed
and go on, and one seed is one data set. Everything is drawn at the size at which it is used.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from pixgen.io import files
from pixgen.scenery import portrait_parts, portraits, sittings
from pixgen.scenery.captions import SceneDescription, write
from pixgen.scenery.places import PLACES
from pixgen.scenery.portrait_parts import HELD_OUT_AVATAR_SET
from pixgen.scenery.portrait_scenes import compose_portrait, with_faces
from pixgen.scenery.props import PROPS
from pixgen.scenery.styles import STYLE_NAMES, STYLES, tinted, uniform
from pixgen.scenery.subjects import Subject, load_subjects
from pixgen.scenery.vocabulary import COLOURS
from pixgen.training.data.drawings import HELD_OUT_ICON_SET, Icon, load_sprites
from pixgen.training.data.labels import labels, things
from pixgen.training.data.sketches import PlacedSprite, Sketch, Sketcher, twin


@dataclass
class Batch:
    """images: float32 (B, 3, S, S) in [0, 1]; subjects, styles: int64 (B,), -1 where none is the only one.

    captions: one a picture. wordings: several a picture, where they were asked for. things: every subject of each
    picture; labels: int64 (B, len(LABELS)), the answers of `pixgen.training.data.labels`.
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
    icon_sets: "seen", "held-out" or "all".
    plain: single subjects, undistorted, without style, captioned by name alone (for measuring).
    strength: the least share of a style's effect; noise: the most noise on a picture.
    portraits: share of scenes that are people drawn by a program. With 0 the other scenes stay what they were.
    """

    drift = 0.25
    """How much a plain ground's colour changes from top to bottom, at most; a subclass may choose less."""

    def __init__(
        self,
        cache: Path,
        batch: int,
        side: int,
        seed: int,
        subjects: int = 516,
        icon_sets: str = "seen",
        plain: bool = False,
        strength: float = 1.0,
        noise: float = 0.05,
        portraits: float = 0.0,
    ) -> None:
        self.sprites, index = load_sprites(cache)
        self.index, self.strength = index, strength
        self.levels = _levels(cache, self.sprites)
        self.batch, self.side, self.seed, self.plain = batch, side, seed, plain
        self.noise = 0.0 if plain else noise  # the largest standard deviation
        everything = load_subjects(cache)
        self.numbers = {group: i for i, group in enumerate(everything)}
        keep = {d.group for d in index if d.icon_set != HELD_OUT_ICON_SET}
        self.subjects = {g: s for g, s in everything.items() if s.rank <= subjects and g in keep}
        self.drawings: dict[str, list[tuple[int, Icon]]] = {}
        for i, drawing in enumerate(index):
            right = icon_sets == "all" or (drawing.icon_set == HELD_OUT_ICON_SET) == (icon_sets == "held-out")
            if drawing.group in self.subjects and right:
                self.drawings.setdefault(drawing.group, []).append((i, drawing))
        self.groups = list(self.drawings)
        self.sketcher = Sketcher(self.drawings, self.subjects)
        # A user's own pictures may know nobody who could sit for one.
        self.portraits = portraits if sittings.groups(self.subjects) and not plain else 0.0
        self.portrait_sets = self._portrait_sets(icon_sets)

    def __getitem__(self, step: int) -> Batch:
        return self.batch_at(step)

    def batch_at(self, step: int, wordings: int = 0) -> Batch:
        """The batch of this step, with `wordings` captions more of each picture, a third of them in Portuguese."""
        rng = random.Random(f"{self.seed}/{step}/{self.plain}")
        noise = torch.Generator().manual_seed(rng.getrandbits(62))
        if self.plain:
            sketches = [self.sketcher.plain(rng) for _ in range(self.batch)]
        elif rng.random() < 0.25 and self.batch > 1:
            sketches = []
            for _ in range(self.batch // 2):
                one = self.sketch(rng)
                sketches += [one, twin(one, rng)]
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
        drawn = [_sitters(s, self.subjects) or [self.index[p.sprite] for p in s.placed] for s in sketches]
        shown = torch.tensor([labels(s.scene, d[0]) for s, d in zip(sketches, drawn, strict=True)])
        named = [things(s.scene, d, self.numbers) for s, d in zip(sketches, drawn, strict=True)]
        return Batch(images, captions, torch.tensor(subjects), torch.tensor(styles), more, named, shown)

    def sketch(self, rng: random.Random) -> Sketch:
        """One scene at random; a subclass may choose others."""
        return self.portrait(rng) or self.sketcher.sketch(rng)

    def portrait(self, rng: random.Random) -> Sketch | None:
        """A portrait in its share of calls, else None."""
        if not self.portraits or rng.random() >= self.portraits:
            return None
        portrait, scene = sittings.sitting(rng, self.subjects, self.portrait_sets)
        return Sketch(scene, portrait=portrait)

    def _portrait_sets(self, icon_sets: str) -> tuple[str, ...]:
        """Whose parts people are made of; a subclass may choose fewer."""
        return {"seen": portraits.TRAINED, "held-out": (HELD_OUT_AVATAR_SET,)}.get(
            icon_sets, tuple(portrait_parts.AVATAR_SETS)
        )

    def ground_colour(self, scene: SceneDescription, rng: random.Random) -> tuple[float, float, float]:
        """Of a picture without a place; a subclass may choose others."""
        if scene.ground:
            r, g, b = (c + rng.gauss(0, 0.04) for c in COLOURS[scene.ground][0])
        elif rng.random() < 0.7:
            r, g, b = (rng.uniform(0.82, 1.0) for _ in "rgb")
        else:
            r, g, b = (rng.random() for _ in "rgb")
        return r, g, b

    # -- rendering ----------------------------------------------------------------------------------------

    def render(self, sketches: list[Sketch], rng: random.Random, noise: torch.Generator) -> Tensor:
        """float32 (B, 3, S, S) in [0, 1]."""
        images = self._grounds(sketches, rng, noise)
        for i, sketch in enumerate(sketches):
            if sketch.portrait is not None:
                images[i] = compose_portrait(sketch.portrait, self.side, noise)
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
            if any(sketches[i].portrait for i in rows):
                styled = styled.expand(len(rows), 3, self.side, self.side).clone()
            for place, i in enumerate(rows):
                if (portrait := sketches[i].portrait) is not None:
                    styled[place] = with_faces(styled[place], images[i], portrait, name)
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
        tops = torch.tensor([self.ground_colour(s.scene, rng) for s in sketches]).view(n, 3, 1, 1)
        drift = (torch.rand(n, 3, 1, 1, generator=noise) - 0.5) * self.drift
        slope = torch.linspace(0, 1, side).view(1, 1, side, 1).expand(n, 3, side, side)
        images = (tops + drift * slope).clamp(0, 1)
        placed = [None if s.portrait else s.scene.place for s in sketches]
        for name in sorted({place for place in placed if place}):
            rows = [i for i, place in enumerate(placed) if place == name]
            images[rows] = PLACES[name](len(rows), side, noise).expand(-1, 3, side, side).contiguous()
        return images

    def _cut(self, placed: list[PlacedSprite]) -> Tensor:
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


def _sitters(sketch: Sketch, subjects: dict[str, Subject]) -> list[Icon]:
    """The people of a portrait, and what they hold if it is one of the subjects, in the words of the drawings."""
    portrait = sketch.portrait
    if portrait is None:
        return []
    shown = [
        Icon(
            p.avatar_set,
            "portrait",
            thing.subject.group,
            "old" if p.age == "old" else "",
            p.sex,
            "",
            p.hair,
            p.skin,
            "",
        )
        for thing, p in zip(sketch.scene.things, portrait.people, strict=True)
    ]
    if portrait.prop and (group := PROPS[portrait.prop].group) in subjects:
        shown.append(Icon("pixgen", portrait.prop, group, "", "", "", "", "", ""))
    return shown


def _levels(cache: Path, sprites: np.ndarray) -> dict[int, np.ndarray]:
    """The sprites at 96 and 48 pixels, made once and kept in the cache."""
    levels = {}
    for side in (96, 48):
        path = cache / f"sprites{side}.npy"
        if not path.exists() or path.stat().st_mtime < (cache / "sprites.npy").stat().st_mtime:
            factor = sprites.shape[-1] // side
            parts = [
                F.avg_pool2d(torch.tensor(sprites[i : i + 256]).float(), factor).round().byte().numpy()
                for i in range(0, len(sprites), 256)
            ]
            with files.replacing(path, sole=True) as temporary, temporary.open("wb") as file:
                np.save(file, np.concatenate(parts))
        levels[side] = np.load(path, mmap_mode="r")
    return levels
