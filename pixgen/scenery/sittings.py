"""Sittings: who is portrayed with what and where. At random for trainings, with the scene that captions are made from;
and by a prompt's words."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from pixgen.scenery import people, portrait_parts, portraits
from pixgen.scenery.backdrops import BACKDROP_WORDS
from pixgen.scenery.captions import SceneDescription, Thing
from pixgen.scenery.people import Person, bare
from pixgen.scenery.places import PLACES
from pixgen.scenery.portrait_scenes import CLOSE, GROUP, HALF, Portrait
from pixgen.scenery.props import PROPS
from pixgen.scenery.styles import STYLE_NAMES
from pixgen.scenery.subjects import Subject, load_subjects
from pixgen.scenery.vocabulary import COLOURS, PORTRAIT_FIELDS


@dataclass(frozen=True)
class Theme:
    """What belongs to a field of study or a work: things to hold, and places."""

    props: tuple[str, ...]
    backdrops: tuple[str, ...]


THEMES: dict[str, Theme] = {  # by the key of PORTRAIT_FIELDS
    "book": Theme(("book",), ("bookshelf",)),
    "computer": Theme(("laptop",), ("office",)),
    "blackboard": Theme((), ("blackboard",)),
    "guitar": Theme(("guitar",), ("stage",)),
    "microscope": Theme(("microscope",), ("laboratory",)),
    "flask": Theme(("flask",), ("laboratory",)),
    "globe": Theme(("globe",), ("map",)),
    "palette": Theme(("palette", "brush"), ("studio",)),
    "ball": Theme(("ball",), ("playing-field",)),
}
ROLES: dict[str, tuple[str, ...]] = {  # group -> themes that go with it
    "teacher": tuple(THEMES),
    "student": ("book", "computer", "globe", "microscope", "flask"),
    "scientist": ("flask", "microscope"),
    "artist": ("palette",),
    "singer": ("guitar",),
    "technologist": ("computer",),
}
WORKS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {  # group -> props, places, clothes: seen at once
    "teacher": (("", "book"), ("blackboard",), ""),
    "student": (("book", "laptop"), ("", "bookshelf"), ""),
    "scientist": (("flask", "microscope"), ("laboratory",), "coat"),
    "doctor": (("",), ("",), "coat"),
    "artist": (("palette", "brush"), ("studio",), ""),
    "singer": (("microphone",), ("stage",), ""),
    "technologist": (("laptop",), ("office",), ""),
    "office-worker": (("", "laptop"), ("office",), "jacket"),
}
"""What shows somebody's work where a prompt names it and nothing to hold, no place and no field."""
_WHO = {
    "teacher": 8, "student": 2, "scientist": 2, "artist": 1.5, "singer": 1.5, "technologist": 1.5, "man": 3, "woman": 3,
    "person": 1, "old-man": 2, "old-woman": 2, "boy": 1.2, "girl": 1.2,
}  # fmt: skip
_SEX = {"man": "male", "old-man": "male", "boy": "male", "woman": "female", "old-woman": "female", "girl": "female"}
_AGE = {"old-man": "old", "old-woman": "old", "boy": "child", "girl": "child"}


def groups(subjects: Mapping[str, Subject]) -> list[str]:
    """Of these subjects those who can sit for a portrait."""
    return [group for group in _WHO if group in subjects]


def can_sit(group: str | None) -> bool:
    """Whether this subject is somebody whom the icon sets of people can draw."""
    return group in _WHO or group in WORKS


def sitting(
    rng: random.Random, subjects: Mapping[str, Subject], avatar_sets: Sequence[str] = portraits.TRAINED
) -> tuple[Portrait, SceneDescription]:
    """A portrait at random and the scene that it shows. Somebody of `groups(subjects)` must be there."""
    if rng.random() < 0.14:
        return _two(rng, subjects, avatar_sets)
    group = _someone(rng, subjects)
    thing, person = _sitter(rng, subjects[group], avatar_sets)
    theme = THEMES[field] if (field := _field(group, rng)) else None
    prop, place = _surroundings(rng, theme, group)
    if group == "teacher" and field and (prop or place in THEMES[field].backdrops) and rng.random() < 0.7:
        thing.field = field
    if prop:
        thing.holds = prop_subject(prop)
    frame = CLOSE if rng.random() < 0.48 else HALF
    scene = SceneDescription([thing], closeup=frame == CLOSE)
    portrait = Portrait(
        (person,), frame, prop, place, turned=rng.random() < 0.5, side=rng.choice((-1, 1)), look=rng.getrandbits(20)
    )
    return _finished(portrait, scene, rng)


