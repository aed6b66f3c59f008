"""The labels of a classification: read, checked, and put into the templates of their language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from pixgen.errors import UsageError, reason
from pixgen.io import encodings, paths
from pixgen.prompts.grammar import MAX_LENGTH
from pixgen.scenery.captions import with_article
from pixgen.scenery.subjects import load_subjects
from pixgen.scenery.synonyms import bare, is_portuguese, normal

DRAWN: dict[str, tuple[str, ...]] = {
    "en": ("a {}", "a drawing of a {}", "an illustration of a {}", "a picture of a {}"),
    "pt": ("um {}", "um desenho de um {}", "uma ilustração de um {}", "uma figura de um {}"),
}
"""Templates for pixgen's own CLIPs, which learnt from drawings and such captions."""

PHOTOGRAPHED: dict[str, tuple[str, ...]] = {
    "en": (
        "itap of a {}.",
        "a bad photo of the {}.",
        "a origami {}.",
        "a photo of the large {}.",
        "a {} in a video game.",
        "art of the {}.",
        "a photo of the small {}.",
    ),
    "pt": ("uma foto de um {}.", "uma imagem de um {}.", "um {}."),
}
"""Templates for all other CLIPs: the seven of its eighty that OpenAI found enough (Prompt_Engineering_for_ImageNet)."""

_ARTICLES = {"en": ("a ", "an ", "the "), "pt": ("um ", "uma ", "o ", "a ", "os ", "as ")}
_ENGLISH = {"an", "the", "of", "and", "with", "in", "on", "at"}
"""Function words that Portuguese does not have."""

_FEMININE = ("a", "cao", "sao", "dade", "gem")
"""Endings, without accents, of most feminine words that are in no table."""


MAX_BYTES = 1_000_000
"""Of a file of labels."""

MAX_LABELS = 25_000
"""Of one classification; ImageNet-21k has 21,841."""


def read(text: str | None, file: str | Path | None = None) -> list[str]:
    """The labels of `"cat,dog,person"`, and those of a UTF-8 file with one a line; empty ones are left out.

    Raises UsageError as `check` does, and where the file cannot be read.
    """
    found = text.split(",") if text else []
    if file is not None:
        found += _lines(paths.written(file))
    return check(found)


def check(labels: Iterable[str]) -> list[str]:
    """The labels without the spaces around them.

    Raises UsageError for fewer than two, more than MAX_LABELS, the same one twice, one that is too long, and
    control characters.
    """
    found = [label for each in labels if (label := each.strip())]
    example = '--labels "cat,dog,person"'
    if not found:
        raise UsageError(f"there are no labels; name what the picture may show: {example}, or --labels-file FILE")
    if len(found) > MAX_LABELS:
        raise UsageError(f"there are {len(found):,} labels; the most is {MAX_LABELS:,}. Give fewer")
    for label in found:
        if len(label) > MAX_LENGTH:
            raise UsageError(f"a label has {len(label):,} characters; the most is {MAX_LENGTH:,}. Shorten it")
        if char := next((c for c in label if unicodedata.category(c) == "Cc"), None):
            raise UsageError(f"the label {label!r} holds the control character U+{ord(char):04X}; remove it")
    seen: set[str] = set()
    for label in found:
        if normal(label) in seen:
            raise UsageError(f"the label {label!r} is given twice; name each once")
        seen.add(normal(label))
    if len(found) == 1:
        raise UsageError(f"{found[0]!r} is the only label, and would always get 100 %; give two or more: {example}")
    return found


def check_templates(templates: Sequence[str]) -> Sequence[str]:
    """The templates as they are. Raises UsageError for one without `{}`."""
    for template in templates:
        if "{}" not in template:
            raise UsageError(f'the template {template!r} has no {{}} where the label goes, as in "a photo of a {{}}"')
    return templates


def templates_of(is_tiny: bool) -> dict[str, tuple[str, ...]]:
    """The templates that suit pixgen's own CLIPs, or all others, by language."""
    return DRAWN if is_tiny else PHOTOGRAPHED


def languages(labels: Sequence[str]) -> list[str]:
    """ "en" or "pt" of each label: by its words, else, where both have it or neither, as most of the others."""
    each = [_language(label) for label in labels]
    usual = "pt" if each.count("pt") > each.count("en") else "en"
    return [language or usual for language in each]


def fill(template: str, label: str, language: str) -> str:
    """A template with the label in it and the article that fits: `an owl`, `uma casa`; or the label's own."""
    if label.lower().startswith(_ARTICLES[language]):
        return re.sub(r"\b(?:a|an|the|um|uma|o) \{\}|\{\}", lambda _: label, template, count=1)
    if language == "pt":
        article = "uma" if _is_feminine(label) else "um"
        return re.sub(r"\b(?:um|uma) \{\}|\{\}", lambda m: f"{article} {label}" if m[0] != "{}" else label, template)
    return re.sub(r"\ban? \{\}|\{\}", lambda m: with_article(label) if m[0] != "{}" else label, template)


@cache
def _names() -> tuple[dict[str, set[str]], dict[str, bool]]:
    """The names of all subjects without accents: the languages of each, and whether a Portuguese one is feminine."""
    spoken: dict[str, set[str]] = {}
    feminine: dict[str, bool] = {}
    for subject in load_subjects().values():
        for name in subject.en:
            spoken.setdefault(bare(normal(name)), set()).add("en")
        usual = subject.pt_gender == "f"
        for names, female in ((subject.pt, usual), (subject.pt_male, False), (subject.pt_female, True)):
            for name in names:
                spoken.setdefault(bare(normal(name)), set()).add("pt")
                feminine.setdefault(bare(normal(name)), female)
    return spoken, feminine


def _language(label: str) -> str | None:
    said = normal(label)
    if not _ENGLISH.isdisjoint(said.split()):
        return "en"
    if is_portuguese(said) or re.search(r"[ãõçáéíóúâêô]", said):
        return "pt"
    spoken = _names()[0].get(bare(said), set())
    return next(iter(spoken)) if len(spoken) == 1 else None


def _is_feminine(label: str) -> bool:
    said = bare(normal(label))
    return _names()[1].get(said, said.split()[0].endswith(_FEMININE))


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UsageError(f"{path} has more than {MAX_BYTES:,} bytes; that is not a file of labels (--labels-file)")
        if encodings.guess(content):
            raise UsageError(f"{path} is in {encodings.guess(content)}; {encodings.WAY_OUT} (--labels-file)")
        return content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {reason(error).lower()} (--labels-file)") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; {encodings.WAY_OUT} (--labels-file)") from error
