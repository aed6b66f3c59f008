"""From a template to prompts: expands `{a|b}` alternatives and `__name__` wildcards, one by the seed or all of them.

All combinations come in the order of nested loops: the leftmost alternatives change slowest, and the lines of a
wildcard file and the alternatives within braces keep the order in which they are written. Escapes, braces and the
draw by the seed are those of `pixgen.prompts.grammar`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pixgen.errors import UsageError, did_you_mean, reason
from pixgen.io import encodings, untrusted
from pixgen.prompts import grammar

_WILDCARD = re.compile(r"__([\w-]+(?:/[\w-]+)*?)__")


MAX_BYTES = 16_000_000
"""Of a file of alternatives."""

MAX_COUNT = 10**12
"""As many as this are not counted further."""


class _Place(NamedTuple):
    """Braces or a wildcard. texts: what may stand there, escapes hidden. depth: how deep these are nested.

    name: the wildcard's; empty for braces.
    """

    texts: Sequence[str]
    depth: int
    name: str = ""


class Wildcards:
    """Text files of alternatives, one a line: `__animal__` expands to a line of `animal.txt`.

    folders: where the files are looked for, the first that has one wins. Empty lines and `#` comments do not count.
    No text is expanded beyond `grammar.MAX_LENGTH` characters, so that files which name each other cannot multiply.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = list(folders)
        self._files: dict[str, list[str]] = {}
        self._hidden: dict[str, list[str]] = {}

    def draw(self, template: str, seed: int) -> str:
        """The prompt to which a template expands for this seed.

        `{a|b}` takes the alternative that `grammar.parse` takes. Raises UsageError for an unknown wildcard, for
        wildcards nested deeper than `grammar.MAX_DEPTH`, as one that contains itself is, and for a text that becomes
        too long.
        """
        grammar.require_length(template)
        return grammar.choose(self._draw_wildcards(template, f"{seed}/wildcard", 0), seed)

    def all(self, template: str) -> Iterator[str]:
        """Every prompt to which a template can expand. Raises as `draw` does."""
        grammar.require_length(template)
        for text in self._all(grammar.hide_escapes(template), 0):
            yield grammar.show_escapes(text)

    def count(self, template: str) -> int:
        """How many prompts `all` yields, without making them; MAX_COUNT for that many and more."""
        grammar.require_length(template)
        return self._count(grammar.hide_escapes(template), 0, {})

    def _draw_wildcards(self, text: str, address: str, depth: int) -> str:
        parts, length, end = [], 0, 0
        for place, match in enumerate(_WILDCARD.finditer(text), 1):
            here = f"{address}/{place}"
            lines = self._lines(match[1], depth)
            chosen = self._draw_wildcards(lines[grammar.draw(here, len(lines))], here, depth + 1)
            parts += [text[end : match.start()], chosen]
            end = match.end()
            length += len(parts[-2]) + len(chosen)
            _require_short(length)
        return "".join([*parts, text[end:]])

    def _all(self, text: str, depth: int) -> Iterator[str]:
        """An odometer: the last place turns fastest."""
        literals, places = self._places(text, depth)
        if not places:
            yield text
            return
        turning, heads = [self._each(places[0])], [literals[0]]
        while turning:
            chosen = next(turning[-1], None)
            if chosen is None:
                turning.pop()
                heads.pop()
                continue
            head = heads[-1] + chosen + literals[len(turning)]
            _require_short(len(head))
            if len(turning) == len(places):
                yield head
            else:
                turning.append(self._each(places[len(turning)]))
                heads.append(head)

    def _each(self, place: _Place) -> Iterator[str]:
        for text in place.texts:
            yield from self._all(text, place.depth)

    def _count(self, text: str, depth: int, known: dict[tuple[str, int], int]) -> int:
        """known: the counts of wildcards by name and depth, for many lines may ask for the same one."""
        product = 1
        for place in self._places(text, depth)[1]:
            key = (place.name, place.depth)
            count = known.get(key) or sum(self._count(each, place.depth, known) for each in place.texts)
            if place.name:
                known[key] = count
            product = min(product * count, MAX_COUNT)
        return product

    def _places(self, text: str, depth: int) -> tuple[list[str], list[_Place]]:
        """What stands before, between and behind the braces and wildcards of a text, and these."""
        literals: list[str] = []
        places: list[_Place] = []
        end = 0
        wildcard = _WILDCARD.search(text)
        while True:
            brace = text.find("{", end)
            if wildcard and wildcard.start() < end:
                wildcard = _WILDCARD.search(text, end)
            if wildcard and (brace < 0 or wildcard.start() < brace):
                start, stop = wildcard.span()
                lines = self._lines(wildcard[1], depth)
                if wildcard[1] not in self._hidden:
                    self._hidden[wildcard[1]] = list(map(grammar.hide_escapes, lines))
                places.append(_Place(self._hidden[wildcard[1]], depth + 1, wildcard[1]))
            elif brace >= 0:
                start, stop = brace, grammar.closing_brace(text, brace) + 1
                places.append(_Place(grammar.split_alternatives(text[brace + 1 : stop - 1]), depth))
            else:
                return [*literals, text[end:]], places
            literals.append(text[end:start])
            end = stop

    def _lines(self, name: str, depth: int) -> list[str]:
        if depth >= grammar.MAX_DEPTH:
            raise UsageError(
                f"wildcards are nested more than {grammar.MAX_DEPTH} deep at __{name}__: most likely it contains itself"
            )
        if name not in self._files:
            found = [folder for folder in self.folders if (folder / f"{name}.txt").is_file()]
            if not found:
                raise UsageError(self._unknown(name))
            path = untrusted.path(found[0], f"{name}.txt", f"__{name}__")
            lines = [line.strip() for line in _read(path).splitlines()]
            kept = [line for line in lines if line and not line.startswith("#")]
            if not kept:
                raise UsageError(f"{path}: there is nothing to choose from; write one alternative per line")
            self._files[name] = kept
        return self._files[name]

    def _unknown(self, name: str) -> str:
        known = sorted(path.stem for folder in self.folders if folder.is_dir() for path in folder.glob("*.txt"))
        hint = did_you_mean(name, known)
        places = ", ".join(str(folder) for folder in self.folders)
        return f"there is no wildcard __{name}__: no {name}.txt in {places}{hint}; another folder is --wildcards DIR"


def _require_short(length: int) -> None:
    if length > grammar.MAX_LENGTH:
        raise UsageError(
            f"the wildcards make a prompt of more than {grammar.MAX_LENGTH:,} characters; use fewer, or shorter lines"
        )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {reason(error).lower()}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path} has more than {MAX_BYTES:,} bytes; that is not a file of wildcards")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = encodings.guess(content) or f"not UTF-8 (byte 0x{content[error.start]:02x} at {error.start})"
        raise UsageError(f"{path}: {found}; {encodings.WAY_OUT}") from None
