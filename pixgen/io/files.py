"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from pixgen.errors import PixgenError, UsageError, reason
from pixgen.io import paths
from pixgen.io.naming import numbered

TEMPORARY = ".pixgen-"
"""How the names of unfinished files begin: hidden, short enough for every file system, in the final folder."""

_UNFINISHED = re.compile(re.escape(TEMPORARY) + r"[0-9a-f]{8}-[0-9a-f]{8}\.tmp")


def write(path: Path, data: bytes, *, overwrite: bool = False) -> Path:
    """Write `data` to `path`, whole or not at all, and return the path that it got.

    Without `overwrite` a name that is taken is left alone and the next of `numbered(path)` is used; two processes
    never get the same one. Raises PixgenError, one line, where the system refuses (folder read-only, disk full), and
    UsageError where a file is in the place of a folder.
    """
    with _refusals(path), _temporary(path) as temporary:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # otherwise a power cut may leave the name without its bytes
        if overwrite:
            os.replace(temporary, path)
            return path
        return next(name for name in numbered(path) if _link(temporary, name))


@contextlib.contextmanager
def replacing(path: Path, *, sole: bool = False) -> Iterator[Path]:
    """Write `path`, whole or not at all, in a block that is given a temporary path to write to.

    Where the block ends well, what it wrote is at `path`, in place of what was there; where it fails, the temporary
    file is removed and `path` is as before. The block must have closed the file.

    sole: no other process writes this file at the same time, so what a killed one left of it is removed first.
    Raises OSError where the system refuses: only the caller knows the way out.
    """
    if sole:
        _remove(path.parent.glob(f"{TEMPORARY}{_tag(path)}-*.tmp"))
    with _temporary(path) as temporary:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # as in `write`
        os.replace(temporary, path)


def move(source: Path, target: Path) -> None:
    """Give a finished file the name `target`, in the same file system, in place of what was there. Raises OSError."""
    os.replace(source, target)


def claim(folder: Path, name: Path) -> bool:
    """Rename a folder to `name`; of several processes that try, one gets True. False where it is gone already."""
    try:
        os.rename(folder, name)
    except OSError:
        return False
    return True


def sweep(folder: Path) -> None:
    """Remove what killed processes left unfinished in `folder`; only where no other process writes there."""
    _remove(path for path in folder.glob(f"{TEMPORARY}*.tmp") if _UNFINISHED.fullmatch(path.name))


def check_writable(folder: Path) -> None:
    """Write a byte in `folder`, so that a refusal comes before the work and not after; nothing of it is left.

    Raises as `write` does.
    """
    with _refusals(folder), made(folder), _temporary(folder / "probe") as probe:
        probe.write_bytes(b"\0")


def sha256(path: Path, *, every_byte: bool = False) -> str:
    """The hash of a file, `~` and all, as 64 hexadecimal digits.

    It is read once while its time and size stay the same, for a list draws many pictures with the same weights;
    every_byte: read it in any case, to find damage that changes neither. Raises UsageError where it cannot be read.
    """
    try:
        place = paths.written(path)
        about = place.stat()
        find = _known_sha256.__wrapped__ if every_byte else _known_sha256
        return find(place, about.st_mtime_ns, about.st_size)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {reason(error).lower()}") from error


@lru_cache(maxsize=256)
def _known_sha256(path: Path, changed: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_folder(path: Path) -> None:
    """Raise UsageError where a file is in the place of this folder, or of one above it."""
    if taken := next((place for place in (path, *path.parents) if place.exists() and not place.is_dir()), None):
        raise UsageError(f"{taken} is a file, and a folder is needed; choose another place with -o")


@contextlib.contextmanager
def made(folder: Path) -> Iterator[None]:
    """The folder, made where it is missing, and gone again afterwards where nothing came into it."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for place in missing:
            with contextlib.suppress(OSError):  # there is something in it
                place.rmdir()


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A free name in the folder of `path`, which is made; nothing is left under it.

    The same folder, for a rename is atomic only within one file system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY}{_tag(path)}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
    finally:
        _remove([temporary])


def _tag(path: Path) -> str:
    """Eight digits that tell whose temporary file one is; a name of its own could be too long with more around it."""
    return hashlib.blake2b(os.fsencode(path.name), digest_size=4).hexdigest()


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _link(temporary: Path, path: Path) -> bool:
    """Move `temporary` to `path` unless something is there already."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:
        # No hard links here (FAT, some network drives): an empty file holds the name for the moment of the move.
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return False
        os.replace(temporary, path)
    return True


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError):
            require_folder(path)
        way_out = "make room or choose" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "choose"
        raise PixgenError(
            f"cannot write to {path}: {reason(error).lower()}; {way_out} another place with -o"
        ) from error
