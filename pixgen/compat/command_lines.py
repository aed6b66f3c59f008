"""Old command lines, parted into flags and what they are given, before anybody knows what the values mean."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field

from pixgen.errors import UsageError

SOURCE = "the command line"


@dataclass(frozen=True)
class CommandLine:
    """flags: each flag as it was written and its values, in their order. words: what belongs to no flag."""

    flags: list[tuple[str, list[str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def part(line: str, most: Callable[[str], int | None]) -> CommandLine:
    """The flags and words of a line.

    most: how many values a flag takes at most, by its name without hyphens; None for any number.
    Raises UsageError for an unclosed quote.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{SOURCE} cannot be read: {str(error).lower()}") from None
    found, position = CommandLine(), 0
    while position < len(words):
        word, position = words[position], position + 1
        if not _is_flag(word):
            found.words.append(word)
            continue
        flag, equals, rest = word.partition("=")
        values = [rest] if equals else []
        count = most(flag.lstrip("-"))
        while not equals and (count is None or len(values) < count) and position < len(words):
            if _is_flag(words[position]):
                break
            values.append(words[position])
            position += 1
        found.flags.append((flag, values))
    return found


def _is_flag(word: str) -> bool:
    """Whether a word is a flag and not a value; `-0.5` is a number, and a prompt has spaces."""
    return re.fullmatch(r"--?[a-zA-Z][\w-]*(=.*)?", word, re.DOTALL) is not None
