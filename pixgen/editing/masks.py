"""Where a picture may change: masks of places on the code grid, and the square window around a user's mask."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.tensors import Size
from pixgen.errors import UsageError
from pixgen.io import image_files
from pixgen.io.pictures import read

BLOCK = 2
"""Places are chosen in blocks of 2 x 2, which the decoder draws together."""

NOISE = 0.04
"""What a JPEG makes of black and of white: nearer than this to them is meant to be them."""


def random_places(share: float, grid: int, generator: torch.Generator) -> Tensor:
    """Random patches of places that cover `share` of the grid: bool (grid, grid).

    What is drawn anew hangs together, so that it can become something else; single places between known ones could
    only repeat what was there.
    """
    blocks = grid // BLOCK
    coarse = torch.rand(1, 1, max(2, blocks // 2), max(2, blocks // 2), generator=generator)
    fine = torch.rand(1, 1, blocks, blocks, generator=generator)
    height = F.interpolate(coarse, size=(blocks, blocks), mode="bilinear", align_corners=True) + 0.25 * fine
    return largest(height, share, grid)


def largest(height: Tensor, share: float, grid: int) -> Tensor:
    """The blocks of the grid at which `height`, float32 (1, 1, H, W), is largest, as many as `share` says.

    bool (grid, grid). At least one, for any share above 0.
    """
    blocks = grid // BLOCK
    pooled = F.adaptive_avg_pool2d(height, blocks)
    if height.shape[-1] > blocks:  # what stands alone counts less than what hangs together
        pooled = F.avg_pool2d(F.pad(pooled, (1, 1, 1, 1), mode="replicate"), 3, 1)
    count = max(1, round(share * blocks**2))
    chosen = torch.zeros(blocks**2, dtype=torch.bool)
    chosen[pooled.flatten().argsort(descending=True, stable=True)[:count].cpu()] = True
    square = chosen.view(blocks, blocks)
    return square.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1).to(height.device)


def read_mask(source: image_files.Source, size: Size, *, first_frame: bool = False) -> tuple[Tensor, bool]:
    """A mask for a picture of `size`: float32 (1, 1, H, W) in [0, 1], and whether it had to be resized.

    source: as `pictures.read` takes it; white, or transparent, may change. first_frame: of a file that moves.
    Raises UsageError where it is not a picture, has another shape than the picture, or lets nothing change.
    """
    name = mask_name(source)
    mask = read(source, first_frame=first_frame).mean(1, keepdim=True)
    height, width = mask.shape[2:]
    resized = (height, width) != tuple(size)
    if resized:
        if abs(height / width * size[1] / size[0] - 1) > 0.02:
            raise UsageError(
                f"{name} is {width}x{height} and the picture {size[1]}x{size[0]}: another shape; "
                "draw the mask over the picture itself"
            )
        mask = F.interpolate(mask, size=size, mode="bilinear", antialias=True).clamp(0, 1)
    mask = torch.where(mask < NOISE, 0.0, torch.where(mask > 1 - NOISE, 1.0, mask))
    if not bool((mask > 0).any()):
        raise UsageError(f"{name} is all black: nothing may change; paint white what may")
    return mask, resized


def mask_name(source: image_files.Source) -> str:
    """What messages call a mask."""
    return f"the mask {image_files.name_of(source)}" if image_files.is_path(source) else "the mask"


@dataclass(frozen=True)
class Window:
    """A part of a picture that is worked on as a square: rows top to bottom, columns left to right, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def cut(self, images: Tensor) -> Tensor:
        """float32 (B, C, H, W) -> (B, C, height, width)."""
        return images[:, :, self.top : self.top + self.height, self.left : self.left + self.width]

    def paste(self, made: Tensor, picture: Tensor, mask: Tensor) -> Tensor:
        """`made` (1, 3, S, S) in its place in the picture (1, 3, H, W), as far as the mask (1, 1, H, W) lets it.

        Where the mask is 0 every pixel is the picture's own, to the bit.
        """
        grown = F.interpolate(made, size=(self.height, self.width), mode="bicubic", antialias=True).clamp(0, 1)
        share, result = self.cut(mask), picture.clone()
        self.cut(result).copy_(torch.where(share > 0, torch.lerp(self.cut(picture), grown, share), self.cut(picture)))
        return result


def middle(picture: Tensor) -> Window:
    """The largest square in the middle of a picture (1, C, H, W)."""
    height, width = picture.shape[2:]
    side = min(height, width)
    return Window((height - side) // 2, (width - side) // 2, side, side)


def window(mask: Tensor) -> Window:
    """The largest square about what a mask (1, 1, H, W) lets change; all of the picture where no square holds that."""
    height, width = mask.shape[2:]
    side = min(height, width)
    rows, columns = (mask[0, 0] > 0).any(1).nonzero()[:, 0], (mask[0, 0] > 0).any(0).nonzero()[:, 0]
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    if bottom - top > side or right - left > side:
        return Window(0, 0, height, width)
    y = min(max((top + bottom - side) // 2, 0), height - side)
    x = min(max((left + right - side) // 2, 0), width - side)
    return Window(y, x, side, side)
