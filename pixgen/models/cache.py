"""The cache of downloaded checkpoints: where each file is, and whether it is complete and correct."""

from __future__ import annotations

import glob
import shutil
from pathlib import Path
from typing import Literal

from pixgen.errors import UsageError
from pixgen.io import files, paths, resources, shell
from pixgen.models.entry import Entry, File

State = Literal["here", "partly here", "not here"]

PARTS = ".part-"
"""How the folders of unfinished downloads begin."""


def folder() -> Path:
    """The folder of all checkpoints; each entry has one of its own in it."""
    return resources.cache() / "models"


def place(entry: Entry, file: File) -> Path:
    """Where a file of an entry lies, or will. Both names are one component each: `Entry` and `File` see to it."""
    return folder() / entry.name / file.name


def weights(entry: Entry) -> Path:
    """The entry's weights. Raises UsageError, with the command that fetches them, when they are not here."""
    if entry.path is not None:
        path = paths.home(entry.path)
        if not path.is_file():
            forget = shell.command("models rm", [entry.name])
            raise UsageError(f"{path}, model {entry.name}'s weights, is gone; `{forget}` forgets it")
        return path
    if state(entry) != "here":
        raise UsageError(missing(entry))
    return place(entry, entry.files[0])


def companion(entry: Entry, name: str) -> Path | None:
    """Another file of an entry that is here (its tokenizer), or None where it has none of that name."""
    return next((place(entry, file) for file in entry.files if file.name == name), None)


def state(entry: Entry) -> State:
    """Whether all its files are here under their final names. Content is what `verify` looks at."""
    if entry.path is not None:
        return "here" if paths.home(entry.path).is_file() else "not here"
    there = [place(entry, file).is_file() for file in entry.files]
    if all(there):
        return "here"
    return "partly here" if any(there) or unfinished(entry) else "not here"


def missing(entry: Entry) -> str:
    """One line: the model is not here, what fetches it, how large it is and where it goes."""
    pull = shell.command("models pull", [entry.name])
    return f"model {entry.name} is {state(entry)}; `{pull}` fetches {size(entry.bytes)} to {folder() / entry.name}"


def verify(entry: Entry) -> list[tuple[Path, str | None]]:
    """Each file of an entry that is here, with what is wrong with it or None. Reads all of it."""
    places = [(file, place(entry, file)) for file in entry.files]
    return [(path, check(entry, file, path)) for file, path in places if path.is_file()]


def check(entry: Entry, file: File, path: Path) -> str | None:
    """What is wrong with a file of an entry, or None.

    One without a published hash is held against that of its first download, if there was one.
    """
    if file.bytes is not None and file.member is None and path.stat().st_size != file.bytes:
        return f"it has {path.stat().st_size:,} bytes, not {file.bytes:,}"
    wanted = file.sha256 or trusted(entry, file)
    if wanted is not None and (found := files.sha256(path, every_byte=True)) != wanted:
        first = "" if file.sha256 else " of the first download"
        return f"its sha256 is {found}, not {wanted}{first}"
    return None


def trusted(entry: Entry, file: File) -> str | None:
    """The sha256 that was kept when a file without a published one was first fetched."""
    path = _record(entry, file)
    return next(iter(path.read_text(errors="replace").split()), None) if path.is_file() else None


def trust(entry: Entry, file: File, path: Path) -> None:
    """Keep the sha256 of a first download, in the format of sha256sum. It outlives the file and the cache."""
    if file.sha256 is None and trusted(entry, file) is None:
        line = f"{files.sha256(path, every_byte=True)}  {file.name}\n"
        files.write(_record(entry, file), line.encode(), overwrite=True)


def forget(entry: Entry) -> None:
    """Drop what was kept by `trust`: the next download counts as the first."""
    for file in entry.files:
        _record(entry, file).unlink(missing_ok=True)


def unfinished(entry: Entry) -> list[Path]:
    """The folders of downloads of this entry that were cut off or are still running."""
    return sorted(folder().glob(f"{PARTS}{glob.escape(entry.name)}@*")) if folder().is_dir() else []


def remove(entry: Entry) -> int:
    """Delete an entry's files and its unfinished downloads; gives the bytes that were freed."""
    gone = 0
    for path in [folder() / entry.name, *unfinished(entry)]:
        if path.is_symlink():  # of the user's making: what it leads to is not the cache's
            path.unlink()
        elif path.is_dir():
            gone += sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            shutil.rmtree(path, ignore_errors=True)
    return gone


def size(count: int | None) -> str:
    """Bytes as people read them: `980 MB`, `1.4 GB`, decimal as networks and disks count them."""
    if count is None:
        return "an unknown number of bytes"
    if count < 1e6:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


def _record(entry: Entry, file: File) -> Path:
    return resources.user_config().parent / "trusted" / f"{entry.name}@{file.name}.sha256"
