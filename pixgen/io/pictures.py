"""Pictures as tensors, and tensors as pictures of 8 bits a channel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.tensors import Size
from pixgen.errors import UsageError
from pixgen.io import image_files
from pixgen.io.image_files import Source

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

LOOKED_AT = (512, 512)
"""Size at which a large file is decoded to see that it is whole."""

_BEYOND = 1e-3
"""How far outside [0, 1] the floats of an array may be: what resizing and rounding make of 0 and 1."""


def read(source: Source, ground: float = 1.0, *, size: Size | None = None, first_frame: bool = False) -> Tensor:
    """A picture as float32 (1, 3, H, W) in [0, 1], upright, in sRGB, transparency over grey `ground`.

    source: a path, a Pillow image, the bytes of a file, or an array: uint8, or floats in [0, 1], of (H, W), (H, W, 3)
    or (H, W, 4). Reads grey, palette, CMYK and 16-bit pictures too.
    size: (height, width) that it will be fitted to; a large picture then comes cropped and smaller, as
    `image_files.load` says. first_frame: of a file that moves.
    Raises UsageError for anything else, and for a file that is missing, damaged, or not a picture.
    """
    import numpy as np

    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8:
            return _over(torch.from_numpy(_floats(source)).movedim(-1, 0), ground)
        source = _image(source)
    elif not is_source(source):
        raise UsageError(
            f"a picture must be a path, a PIL picture, a numpy array or the bytes of a file, not {_kind(source)}"
        )
    image = image_files.load(source, size=size, first_frame=first_frame)
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _deep(np.array(image, dtype=np.float32), image, ground, image_files.name_of(source))
    values = np.array(image.convert("RGBA" if image.has_transparency_data else "RGB"), dtype=np.float32)
    values /= 255
    return _over(torch.from_numpy(values).movedim(-1, 0), ground)


def is_source(value: Any) -> bool:
    """Whether `read` takes this kind of thing."""
    import os

    import numpy as np
    from PIL import Image

    return isinstance(value, str | os.PathLike | bytes | bytearray | memoryview | Image.Image | np.ndarray)


class Fitted:
    """A picture for any size that is asked for; a large file is decoded no larger than that needs.

    Raises what `read` raises: at once where the file is missing or damaged.
    """

    def __init__(self, source: Source, first_frame: bool = False) -> None:
        self._source, self._first_frame = source, first_frame
        self._size = LOOKED_AT
        self._image = self._read()
        self._is_part = math.prod(image_files.size_of(source)) > image_files.WHOLE_PIXELS

    def __call__(self, size: Size) -> Tensor:
        """The middle of the picture, float32 (1, 3, *size) in [0, 1] (see `fit`)."""
        if tuple(size) != self._size and self._is_part:
            self._size = (size[0], size[1])
            self._image = self._read()
        return fit(self._image, size)

    def _read(self) -> Tensor:
        return read(self._source, size=self._size, first_frame=self._first_frame)


def to_bytes(image: Tensor) -> np.ndarray:
    """One picture, (3, H, W) or (1, 3, H, W), on any device -> uint8 (H, W, 3); what is beyond [0, 1] is cut off."""
    image = image.detach().squeeze(0) if image.ndim == 4 else image.detach()
    pixels: np.ndarray = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    return pixels


def to_image(image: Tensor) -> Image:
    """One picture, (3, H, W) or (1, 3, H, W) in [0, 1], as a Pillow image of 8 bits a channel."""
    from PIL import Image as images

    return images.fromarray(to_bytes(image))


def fit(image: Tensor, size: Size) -> Tensor:
    """The middle of a picture (1, 3, H, W), cropped to the shape of `size` and resized: values stay in [0, 1]."""
    height, width = image.shape[2:]
    scale = min(height / size[0], width / size[1])
    crop = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    top, left = (height - crop[0]) // 2, (width - crop[1]) // 2
    part = image[:, :, top : top + crop[0], left : left + crop[1]]
    return F.interpolate(part, size=size, mode="bicubic", antialias=True).clamp(0, 1)


def _over(pixels: Tensor, ground: float) -> Tensor:
    """(3 or 4, H, W) -> (1, 3, H, W), transparency over grey `ground`."""
    colours, alpha = pixels[:3], pixels[3:]
    return (colours * alpha + ground * (1 - alpha) if len(alpha) else colours)[None]


def _deep(values: np.ndarray, image: Image, ground: float, name: str) -> Tensor:
    """Grey pictures of more than 8 bits, which Pillow's own conversion would cut off at 255."""
    import numpy as np

    if not np.isfinite(values).all():
        raise UsageError(f"{name} has values that are not finite (NaN or infinite); mend them before")
    brightest = float(values.max())
    most = max(brightest, 1.0) if image.mode == "F" else 65535.0 if brightest <= 65535 else brightest
    clear = image.info.get("transparency")
    grey = torch.from_numpy(values / most).clamp(0, 1).expand(1, 3, -1, -1)
    if isinstance(clear, int):
        grey = torch.where(torch.from_numpy(values == clear), ground, grey)
    return grey.contiguous()


def _image(values: np.ndarray) -> Image:
    from PIL import Image

    _require_shape(values)
    return Image.fromarray(values)


def _floats(values: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3 or 4) in [0, 1] of an array of floats."""
    import numpy as np

    _require_shape(values)
    if values.dtype.kind != "f":
        raise UsageError(f"an array of {values.dtype} is not a picture; it must be uint8, or floats from 0 to 1")
    if not np.isfinite(values).all():
        raise UsageError("the array has values that are not finite (NaN or infinite); mend them before")
    low, high = float(values.min()), float(values.max())
    if low < -_BEYOND or high > 1 + _BEYOND:
        raise UsageError(f"the array has values from {low:g} to {high:g}; floats must be from 0 to 1")
    found = values.astype(np.float32).clip(0, 1)
    return found[..., None].repeat(3, axis=-1) if found.ndim == 2 else found


def _require_shape(values: np.ndarray) -> None:
    if not (values.size and (values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (3, 4)))):
        shape = "x".join(str(side) for side in values.shape) or "a number"
        raise UsageError(f"an array of {shape} is not a picture; it must be HxW, HxWx3 or HxWx4")


def _kind(value: Any) -> str:
    return "None" if value is None else f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
