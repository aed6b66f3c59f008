"""Pictures handed to the page: looked at before anything else sees them, and kept where `again` finds them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pixgen.errors import UsageError
from pixgen.io import files, image_files, naming, untrusted

if TYPE_CHECKING:
    from PIL.Image import Image

UPLOADS = "uploads"
"""The folder in that of the pictures."""

MOST_BYTES = 64 * 2**20
"""Of a picture that is handed to the page."""

MOST_SHOWN = 768
"""Pixels on the longer side of a picture that a mask is painted over."""

FORMATS = {b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"RIFF": ".webp", b"GIF8": ".gif", b"II": ".tif", b"MM": ".tif"}
"""The first bytes of a file -> its suffix; all others are BMP."""


def look(path: str | Path) -> Image:
    """A picture that was handed over, decoded whole. Raises UsageError for one that cannot be used, as `load` does."""
    try:
        size = Path(path).stat().st_size
    except OSError:
        raise UsageError("the picture is not there any more; choose it again") from None
    if size > MOST_BYTES:
        raise UsageError(f"the picture has {size:,} bytes; the most is {MOST_BYTES:,}. Make it smaller first")
    try:
        return image_files.load(Path(path).read_bytes(), first_frame=True)
    except OSError as error:
        raise UsageError(f"cannot read the picture: {error.strerror}") from None


def keep(folder: Path, path: str | Path) -> Path:
    """The picture in the folder that has the bytes of one that was handed over; it is copied there where none has.

    Raises UsageError as `look` does.
    """
    place = Path(path)
    if untrusted.is_inside(place, folder):
        image_files.require_file(place)
        return place
    look(place)
    data = place.read_bytes()
    same = folder / place.name  # one of the folder's own that was chosen again
    if same.is_file() and same.stat().st_size == len(data) and same.read_bytes() == data:
        return same
    suffix = next((suffix for head, suffix in FORMATS.items() if data.startswith(head)), ".bmp")
    return _stored(folder, naming.slug(place.stem, 48), suffix, data)


def keep_mask(folder: Path, painted: Sequence[Image], size: tuple[int, int]) -> Path:
    """A mask of what was painted, white there, of (height, width) `size`. painted: layers with alpha.

    Raises UsageError where nothing was.
    """
    from PIL import Image as images
    from PIL import ImageChops

    mask = images.new("L", (size[1], size[0]), 0)
    for layer in painted:
        alpha = layer.convert("RGBA").getchannel("A")
        if alpha.size != mask.size:
            alpha = alpha.resize(mask.size)
        mask = ImageChops.lighter(mask, alpha.point(lambda value: 255 if value > 64 else 0))
    if mask.getbbox() is None:
        raise UsageError("nothing is painted; paint over what may change, or give a mask file")
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return _stored(folder, "mask", ".png", buffer.getvalue())


def to_paint_on(image: Image) -> Image:
    """A picture, RGB, small enough to paint a mask over it in the browser."""
    shown = image.convert("RGB")
    shown.thumbnail((MOST_SHOWN, MOST_SHOWN))
    return shown


def _stored(folder: Path, stem: str, suffix: str, data: bytes) -> Path:
    """A file named by its bytes, so that the same picture is kept once."""
    path = folder / UPLOADS / f"{stem}-{hashlib.sha256(data).hexdigest()[:8]}{suffix}"
    if path.is_file() and path.read_bytes() == data:
        return path
    return files.write(path, data)
