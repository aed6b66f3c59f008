"""What could keep a finished picture from being saved, asked before it is drawn, and where it goes if that fails."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pixgen.errors import PixgenError, UsageError, reason
from pixgen.io import files, metadata

if TYPE_CHECKING:
    from PIL.Image import Image

    from pixgen.io.metadata import Metadata

LARGEST_SIDE = {".webp": 16_383, ".jpg": 65_535, ".jpeg": 65_535}
"""Pixels that a format allows on a side."""

FEATURES = {".png": "zlib", ".webp": "webp", ".jpg": "jpg", ".jpeg": "jpg"}
"""What Pillow calls its support for a format; a build of one's own may lack it."""

METADATA_BYTES = 65_536


def require_format(suffix: str, size: tuple[int, int]) -> None:
    """Raise UsageError where a picture of `size`, (height, width), cannot be in the format of this suffix."""
    from PIL import features

    kind, most = suffix.lower(), LARGEST_SIDE.get(suffix.lower())
    if most is not None and max(size) > most:
        raise UsageError(
            f"a {kind} holds at most {most:,} pixels a side and the picture is {size[1]}x{size[0]}; save as .png"
        )
    if kind in FEATURES and not features.check(FEATURES[kind]):
        others = [name for name, feature in FEATURES.items() if features.check(feature)]
        raise UsageError(f"the Pillow that is installed cannot write {kind}; save as {' or '.join(others)}")


def require_room(folder: Path, pixels: int) -> None:
    """Raise PixgenError where the disk of `folder`, which need not exist yet, has no room for so many pixels."""
    need = 3 * pixels + METADATA_BYTES
    there = next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), None)
    with contextlib.suppress(OSError):  # a file system that does not tell
        free = shutil.disk_usage(there or Path()).free
        if free < need:
            raise PixgenError(
                f"cannot write to {folder}: {need / 1e6:,.1f} MB are needed and {free / 1e6:,.1f} MB are free; "
                "make room or choose another place with -o"
            )


def save(image: Image | str, path: Path, about: Metadata, *, overwrite: bool = False) -> tuple[Path, str]:
    """Save a picture that took long to draw, at any price: the path that it got, and what went wrong if that is other.

    As `metadata.save`, which see. Where a format of pixels refuses it becomes a PNG, where the folder does it goes to
    the current folder, the home folder or the one for temporary files, the first that takes it.
    Raises PixgenError where none does.
    """
    problem = ""
    try:
        data = metadata.encode_for(image, path, about)
    except Exception as error:  # of an encoder: whatever it is, the picture is worth more than its format
        if isinstance(image, str):
            raise
        problem = str(error) if isinstance(error, PixgenError) else f"cannot save as {path.suffix}: {reason(error)}"
        path = path.with_suffix(".png")
        data = metadata.encode_for(image, path, about)
    place, failed = write(path, data, overwrite=overwrite)
    return place, problem or failed


def write(path: Path, data: bytes, *, overwrite: bool = False) -> tuple[Path, str]:
    """`files.write`, to another folder where that one refuses: the path it got, and why not the one asked for.

    Raises PixgenError, with the first refusal, where every folder refuses.
    """
    try:
        return files.write(path, data, overwrite=overwrite), ""
    except PixgenError as error:
        for folder in _other_folders(path.parent):
            with contextlib.suppress(PixgenError):
                return files.write(folder / path.name, data), str(error)
        raise


def _other_folders(refused: Path) -> Iterator[Path]:
    seen = {os.path.abspath(refused)}
    candidates: list[Callable[[], str | Path]] = [Path.cwd, Path.home, tempfile.gettempdir]
    for candidate in candidates:
        with contextlib.suppress(OSError, RuntimeError):  # gone, or nobody's
            folder = os.path.abspath(candidate())
            if folder not in seen:
                seen.add(folder)
                yield Path(folder)
