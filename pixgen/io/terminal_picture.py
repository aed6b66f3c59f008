"""A picture in a terminal, above the bars of `pixgen.io.progress`.

Two pixels a character: the upper one is the colour of a half block, the lower one its background. rich turns these
colours into those that the terminal has (16 million, 256 or 16). Where colours are not wanted (NO_COLOR) or there are
none, characters of different darkness stand for the pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import Progress
from rich.segment import Segment
from rich.style import Style

MOST_COLUMNS = 80
"""Width of a picture in characters, at most: a wider one would take long to write."""
ROWS_BELOW = 3
"""Rows of the terminal that are left for bars and the line of the next command."""
PER_SECOND = 2
"""How often a terminal with a picture is written again."""

_HALF = "▀"
_SHADES = " ░▒▓█"
_ASCII = " .:-=+*#%@"


class TerminalPicture:
    """A picture as rich renders it: as large as the terminal allows, never more than one row a pixel wide or high."""

    def __init__(self, image: Image.Image) -> None:
        # More pixels than it can ever have characters are of no use.
        image = image.convert("RGB")
        image.thumbnail((2 * MOST_COLUMNS, 4 * MOST_COLUMNS), Image.Resampling.BOX)
        self._image = image
        self._lines: dict[tuple[int, int, str], list[Segment]] = {}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        coloured = not console.no_color and console.color_system is not None
        characters = _writable((_HALF,) if coloured else (_SHADES,), console.encoding)
        size = self._size(options.max_width, console.size.height - ROWS_BELOW)
        # A bar is written many times a second, the picture changes less often.
        key = (*size, characters)
        if key not in self._lines:
            pixels = np.array(self._image.resize(size, Image.Resampling.LANCZOS))
            self._lines = {key: _half_blocks(pixels) if characters == _HALF else _shaded(pixels, characters)}
        yield from self._lines[key]

    def _size(self, columns: int, rows: int) -> tuple[int, int]:
        """Width and height in pixels, the height even."""
        width, height = self._image.size
        scale = min(1.0, min(columns, MOST_COLUMNS) / width, max(1, rows) * 2 / height)
        return max(1, int(width * scale)), max(1, round(height * scale / 2)) * 2


class PictureProgress(Progress):
    """Bars with a picture above them, while there is one."""

    picture: TerminalPicture | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.picture is not None:
            yield self.picture
        yield from super().get_renderables()


def _writable(characters: Sequence[str], encoding: str) -> str:
    """The characters, where the terminal's encoding has them; plain letters elsewhere."""
    try:
        "".join(characters).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return _ASCII
    return "".join(characters)


def _half_blocks(pixels: np.ndarray) -> list[Segment]:
    """uint8 (2 * rows, columns, 3) -> a segment for each run of equal characters."""
    found: list[Segment] = []
    for upper, lower in zip(pixels[0::2].tolist(), pixels[1::2].tolist(), strict=True):
        for above, below in zip(upper, lower, strict=True):
            found.append(Segment(_HALF, Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))))
        found.append(Segment.line())
    return found


def _shaded(pixels: np.ndarray, characters: str) -> list[Segment]:
    """uint8 (2 * rows, columns, 3) -> a segment a row, a brighter character where it is brighter."""
    grey = pixels.reshape(-1, 2, pixels.shape[1], 3).mean(axis=(1, 3))
    levels = np.clip(grey / 256 * len(characters), 0, len(characters) - 1).astype(int)
    return [Segment("".join(characters[level] for level in row) + "\n") for row in levels.tolist()]
