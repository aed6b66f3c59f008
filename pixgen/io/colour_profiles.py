"""ICC colour profiles of pictures: everything that pixgen computes with is sRGB."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

_INTENT: Mapping[str, Any] = {"renderingIntent": 1, "flags": 0x2000}
"""Relative colorimetric with black point compensation, as image editors convert."""

_SRGB_TOLERANCE = 3
"""In 8-bit steps: a profile whose colours differ less from sRGB's is sRGB, whatever its name."""


def in_srgb(image: Image, name: str) -> Image:
    """The picture with its ICC profile applied; unchanged where there is none, or it is sRGB."""
    data = image.info.get("icc_profile")
    bands = {"P": "RGB", "RGB": "RGB", "RGBA": "RGB", "L": "L", "LA": "L", "CMYK": "CMYK"}.get(image.mode)
    if not data or bands is None:
        return image
    try:
        transform = _transform(data, bands)
    except ImportError:  # a Pillow without LittleCMS
        return image
    except (OSError, ValueError):
        log.warning("the colour profile of %s cannot be read; its colours are taken as sRGB", name)
        return image
    if transform is None:
        return image
    clear = image.has_transparency_data
    alpha = image.convert("RGBA").getchannel("A") if clear else None
    found = transform.apply(image.convert("RGBA").convert("RGB") if bands == "RGB" and clear else image.convert(bands))
    found.info.pop("transparency", None)
    if alpha is not None:
        found.putalpha(alpha)
    result: Image = found
    return result


def profile(image: Image) -> bytes | None:
    """The ICC profile of an RGB picture where its colours are not sRGB's."""
    data = image.info.get("icc_profile")
    if not data or image.mode not in ("RGB", "RGBA", "P"):
        return None
    try:
        return data if _transform(data, "RGB") is not None else None
    except (OSError, ImportError, ValueError):
        return None


def from_srgb(image: Image, icc_profile: bytes) -> Image:
    """An sRGB picture, RGB, in the colours of an RGB profile that `profile` gave."""
    from PIL import ImageCms

    target = ImageCms.getOpenProfile(io.BytesIO(icc_profile))
    found = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), target, **_INTENT)
    assert found is not None
    return found


def _transform(data: bytes, mode: str) -> Any:
    """Pillow's transform from a profile to sRGB, or None where that changes nothing that could be seen.

    Raises OSError or ValueError for a profile that is broken, or of another kind of colours than the mode.
    """
    import numpy as np
    from PIL import Image as images
    from PIL import ImageCms

    try:
        source = ImageCms.getOpenProfile(io.BytesIO(data))
        found = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", **_INTENT)
    except ImageCms.PyCMSError as error:
        raise ValueError(str(error)) from error
    if mode == "CMYK":
        return found
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3) if mode == "RGB" else steps[None]
    before = images.fromarray(np.ascontiguousarray(lattice))
    after = np.asarray(found.apply(before), dtype=np.int16)
    same = np.abs(after - np.asarray(before.convert("RGB"), dtype=np.int16)).max() <= _SRGB_TOLERANCE
    return None if same else found
