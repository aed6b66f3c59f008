"""What the commands that look at pictures share: which files are meant, bars, JSON lists, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixgen.cli.console import result, result_lines, say
from pixgen.errors import UsageError
from pixgen.io import files, image_files, naming, paths
from pixgen.io.progress import Bars

if TYPE_CHECKING:
    from pixgen.recognition.search import Match

BAR = 30
"""Characters of a full bar."""
LISTED = 10
"""Broken files that are named one by one."""


def pictures(words: Iterable[str]) -> list[Path]:
    """The picture files that were named; a folder stands for all pictures in it.

    Raises UsageError for what is neither, and for a folder without pictures.
    """
    found: list[Path] = []
    for word in words:
        path = paths.written(word)
        if path.is_dir():
            from pixgen.recognition.folder import scan

            found += [path / name for name in scan(path)]
        else:
            image_files.require_file(path)
            found.append(path)
    return found


def bar(share: float) -> str:
    """A bar of `share`, 0 to 1, in characters that standard output has."""
    block = "█" if (sys.stdout.encoding or "").lower().startswith("utf") else "#"
    return block * round(max(0.0, min(1.0, share)) * BAR)


def print_list(records: Sequence[Mapping[str, Any]]) -> None:
    """A JSON list, a record a line."""
    lines = ",\n".join(json.dumps(record) for record in records)
    result_lines(f"[\n{lines}\n]" if records else "[]")


def say_broken(broken: Mapping[Path, str]) -> None:
    """One line for each file that cannot be read, up to LISTED."""
    for why in list(broken.values())[:LISTED]:
        say(why)
    if len(broken) > LISTED:
        say(f"and {len(broken) - LISTED} more files cannot be read")


class Count:
    """A bar of how many pictures were looked at."""

    def __init__(self, title: str, total: int | None, quiet: bool) -> None:
        self._bars = Bars("{task.completed:.0f}/{task.total:.0f}", quiet=quiet or total == 1)
        self._title, self._total = title, total

    def __enter__(self) -> Count:
        self._bars.start()
        self._bar = self._bars.add(self._title, self._total)
        return self

    def show(self, done: int, total: int | None = None) -> None:
        """So many are done."""
        self._bars.update(self._bar, done, total)

    def __exit__(self, *_: object) -> None:
        self._bars.stop()


def output_file(word: str | None, flag: str) -> Path | None:
    """Where a picture of the results goes. Raises UsageError for a name that does not end like a picture's."""
    if word is None:
        return None
    path = paths.written(word)
    if path.suffix.lower() not in naming.PICTURE_SUFFIXES:
        known = ", ".join(naming.PICTURE_SUFFIXES)
        raise UsageError(f"cannot save {word!r} ({flag}): its name must end with one of {known}")
    files.require_folder(path.parent)
    return path


def print_matches(matches: Sequence[Match], as_json: bool) -> None:
    """Picture files and their scores, the best first, a line each."""
    if as_json:
        print_list([{"file": str(match.file), "score": match.score} for match in matches])
        return
    for match in matches:
        result(f"{match.score:6.3f}  {match.file}")
