"""Names and paths that come out of files: checked before the file system sees them, and kept inside a folder.

What a model's entry, a manifest, a list or a table of captions names may be a stranger's. Such a name is one component,
such a path components joined by "/", and both are refused or taken alike on every system. What the user types on the
command line is the user's own word and does not come here.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from pixgen.errors import UsageError, shown
from pixgen.io.naming import RESERVED

NAME_BYTES = 255
"""Of one component, in UTF-8: what the usual file systems hold."""

PATH_BYTES = 1024
"""Of a whole relative path: macOS takes no more, Linux 4096."""

_SPECIAL = {"conin$", "conout$", "clock$"}
"""Devices of Windows that no name of pixgen's own could be."""


def problem(text: str) -> str | None:
    """Why `text` cannot be the name of a file in a folder (", which ..." fits behind it), or None."""
    if text in ("", ".", ".."):
        return "names no file" if not text else "names a folder, not a file in it"
    if "/" in text or "\\" in text:
        return "has a slash: one name is wanted, not a path"
    if ":" in text:
        return "has a colon, which stands for a drive or a stream on Windows"
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text):
        return "has a control character"
    if len(text.encode()) > NAME_BYTES:
        return f"is longer than {NAME_BYTES} bytes"
    if text[-1] in ". ":
        return "ends with a dot or a space, which Windows drops"
    if text.partition(".")[0].rstrip().lower() in RESERVED | _SPECIAL:
        return "is the name of a device on Windows"
    return None


def relative_problem(text: str) -> str | None:
    """Why `text` cannot be a path of names joined by "/" that stays in its folder, or None."""
    if text.startswith(("/", "\\", "~")) or PureWindowsPath(text).drive:
        return "leaves its folder: a path from there is wanted"
    if "\\" in text:
        return "has a backslash: write / between folders"
    parts = text.split("/")
    if ".." in parts:
        return "leaves its folder with '..'"
    if len(text.encode(errors="replace")) > PATH_BYTES:
        return f"is longer than {PATH_BYTES:,} bytes"
    return next((found for part in parts if (found := problem(part))), None)


def name(text: str, where: str) -> str:
    """The text, where it is a name. Raises UsageError that begins with `where` (file, line or key) for any other."""
    if found := problem(text):
        raise UsageError(f"{where}: {shown(text)} {found}")
    return text


def path(folder: Path, text: str, where: str) -> Path:
    """The path that `text` names in `folder`, through no link that leads out of it; it need not exist.

    Raises UsageError that begins with `where` for a text that is not such a path.
    """
    if found := relative_problem(text):
        raise UsageError(f"{where}: {shown(text)} {found}")
    place = folder.joinpath(*text.split("/"))
    if not is_inside(place, folder):
        raise UsageError(f"{where}: {shown(text)} is a link that leads out of {folder}")
    return place


def is_inside(place: Path, *folders: Path) -> bool:
    """Whether `place` lies in one of the folders (or is one) once all links are followed."""
    try:
        there = place.resolve()
        return any(there.is_relative_to(folder.resolve()) for folder in folders)
    except (OSError, RuntimeError, ValueError):  # a circle of links, a name that no system can hold
        return False


def read(place: Path, most: int) -> bytes:
    """A regular file of at most `most` bytes; its size is known before it is read.

    Raises ValueError for a pipe, a device or what is larger, OSError where it cannot be opened.
    """
    # Opening a pipe would wait for its writer.
    number = os.open(place, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(number, "rb") as file:
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("it is not a regular file")
        if about.st_size > most:
            raise ValueError(f"it has {about.st_size:,} bytes; at most {most:,} are read")
        data = file.read(most + 1)
    if len(data) > most:  # it grew, or says 0 bytes as those of /proc do
        raise ValueError(f"it has more than {most:,} bytes")
    return data


def require_settings_inside(
    values: Mapping[str, Any], folders: Sequence[Path], where: str, way_out: str, known: Container[str] = ()
) -> None:
    """Look at every text of settings that came out of a file: those that are paths must stay in `folders`.

    A text is a path where it would leave the current folder (absolute, `~`, `..`, a drive) or a file of that name is
    there; a text option of a plugin (`text`) and the prompt are words. known: paths that may be anywhere.
    Raises UsageError that names the setting and ends with `way_out`.
    """
    for key, text in _texts(values):
        if key in ("prompt", "text") or key.endswith(".text") or text in known or str(Path(text)) in known:
            continue
        require_file_inside(text, folders, f"{where}: {key} is", way_out)


def require_file_inside(text: str, folders: Sequence[Path], where: str, way_out: str) -> None:
    """The same for one text."""
    windows = re.match(r"[A-Za-z]:[\\/]|\\", text) is not None or "..\\" in text
    leaves = windows or text.startswith(("/", "~")) or ".." in text.split("/")
    if not leaves and not _is_there(text):
        return
    if (windows and os.name != "nt") or not is_inside(Path(os.path.expanduser(text)), *folders):
        raise UsageError(f"{where} {shown(text)}, outside {' and '.join(map(str, folders))}; {way_out}")


def _texts(values: Any) -> Iterator[tuple[str, str]]:
    """Every text in nested plain data with its dotted key, in order; without recursion, however deep it is."""
    waiting: list[tuple[str, Any]] = [("", values)]
    while waiting:
        where, value = waiting.pop()
        items: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, str):
            yield where, value
        elif isinstance(value, Mapping):
            items = value.items()
        elif isinstance(value, list | tuple):
            items = enumerate(value)
        waiting += reversed([(f"{where}.{key}" if where else str(key), item) for key, item in items])


def _is_there(text: str) -> bool:
    try:
        return bool(text) and os.path.lexists(text)
    except ValueError:  # a NUL
        return False
