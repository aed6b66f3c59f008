"""A picture in few cells and few colours that stays sharp: no cell is a mixture.

Every pixel takes a colour of the palette first, and every cell then the colour that most of its pixels have. A colour
that stands out from what is around it counts for more, so that a thin line stays a line. Cells that are alone among
others of nearly their colour are taken into them, and a thing on a plain ground may get an outline.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.colours import nearest, oklab
from pixgen.backend.tensors import Size
from pixgen.plugins.generators.pixel_cells import Cells, labels, neighbours

STANDING_OUT = 2.0
"""How much more a colour counts for each unit of its distance, in Oklab, from the mean of the cells around."""

ALIKE = 0.08
"""Colours nearer than this are hardly told apart in a picture of few cells."""

APART = 0.25
"""A single cell that differs by more than this from all around is a detail: an eye, a star."""

GROUND = 0.6
"""Share of the picture's edge that one colour must have to be taken for the ground behind a thing."""

LEAST = 6
"""A thing of fewer cells gets no outline."""


def smoothed(image: Tensor) -> Tensor:
    """The median of 3x3 pixels, a channel at a time, (3, H, W): without noise, with the edges where they are."""
    padded = F.pad(image[None], (1, 1, 1, 1), mode="replicate")[0]
    around = padded.unfold(1, 3, 1).unfold(2, 3, 1)
    return around.reshape(*image.shape, 9).median(-1).values


def sharp(image: Tensor, cells: Cells, palette: Tensor) -> Tensor:
    """Which of the palette's colours each cell gets, int64 (cells,), from a smoothed picture (3, H, W).

    palette: sRGB in [0, 1], (K, 3). Cells that no pixel belongs to get the picture's commonest colour.
    """
    size = (image.shape[1], image.shape[2])
    rows, columns = cells.grid(size)
    many, count = rows * columns, len(palette)
    colours, where = (image.flatten(1).T * 255).round().unique(dim=0, return_inverse=True)
    of_pixels = nearest(colours / 255, palette)[where]
    label = labels(cells, size).flatten().to(image.device)
    votes = torch.bincount(label * count + of_pixels, minlength=many * count).view(many, count).to(image.dtype)
    seen = votes.sum(1) > 0
    votes[~seen] = votes.sum(0)
    around = _around(votes @ oklab(palette) / votes.sum(1, keepdim=True), cells, size)
    votes = votes * (1 + STANDING_OUT * torch.cdist(around, oklab(palette)))
    return _without_specks(votes.argmax(1), palette, cells, size)


def outlined(chosen: Tensor, palette: Tensor, cells: Cells, size: Size) -> Tensor:
    """The same cells with a line of the palette's darkest colour around what stands on a plain ground.

    chosen: as of `sharp`. The ground is what hangs together with the picture's edge in the edge's commonest colour;
    where no colour is common enough, as in a landscape, nothing changes.
    """
    label = labels(cells, size).to(chosen.device)
    edge = torch.cat([label[0], label[-1], label[:, 0], label[:, -1]])
    ground = chosen[edge].mode().values
    if (chosen[edge] == ground).double().mean() < GROUND:
        return chosen
    one, other = neighbours(cells, size, corners=False).to(chosen.device)
    begin = torch.zeros_like(chosen, dtype=torch.bool)
    begin[edge] = True
    behind = _reached(begin & (chosen == ground), chosen == ground, one, other)
    things = ~behind & _seen(label, len(chosen))
    groups = _grouped(things, one, other)
    cells_of = torch.bincount(groups[things], minlength=len(chosen))
    large = things & (cells_of[groups.clamp(min=0)] >= LEAST)
    line = torch.zeros_like(behind)
    line[other[large[one]]] = True
    darkest = oklab(palette)[:, 0].argmin()
    return torch.where(line & behind, darkest, chosen)


def _without_specks(chosen: Tensor, palette: Tensor, cells: Cells, size: Size) -> Tensor:
    one, other = neighbours(cells, size, corners=True).to(chosen.device)
    count = len(palette)
    votes = torch.bincount(one * count + chosen[other], minlength=len(chosen) * count).view(len(chosen), count)
    same = votes.gather(1, chosen[:, None])[:, 0]
    most, common = votes.max(1)
    lab = oklab(palette)
    distance = (lab[chosen] - lab[common]).norm(dim=1)
    alone = (same == 0) & (distance < APART)
    stray = (same <= 1) & (2 * most > votes.sum(1)) & (distance < ALIKE)
    return torch.where(alone | stray, common, chosen)


def _around(values: Tensor, cells: Cells, size: Size) -> Tensor:
    """The mean of each cell's value and its neighbours', (cells, 3)."""
    one, other = neighbours(cells, size, corners=True).to(values.device)
    total = values.index_add(0, one, values[other])
    return total / (1 + torch.bincount(one, minlength=len(values)))[:, None]


def _reached(begin: Tensor, within: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """The cells of `within` that hang together with some of `begin`, from neighbour to neighbour; bool (cells,)."""
    reached = begin & within
    while True:
        wider = reached.clone()
        wider[other[reached[one]]] = True
        wider &= within
        if torch.equal(wider, reached):
            return reached
        reached = wider


def _grouped(within: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """A number for every cell of `within` that those that hang together share; -1 for the others; int64 (cells,)."""
    number = torch.where(within, torch.arange(len(within), device=within.device), -1)
    both = within[one] & within[other]
    one, other = one[both], other[both]
    while True:
        wider = number.scatter_reduce(0, other, number[one], "amax")
        if torch.equal(wider, number):
            return number
        number = wider


def _seen(label: Tensor, many: int) -> Tensor:
    """Which cells have a pixel in the picture; bool (cells,)."""
    return torch.bincount(label.flatten(), minlength=many) > 0
