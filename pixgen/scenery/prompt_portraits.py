"""When a prompt asks for people alone, the portrait that it asks for: who, with what, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Generator, Tensor

from pixgen.backend.tensors import Size
from pixgen.errors import PixgenError
from pixgen.io.pictures import fit
from pixgen.scenery import people, sittings
from pixgen.scenery.portrait_scenes import CLOSE, HALF, Portrait, styled_portrait
from pixgen.scenery.props import PROPS
from pixgen.scenery.reader import ParsedScene, ParsedThing
from pixgen.scenery.vocabulary import COLOURS

PAINTED = ("avataaars", "toon-head")
"""Icon sets that draw prompts in flat colour, each with hats, beards, glasses and every age."""
INKED = ("open-peeps", "lorelei")
"""Icon sets that draw with lines, for the styles that are lines themselves."""
LINE_STYLES = {"pencil", "ink", "comic", "chalk", "blueprint"}

WORN = {"glasses": "glasses", "sunglasses": "glasses", "hat": "headwear", "cap": "headwear", "dress": "clothes",
        "t-shirt": "clothes", "coat": "clothes", "lab-coat": "clothes", "turban": "headwear"}  # fmt: skip
"""Subjects that a person wears, and the part of a person that they are."""

_BEHIND = {"library": "bookshelf"}
"""Places that have another name behind people."""
_AND = re.compile(r"(?:,| and | e | next to | beside | ao lado de | with | com )")


def portrait(reading: ParsedScene, text: str, seed: int, subjects: Mapping[str, Mapping[str, Any]]) -> Portrait | None:
    """The portrait of a prompt that names one or two people, and nothing else but what they hold or wear.

    reading: what the prompt `text` says. subjects: group -> {"male", "female"}, the names that tell a sex.
    None where the prompt asks for more, or for what no avatar set draws together.
    """
    sitters = [thing for thing in reading.things if sittings.can_sit(thing.group)]
    if not 1 <= len(sitters) <= 2 or any(thing.count > 1 for thing in sitters):
        return None
    parts = people.read(text)
    if any(_is_more(thing, parts) for thing in [*reading.things, *(h for t in reading.things for h in t.holds)]):
        return None
    names = tuple(
        frozenset(name for group in subjects for name in subjects[group].get(sex, ())) for sex in ("female", "male")
    )
    first, second = _parted(text, sitters)
    behind = _BEHIND.get(reading.place or "", reading.place)
    try:
        found = sittings.portrait_from_words(
            first, seed, _held(reading), behind, sitters[0].field, sitters[0].group, second,
            avatar_sets=INKED if reading.style in LINE_STYLES else PAINTED, genders=names,
        )  # fmt: skip
    except PixgenError:
        return None
    if reading.ground:
        found = replace(found, backdrop="", ground=COLOURS[reading.ground][0])
    if not second:
        found = replace(found, frame=CLOSE if reading.closeup or sittings.is_near(text) else HALF)
    return found


def compose(portrait: Portrait, style: str, size: Size, noise: Generator) -> Tensor:
    """The portrait in a style, float32 (1, 3, height, width) in [0, 1]; `noise` draws place and style."""
    return fit(styled_portrait(portrait, style, max(size), noise)[None], size)


def _is_more(thing: ParsedThing, parts: Mapping[str, str]) -> bool:
    """Whether this is something else than a person, what one wears, or a prop of ours."""
    if sittings.can_sit(thing.group) or _prop(thing):
        return False
    return parts.get(WORN.get(thing.group or "", ""), "") == ""


def _prop(thing: ParsedThing) -> str:
    """The prop that a thing is, by its subject or by what it is called (a `notebook` is a laptop in Portuguese)."""
    for name, prop in PROPS.items():
        if thing.group in (prop.group, *prop.en) or thing.said in prop.pt:
            return name
    return ""


def _parted(text: str, sitters: list[ParsedThing]) -> tuple[str, str]:
    """The words of the first person and, where there are two, those of the second."""
    if len(sitters) == 1:
        return text, ""
    noun = sitters[1].said.split()[-1]
    last = text.lower().rfind(noun)
    cuts = [match for match in _AND.finditer(text.lower()) if match.start() < last]
    return (text[: cuts[-1].start()], text[cuts[-1].end() :]) if cuts else (text, sitters[1].said)


def _held(reading: ParsedScene) -> str | None:
    """The prop that the prompt names as a subject; None where the words are to be searched for one."""
    named = (_prop(held) for thing in reading.things for held in (thing, *thing.holds))
    return next((name for name in named if name), None)
