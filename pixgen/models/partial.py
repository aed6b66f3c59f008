"""Unfinished downloads: each belongs to one process by its name alone, for file locks lie on network drives.

A part is a folder with the bytes so far and where they came from. While a process writes, the folder's name holds its
host and number; what it leaves behind it renames to `free`. A later one claims such a folder by renaming it in turn,
which only one can; it never touches one that may be in use.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pixgen.io import files
from pixgen.models import cache
from pixgen.models.entry import Entry, File

QUIET = 60.0
"""Seconds without a written byte after which the part of a process that is gone counts as abandoned."""

FREE = "free"


class Part:
    """A download under way. data: the bytes so far. url, validator: where they came from, and its ETag or date."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        about = self._about()
        self.url, self.validator = str(about.get("url", "")), str(about.get("validator", ""))

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def have(self) -> int:
        """Bytes so far."""
        return self.data.stat().st_size if self.data.is_file() else 0

    def begin(self, url: str, validator: str) -> None:
        """Drop the bytes so far: the next ones come from `url`, where they are called `validator`."""
        self.data.unlink(missing_ok=True)
        self.url, self.validator = url, validator
        # Written before the first byte: a part of unknown origin is never resumed.
        (self.folder / "about.json").write_text(json.dumps({"url": url, "validator": validator}))

    def _about(self) -> dict[str, Any]:
        try:
            found = json.loads((self.folder / "about.json").read_text())
        except (OSError, ValueError):
            self.data.unlink(missing_ok=True)
            return {}
        return found if isinstance(found, dict) else {}


@contextlib.contextmanager
def claim(entry: Entry, file: File) -> Iterator[Part]:
    """A part of this file for this process alone: one that was left behind, or a new one.

    What is in it afterwards is left for the next process, unless its folder was removed: then the file is complete.
    """
    own = _name(entry, file, f"{socket.gethostname()}+{os.getpid()}+{secrets.token_hex(4)}")
    for left in sorted(cache.folder().glob(glob.escape(_name(entry, file, "").name) + "*"), key=_size, reverse=True):
        if _abandoned(left) and files.claim(left, own):
            break
    own.mkdir(parents=True, exist_ok=True)
    part = Part(own)
    try:
        yield part
    finally:
        if part.have:
            files.claim(own, _name(entry, file, f"{FREE}+{secrets.token_hex(4)}"))
        else:
            shutil.rmtree(own, ignore_errors=True)


def _name(entry: Entry, file: File, owner: str) -> Path:
    return cache.folder() / f"{cache.PARTS}{entry.name}@{file.name}@{owner}"


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return (folder / "data").stat().st_size
    return 0


def _abandoned(folder: Path) -> bool:
    host, _, rest = folder.name.rpartition("@")[2].partition("+")
    if host == FREE:
        return True
    number = rest.partition("+")[0]
    try:
        newest = max(path.stat().st_mtime for path in [folder, *folder.iterdir()])
    except OSError:
        return False  # gone meanwhile
    quiet = time.time() - newest
    if host != socket.gethostname() or not number.isdecimal() or sys.platform == "win32":
        return quiet > 24 * 3600
    return quiet > QUIET and not _alive(int(number))


def _alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's, but there
    return True
