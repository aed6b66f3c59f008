"""Picture files as tensors, and tensors as pictures of 8 bits a channel."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.tensors import Size
from pixgen.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image


def read(path: Path, ground: float = 1.0) -> Tensor:
    """A picture file as float32 (1, 3, H, W) in [0, 1], turned as its EXIF says, transparency over grey `ground`.

    Reads grey, palette, CMYK and 16-bit pictures too. Raises UsageError when the file is missing or no picture.
    """
    import numpy as np
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)  # else it is read, gigabytes of floats
            with Image.open(path) as file:
                if (count := getattr(file, "n_frames", 1)) > 1:
                    raise UsageError(f"{str(path)!r} moves ({count} pictures in one); save the one you mean by itself")
                image = ImageOps.exif_transpose(file)
                image.load()
    except FileNotFoundError:
        raise UsageError(f"there is no picture {str(path)!r}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        most = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise UsageError(f"{str(path)!r} has more than {most} million pixels; make it smaller first") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise UsageError(f"{str(path)!r} is not a picture that can be read ({error})") from error
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _deep(np.array(image, dtype=np.float32), image.mode)
    pixels = torch.from_numpy(np.array(image.convert("RGBA"), dtype=np.float32) / 255).movedim(-1, 0)
    colours, alpha = pixels[:3], pixels[3:]
    return (colours * alpha + ground * (1 - alpha))[None]


def to_bytes(image: Tensor) -> np.ndarray:
    """One picture, (3, H, W) or (1, 3, H, W), on any device -> uint8 (H, W, 3); what is beyond [0, 1] is cut off."""
    image = image.detach().squeeze(0) if image.ndim == 4 else image.detach()
    pixels: np.ndarray = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    return pixels


def to_image(image: Tensor) -> Image:
    """One picture, (3, H, W) or (1, 3, H, W) in [0, 1], as a Pillow image of 8 bits a channel."""
    from PIL import Image as images

    return images.fromarray(to_bytes(image))


def _deep(values: Any, mode: str) -> Tensor:
    """Grey pictures of more than 8 bits, which Pillow's own conversion would cut off at 255."""
    most = max(float(values.max()), 1.0) if mode == "F" else 65535.0
    return torch.from_numpy(values / most).clamp(0, 1).expand(1, 3, -1, -1).contiguous()


def fit(image: Tensor, size: Size) -> Tensor:
    """The middle of a picture (1, 3, H, W), cropped to the shape of `size` and resized: values stay in [0, 1]."""
    height, width = image.shape[2:]
    scale = min(height / size[0], width / size[1])
    crop = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    top, left = (height - crop[0]) // 2, (width - crop[1]) // 2
    part = image[:, :, top : top + crop[0], left : left + crop[1]]
    return F.interpolate(part, size=size, mode="bicubic", antialias=True).clamp(0, 1)
