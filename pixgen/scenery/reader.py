"""Words into a scene: parses English and Portuguese prompts, the longest known phrase first.

Finds the things of a prompt with their attributes, the place and the style. `captions` is the inverse: from a scene to
words. Used by the starts (`pixgen.plugins.starts`), which draw what was parsed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pixgen.scenery.captions import plural, plural_pt
from pixgen.scenery.subjects import load_subjects
from pixgen.scenery.svg_drawings import LIGHTS
from pixgen.scenery.synonyms import (
    MORE_SUBJECT_NAMES,
    SMALL_WORDS,
    bare,
    is_portuguese,
    normal,
    phrases,
    placed_tokens,
    tokens,
)

ELDERS = {"male": "old-man", "female": "old-woman"}
"""Subject groups that stand in for old people of any role, for no drawing of a role shows an old person."""

_IMPLIES: dict[str, tuple[str, str | None]] = {
    "man": ("male", None),
    "woman": ("female", None),
    "old-man": ("male", "old"),
    "old-woman": ("female", "old"),
}
"""Sex and age that these subjects imply for a person named right after them: `an old woman judge`."""


@dataclass
class ParsedThing:
    """One thing of a prompt.

    said: its words. group: the subject that they name, a key of `load_subjects`; None for an unknown one.
    count: how many, 1 to 4. age: "young" or "old". sex: "male" or "female". holds: what the thing has or carries.
    """

    said: str
    group: str | None = None
    colour: str | None = None
    count: int = 1
    small: bool = False
    age: str | None = None
    sex: str | None = None
    field: str | None = None
    holds: list[ParsedThing] = dataclasses.field(default_factory=list)


@dataclass
class ParsedScene:
    """A prompt, parsed.

    things: in the order of the prompt. style, place: keys of `STYLES` and `PLACES`. ground: colour of a plain
    background. relation: of the first thing to the second. rest: words that are in no table.
    """

    things: list[ParsedThing] = dataclasses.field(default_factory=list)
    style: str = "drawing"
    place: str | None = None
    light: str | None = None
    ground: str | None = None
    relation: str | None = None
    closeup: bool = False
    rest: list[str] = dataclasses.field(default_factory=list)


@dataclass(frozen=True)
class _Meaning:
    """One meaning of a phrase: `value` of a `kind` of `synonyms.phrases`, or of kind "subject"."""

    kind: str
    value: str
    phrase: tuple[str, ...]
    sex: str | None = None
    many: bool = False


@dataclass
class _Span:
    """Tokens `begin` to `end` of a prompt that form one phrase, with the meanings it may have; none if unknown."""

    begin: int
    end: int
    meanings: list[_Meaning]

    def one(self, *kinds: str) -> _Meaning | None:
        return next((m for kind in kinds for m in self.meanings if m.kind == kind), None)


@cache
def every_subject() -> Reader:
    """A reader that knows all of subjects.csv, for starts without a bank."""
    return Reader({group: subject.names() for group, subject in load_subjects().items()})


class Reader:
    """Parses prompts about known subjects: group -> {"kind", "en", "pt", "male", "female"}, names without article."""

    def __init__(self, subjects: Mapping[str, Mapping[str, Any]]) -> None:
        self.people = {group for group, subject in subjects.items() if subject["kind"] == "person"}
        self._table: dict[tuple[str, ...], list[_Meaning]] = {}
        self._longest = 1
        for group, subject in subjects.items():
            self._names(group, subject)
            for name in MORE_SUBJECT_NAMES.get(group, ()):
                self._add("subject", group, name)
        for kind, values in phrases().items():
            for value, said in values.items():
                for phrase in said:
                    self._add(kind, value, phrase)

    def read(self, text: str) -> ParsedScene:
        """Parse a prompt. Never fails: unknown words are in `rest`."""
        words = tokens(text)
        spans = self._settled(words)
        reading = ParsedScene()
        if not is_portuguese(text):  # `professor` is a man in Portuguese, anyone in English
            for span in spans:
                span.meanings = [replace(m, sex=None) if m.sex == "male" else m for m in span.meanings]
        self._gather(reading, spans, words)
        return reading

    def known_words(self, text: str) -> set[str]:
        """The words of a prompt that are part of any known phrase, in lower case."""
        said = normal(text)
        words = placed_tokens(said)
        known = [span for span in self._spans([word for word, _, _ in words]) if span.meanings]
        return {said[begin:end] for span in known for _, begin, end in words[span.begin : span.end]}

    def uncoloured(self, text: str) -> str:
        """A prompt without object colours: `a yellow deer on a red background` loses `yellow` alone.

        The prompt as it is where it gives no object a colour, or names nothing but a colour.
        """
        words = placed_tokens(said := normal(text))
        spans = self._settled([word for word, _, _ in words])
        ends = [words[span.end - 1][2] for span in spans]
        # `green-eyed` does not make the thing green.
        colours = [bool(s.one("colour")) and said[end : end + 1] != "-" for s, end in zip(spans, ends, strict=True)]
        things = [bool(span.one("subject")) or self._unknown(span, words) for span in spans]
        if not any(colours) or not any(thing and not colour for thing, colour in zip(things, colours, strict=True)):
            return text
        for i in reversed(range(len(spans))):
            between = 0 < i < len(spans) - 1 and colours[i - 1] and colours[i + 1]
            if colours[i] or (between and not things[i]):  # `red and white` goes; of `red cat white dog` the cat stays
                begin = words[spans[i].begin][1]
                said = f"{said[:begin].rstrip()} {said[ends[i] :].lstrip()}".strip()
        return said

    def _unknown(self, span: _Span, words: Sequence[tuple[str, int, int]]) -> bool:
        return not span.meanings and words[span.begin][0] not in SMALL_WORDS | {","}

    # -- the table -----------------------------------------------------------------------------------------

    def _names(self, group: str, subject: Mapping[str, Any]) -> None:
        male, female = set(subject["male"]), set(subject["female"])
        for key in ("en", "pt", "male", "female"):
            for name in subject[key]:
                # Only a name used for one sex alone implies it: `cientista` does not.
                sex = "male" if name in male - female else "female" if male and name in female - male else None
                known = sex if subject["kind"] == "person" and group not in ELDERS.values() else None
                self._add("subject", group, name, known)
                self._add("subject", group, (plural if key == "en" else plural_pt)(name), known, many=True)

    def _add(self, kind: str, value: str, phrase: str, sex: str | None = None, many: bool = False) -> None:
        exact = tuple(tokens(phrase))
        meanings = self._table.setdefault(tuple(map(bare, exact)), [])
        taken = [m for m in meanings if m.kind == "subject" and m.phrase == exact]
        if not (kind == "subject" and taken):  # the more useful subject keeps a name that two have
            meanings.append(_Meaning(kind, value, exact, sex, many))
            self._longest = max(self._longest, len(exact))

    def _spans(self, words: list[str]) -> Iterator[_Span]:
        """Split a text, left to right, into the longest known phrases; every unknown word is a span of its own."""
        at = 0
        while at < len(words):
            found = _Span(at, at + 1, [])
            for length in range(self._longest, 0, -1):
                if (match := self._match(words, at, at + length)) is not None:
                    found = match
                    break
            yield found
            at = found.end

    def _match(self, words: list[str], begin: int, end: int) -> _Span | None:
        taken = tuple(words[begin:end])
        meanings = self._table.get(tuple(map(bare, taken))) if end <= len(words) else None
        if not meanings:
            return None
        # `avô` and `avó` differ in their accent alone: what is written exactly comes before what lacks it.
        exact = [m for m in meanings if m.phrase == taken]
        return _Span(begin, end, list(exact or meanings))

    def _settled(self, words: list[str]) -> list[_Span]:
        """The spans of a text, each reduced to one meaning where the context decides."""
        spans = list(self._spans(words))
        subjects = [s for s in spans if s.one("subject")]
        person = any(m.value in self.people for s in subjects if (m := s.one("subject")))
        for i, span in enumerate(spans):
            before, after = spans[i - 1] if i else None, spans[i + 1] if i + 1 < len(spans) else None
            self._settle(span, before, after, person, len(subjects))
        return spans

    # -- choosing meanings -------------------------------------------------------------------------------------

    def _settle(self, span: _Span, before: _Span | None, after: _Span | None, person: bool, subjects: int) -> None:
        """Choose among the meanings of a phrase: `orange` before a cat is a colour, alone a fruit."""
        kinds = {m.kind for m in span.meanings}
        if len(kinds) < 2:
            return
        beside = (after and after.one("subject", "colour")) or (before and before.one("subject"))
        for kind, chosen in (
            ("field", person),
            ("sex", bool(after and (m := after.one("subject")) and m.value in self.people)),
            ("age", bool(after and after.one("subject", "sex")) or bool(before and before.one("subject"))),
            ("colour", bool(beside)),
            ("scene", True),
            ("place", subjects > 1),
            ("style", subjects > 1),
            ("subject", True),
        ):
            if kind in kinds and chosen:
                span.meanings = [m for m in span.meanings if m.kind == kind]
                return

    def _gather(self, reading: ParsedScene, spans: list[_Span], words: list[str]) -> None:
        waiting, link = ParsedThing(""), ""
        for i, span in enumerate(spans):
            text = " ".join(words[span.begin : span.end])
            last = reading.things[-1] if reading.things else None
            if not span.meanings:
                if text not in SMALL_WORDS and text != ",":
                    reading.rest.append(text)
                continue
            meaning = span.meanings[0]
            match meaning.kind:
                case "subject":
                    self._arrive(reading, waiting, link, meaning, text, i > 0 and bool(spans[i - 1].one("subject")))
                    waiting, link = ParsedThing(""), ""
                case "relation":
                    link = meaning.value if last else ""
                case "colour" | "age" | "sex" | "small":
                    # Adjectives come before the noun in English, after it in Portuguese.
                    _describe(last if last and not link and _adjoins(spans[:i]) else waiting, meaning, text)
                case "count":
                    waiting.count = int(meaning.value)
                case "field":
                    (last if last and last.group in self.people else waiting).field = meaning.value
                case "closeup":
                    reading.closeup = True
                case "style" if reading.style == "drawing":
                    reading.style = meaning.value
                case "place" | "scene" if meaning.value in LIGHTS:
                    reading.light = meaning.value
                case "place" | "scene":
                    reading.place = reading.place or meaning.value
                case "ground":
                    reading.ground = reading.ground or meaning.value
        if reading.light and not reading.place:
            reading.place, reading.light = reading.light, None
        if reading.things:
            _complete(reading.things[-1], waiting)

    def _arrive(
        self, reading: ParsedScene, thing: ParsedThing, link: str, meaning: _Meaning, text: str, adjoining: bool
    ) -> None:
        thing.said, thing.group = f"{thing.said} {text}".strip(), meaning.value
        thing.sex = thing.sex or meaning.sex
        if meaning.many and thing.count == 1:
            thing.count = 2
        last = reading.things[-1] if reading.things else None
        if last and adjoining and last.group in _IMPLIES and thing.group in self.people:  # "an old woman judge"
            thing.sex, thing.age = _IMPLIES[last.group]
            thing.said = f"{last.said} {thing.said}"
            reading.things[-1] = thing
        elif last and link == "with":
            last.holds.append(thing)
        else:
            reading.relation = reading.relation or (link if last else "") or None
            reading.things.append(thing)


def _adjoins(spans: list[_Span]) -> bool:
    """Whether the last span is a subject, or describes the subject right before it."""
    for span in reversed(spans):
        kind = span.meanings[0].kind if span.meanings else ""
        if kind not in ("colour", "age", "sex", "small"):
            return kind == "subject"
    return False


def _describe(thing: ParsedThing, meaning: _Meaning, text: str) -> None:
    thing.said = f"{thing.said} {text}".strip()
    if meaning.kind == "small":
        thing.small = True
    else:
        setattr(thing, meaning.kind, meaning.value)


def _complete(thing: ParsedThing, late: ParsedThing) -> None:
    """Attributes at the end of a prompt belong to its last thing: `a teacher, female`."""
    thing.colour, thing.age, thing.sex = thing.colour or late.colour, thing.age or late.age, thing.sex or late.sex
    thing.field, thing.small = thing.field or late.field, thing.small or late.small
