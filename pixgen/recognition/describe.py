"""A picture in words: the subject, colour, style and place that fit it best, as a prompt that draws it again.

The words are those that captions are written with, and for downloaded CLIPs the names of ImageNet's classes as well.
A beam search keeps the best captions while it adds one kind of word after the other: every caption is compared as a
whole, for a CLIP reads `a blue cat` otherwise than `blue` and `cat`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from pixgen.recognition.clip_models import ClipModel
from pixgen.scenery.captions import with_article
from pixgen.scenery.subjects import Subject, load_subjects
from pixgen.scenery.vocabulary import COLOURS, PLACE_WORDS, STYLE_WORDS

LEARNT = 440
"""Subjects, by rank, that the embedded CLIP was trained on and the bank draws."""
LIKELY, BEAM = 48, 6
"""Subjects that are kept at first, and captions that are kept while words are added."""
GAIN = {"style": 0.055, "place": 0.055, "ground": 0.07, "colour": 0.085}
"""By how much the cosine must grow for a word of this kind to be said: on 60 scenes of another seed than any that
measures, words that were right brought more, and most that were wrong less."""
DRAWING = "drawing"
"""The style that is not said."""
SHOWN = 5
"""Words of each kind that are kept with their scores."""


@dataclass(frozen=True)
class Words:
    """What a picture shows. subject: a name of it in English. style, place, ground, colour: keys of the vocabulary.

    style is "drawing" and the others are empty where nothing is said of them.
    """

    subject: str
    style: str = DRAWING
    place: str = ""
    ground: str = ""
    colour: str = ""


@dataclass(frozen=True)
class Description:
    """A picture in words.

    prompt: in the language that was asked for. words: what it is made of. score: cosine of the picture and the English
    prompt. nearest: subject, style, place, ground and colour -> the words of this kind that come next to the picture
    in the prompt, each with the cosine, the best first.
    """

    prompt: str
    words: Words
    score: float
    nearest: dict[str, list[tuple[str, float]]]


def describe(clip: ClipModel, picture: Tensor, *, portuguese: bool = False) -> Description:
    """Describe a picture, float32 (1, 3, H, W) in [0, 1]."""
    scores = _Scores(clip, clip.encode_image([picture])[0])
    likely = [words for words, _ in scores.best(map(Words, subjects(clip)), LIKELY)]
    beam = likely[:BEAM]
    for kind, values in _KINDS.items():
        beam = [words for words, _ in scores.best(_with_each(beam, kind, values), BEAM)]
    words = _without_idle_words(scores, beam[0])
    names = [each.subject for each in likely]
    ((words, score),) = scores.best([replace(words, subject=name) for name in names], 1)
    nearest = {
        kind: [
            (getattr(one, kind) or "none", near)
            for one, near in scores.best([replace(words, **{kind: value}) for value in values], SHOWN)
        ]
        for kind, values in {"subject": names, **_KINDS}.items()
    }
    return Description(prompt(words, portuguese), words, score, nearest)


def subjects(clip: ClipModel) -> list[str]:
    """The English names of what this CLIP may see in a picture."""
    known = load_subjects().values()
    if clip.is_tiny:
        return list(dict.fromkeys(subject.en[0] for subject in known if subject.rank <= LEARNT))
    from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES

    return list(dict.fromkeys([*(subject.en[0] for subject in known), *IMAGENET_CLASSNAMES]))


def prompt(words: Words, portuguese: bool = False) -> str:
    """The words as a prompt, in English or Brazilian Portuguese; a subject without a Portuguese name stays English."""
    return _portuguese(words) if portuguese else _english(words)


_KINDS: dict[str, Sequence[str]] = {
    "style": list(STYLE_WORDS),
    "place": ["", *PLACE_WORDS],
    "ground": ["", *COLOURS],
    "colour": ["", *COLOURS],
}


class _Scores:
    """Cosines of a picture's embedding, float32 (D,), and English prompts; each is computed once."""

    def __init__(self, clip: ClipModel, image: Tensor) -> None:
        self._clip, self._image = clip, image
        self._known: dict[Words, float] = {}

    def of(self, candidates: Iterable[Words]) -> dict[Words, float]:
        wanted = dict.fromkeys(candidates)
        if new := [words for words in wanted if words not in self._known]:
            found = self._clip.encode_text([_english(words) for words in new]) @ self._image
            self._known.update(zip(new, found.tolist(), strict=True))
        return {words: self._known[words] for words in wanted}

    def best(self, candidates: Iterable[Words], count: int) -> list[tuple[Words, float]]:
        """The `count` best of them, the best first, and their cosines."""
        return sorted(self.of(candidates).items(), key=lambda item: -item[1])[:count]


def _with_each(beam: Iterable[Words], kind: str, values: Sequence[str]) -> Iterator[Words]:
    for words in beam:
        for value in values:
            if not (kind == "ground" and value and words.place):  # a picture has one or the other
                yield replace(words, **{kind: value})


def _without_idle_words(scores: _Scores, words: Words) -> Words:
    """The same without the words that bring less than their `GAIN`."""
    for kind, gain in GAIN.items():
        without = replace(words, **{kind: DRAWING if kind == "style" else ""})
        found = scores.of([words, without])
        if found[words] - found[without] < gain:
            words = without
    return words


def _english(words: Words) -> str:
    said = with_article(f"{words.colour} {words.subject}".strip())
    if words.place:
        said += f" {PLACE_WORDS[words.place][0][0]}"
    elif words.ground:
        said += f" on {with_article(words.ground)} background"
    return said if words.style == DRAWING else f"{STYLE_WORDS[words.style][0][0]} of {said}"


def _portuguese(words: Words) -> str:
    subject = _subject(words.subject)
    feminine = subject is not None and subject.pt_gender == "f"
    parts = ["uma" if feminine else "um", subject.pt[0] if subject else words.subject]
    if words.colour:
        _, male, female = COLOURS[words.colour]
        parts.append(female if feminine else male)
    if words.place:
        parts.append(PLACE_WORDS[words.place][1][0])
    elif words.ground:
        parts.append(f"em fundo {COLOURS[words.ground][1]}")
    said = " ".join(parts)
    return said if words.style == DRAWING else f"{STYLE_WORDS[words.style][2][0]} de {said}"


def _subject(name: str) -> Subject | None:
    return next((subject for subject in load_subjects().values() if subject.en[0] == name), None)
