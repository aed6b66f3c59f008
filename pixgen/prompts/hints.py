"""What is nearly a weight, but is drawn as words: `a fox : 0.5`, `a fox:0,5`, `fox:: 2`, `(a fox:1.3)`."""

from __future__ import annotations

import re

from pixgen.prompts import grammar

_NUMBER = r"[+\-\u2212\u2013]?\s?(?:\d+(?:[.,]\d*)?|[.,]\d+)\s?%?"
_TAIL = re.compile(rf"((?:\s*[:\uff1a]+\s*{_NUMBER})+)\s*[,.;]?\Z", re.ASCII)
_INSIDE = re.compile(r"(?<![\d:])\s*:+\s*(-?\d*\.\d+)(?=[\s,;])", re.ASCII)
_BRACKETS = re.compile(r"[(\[]+([^()\[\]:]+):\s*(\d*\.?\d+)[)\]]+", re.ASCII)

LARGEST = 10
"""A whole number beyond it is a year or a count (`a poster: 1984`), and no weight that anybody means."""


def near_weights(text: str, seed: int = 0) -> list[tuple[str, str]]:
    """The prompts of a list that end in nearly a weight: each as it is written, and as it may be meant.

    Escaped colons are meant as words, and so are times and ratios (`10:30`, `16:9`). Raises UsageError as
    `grammar.parse` does.
    """
    hidden = grammar.hide_escapes(grammar.choose(text, seed))
    found = []
    for part in (part.strip() for part in grammar.split_alternatives(hidden)):
        if (meant := _meant(part)) is not None:
            pair = (grammar.show_escapes(part), grammar.show_escapes(meant))
            if grammar.parse(pair[0]) != grammar.parse(pair[1]):  # else it is a weight already
                found.append(pair)
    return found


def _meant(part: str) -> str | None:
    if match := _BRACKETS.search(part):
        rest = [part[: match.start()].strip(" ,"), f"{match[1].strip()} :{match[2]}", part[match.end() :].strip(" ,")]
        return " | ".join(filter(None, rest))
    if (match := _TAIL.search(part)) is None:
        if (match := _INSIDE.search(part)) and match.start():
            return f"{part[: match.start()].rstrip()} :{match[1]} | {part[match.end() :].strip(' ,;')}"
        return None
    before, numbers = (
        part[: match.start()].rstrip(),
        [number.strip() for number in re.findall(_NUMBER, match[1], re.ASCII)],
    )
    while before[-1:].isdigit() and numbers and numbers[0].isdecimal():
        before = f"{before}:{numbers.pop(0)}"  # of a time or a ratio
    if not before or not numbers or (numbers[0].isdecimal() and int(numbers[0]) > LARGEST):
        return None
    return f"{before} :{':'.join(map(_plain, numbers[:2]))}"


def _plain(number: str) -> str:
    """A number as the grammar reads it."""
    text = re.sub(r"\s", "", number).replace(",", ".").replace("\u2212", "-").replace("\u2013", "-")
    return f"{float(text[:-1]) / 100:g}" if text.endswith("%") else text
