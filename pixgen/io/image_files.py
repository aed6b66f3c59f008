"""Pictures from anywhere, opened in one place: which formats, how large, upright, and in sRGB.

Nothing else in pixgen calls Pillow's `open`, which would try every format it knows and start Ghostscript for one.
"""

from __future__ import annotations

import io
import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from pixgen.errors import UsageError, reason, shown
from pixgen.io import colour_profiles, paths

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")
"""The formats that are read, by Pillow's names."""

NAMES = "PNG, JPEG, WebP, GIF, TIFF or BMP"

WHOLE_PIXELS = 16_000_000
"""Pictures up to this size are always decoded whole; of larger ones only what is wanted (`load`)."""

_ORIENTATION = 0x0112
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""EXIF orientation -> Pillow's `Transpose` that undoes it."""

_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I"}
"""Types of an EXIF value -> how Python's struct calls them."""

Source = Any
"""A path (str or PathLike), a Pillow image, the bytes of a file, or an array (see `pictures.read`)."""


def load(
    source: Source, *, size: tuple[int, int] | None = None, first_frame: bool = False, in_srgb: bool = True
) -> Image:
    """A picture, decoded, turned as its EXIF says, with its colour profile applied.

    The mode is the file's, or RGB or RGBA where the profile was applied. in_srgb: False leaves the colours alone.
    source: a path, the bytes of a file, or a Pillow image, which stays as it is.
    size: (height, width) of what is wanted: the middle of that shape, at no more than that resolution. A picture of
    more than WHOLE_PIXELS is cropped to it and decoded smaller, to twice the size wanted at least.
    first_frame: take the first of several frames or pages; otherwise they are refused. Of a phone's JPEG with previews
    inside (MPO) the first picture is the one.

    Raises UsageError where the file is missing, is not a picture of FORMATS, is damaged, has several frames, or more
    pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    from PIL import Image as images

    name = name_of(source)
    if isinstance(source, images.Image):
        return _guarded(name, lambda: _finished(source, name, size, in_srgb, own=True))
    with _stream(source, name) as file:
        return _guarded(name, lambda: _loaded(file, name, size, first_frame, in_srgb))


def info(path: Path) -> dict[Any, Any]:
    """What the file of a picture says about itself, text after its pixels included. Raises as `load` does."""
    name = name_of(path)

    def read() -> dict[Any, Any]:
        with _opened(file) as image:
            image.load()  # PNG allows text after the pixels, where some programs move it
            return dict(image.info)

    with _stream(path, name) as file:
        return _guarded(name, read)


def size_of(source: Source) -> tuple[int, int]:
    """(height, width) of a picture as its file has it, before it is turned, from its head. Raises as `load` does."""
    from PIL import Image as images

    if not isinstance(source, str | os.PathLike | bytes | bytearray | memoryview):
        height, width = (source.height, source.width) if isinstance(source, images.Image) else source.shape[:2]
        return int(height), int(width)
    name = name_of(source)

    def read() -> tuple[int, int]:
        with _opened(file) as image:
            return image.height, image.width

    with _stream(source, name) as file:
        return _guarded(name, read)


def small(path: Path, side: int) -> Image:
    """A picture for a contact sheet, RGB: a large JPEG is decoded smaller, to `side` pixels at least.

    Raises as `load` does.
    """
    name = name_of(path)

    def read() -> Image:
        with _opened(file) as image:
            image.draft("RGB", (side, side))
            found: Image = image.convert("RGB")
            return found

    with _stream(path, name) as file:
        return _guarded(name, read)


def png(data: bytes) -> Image:
    """The RGBA picture in the bytes of a PNG that pixgen itself made."""
    with _opened(io.BytesIO(data)) as image:
        found: Image = image.convert("RGBA")
        return found


def require_file(path: Path) -> None:
    """Raise UsageError where there is no regular file: a pipe would be waited for, and a folder is no picture."""
    name = name_of(path)
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"there is no picture {name}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the picture {name}: {reason(error).lower()}") from None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise UsageError(f"{name} is {kind}; name a picture file")


def is_path(source: Source) -> bool:
    """Whether a source is a path, and not the picture itself."""
    return isinstance(source, str | os.PathLike)


def name_of(source: Source) -> str:
    """What messages call a picture."""
    if is_path(source):
        return shown(str(source), 120)
    return "the picture"


# -- opening ---------------------------------------------------------------------------------------------------------


def _stream(source: Source, name: str) -> IO[bytes]:
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    path = paths.home(source)
    require_file(path)
    try:
        return open(path, "rb")
    except OSError as error:
        raise UsageError(f"cannot read the picture {name}: {reason(error).lower()}") from None


def _opened(file: IO[bytes]) -> Any:
    from PIL import Image as images

    file, exif = _plain_jpeg(file)
    image = images.open(file, formats=FORMATS)
    if exif:
        image.info["exif"] = exif
    return image


def _plain_jpeg(file: IO[bytes]) -> tuple[IO[bytes], bytes]:
    """A JPEG whose EXIF, and whose list of previews, Pillow will not read, and that EXIF; other files as they are.

    Pillow reads both while it opens the file, warns or fails where one value is damaged, and takes a photograph with
    a preview (MPO) for a picture that moves.
    """
    start = file.read(2)
    file.seek(0)
    if start != b"\xff\xd8":
        return file, b""
    data, exif, at = bytearray(file.read()), b"", 2
    while data[at : at + 1] == b"\xff" and len(data) >= at + 4:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA or length < 2:  # the pixels begin
            break
        name = bytes(data[at + 4 : at + 10])
        if (marker, name[:6]) == (0xE1, b"Exif\0\0"):
            exif = exif or bytes(data[at + 4 : at + 2 + length])
        if (marker, name[:6]) == (0xE1, b"Exif\0\0") or (marker, name[:4]) == (0xE2, b"MPF\0"):
            data[at + 4 : at + 8] = b"skip"
        at += 2 + length
    return io.BytesIO(data), exif


def _guarded(name: str, read: Callable[[], T]) -> T:
    """What `read` gives; all that a damaged file makes Pillow's decoders raise, and that is anything, as UsageError."""
    from PIL import Image as images
    from PIL import UnidentifiedImageError

    try:
        return read()
    except UsageError:
        raise
    except (images.DecompressionBombError, images.DecompressionBombWarning):
        raise UsageError(_too_large(name)) from None
    except UnidentifiedImageError:
        raise UsageError(f"{name} is not a picture that can be read; it must be {NAMES}") from None
    except MemoryError:
        raise UsageError(f"{name} does not fit into memory; make it smaller first") from None
    except Exception as error:
        raise UsageError(f"{name} is not a picture that can be read ({reason(error)})") from error


