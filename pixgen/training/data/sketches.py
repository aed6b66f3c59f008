"""Sketches: what is in a picture and where it stands, composed at random. `pixgen.training.data.scenes` draws them."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field

from pixgen.scenery import sittings
from pixgen.scenery.captions import SceneDescription, Thing
from pixgen.scenery.places import PLACES
from pixgen.scenery.portrait_scenes import Portrait
from pixgen.scenery.styles import STYLE_NAMES
from pixgen.scenery.subjects import Subject
from pixgen.scenery.vocabulary import COLOURS, FIELD_PROPS, FIELDS
from pixgen.training.data.drawings import Icon
from pixgen.training.data.user_pictures import USER_SET, names_colour


@dataclass
class PlacedSprite:
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
    """A scene and where everything in it stands; or the portrait that it is."""

    scene: SceneDescription
    placed: list[PlacedSprite] = field(default_factory=list)
    portrait: Portrait | None = None


class Sketcher:
    """Composes scenes of some subjects at random.

    drawings: those of each subject by its group, each with its place among the sprites.
    subjects: by group; those without a drawing are never shown.
    """

    def __init__(self, drawings: dict[str, list[tuple[int, Icon]]], subjects: dict[str, Subject]) -> None:
        self.drawings, self.subjects = drawings, subjects
        self.groups = list(drawings)
        self.wholes = [g for g in self.groups if subjects[g].kind == "picture"]  # a user's own photographs
        self.things = [g for g in self.groups if g not in self.wholes]
        self.people = [g for g in self.groups if subjects[g].kind == "person"]
        self.roles = [g for g in self.people if drawings[g][0][1].role]
        own = {g for g in self.groups if drawings[g][0][1].icon_set == USER_SET}
        # A user's captions are taken as they are: which of their words has a plural is not known.
        self.counted = [g for g in self.things if g not in own or " " not in g]
        self.coloured = {g for g in own if names_colour(subjects[g])}

    def sketch(self, rng: random.Random) -> Sketch:
        """Any scene."""
        if self.wholes and rng.random() < len(self.wholes) / len(self.groups):
            return self._whole(rng)
        kind = rng.random()
        if kind < 0.24 and self.people:
            sketch = self.person(rng)
        elif kind < 0.40 and len(self.things) > 1:
            sketch = self._two(rng)
        elif kind < 0.46 and self.counted:
            sketch = self._several(rng)
        else:
            sketch = self.single(rng)
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

    def plain(self, rng: random.Random) -> Sketch:
        """A subject alone, upright, without a background."""
        group = rng.choice(self.groups)
        sprite, _ = rng.choice(self.drawings[group])
        return Sketch(SceneDescription([Thing(self.subjects[group])]), [PlacedSprite(sprite, size=0.8)])

    def _whole(self, rng: random.Random) -> Sketch:
        group = rng.choice(self.wholes)
        sprite, _ = rng.choice(self.drawings[group])
        style = rng.choice(STYLE_NAMES) if rng.random() < 0.6 else "drawing"
        return Sketch(SceneDescription([Thing(self.subjects[group])], style=style), [PlacedSprite(sprite, size=1.0)])

    def single(self, rng: random.Random) -> Sketch:
        """A subject alone, anywhere."""
        group = rng.choice(self.things)
        thing, placed = self._thing(group, rng, rng.uniform(0.5, 0.95))
        placed.x, placed.y = (rng.uniform(-0.3, 0.3) * (1.1 - placed.size) * 2 for _ in "xy")
        return Sketch(SceneDescription([thing]), [placed])

    def _thing(self, group: str, rng: random.Random, size: float) -> tuple[Thing, PlacedSprite]:
        sprite, drawing = rng.choice(self.drawings[group])
        thing = Thing(self.subjects[group])
        placed = PlacedSprite(sprite, size=size, angle=rng.gauss(0, 0.12), flip=rng.random() < 0.3)
        if thing.subject.kind in ("person", "face"):
            if drawing.sex and rng.random() < 0.5:
                thing.sex = drawing.sex
        elif rng.random() < 0.2 and group not in self.coloured:
            thing.colour = placed.colour = rng.choice(list(COLOURS))
        elif drawing.colour and rng.random() < 0.6:
            thing.colour = drawing.colour if drawing.colour in COLOURS else None
        return thing, placed

    def person(self, rng: random.Random) -> Sketch:
        """A person, often holding a thing."""
        if "teacher" in self.drawings and rng.random() < 0.3:
            group = "teacher"
        else:
            group = rng.choice(self.roles if self.roles and rng.random() < 0.6 else self.people)
        closeup = rng.random() < 0.4
        thing, placed = self._thing(group, rng, rng.uniform(1.0, 1.35) if closeup else rng.uniform(0.7, 0.98))
        placed.angle *= 0.3
        placed.y = placed.size - rng.uniform(0.75, 0.95)
        placed.x = rng.uniform(-0.2, 0.2)
        scene = SceneDescription([thing], closeup=closeup)
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
                PlacedSprite(
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
        return Sketch(SceneDescription([first, second], relation=relation), [a, b])

    def _several(self, rng: random.Random) -> Sketch:
        thing, placed = self._thing(rng.choice(self.counted), rng, 0.42)
        thing.count = rng.choice((2, 3))
        spots = [(-0.48, 0.0), (0.48, 0.0)] if thing.count == 2 else [(-0.5, 0.35), (0.5, 0.35), (0.0, -0.45)]
        return Sketch(SceneDescription([thing]), [_moved(placed, x, y) for x, y in spots])


def twin(one: Sketch, rng: random.Random) -> Sketch:
    """The same scene but for its style, colour, ground or side: what captions mean is learnt from such pairs."""
    two = copy.deepcopy(one)
    scene = two.scene
    if two.portrait is not None:
        if (other := sittings.twin(two.portrait, scene, rng)) is not None:
            two.portrait, two.scene = other
        else:
            scene.style = rng.choice([s for s in STYLE_NAMES if s != scene.style])
        return two
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
    return two


def _moved(placed: PlacedSprite, x: float, y: float) -> PlacedSprite:
    moved = copy.copy(placed)
    moved.x, moved.y = x, y
    return moved
