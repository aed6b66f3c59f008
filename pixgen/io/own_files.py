"""Which files pixgen may replace: the rule behind "nothing is overwritten", told here and nowhere else.

A name that is taken is left alone and the next of `naming.numbered` is used (`files.write`), except

- where the user says `--overwrite`; in the folder of an explanation only what carries its mark (`EXPLANATION`);
- where pixgen wrote that very file, and the file itself says so: the page and the contact sheets of a list carry a
  mark (`PAGE`, `SHEET`), and a picture of a list has the list's prompt and seed in its metadata. A page or sheet whose
  name somebody else's file has is called `pixgen-index.html` and so on (`series`);
- in folders that pixgen alone writes: its cache, its settings (`pixgen models add`, `use`), and the folders of a
  training that it began (`training/runs.py` refuses one that holds files of others) and of its evaluation.

A link is never replaced: what it leads to is somebody else's.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

PAGE = b'<meta name="generator" content="pixgen">'
"""In the head of every page of a list."""

SHEET = b"pixgen contact sheet"
"""In a text chunk at the beginning of every contact sheet of a list."""

EXPLANATION = b"pixgen explanation"
"""In the head of the page of `pixgen explain`, and in a text chunk of its pictures."""

_HEAD = 1024
"""Bytes in which a mark stands."""


def has_mark(path: Path, mark: bytes) -> bool:
    """Whether a regular file has the mark in its first bytes; False where it cannot be read."""
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with open(path, "rb") as file:
            return mark in file.read(_HEAD)
    except OSError:
        return False


def is_free(path: Path, mark: bytes) -> bool:
    """Whether pixgen may write here: nothing is there, or a file that has the mark."""
    return not os.path.lexists(path) or has_mark(path, mark)


def series(folder: Path, stem: str, suffix: str, count: int, mark: bytes) -> Callable[[int], Path]:
    """The paths of files that are numbered from 1: `index.html`, `index-2.html` and so on.

    All of the first `count` may be written (`is_free`); where one of them is somebody else's, all are called
    `pixgen-index.html` and so on, the same in the next run.
    """

    def place(number: int, stem: str) -> Path:
        return folder / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")

    for prefix in itertools.count():
        called = "pixgen-" * prefix + stem
        if all(is_free(place(number, called), mark) for number in range(1, count + 1)):
            return lambda number: place(number, called)
    raise AssertionError("names have no end")
