"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pixgen.errors import PixgenError, UsageError
from pixgen.io.naming import numbered

TEMPORARY = ".pixgen-"
"""How the names of unfinished files begin: hidden, short enough for every file system, in the final folder."""


def write(path: Path, data: bytes, *, overwrite: bool = False) -> Path:
    """Write `data` to `path`, whole or not at all, and return the path that it got.

    Without `overwrite` a name that is taken is left alone and the next of `numbered(path)` is used; two processes
    never get the same one. Raises PixgenError, one line, where the system refuses (folder read-only, disk full), and
    UsageError where a file is in the place of a folder.
    """
    with _refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The same folder, for a rename is atomic only within one file system.
        temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}.tmp")
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # otherwise a power cut may leave the name without its bytes
            if overwrite:
                os.replace(temporary, path)
                return path
            return next(name for name in numbered(path) if _claim(temporary, name))
        finally:
            temporary.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Write a byte in `folder`, so that a refusal comes before the work and not after; nothing of it is left.

    Raises as `write` does.
    """
    probe = folder / f"{TEMPORARY}{secrets.token_hex(6)}.tmp"
    with _refusals(folder), made(folder):
        try:
            probe.write_bytes(b"\0")
        finally:
            probe.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The hash of a file, `~` and all, as 64 hexadecimal digits; read once while its time and size stay the same.

    A list draws many pictures with the same weights. Raises UsageError where it cannot be read.
    """
    try:
        place = path.expanduser()
        about = place.stat()
        return _sha256(place, about.st_mtime_ns, about.st_size)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


@lru_cache(maxsize=256)
def _sha256(path: Path, changed: int, size: int) -> str:
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


def _claim(temporary: Path, path: Path) -> bool:
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
        reason = (error.strerror or str(error)).lower()
        if isinstance(error, FileExistsError | NotADirectoryError):
            require_folder(path)
        way_out = "make room or choose" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "choose"
        raise PixgenError(f"cannot write to {path}: {reason}; {way_out} another place with -o") from error
