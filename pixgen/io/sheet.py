"""Contact sheets: small pictures in a grid on white paper, with words around them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from pixgen.io import files, image_files

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Sheet:
    """A grid of columns x rows cells, each a picture with room for words over and under it.

    tile: side of the pictures in pixels, or their (width, height). gap: between cells and around all of them.
    over, under: height of a cell's words. left, top, bottom: room for words beside, above and below all cells.
    font: of the words, Pillow's own at 10 pixels by default.
    """

    def __init__(
        self,
        columns: int,
        rows: int,
        tile: int | tuple[int, int],
        *,
        gap: int = 0,
        over: int = 0,
        under: int = 0,
        left: int = 0,
        top: int = 0,
        bottom: int = 0,
        font: Font | None = None,
    ) -> None:
        self.tile = (tile, tile) if isinstance(tile, int) else tile
        self._step = self.tile[0] + gap, over + self.tile[1] + under + gap
        self._first = left + gap, top + gap + over
        self.font = font
        size = left + gap + columns * self._step[0], top + gap + rows * self._step[1] + bottom
        self.paper = Image.new("RGB", size, "white")
        self._pen = ImageDraw.Draw(self.paper)

    def corner(self, column: int, row: int) -> tuple[int, int]:
        """Where a cell's picture has its upper left corner."""
        return self._first[0] + column * self._step[0], self._first[1] + row * self._step[1]

    def paste(self, column: int, row: int, picture: Image.Image | Path, keep_shape: bool = False) -> None:
        """Put a picture, or that of a file, into a cell: resized to the tile, or with keep_shape to fit into it.

        Raises UsageError for a file that is missing or not a picture.
        """
        if isinstance(picture, Path):
            picture = image_files.small(picture, 2 * max(self.tile))
        if keep_shape:
            small = ImageOps.contain(picture, self.tile, Image.Resampling.LANCZOS)
        else:
            small = picture.resize(self.tile, Image.Resampling.BICUBIC)
        self.paper.paste(small, self.corner(column, row))

    def outline(self, column: int, row: int) -> None:
        """Mark the place of a picture that is missing."""
        (x, y), (width, height) = self.corner(column, row), self.tile
        self._pen.rectangle((x, y, x + width - 1, y + height - 1), outline="#bbbbbb")

    def write(
        self,
        at: tuple[int, int],
        *lines: str,
        step: int = 15,
        font: Font | None = None,
        anchor: str | None = None,
        fill: str = "black",
    ) -> None:
        """Write lines of words, `step` pixels apart, the first at `at`: its upper left corner, or as Pillow's anchor.

        A line may have line feeds; they are 2 pixels apart from one another.
        """
        for i, line in enumerate(lines):
            place = at[0], at[1] + i * step
            self._pen.text(place, line, fill=fill, font=font or self.font, anchor=anchor, spacing=2)

    def encode(self, kind: str = "PNG", **options: Any) -> bytes:
        """The bytes of the sheet; options are those of Pillow's writer."""
        buffer = io.BytesIO()
        self.paper.save(buffer, kind, **options)
        return buffer.getvalue()

    def save(self, path: Path, **options: Any) -> Path:
        """Write the sheet, in the format that the name ends with, in place of an earlier one.

        Raises PixgenError where the folder cannot be written.
        """
        return files.write(path, self.encode(path.suffix[1:].upper(), **options), overwrite=True)


def font(size: int) -> Font:
    """matplotlib's own sans serif, which has the accents of Portuguese; Pillow's has none."""
    try:
        import matplotlib
    except ImportError:
        return ImageFont.load_default(size)
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)
