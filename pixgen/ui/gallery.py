"""The pictures of the folder, newest first: a page at a time, thumbnails, and how each was made."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pixgen import registry
from pixgen.errors import PixgenError, UsageError
from pixgen.io import image_files, metadata, shell
from pixgen.io.metadata import Metadata
from pixgen.recognition.folder import scan
from pixgen.settings import replay
from pixgen.ui import pictures
from pixgen.ui.uploads import UPLOADS

PER_PAGE = 24
THUMBNAIL = 288
"""Pixels on a side; shown at about half of that."""
KEPT = 500
"""Thumbnails in memory, of about 10 kB."""


@dataclass(frozen=True)
class Entry:
    """A picture. name: its path from the folder. changed: when, in nanoseconds."""

    name: str
    changed: int


@dataclass(frozen=True)
class Page:
    """Some entries; number counts from 0, of `count` pages."""

    entries: Sequence[Entry]
    number: int
    count: int
    total: int


def listing(folder: Path) -> list[Entry]:
    """All pictures in the folder and the folders in it, newest first, but for what was handed to the page."""
    try:
        found = scan(folder)
    except UsageError:  # not there yet, or nothing in it
        return []
    entries = [Entry(name, about.changed) for name, about in found.items() if not name.startswith(f"{UPLOADS}/")]
    return sorted(entries, key=lambda entry: (-entry.changed, entry.name))


def page(folder: Path, number: int) -> Page:
    """One page of the listing; a number beyond its ends is the first or last page."""
    entries = listing(folder)
    count = max(1, -(-len(entries) // PER_PAGE))
    number = min(max(number, 0), count - 1)
    return Page(entries[number * PER_PAGE : (number + 1) * PER_PAGE], number, count, len(entries))


def thumbnail(folder: Path, name: str) -> bytes:
    """A small WebP of a picture. Raises UsageError as `pictures.find` does, and for what is not a picture."""
    path = pictures.find(folder, name)
    about = path.stat()
    return _thumbnail(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=KEPT)
def _thumbnail(path: Path, changed: int, size: int) -> bytes:
    image = image_files.load(path, size=(THUMBNAIL, THUMBNAIL), first_frame=True).convert("RGB")
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()


def read(folder: Path, name: str) -> Metadata:
    """How a picture was made. Raises UsageError for one that pixgen did not save, and as `pictures.find` does."""
    return metadata.read(pictures.find(folder, name))


def facts(about: Metadata) -> dict[str, str]:
    """What is worth knowing of how a picture was made: key of `texts` -> value."""
    config = about.config
    steps = f"{about.steps_done}" + (f" / {about.steps_planned}" if about.steps_done < about.steps_planned else "")
    found = {
        "prompt_fact": about.prompt,
        "seed": str(about.seed),
        "size": f"{about.size[1]}x{about.size[0]}",
        "steps": steps,
        "generator": _named(config.get("generator"), "model"),
        "start_fact": _named(config.get("start"), "path"),
        "losses": _losses(config.get("losses")),
        "version": about.version,
        "files": ", ".join(file.path for file in about.inputs),
    }
    return {key: value for key, value in found.items() if value}


def command(about: Metadata, path: Path) -> str:
    """The command line that draws a picture again; empty where there is none."""
    return replay.command_of(about) or "" if about.command else shell.command("again", [str(path)], [])


def is_drawn(about: Metadata) -> bool:
    """Whether it was drawn from a prompt, and can be drawn again on the page."""
    return not about.command


def problem(folder: Path, name: str) -> str:
    """Why a picture has no metadata to show; empty where it has."""
    try:
        read(folder, name)
    except PixgenError as error:
        return str(error)
    return ""


def _named(options: Any, detail: str) -> str:
    if not isinstance(options, Mapping):
        return ""
    more = options.get(detail)
    return f"{options.get('type', '')}{f' ({Path(str(more)).name})' if more else ''}"


def _losses(terms: Any) -> str:
    if not isinstance(terms, Mapping):
        return ""
    return ", ".join(f"{id} {_weight(term.get('weight'))}" for id, term in terms.items() if isinstance(term, Mapping))


def _weight(weight: Any) -> str:
    """A number, or of a schedule its value at both ends."""
    try:
        found = registry.schedule(weight)
    except (PixgenError, TypeError):
        return ""
    begin, end = found.value(0.0), found.value(1.0)
    return f"{begin:g}" if begin == end else f"{begin:g} → {end:g}"