def _loaded(file: IO[bytes], name: str, size: tuple[int, int] | None, first_frame: bool, in_srgb: bool) -> Image:
    with _opened(file) as image:
        frames = 1 if first_frame else getattr(image, "n_frames", 1)
        if frames > 1:
            raise UsageError(
                f"{name} moves ({frames} pictures in one); save the one you mean by itself, or take the first frame "
                "(--first-frame; start.first_frame=true)"
            )
        if size is not None and image.width * image.height > WHOLE_PIXELS and image.format == "JPEG":
            _require_bound(image, name)
            wanted = _in_file(image, size)
            factor = _surplus((image.height, image.width), wanted)
            image.draft(None, (-(-image.width // factor), -(-image.height // factor)))
        return _finished(image, name, size, in_srgb)


def _finished(image: Image, name: str, size: tuple[int, int] | None, in_srgb: bool, own: bool = False) -> Image:
    _require_bound(image, name)
    image.load()
    if size is not None and image.width * image.height > WHOLE_PIXELS:
        turn, data = _TURNS.get(_orientation(image)), image.info.get("icc_profile")
        image = _reduced(image, _in_file(image, size))
        image.info["icc_profile"] = data
    else:
        turn = _TURNS.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)  # type: ignore[arg-type]
    elif own:
        image = image.copy()
    return colour_profiles.in_srgb(image, name) if in_srgb else image


def _require_bound(image: Image, name: str) -> None:
    from PIL import Image as images

    if images.MAX_IMAGE_PIXELS and image.width * image.height > images.MAX_IMAGE_PIXELS:
        raise UsageError(_too_large(name))


def _too_large(name: str) -> str:
    from PIL import Image as images

    most = (images.MAX_IMAGE_PIXELS or 0) // 1_000_000
    return f"{name} has more than {most} million pixels; make it smaller first"


def _orientation(image: Image) -> int:
    """The EXIF orientation, 1 where there is none."""
    data = image.info.get("exif")
    if isinstance(data, bytes):
        return _orientation_alone(data)
    try:
        return int(image.getexif().get(_ORIENTATION, 1))  # of a TIFF's tags, or XMP
    except Exception:  # Pillow's reader of a damaged EXIF raises anything
        return 1


def _orientation_alone(exif: bytes) -> int:
    """The orientation by itself: Pillow's reader stops at the first value that is damaged."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for i in range(count):
            place = at + 2 + 12 * i
            tag, kind = struct.unpack_from(f"{order}HH", tiff, place)
            if tag == _ORIENTATION and kind in _WHOLE_NUMBERS:
                return int(struct.unpack_from(f"{order}{_WHOLE_NUMBERS[kind]}", tiff, place + 8)[0])
    except struct.error:  # shorter than it says
        pass
    return 1


# -- decoding smaller ------------------------------------------------------------------------------------------------


def _in_file(image: Image, size: tuple[int, int]) -> tuple[int, int]:
    """The size wanted as it lies in the file, before it is turned."""
    return (size[1], size[0]) if _orientation(image) in (5, 6, 7, 8) else size


def _surplus(there: tuple[int, int], wanted: tuple[int, int]) -> int:
    """By what whole number a picture may be divided and still have twice the resolution wanted."""
    return max(1, int(min(there[0] / wanted[0], there[1] / wanted[1]) / 2))


def _reduced(image: Image, wanted: tuple[int, int]) -> Image:
    """The middle of a decoded picture, of the shape wanted, averaged down to twice that size where it is larger."""
    from PIL.Image import Resampling

    scale = min(image.height / wanted[0], image.width / wanted[1])
    height, width = max(1, round(wanted[0] * scale)), max(1, round(wanted[1] * scale))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    box = (left, top, left + width, top + height)
    if scale <= 2:
        return image.crop(box)
    if image.has_transparency_data:
        image = image.convert("RGBA")  # Pillow averages it premultiplied
    elif image.mode in ("P", "1"):
        image = image.convert("RGB")
    return image.resize((2 * wanted[1], 2 * wanted[0]), Resampling.BOX, box)