def _two(
    rng: random.Random, subjects: Mapping[str, Subject], avatar_sets: Sequence[str]
) -> tuple[Portrait, SceneDescription]:
    avatar_set = rng.choice(list(avatar_sets))
    sitters = [_sitter(rng, subjects[_someone(rng, subjects)], (avatar_set,)) for _ in range(2)]
    relation = rng.choice((None, None, "left"))
    _, place = _surroundings(rng, None, "")
    scene = SceneDescription([thing for thing, _ in sitters], relation=relation)
    portrait = Portrait(tuple(p for _, p in sitters), GROUP, "", place, turned=False, look=rng.getrandbits(20))
    return _finished(portrait, scene, rng)


def _someone(rng: random.Random, subjects: Mapping[str, Subject]) -> str:
    able = groups(subjects)
    return rng.choices(able, [_WHO[g] for g in able])[0]


def _sitter(rng: random.Random, subject: Subject, avatar_sets: Sequence[str]) -> tuple[Thing, Person]:
    group = subject.group
    sex = _SEX.get(group) or rng.choice(people.SEXES)
    age = _AGE.get(group) or rng.choice(
        ("young", "young", "adult", "old") if group == "teacher" else ("young", "adult")
    )
    if group in ("singer", "scientist", "artist", "person") and rng.random() < 0.25:
        age = "old"
    asked = {"sex": sex, "age": age}
    if group == "scientist" and rng.random() < 0.5:
        asked["clothes"] = "coat"
    person = portraits.person_from_words(asked, rng.getrandbits(30), avatar_sets)
    thing = Thing(subject, person=person)
    if group not in _AGE and age in ("young", "old") and (age == "old" or rng.random() < 0.6):
        thing.age = age
    if group not in _SEX and rng.random() < 0.6:
        thing.sex = sex
    sayable = _sayable(person)
    thing.saying = tuple(rng.sample(sayable, min(len(sayable), rng.choices((0, 1, 2), (3, 4, 3))[0])))
    return thing, person


def _sayable(person: Person) -> list[str]:
    """Parts that a caption may tell of a person: those that are there, and can be seen."""
    parts = [p for p in ("beard", "glasses", "headwear", "skin", "expression") if getattr(person, p)]
    if person.hair in ("bald", "balding", "long", "curly", "bun", "short"):
        parts.append("hair")
    if person.hair and person.hair not in ("bald", "balding"):
        parts.append("hair_colour")
    if portrait_parts.AVATAR_SETS[person.avatar_set].colours["skin"]:
        parts.append("clothes")
    if "hair" in parts and "hair_colour" in parts and person.hair != "bun":
        parts.remove("hair_colour")  # long black hair tells both
    return parts


def _field(group: str, rng: random.Random) -> str | None:
    themes = ROLES.get(group, ())
    return rng.choice(themes) if themes and rng.random() < 0.85 else None


def _surroundings(rng: random.Random, theme: Theme | None, group: str) -> tuple[str, str]:
    """What is held and what is behind, "" for nothing."""
    prop = rng.choice(theme.props) if theme and theme.props and rng.random() < 0.75 else ""
    if group == "singer" and rng.random() < 0.5:
        prop = "microphone"
    if theme is None and group and rng.random() < 0.3:
        prop = rng.choice(list(PROPS))
    kind = rng.random()
    if theme and (not theme.props or kind < 0.45):
        return prop, rng.choice(theme.backdrops)
    if kind < 0.6:
        return prop, "blackboard" if group == "teacher" else rng.choice(list(BACKDROP_WORDS))
    if kind < 0.75:
        return prop, rng.choice([p for p in PLACES if p != "blackboard"])
    return prop, ""


def _finished(portrait: Portrait, scene: SceneDescription, rng: random.Random) -> tuple[Portrait, SceneDescription]:
    """With its ground and style."""
    scene.style = rng.choice(STYLE_NAMES) if rng.random() < 0.6 else "drawing"
    scene.place = portrait.backdrop or None
    if scene.place:
        return portrait, scene
    if rng.random() < 0.6:
        scene.ground = rng.choice(list(COLOURS))
        r, g, b = COLOURS[scene.ground][0]
    else:
        r, g, b = (rng.uniform(0.8, 1.0) for _ in "rgb")
    return replace(portrait, ground=(r, g, b)), scene


def prop_subject(name: str) -> Subject:
    """A prop in the words of captions: of the table's group, under the names that suit our drawing."""
    prop = PROPS[name]
    return Subject(prop.group, "thing", 0, prop.en, prop.pt, prop.pt_gender)


