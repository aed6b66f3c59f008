"""Cells of one colour each as parameters: pixels, and the cells of pixel art."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.colours import nearest, oklab, palette_of, to_8_bits
from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size, clamp
from pixgen.contracts import STORED_WHEN_SET, Generator, Params
from pixgen.errors import UsageError
from pixgen.io import palettes
from pixgen.plugins.generators import pixel_downscale, pixel_svg
from pixgen.plugins.generators.pixel_cells import KINDS, Cells, labels
from pixgen.registry import register

BAYER = ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))
"""Ordered dithering (Bayer 1973): the order in which cells of a tone between two colours take the second."""

LARGEST_SCALE = 64
"""Of a cell that is saved."""

DARK, DARK_ENOUGH = (0.102, 0.11, 0.173), 0.35
"""The colour of outlines, where the picture has none of at most this lightness in Oklab."""


@register("generator", "pixel")
@dataclass
class Pixel(Generator):
    """Params are {"pixels": float32 (B, 3, rows, columns)} in [0, 1], the colours of the cells.

    With `palette` or `colours` every cell is shown in the nearest colour of a palette, by Oklab, with a
    straight-through gradient (Bengio et al. 2013, arXiv 1308.3432). With `colours` the palette is the picture's own and
    is optimised too: {"palette": float32 (B, K, 3)}.
    """

    defaults: ClassVar[dict[str, Any]] = {"optimizer": {"type": "Adam", "lr": 0.03}}
    has_svg: ClassVar[bool] = True

    pixel_size: int = 1
    """Side of one square, in pixels of the picture, at least 1; sides are rounded to a multiple of it."""
    spread: float = 0.05
    """Standard deviation of the initial noise about mid-grey (values 0 to 1)."""
    cells: Literal["square", "shifted", "hexagon", "triangle", "diamond", "knitted"] = field(
        default="square", metadata=STORED_WHEN_SET
    )
    """Shape of the cells; `shifted` are laid like bricks, `knitted` are stitches."""
    cell_width: int = field(default=0, metadata=STORED_WHEN_SET)
    """Width of a cell that is not as wide as `pixel_size`, in pixels; 0: as wide."""
    palette: str | list[str] = field(default="", metadata=STORED_WHEN_SET)
    """Colours that the picture may have: a name (pico8, gameboy), colours (`#0f380f, gold`), ramps (`red->blue\\8`) or
    a picture (@cat.png); `;` joins several."""
    colours: int = field(default=0, metadata=STORED_WHEN_SET)
    """Number of colours of a palette made from the picture that the run starts from, 2 to 256; 0: any colours."""
    dither: float = field(default=0.0, metadata=STORED_WHEN_SET)
    """Strength of ordered dithering between the colours of the palette, 0 to 1."""
    downscale: Literal["mean", "sharp"] = field(default="mean", metadata=STORED_WHEN_SET)
    """How a picture becomes cells: the `mean` of their pixels, or `sharp`, the colour that most of them have."""
    outline: bool = field(default=False, metadata=STORED_WHEN_SET)
    """With `downscale: sharp`, draw a dark line around things on a plain ground."""

    scale: int = field(default=0, metadata=STORED_WHEN_SET)
    """Side of a square cell in the saved picture, in pixels: 1 saves a pixel a cell; 0: as it is drawn."""

    _palette: Tensor | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.pixel_size < 1:
            raise ValueError(f"pixel_size is {self.pixel_size}; it must be at least 1")
        if self.cell_width < 0:
            raise ValueError(f"cell_width is {self.cell_width}; it must be at least 0")
        if self.colours and not 2 <= self.colours <= palettes.MOST:
            raise ValueError(f"colours is {self.colours}; it must be 2 to {palettes.MOST}, or 0 for any colours")
        if not 0 <= self.dither <= 1:
            raise ValueError(f"dither is {self.dither:g}; it must be from 0 to 1")
        if self.palette and self.colours:
            raise ValueError("palette and colours exclude each other: the one gives the colours, the other finds them")
        if self.dither and not (self.palette or self.colours):
            raise ValueError("dither needs a palette to dither between: set palette or colours")
        if (self.downscale == "sharp" or self.outline) and not (self.palette or self.colours):
            raise ValueError("downscale sharp and outline need a palette to choose from: set palette or colours=16")
        if self.outline and self.downscale != "sharp":
            raise ValueError("outline needs downscale: sharp, which finds the things to draw it around")
        if not 0 <= self.scale <= LARGEST_SCALE:
            raise ValueError(f"scale is {self.scale}; it must be 1 to {LARGEST_SCALE}, or 0 to save as drawn")
        if self.scale and (self.cells != "square" or self.cell_width not in (0, self.pixel_size)):
            raise ValueError("scale needs square cells: set cells=square and leave cell_width out, or save as .svg")
        self._cells = KINDS[self.cells](self.pixel_size, self.cell_width or self.pixel_size)
        self.factor = self._cells.factor
        if self.palette:
            try:
                self._palette = palettes.parse(self.palette)
            except UsageError as error:
                raise ValueError(str(error)) from error

    def files(self) -> list[str]:
        """The files that the palette is read from."""
        return palettes.files(self.palette)

    def require_size(self, size: Size) -> None:
        """Raises UsageError for a picture that is smaller than a cell."""
        if self._cells.height > size[0] or self._cells.width > size[1]:
            raise UsageError(
                f"a cell of {self._cells.width}x{self._cells.height} pixels is larger than the picture of "
                f"{size[1]}x{size[0]}; lower generator.pixel_size, or raise size"
            )

    def init(self, size: Size, streams: Streams) -> Params:
        shape = (1, 3, *self._cells.grid(size))
        random = streams.generator("init")
        params = {"pixels": (0.5 + self.spread * torch.randn(shape, generator=random)).clamp(0, 1)}
        if self.colours:
            params["palette"] = torch.rand(1, self.colours, 3, generator=random)
        return params

    def decode(self, params: Params) -> Tensor:
        pixels = self._shown(params)
        if self.cells == "square" and not self.cell_width:
            return pixels if self.pixel_size == 1 else _enlarged(pixels, self.pixel_size)
        rows, columns = pixels.shape[2:]
        return pixels.flatten(2)[:, :, labels(self._cells, self._cells.size((rows, columns))).to(pixels.device)]

    @torch.no_grad()
    def encode(self, images: Tensor) -> Params:
        if not self.colours and self.downscale == "mean":
            return {"pixels": self._means(images)}
        made = [self._encoded(image, self._palette) for image in images]
        return {name: torch.stack([one[name] for one in made]) for name in made[0]}

    def resize(self, params: Params, size: Size) -> Params:
        """By way of the picture; a palette that was found stays."""
        made = super().resize(params, size)
        return {**made, **({"palette": params["palette"]} if "palette" in params else {})}

    @torch.no_grad()
    def project_(self, params: Params) -> None:
        for value in params.values():
            value.clamp_(0, 1)

    def finish(self, images: Tensor) -> Tensor:
        """With `scale`, every cell as a square of that many pixels, in the colour of its middle: nothing is blended."""
        if not self.scale:
            return images
        middle = self.pixel_size // 2
        cells = images[:, :, middle :: self.pixel_size, middle :: self.pixel_size]
        return cells.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)

    @torch.no_grad()
    def to_svg(self, params: Params, size: Size) -> list[str]:
        """A polygon a cell; squares that lie side by side in one colour are one rectangle."""
        own = self._cells.size((params["pixels"].shape[2], params["pixels"].shape[3]))
        return [pixel_svg.document(colours, self._cells, own, size) for colours in self._shown(params)]

    def _shown(self, params: Params) -> Tensor:
        """The colours in which the cells are shown, (B, 3, rows, columns) in [0, 1]."""
        pixels = clamp(params["pixels"])
        if self._palette is None and not self.colours:
            return pixels
        shown = []
        for number, picture in enumerate(pixels):
            if self._palette is not None:
                palette = self._palette.to(picture)
            else:
                found = clamp(params["palette"][number])
                palette = found + (to_8_bits(found) - found).detach()
            wanted = picture.detach() + self._dithering(picture, palette)
            chosen = nearest(wanted.flatten(1).T, palette.detach())
            flat = palette[chosen].T.view_as(picture)
            shown.append(flat + (picture - picture.detach()))
        return torch.stack(shown)

    def _dithering(self, picture: Tensor, palette: Tensor) -> Tensor:
        """What is added to the cells before each takes its nearest colour, (1, rows, columns)."""
        if not self.dither:
            return picture.new_zeros(())
        apart = torch.cdist(palette.detach(), palette.detach()).fill_diagonal_(torch.inf).amin(1).mean()
        tile = (picture.new_tensor(BAYER) + 0.5) / 16 - 0.5
        rows, columns = picture.shape[1:]
        tiled = tile.repeat(-(-rows // 4), -(-columns // 4))[:rows, :columns]
        added: Tensor = self.dither * apart.nan_to_num(posinf=0.0) * tiled[None]
        return added

    def _encoded(self, image: Tensor, palette: Tensor | None) -> Params:
        """One picture, (3, H, W), as params without their first dimension."""
        smooth = pixel_downscale.smoothed(image)
        if palette is None:
            palette = self._own_palette(smooth)
        palette = palette.to(image)
        size = (image.shape[1], image.shape[2])
        if self.downscale == "sharp" and not self.dither:
            chosen = pixel_downscale.sharp(smooth, self._cells, palette)
            if self.outline:
                chosen = pixel_downscale.outlined(chosen, palette, self._cells, size)
            pixels = palette[chosen].T.reshape(3, *self._cells.grid(size))
        else:
            pixels = self._means(image[None])[0]
        return {"pixels": pixels, **({"palette": palette} if self.colours else {})}

    def _own_palette(self, image: Tensor) -> Tensor:
        """`colours` colours of a picture; fewer are filled up with the last, so that a batch's have one shape."""
        found = palette_of(image, self.colours)
        if self.outline and oklab(found)[:, 0].min() > DARK_ENOUGH:
            found = torch.cat([palette_of(image, self.colours - 1), found.new_tensor([DARK])])
        return torch.cat([found, found[-1:].expand(self.colours - len(found), 3)])

    def _means(self, images: Tensor) -> Tensor:
        """The mean of each cell's pixels, (B, 3, rows, columns)."""
        if self.cells == "square" and not self.cell_width:
            return F.avg_pool2d(images, self.pixel_size) if self.pixel_size > 1 else images.clone()
        size = (images.shape[2], images.shape[3])
        return _cell_means(images, self._cells, size)


def _enlarged(pixels: Tensor, scale: int) -> Tensor:
    return F.interpolate(pixels, scale_factor=float(scale), mode="nearest")


def _cell_means(images: Tensor, cells: Cells, size: Size) -> Tensor:
    """Means over cells of any shape; those outside the picture get the mean of the whole."""
    rows, columns = cells.grid(size)
    label = labels(cells, size).flatten().to(images.device)
    flat = images.flatten(2)
    total = flat.new_zeros(*flat.shape[:2], rows * columns).index_add_(2, label, flat)
    count = torch.bincount(label, minlength=rows * columns)
    means = torch.where(count > 0, total / count.clamp(min=1), flat.mean(2, keepdim=True))
    return means.view(*means.shape[:2], rows, columns)
