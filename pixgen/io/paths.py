"""Paths as people, files and other programs write them, checked before anything is asked of the system."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from pixgen.errors import UsageError, reason, shown

_MISSING = (errno.ENOENT, errno.ENOTDIR)


def home(path: str | os.PathLike[str]) -> Path:
    """The path with `~` and `~user` replaced. Raises UsageError where there is no such user, or no home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        user = Path(path).parts[0]
        raise UsageError(f"{shown(str(path))}: {user!r} has no home folder here; write the whole path") from None


def written(text: str | Path) -> Path:
    """A path as it was written, `~` replaced by the home folder; whether something is there is another question.

    Raises UsageError for what no system can look up: a NUL, a name that is too long, the home of a user that there is
    not, a folder that may not be entered.
    """
    try:
        path = home(text)
        os.lstat(path)
    except ValueError as error:  # a NUL, or a lone surrogate that stands for no byte
        raise UsageError(f"{shown(str(text))} cannot be a path ({error}); correct it") from None
    except OSError as error:
        if error.errno not in _MISSING:
            why = reason(error).lower()
            raise UsageError(f"{shown(str(text))} cannot be used as a path ({why}); choose another") from None
    return path


def existing(text: str | Path) -> Path | None:
    """The file or folder that `text` is the path of; None where there is none, or the text cannot be a path."""
    try:
        path = written(text)
        return path if path.exists() else None
    except (UsageError, OSError):
        return None
