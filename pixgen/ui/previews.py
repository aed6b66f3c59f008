"""The picture as it grows: small JPEGs, so rarely that they cost little of the time."""

from __future__ import annotations

import base64
import contextlib
import io
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from pixgen.io import pictures

if TYPE_CHECKING:
    from PIL.Image import Image

SHARE = 0.05
"""Of the time that previews may take."""

MOST_SIDE = 640
"""Pixels on the longer side of a preview; larger pictures are shown smaller until they are finished."""


class Pace:
    """Says when the next preview is due: when all of them, and the next one, took no more than a share of the time.

    The first is due at once; the next one is taken to cost as much as the last.
    share: of the time without previews. clock: seconds, as `time.perf_counter` gives them.
    """

    def __init__(self, share: float = SHARE, clock: Callable[[], float] = time.perf_counter) -> None:
        self._share, self._clock = share, clock
        self._began = clock()
        self._spent = self._last = 0.0

    def due(self) -> bool:
        """Whether a preview may be shown now."""
        drawing = self._clock() - self._began - self._spent
        return self._spent + self._last <= self._share * drawing or not self._last

    @contextlib.contextmanager
    def showing(self) -> Iterator[None]:
        """A block that makes a preview and shows it."""
        began = self._clock()
        yield
        self._last = self._clock() - began
        self._spent += self._last


def jpeg(images: Tensor, most: int = MOST_SIDE) -> bytes:
    """The first of the pictures, float32 (B, 3, H, W) in [0, 1], as a JPEG of at most `most` pixels a side."""
    image = images[:1].detach().float().cpu()
    longer = max(image.shape[2:])
    if longer > most:
        size = [max(1, round(side * most / longer)) for side in image.shape[2:]]
        image = F.interpolate(image, size=size, mode="area")
    return jpeg_of(pictures.to_image(image))


def jpeg_of(image: Image) -> bytes:
    """A picture of 8 bits a channel as a JPEG."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=88, subsampling=0)
    return buffer.getvalue()


def data_address(data: bytes, kind: str = "image/jpeg") -> str:
    """The bytes of a picture as an address that the browser need not fetch."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
