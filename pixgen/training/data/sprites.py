"""Sprites: drawings as arrays, cut out and premultiplied, so that a scene may put them anywhere at any size."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image

from pixgen.io import image_files

SPRITE_SIDE = 192
"""Of a sprite, in pixels, unless another is asked for."""


def sprite(svg: str, side: int = SPRITE_SIDE) -> np.ndarray:
    """One SVG as uint8 (4, side, side), premultiplied RGBA, trimmed to what is drawn, centred, longest side filled.

    Raises ValueError when the SVG is broken or draws nothing.
    """
    return trimmed(rendered(svg, side * 4 // 3), side)  # most drawings leave an empty margin of about a quarter


def rendered(svg: str, side: int) -> Image.Image:
    """One SVG as RGBA, the longer side `side` pixels. Raises ValueError when it is broken."""
    import resvg_py

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side))
    return image_files.png(png)


def trimmed(picture: Image.Image, side: int) -> np.ndarray:
    """An RGBA picture as `sprite` gives it. Raises ValueError when nothing in it is opaque.

    Premultiplied, because sprites are resampled: straight alpha would mix the colour of what is not there into
    the edges.
    """
    box = picture.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox()
    if box is None:
        raise ValueError("nothing is drawn")
    picture = picture.crop(box).convert("RGBa")
    scale = side / max(picture.size)
    width, height = (max(1, round(s * scale)) for s in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    square = Image.new("RGBa", (side, side))
    square.paste(picture, ((side - width) // 2, (side - height) // 2))
    channels = np.array(square).transpose(2, 0, 1)
    # The bicubic may overshoot; no colour is brighter than its alpha.
    premultiplied: np.ndarray = np.minimum(channels, channels[3:])
    return premultiplied


def _try_sprite(job: tuple[str, int]) -> np.ndarray | str:
    try:
        return sprite(*job)
    except Exception as error:  # a broken drawing is named and left out
        return str(error) or type(error).__name__


@contextmanager
def each_sprite(svgs: Iterable[str], side: int, processes: int) -> Iterator[Iterator[np.ndarray | str]]:
    """The sprites of many SVGs, in order; in place of one that is broken, what is wrong with it."""
    jobs = ((svg, side) for svg in svgs)
    if processes <= 1:
        yield map(_try_sprite, jobs)
        return
    # Not forked: that is unsafe beside torch's threads, and Python 3.12 warns of it.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield pool.imap(_try_sprite, jobs, chunksize=32)
