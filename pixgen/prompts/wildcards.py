"""From a template to prompts: expands `{a|b}` alternatives and `__name__` wildcards, one by the seed or all of them.

All combinations come in the order of nested loops: the leftmost alternatives change slowest, and the lines of a
wildcard file and the alternatives within braces keep the order in which they are written. Escapes, braces and the
draw by the seed are those of `pixgen.prompts.grammar`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pixgen.errors import UsageError, did_you_mean
from pixgen.prompts import grammar

_WILDCARD = re.compile(r"__([\w-]+(?:/[\w-]+)*?)__")


class Wildcards:
    """Text files of alternatives, one a line: `__animal__` expands to a line of `animal.txt`.

    folders: where the files are looked for, the first that has one wins. Empty lines and `#` comments do not count.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = list(folders)
        self._files: dict[str, list[str]] = {}

    def draw(self, template: str, seed: int) -> str:
        """The prompt to which a template expands for this seed.

        `{a|b}` takes the alternative that `grammar.parse` takes. Raises UsageError for an unknown wildcard, or
        wildcards nested deeper than `grammar.MAX_DEPTH`, as one that contains itself is.
        """
        return grammar.choose(self._draw_wildcards(template, f"{seed}/wildcard", 0), seed)

    def all(self, template: str) -> Iterator[str]:
        """Every prompt to which a template can expand. Raises as `draw` does."""
        for text in self._all(grammar.hide_escapes(template), 0):
            yield grammar.show_escapes(text)

    def count(self, template: str) -> int:
        """How many prompts `all` yields, without making them."""
        return self._count(grammar.hide_escapes(template), 0)

    def _draw_wildcards(self, text: str, address: str, depth: int) -> str:
        places = 0

        def replace(match: re.Match[str]) -> str:
            nonlocal places
            places += 1
            here = f"{address}/{places}"
            lines = self._lines(match[1], depth)
            return self._draw_wildcards(lines[grammar.draw(here, len(lines))], here, depth + 1)

        return _WILDCARD.sub(replace, text)

    def _all(self, text: str, depth: int) -> Iterator[str]:
        head, alternatives, rest = self._first(text, depth)
        if alternatives is None:
            yield head
            return
        for alternative, inner in alternatives:
            for chosen in self._all(alternative, inner):
                for tail in self._all(rest, depth):
                    yield head + chosen + tail

    def _count(self, text: str, depth: int) -> int:
        _, alternatives, rest = self._first(text, depth)
        if alternatives is None:
            return 1
        return sum(self._count(each, inner) for each, inner in alternatives) * self._count(rest, depth)

    def _first(self, text: str, depth: int) -> tuple[str, list[tuple[str, int]] | None, str]:
        """What stands before the first braces or wildcard, their alternatives with the depth of each, and the rest.

        The alternatives are None where there is nothing to expand.
        """
        wildcard, brace = _WILDCARD.search(text), text.find("{")
        if wildcard and (brace < 0 or wildcard.start() < brace):
            lines = [(grammar.hide_escapes(line), depth + 1) for line in self._lines(wildcard[1], depth)]
            return text[: wildcard.start()], lines, text[wildcard.end() :]
        if brace < 0:
            return text, None, ""
        end = grammar.closing_brace(text, brace)
        alternatives = grammar.split_alternatives(text[brace + 1 : end])
        return text[:brace], [(each, depth) for each in alternatives], text[end + 1 :]

    def _lines(self, name: str, depth: int) -> list[str]:
        if depth >= grammar.MAX_DEPTH:
            raise UsageError(
                f"wildcards are nested more than {grammar.MAX_DEPTH} deep at __{name}__: most likely it contains itself"
            )
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
                raise UsageError(f"{found[0]}: there is nothing to choose from; write one alternative per line")
            self._files[name] = kept
        return self._files[name]

    def _unknown(self, name: str) -> str:
        known = sorted(path.stem for folder in self.folders if folder.is_dir() for path in folder.glob("*.txt"))
        hint = did_you_mean(name, known)
        places = ", ".join(str(folder) for folder in self.folders)
        return f"there is no wildcard __{name}__: no {name}.txt in {places}{hint}; another folder is --wildcards DIR"
