"""SVG into pixels, by resvg."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pixgen.errors import PixgenError
from pixgen.io import image_files


def rendered(markup: str, width: int, height: int | None = None) -> Tensor:
    """An SVG as premultiplied RGBA, float32 (4, height, width) in [0, 1]; its sides' ratio must be that of the picture.

    Raises PixgenError when the SVG is broken.
    """
    import resvg_py

    try:
        png = bytes(resvg_py.svg_to_bytes(svg_string=markup, width=width, height=height or width))
    except ValueError as error:
        raise PixgenError(f"resvg cannot draw {markup[:60]}…: {error}") from error
    pixels = np.array(image_files.png(png), dtype=np.float32) / 255
    picture = torch.from_numpy(pixels).movedim(-1, 0)
    return torch.cat((picture[:3] * picture[3:], picture[3:]))
