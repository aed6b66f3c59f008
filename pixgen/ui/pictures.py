"""The pictures that the page may show: those in its folder, by their path from there."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from pixgen.errors import UsageError, shown
from pixgen.io import untrusted
from pixgen.recognition.folder import SUFFIXES

TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jfif": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
}
"""Suffix -> media type, for every suffix of `recognition.folder`."""


def find(folder: Path, name: str) -> Path:
    """The picture file called so in the folder. name: its path from there, with `/`.

    Raises UsageError for a path that leaves the folder, also through a link, for a hidden file, for what is not called
    like a picture, and for what is not a regular file.
    """
    path = untrusted.path(folder, name, "the picture")
    if any(part.startswith(".") for part in name.split("/")):
        raise UsageError(f"the picture: {shown(name)} is hidden")
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"the picture: {shown(name)} is not called like a picture")
    if not path.is_file():
        raise UsageError(f"the picture: {shown(name)} is not there any more")
    return path


def name_of(folder: Path, path: Path) -> str:
    """The path of a picture from the folder, as `find` takes it. Raises ValueError where it lies elsewhere."""
    return path.absolute().relative_to(folder.absolute()).as_posix()


def address(name: str, route: str = "/pictures/") -> str:
    """Where the browser finds a picture; with the time of its last change it is never an older one."""
    return route + quote(name)


def media_type(path: Path) -> str:
    """For the header of an answer with the file."""
    return TYPES[path.suffix.lower()]
