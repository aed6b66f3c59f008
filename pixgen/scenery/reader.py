"""Reads a prompt as a scene: what is in it, where, in which style. English and Portuguese, longest phrase first.

The inverse of `pixgen.scenery.captions.write`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pixgen.scenery.captions import plural, plural_pt
from pixgen.scenery.subjects import load_subjects
from pixgen.scenery.synonyms import SMALL_WORDS, bare, is_portuguese, normal, phrases, placed_tokens, tokens

ELDERS = {"male": "old-man", "female": "old-woman"}
"""The groups that show a person of any role in old age, for no drawing of a role does."""

_SAYS: dict[str, tuple[str, str | None]] = {
    "man": ("male", None),
    "woman": ("female", None),
    "old-man": ("male", "old"),
    "old-woman": ("female", "old"),
}
"""What these subjects say of the person named right after them."""


@dataclass
class ParsedThing:
    """One thing of a prompt: `said` are its words, `group` the subject that they name, None where none is known."""

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
    """A scene as the words say it. `rest` are the words that no table knows."""

    things: list[ParsedThing] = dataclasses.field(default_factory=list)
    style: str = "drawing"
    place: str | None = None
    ground: str | None = None
    relation: str | None = None
    closeup: bool = False
    rest: list[str] = dataclasses.field(default_factory=list)


@dataclass(frozen=True)
class _Meaning:
    kind: str
    value: str
    phrase: tuple[str, ...]
    sex: str | None = None
    many: bool = False


@dataclass
class _Span:
    begin: int
    end: int
    meanings: list[_Meaning]

    def one(self, *kinds: str) -> _Meaning | None:
        return next((m for kind in kinds for m in self.meanings if m.kind == kind), None)


@cache
def every_subject() -> Reader:
    """One that knows the whole table of subjects, for those who have no bank."""
    return Reader({group: subject.names() for group, subject in load_subjects().items()})


class Reader:
    """Knows the subjects that can be had: group -> {"kind", "en", "pt", "male", "female"}, names without article."""

    def __init__(self, subjects: Mapping[str, Mapping[str, Any]]) -> None:
        self.people = {group for group, subject in subjects.items() if subject["kind"] == "person"}
        self._table: dict[tuple[str, ...], list[_Meaning]] = {}
        self._longest = 1
        for group, subject in subjects.items():
            self._names(group, subject)
        for kind, values in phrases().items():
            for value, said in values.items():
                for phrase in said:
                    self._add(kind, value, phrase)

    def read(self, text: str) -> ParsedScene:
        """What a prompt says. Never fails: what it does not know is in `rest`."""
        words = tokens(text)
        spans = self._settled(words)
        reading = ParsedScene()
        if not is_portuguese(text):  # `professor` is a man in Portuguese, anyone in English
            for span in spans:
                span.meanings = [replace(m, sex=None) if m.sex == "male" else m for m in span.meanings]
        self._gather(reading, spans, words)
        return reading

    def uncoloured(self, text: str) -> str:
        """The same words without the colours of things: `a yellow deer on a red background` has a deer on red.

        As it is where no colour of a thing is told, or nothing else is.
        """
        words = placed_tokens(said := normal(text))
        spans = self._settled([word for word, _, _ in words])
        ends = [words[span.end - 1][2] for span in spans]
        # `green-eyed` is no green thing.
        colours = [bool(s.one("colour")) and said[end : end + 1] != "-" for s, end in zip(spans, ends, strict=True)]
        things = [bool(span.one("subject")) or self._unknown(span, words) for span in spans]
        if not any(colours) or not any(thing and not colour for thing, colour in zip(things, colours, strict=True)):
            return text
        for i in reversed(range(len(spans))):
            between = 0 < i < len(spans) - 1 and colours[i - 1] and colours[i + 1]
            if colours[i] or (between and not things[i]):  # `red and white` goes, of `red cat white dog` the cat stays
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
                # Only what is said of one sex alone tells it: `cientista` is anyone.
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
        """The text from left to right in the longest phrases known; words that are in none by themselves."""
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
        """The spans of a text, each with one meaning if that can be told."""
        spans = list(self._spans(words))
        subjects = [s for s in spans if s.one("subject")]
        person = any(m.value in self.people for s in subjects if (m := s.one("subject")))
        for i, span in enumerate(spans):
            before, after = spans[i - 1] if i else None, spans[i + 1] if i + 1 < len(spans) else None
            self._settle(span, before, after, person, len(subjects))
        return spans

    # -- what is meant -------------------------------------------------------------------------------------

    def _settle(self, span: _Span, before: _Span | None, after: _Span | None, person: bool, subjects: int) -> None:
        """Leave one meaning to a phrase that has several: `orange` before a cat is a colour, alone a fruit."""
        kinds = {m.kind for m in span.meanings}
        if len(kinds) < 2:
            return
        beside = (after and after.one("subject", "colour")) or (before and before.one("subject"))
        for kind, chosen in (
            ("field", person),
            ("sex", bool(after and (m := after.one("subject")) and m.value in self.people)),
            ("age", bool(after and after.one("subject", "sex")) or bool(before and before.one("subject"))),
            ("colour", bool(beside)),
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
                    # English says it before the noun, Portuguese after it.
                    _describe(last if last and not link and _adjoins(spans[:i]) else waiting, meaning, text)
                case "count":
                    waiting.count = int(meaning.value)
                case "field":
                    (last if last and last.group in self.people else waiting).field = meaning.value
                case "closeup":
                    reading.closeup = True
                case "style" if reading.style == "drawing":
                    reading.style = meaning.value
                case "place":
                    reading.place = reading.place or meaning.value
                case "ground":
                    reading.ground = reading.ground or meaning.value
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
        if last and adjoining and last.group in _SAYS and thing.group in self.people:  # "an old woman judge"
            thing.sex, thing.age = _SAYS[last.group]
            thing.said = f"{last.said} {thing.said}"
            reading.things[-1] = thing
        elif last and link == "with":
            last.holds.append(thing)
        else:
            reading.relation = reading.relation or (link if last else "") or None
            reading.things.append(thing)


def _adjoins(spans: list[_Span]) -> bool:
    """Whether the last of these is a name, or describes the name right before it."""
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
    """Words that describe nothing that follows belong to what was said last: `a teacher, female`."""
    thing.colour, thing.age, thing.sex = thing.colour or late.colour, thing.age or late.age, thing.sex or late.sex
    thing.field, thing.small = thing.field or late.field, thing.small or late.small
