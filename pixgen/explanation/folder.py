"""Where an explanation goes: a folder of its own, of which nothing is replaced that pixgen did not write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pixgen.errors import UsageError
from pixgen.explanation.page import PAGE
from pixgen.io import files, naming, own_files


def place(folder: Path, overwrite: bool) -> Path:
    """The folder to write to: this one where it is missing, empty, or an explanation that may be replaced.

    Without `overwrite` an explanation is left alone and the next of `naming.numbered` is used. Raises UsageError for a
    folder of anything else, and where a file is in its place; PixgenError where nothing can be written there.
    """
    naming.require_name(folder)
    for path in naming.numbered(folder):
        files.require_folder(path)
        if not os.path.lexists(path) or _is_empty(path) or (overwrite and _is_ours(path)):
            files.check_writable(path)
            return path
        if not _is_ours(path):
            raise UsageError(f"{path} is a folder with other files in it; name a new folder with -o")
    raise AssertionError("names have no end")


def write(found: Mapping[str, bytes], folder: Path) -> Path:
    """Write the files of an explanation, and remove those of an earlier one; the path of the page, which comes last.

    Raises UsageError, before anything is written, where somebody else's file has one of the names.
    """
    for name in found:
        if not own_files.is_free(folder / name, own_files.EXPLANATION):
            raise UsageError(f"{folder / name} was not written by pixgen; name a new folder with -o")
    for old in folder.glob("*.png") if folder.is_dir() else ():
        if old.name not in found and own_files.has_mark(old, own_files.EXPLANATION):
            old.unlink()
    for name, data in found.items():
        files.write(folder / name, data, overwrite=True)
    return folder / PAGE


def _is_empty(folder: Path) -> bool:
    return next(folder.iterdir(), None) is None


def _is_ours(folder: Path) -> bool:
    return own_files.has_mark(folder / PAGE, own_files.EXPLANATION)
