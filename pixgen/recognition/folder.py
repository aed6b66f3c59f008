"""The picture files of a folder, and what is known of each without opening it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pixgen.errors import UsageError, reason

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".tif", ".tiff", ".bmp")
"""By these a file in a folder is known as a picture, in capitals as well."""


@dataclass(frozen=True)
class Stat:
    """By what a change of a file is seen: its bytes, and when it was last written, in nanoseconds."""

    size: int
    changed: int


def scan(folder: Path) -> dict[str, Stat]:
    """Every picture file in a folder and the folders in it, by its path from there, sorted.

    Hidden files and folders, and folders behind symbolic links, are left out. Raises UsageError where there is no such
    folder, it cannot be read, or no picture is in it.
    """
    if not folder.is_dir():
        what = (
            "is a file; name the folder that it is in"
            if folder.exists()
            else "does not exist; name a folder of pictures"
        )
        raise UsageError(f"{str(folder)!r} {what}")
    found: dict[str, Stat] = {}

    def refuse(error: OSError) -> None:
        if Path(error.filename) == folder:  # one folder of many that may not be read holds up nobody
            raise UsageError(f"cannot read the folder {str(folder)!r}: {reason(error).lower()}") from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or not name.lower().endswith(SUFFIXES):
                continue
            path = Path(place, name)
            try:
                about = path.stat()
            except OSError:  # gone meanwhile, or a link to nowhere
                continue
            if stat.S_ISREG(about.st_mode):
                found[path.relative_to(folder).as_posix()] = Stat(about.st_size, about.st_mtime_ns)
    if not found:
        known = ", ".join(suffix for suffix in SUFFIXES if suffix not in (".jpeg", ".jfif", ".tiff"))
        raise UsageError(f"there are no pictures in {str(folder)!r}: no file there ends with {known}")
    return dict(sorted(found.items()))
