"""A scene into words: writes English and Brazilian Portuguese captions, long, short, or as keywords.

Used by the trainings. `reader` is the inverse: from words to a scene.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from pixgen.scenery import people
from pixgen.scenery.backdrops import BACKDROP_WORDS
from pixgen.scenery.people import Person
from pixgen.scenery.subjects import Subject
from pixgen.scenery.vocabulary import COLOURS, PLACE_WORDS, PORTRAIT_FIELDS, STYLE_WORDS, UNCOUNTED


@dataclass
class Thing:
    """One subject of a scene, with the attributes that a caption may mention."""

    subject: Subject
    colour: str | None = None
    count: int = 1
    small: bool = False
    age: str | None = None  # "young" | "old", of a person
    sex: str | None = None  # "male" | "female"
    holds: Subject | None = None
    field: str | None = None  # key of PORTRAIT_FIELDS, of a teacher
    person: Person | None = None  # who sits for a portrait
    saying: tuple[str, ...] = ()  # which parts of the person are told

    def said(self, rng: random.Random, portuguese: bool) -> str:
        return self._portuguese(rng) if portuguese else self._english(rng)

    def _english(self, rng: random.Random) -> str:
        name = _pick(self.subject.en, rng)
        words = [w for w in (self.age, *self._adjectives(portuguese=False), self.sex, self.colour) if w]
        if self.small:
            words.insert(0, "small")
        if self.count > 1:
            said = " ".join([_NUMBERS_EN[self.count], *words, plural(name)])
        else:
            said = with_article(" ".join([*words, name]))
        if self.field:
            said += f" of {PORTRAIT_FIELDS[self.field][0]}"
        held = [with_article(_pick(self.holds.en, rng))] if self.holds else []
        if companions := self._companions(portuguese=False) + held:
            said += " with " + _listed(companions, "and")
        if self.person and "clothes" in self.saying:
            said += f" in {people.garment(self.person, _GENDERED, portuguese=False)}"
        return said

    def _portuguese(self, rng: random.Random) -> str:
        name = _pick(self.subject.pt, rng)
        feminine = self.subject.pt_gender == "f"
        if self.sex and self.subject.kind == "person":
            feminine = self.sex == "female"
            forms = self.subject.pt_female if feminine else self.subject.pt_male
            name = _pick(forms, rng) if forms else name
        words = [name]
        if self.count > 1:
            words = [_NUMBERS_PT[self.count][feminine], plural_pt(name)]
        else:
            words.insert(0, "uma" if feminine else "um")
        if self.age:
            words.append("jovem" if self.age == "young" else ("idosa" if feminine else "idoso"))
        if self.colour and self.count == 1:
            _, male, female = COLOURS[self.colour]
            words.append(female if feminine else male)
        if self.small:
            words.append("pequena" if feminine else "pequeno")
        words += self._adjectives(portuguese=True)
        said = " ".join(words)
        if self.field:
            said += f" de {PORTRAIT_FIELDS[self.field][1]}"
        held = []
        if self.holds:
            held = [f"{'uma' if self.holds.pt_gender == 'f' else 'um'} {_pick(self.holds.pt, rng)}"]
        if companions := self._companions(portuguese=True) + held:
            said += " com " + _listed(companions, "e")
        if self.person and "clothes" in self.saying:
            said += f" vestindo {people.garment(self.person, _GENDERED, portuguese=True)}"
        return said

    def _adjectives(self, portuguese: bool) -> list[str]:
        if self.person is None:
            return []
        feminine = self.person.sex == "female" if self.subject.group != "person" else True
        found = [people.adjective(self.person, part, portuguese, feminine) for part in self.saying]
        return [word for word in found if word]

    def _companions(self, portuguese: bool) -> list[str]:
        if self.person is None:
            return []
        found = [people.companion(self.person, part, portuguese) for part in self.saying]
        return [words for words in found if words]


@dataclass
class SceneDescription:
    """What a picture shows, to be drawn and to be written as a caption by `write`."""

    things: list[Thing]
    style: str = "drawing"
    place: str | None = None
    ground: str | None = None  # colour of a plain background, when it is worth saying
    relation: str | None = None  # "left" | "right" | "above" | "below" of two things, else just "and"
    closeup: bool = False


_GENDERED = {name: (male, female) for name, (_, male, female) in COLOURS.items()}
_NUMBERS_EN = {2: "two", 3: "three"}
_NUMBERS_PT = {2: ("dois", "duas"), 3: ("três", "três")}
_RELATIONS = {
    "left": ("to the left of", "à esquerda de"),
    "right": ("to the right of", "à direita de"),
    "above": ("above", "acima de"),
    "below": ("below", "abaixo de"),
}


def write(scene: SceneDescription, rng: random.Random, portuguese: bool) -> str:
    """One of many possible captions: it always names the subjects; what else it mentions is drawn from `rng`."""
    language = 1 if portuguese else 0
    before, after = STYLE_WORDS[scene.style][2 * language], STYLE_WORDS[scene.style][2 * language + 1]
    shape = rng.random()
    if shape < 0.10 and len(scene.things) == 1:  # by keyword
        return _keywords(scene, rng, portuguese, after)
    said = _content(scene, rng, portuguese)
    if scene.style == "drawing" and shape < 0.75:
        return said
    if shape < 0.35:
        return f"{said}, {rng.choice(after)}"
    if shape < 0.42:
        return f"{rng.choice(after)}, {said}"
    noun = rng.choice(before)
    if scene.closeup and not noun.startswith("pixel"):
        noun = _closeup(scene.style, rng, portuguese)
    return f"{noun} {'de' if portuguese else 'of'} {said}"


def _content(scene: SceneDescription, rng: random.Random, portuguese: bool) -> str:
    first = scene.things[0].said(rng, portuguese)
    if len(scene.things) > 1:
        second = scene.things[1].said(rng, portuguese)
        if scene.relation and rng.random() < 0.8:
            first = f"{first} {_RELATIONS[scene.relation][portuguese]} {second}"
        else:
            first = f"{first} {'e' if portuguese else 'and'} {second}"
    if scene.place and (rng.random() < 0.85 or scene.place == "blackboard"):
        first += " " + rng.choice(_place_words(scene.place)[portuguese])
    elif scene.ground and rng.random() < 0.7:
        colour = COLOURS[scene.ground][1] if portuguese else scene.ground
        first += f" em fundo {colour}" if portuguese else f" on {with_article(colour)} background"
    return first


def _keywords(scene: SceneDescription, rng: random.Random, portuguese: bool, after: list[str]) -> str:
    thing = scene.things[0]
    words = [_pick(thing.subject.pt if portuguese else thing.subject.en, rng)]
    if thing.colour and not portuguese:
        words[0] = f"{thing.colour} {words[0]}"
    if scene.style != "drawing":
        words.append(rng.choice(after))
    if scene.place:
        words.append(rng.choice(_place_words(scene.place)[portuguese]))
    return rng.choice((", ", " ")).join(words)


def _closeup(style: str, rng: random.Random, portuguese: bool) -> str:
    after = STYLE_WORDS[style][3 if portuguese else 1][0]
    if portuguese:
        noun = rng.choice(("um retrato", "um close", "um retrato em close"))
        return noun if style == "drawing" else f"{noun} {after}"
    middle = {"oil": "oil", "drawing": ""}.get(style, after.replace("in ", ""))
    words = [rng.choice(("", "closeup")), middle, "portrait"]
    return with_article(" ".join(w for w in words if w))


def _place_words(place: str) -> tuple[Sequence[str], Sequence[str]]:
    return PLACE_WORDS[place] if place in PLACE_WORDS else BACKDROP_WORDS[place]


def _listed(words: list[str], last: str) -> str:
    """`a book`, `a book and glasses`, `a book, a beard and glasses`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _pick(names: Sequence[str], rng: random.Random) -> str:
    """One of several names, most often the first, which is the most common."""
    return names[0] if len(names) == 1 or rng.random() < 0.6 else rng.choice(names)


def with_article(words: str) -> str:
    """`a cat`, `an owl`, but `glasses`, `french fries` and `red meat`."""
    if any(f" {words}".endswith(f" {name}") for name in UNCOUNTED) and not {"of", "on"} & set(words.split()):
        return words
    if words.endswith("s") and not words.endswith(("ss", "us", "is", "as")):
        return words
    return ("an " if words[:1] in "aeiou" else "a ") + words


def plural(name: str) -> str:
    """English: `cats`, `foxes`, `cherries`."""
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return name[:-1] + "ies"
    return name + "s"


def plural_pt(name: str) -> str:
    """Portuguese, of the first word: `gatos`, `leões`, `flores de lótus`."""
    first, *rest = name.split(" ")
    if first.endswith("ão"):
        first = first[:-2] + "ões"
    elif first.endswith("l"):
        first = first[:-1] + "is"
    elif first.endswith(("r", "z")):
        first += "es"
    elif first.endswith("m"):
        first = first[:-1] + "ns"
    elif not first.endswith("s"):
        first += "s"
    return " ".join([first, *rest])