def twin(portrait: Portrait, scene: SceneDescription, rng: random.Random) -> tuple[Portrait, SceneDescription] | None:
    """The same picture but for one thing that its caption tells; None where its style must be what differs.

    scene: a copy that may be changed.
    """
    if len(portrait.people) > 1:
        if scene.relation is None or rng.random() < 0.4:
            return None
        scene.things.reverse()
        return replace(portrait, people=portrait.people[::-1]), scene
    thing, person = scene.things[0], portrait.people[0]
    kinds = ["style"]
    kinds += ["prop"] * bool(portrait.prop and thing.field is None)
    kinds += ["ground"] * bool(scene.ground)
    kinds += ["sex"] * bool(thing.sex)
    kinds += ["glasses"] * (
        "glasses" in thing.saying or "glasses" in portrait_parts.AVATAR_SETS[person.avatar_set].glasses
    )
    match rng.choice(kinds):
        case "prop":
            other = rng.choice([p for p in PROPS if p != portrait.prop])
            thing.holds = prop_subject(other)
            return replace(portrait, prop=other), scene
        case "ground":
            scene.ground = rng.choice([c for c in COLOURS if c != scene.ground])
            return replace(portrait, ground=COLOURS[scene.ground][0]), scene
        case "sex":
            sex = "female" if thing.sex == "male" else "male"
            kept = {part: value for part in ("age", "expression", "skin") if (value := getattr(person, part))}
            other_person = portraits.person_from_words(kept | {"sex": sex}, person.look, (person.avatar_set,))
            thing.sex, thing.person, thing.saying = sex, other_person, ()
            return replace(portrait, people=(other_person,)), scene
        case "glasses":
            bespectacled = replace(person, glasses="" if person.glasses else "glasses")
            thing.person = bespectacled
            thing.saying = ("glasses",) if bespectacled.glasses else ()
            return replace(portrait, people=(bespectacled,)), scene
    return None


# -- by words ----------------------------------------------------------------------------------------------


def portrait_from_words(
    text: str,
    seed: int,
    prop: str | None = None,
    backdrop: str | None = None,
    field: str | None = None,
    work: str | None = None,
    beside: str = "",
    avatar_sets: Sequence[str] = portraits.PAINTED,
    genders: Sequence[frozenset[str]] = (),
) -> Portrait:
    """The portrait that a prompt asks for; what it leaves open, the seed chooses.

    prop, backdrop, field, work: what a reader found already, keys of PROPS, of BACKDROPS or PLACES, of PORTRAIT_FIELDS
    and of WORKS; None looks for them in the text. beside: the words of a second person, who stands at the right.
    genders: as `people.read` takes them. Raises PixgenError when nobody can draw what is asked for together.
    """
    said, rng = bare(text), random.Random(f"{text}/{seed}/sitting")
    asked = people.read(text, *genders)
    if work is None:
        work = _found(said, _names_of_works())
    if field is None:
        field = _found(said, PORTRAIT_FIELDS)
    if prop is None:
        prop = _found(said, {name: (*p.en, *p.pt) for name, p in PROPS.items()}) or ""
        if not prop and field and THEMES[field].props:
            prop = THEMES[field].props[0]
    if backdrop is None:
        words = {name: tuple(_noun(w) for both in lists for w in both) for name, lists in BACKDROP_WORDS.items()}
        backdrop = _found(said, words) or (THEMES[field].backdrops[0] if field else "")
    if work in WORKS and not field:
        props, places, clothes = WORKS[work]
        if not prop and not backdrop and not beside:
            prop, backdrop = rng.choice(props), rng.choice(places)
        if (
            clothes
            and "clothes" not in asked
            and any(clothes in portrait_parts.AVATAR_SETS[avatar_set].clothes for avatar_set in avatar_sets)
        ):
            asked["clothes"] = clothes
    person = portraits.person_from_words(asked, seed, avatar_sets)
    # Before the chest at half figure: whoever is asked for with a thing must be seen with it.
    frame = CLOSE if is_near(text) and not prop else HALF
    light = rng.choice(((0.90, 0.93, 0.96), (0.97, 0.93, 0.85), (0.88, 0.94, 0.89), (0.95, 0.90, 0.93)))
    if beside:  # one avatar set draws both, where one can
        second = portraits.person_from_words(people.read(beside, *genders), seed + 1, (person.avatar_set,))
        return Portrait((person, second), GROUP, "", backdrop, light, look=rng.getrandbits(20))
    return Portrait(
        (person,), frame, prop, backdrop, light, rng.random() < 0.5, rng.choice((-1, 1)), rng.getrandbits(20)
    )


@cache
def _names_of_works() -> dict[str, tuple[str, ...]]:
    subjects = load_subjects()
    return {g: (*s.en, *s.pt, *s.pt_male, *s.pt_female) for g in WORKS if (s := subjects.get(g))}


def is_near(text: str) -> bool:
    """Whether a prompt asks for a face and shoulders."""
    return re.search(r"\b(?:close[- ]?up|portrait|headshot|close|retrato|rosto|face)\b", bare(text)) is not None


def _noun(words: str) -> str:
    return re.sub(r"^(?:in front of|in|on|at|among|em frente a|em|entre|no|na) (?:an? |uma? )?", "", bare(words))


def _found(said: str, names: Mapping[str, Sequence[str]]) -> str | None:
    """The key of the longest of these names that stands in the text."""
    hits = [
        (len(n), key)
        for key, known in names.items()
        for n in map(bare, known)
        if re.search(rf"\b{re.escape(n)}\b", said)
    ]
    return max(hits)[1] if hits else None
