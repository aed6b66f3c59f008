"""What a scene shows, as numbers: what a judge is asked for, and what it must find in a picture that was drawn."""

from __future__ import annotations

from collections.abc import Sequence

from pixgen.scenery.captions import SceneDescription
from pixgen.scenery.places import PLACES
from pixgen.scenery.styles import STYLES
from pixgen.scenery.vocabulary import COLOURS
from pixgen.training.data.drawings import Icon

LABELS: dict[str, list[str]] = {
    "style": list(STYLES),
    "colour": list(COLOURS),
    "ground": list(COLOURS),
    "place": ["none", *PLACES],
    "sex": ["male", "female"],
    "age": ["young", "old"],
}
"""Every question of one answer and its answers. colour: of the only subject; ground: of a plain background."""

COLOURLESS = {"pencil", "ink", "black-and-white", "sepia", "blueprint", "chalk"}
"""Styles that show no colour of a thing or its ground."""


def labels(scene: SceneDescription, drawing: Icon) -> list[int]:
    """The right answer to every question of LABELS by its place there, -1 where the picture cannot tell.

    drawing: the sprite of the first thing, which tells a person's age and sex.
    """
    thing, alone = scene.things[0], len(scene.things) == 1
    coloured, person = scene.style not in COLOURLESS, alone and scene.things[0].subject.kind == "person"
    shown = {
        "style": scene.style,
        "colour": thing.colour if alone and coloured else None,
        "ground": scene.ground if coloured else None,
        "place": scene.place or "none",
        "sex": (drawing.sex or thing.sex) if person else None,
        "age": ("old" if drawing.age == "old" else "young") if person else None,
    }
    # Not every place behind a portrait is one of the answers.
    return [LABELS[q].index(answer) if answer in LABELS[q] else -1 for q, answer in shown.items()]


def things(scene: SceneDescription, drawn: Sequence[Icon], numbers: dict[str, int]) -> list[int]:
    """The number of every subject in the picture, each once: what the scene names, and what its people hold.

    drawn: the sprites in the order in which they were placed; the first may stand for another subject (an old teacher
    is drawn as an old person).
    """
    named = [thing.subject.group for thing in scene.things] + [drawing.group for drawing in drawn[1:]]
    return [numbers[group] for group in dict.fromkeys(named)]
