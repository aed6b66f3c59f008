"""From a template to prompts: `{a|b}` choices and `__name__` wildcards, one drawn by the seed or all of them.

All of them come as nested loops would give them: the leftmost choice changes slowest, the lines of a wildcard file
and the parts of a choice stay in the order in which they are written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pixgen.errors import UsageError, did_you_mean
from pixgen.prompts import grammar

MAX_DEPTH = 20
"""Wildcards within wildcards; more is a circle."""

_WILDCARD = re.compile(r"__([\w-]+(?:/[\w-]+)*?)__")
_HIDDEN = {char: chr(0xF0100 + i) for i, char in enumerate("|{}\\:")}
_SHOWN = {hidden: f"\\{char}" for char, hidden in _HIDDEN.items()}


class Wildcards:
    """Files of alternatives, a line each with `#` comments, in folders: `__animal__` is a line of `animal.txt`."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = list(folders)
        self._files: dict[str, list[str]] = {}

    def draw(self, template: str, seed: int) -> str:
        """The prompt that the seed makes of a template. Choices are those of `pixgen.prompts.grammar.parse`.

        Raises UsageError for an unknown wildcard, or one that contains itself.
        """
        return grammar.choose(self._draw_wildcards(template, f"{seed}/wildcard", 0), seed)

    def all(self, template: str) -> Iterator[str]:
        """Every prompt that a template can become. Raises as `draw` does."""
        for text in self._all(_hide(template), 0):
            yield _show(text)

    def count(self, template: str) -> int:
        """How many `all` gives, without making them."""
        return self._count(_hide(template), 0)

    def _draw_wildcards(self, text: str, address: str, depth: int) -> str:
        places = 0

        def replace(match: re.Match[str]) -> str:
            nonlocal places
            places += 1
            here = f"{address}/{places}"
            lines = self._lines(match[1], depth)
            line = lines[int.from_bytes(hashlib.blake2b(here.encode(), digest_size=8).digest(), "big") % len(lines)]
            return self._draw_wildcards(line, here, depth + 1)

        return _WILDCARD.sub(replace, text)

    def _all(self, text: str, depth: int) -> Iterator[str]:
        head, choices, rest = self._first(text, depth)
        if choices is None:
            yield head
            return
        for choice, inner in choices:
            for chosen in self._all(choice, inner):
                for tail in self._all(rest, depth):
                    yield head + chosen + tail

    def _count(self, text: str, depth: int) -> int:
        _, choices, rest = self._first(text, depth)
        if choices is None:
            return 1
        return sum(self._count(choice, inner) for choice, inner in choices) * self._count(rest, depth)

    def _first(self, text: str, depth: int) -> tuple[str, list[tuple[str, int]] | None, str]:
        """What stands before the first choice or wildcard, its alternatives with their depth, and the rest."""
        wildcard, brace = _WILDCARD.search(text), text.find("{")
        if wildcard and (brace < 0 or wildcard.start() < brace):
            lines = [(_hide(line), depth + 1) for line in self._lines(wildcard[1], depth)]
            return text[: wildcard.start()], lines, text[wildcard.end() :]
        if brace < 0:
            return text, None, ""
        end = _closing(text, brace)
        parts = grammar.split_outside_braces(text[brace + 1 : end])
        return text[:brace], [(part, depth) for part in parts], text[end + 1 :]

    def _lines(self, name: str, depth: int) -> list[str]:
        if depth >= MAX_DEPTH:
            raise UsageError(f"the wildcard __{name}__ contains itself, {MAX_DEPTH} times over")
        if name not in self._files:
            found = [path for folder in self.folders if (path := folder / f"{name}.txt").is_file()]
            if not found:
                raise UsageError(self._unknown(name))
            try:
                lines = [line.strip() for line in found[0].read_text("utf-8-sig").splitlines()]
            except UnicodeDecodeError:
                raise UsageError(f"{found[0]}: not UTF-8; save the wildcards as UTF-8") from None
            except OSError as error:
                raise UsageError(f"cannot read {found[0]}: {error.strerror}") from error
            kept = [line for line in lines if line and not line.startswith("#")]
            if not kept:
                raise UsageError(f"{found[0]}: there is nothing to choose from; write a line for each alternative")
            self._files[name] = kept
        return self._files[name]

    def _unknown(self, name: str) -> str:
        known = sorted(path.stem for folder in self.folders if folder.is_dir() for path in folder.glob("*.txt"))
        hint = did_you_mean(name, known)
        places = ", ".join(str(folder) for folder in self.folders)
        return f"there is no wildcard __{name}__: no {name}.txt in {places}{hint}; another folder is --wildcards DIR"


def _hide(text: str) -> str:
    return re.sub(r"\\([|:{}\\])", lambda match: _HIDDEN[match[1]], text)


def _show(text: str) -> str:
    return "".join(_SHOWN.get(char, char) for char in text)


def _closing(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise UsageError(f"the prompt has a '{{' without its '}}' (near {_show(text[start : start + 20])!r})")
