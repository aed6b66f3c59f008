"""Views of Direct Ascent Synthesis (arXiv 2502.07753): shifted windows with noise, nothing turned or recoloured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size, clamp
from pixgen.contracts import Cutter
from pixgen.registry import register


@dataclass(frozen=True)
class ShiftPlan:
    """Windows drawn but not yet cut; `plan[a:b]` are windows a to b of every picture.

    matrices: float32 (B, N, 3, 3), cutout coordinates -> picture coordinates, both in [-1, 1].
    corners: int64 (B, N, 2), row and column of the upper left corner. window: its side in pixels.
    noise: float32 (B, N, 3, S, S), to be added.
    """

    size: Size
    window: int
    matrices: Tensor
    corners: Tensor
    noise: Tensor

    def __len__(self) -> int:
        return self.matrices.shape[1]

    def __getitem__(self, views: slice) -> ShiftPlan:
        parts = {name: getattr(self, name)[:, views] for name in ("matrices", "corners", "noise")}
        return replace(self, **parts)


@register("cutter", "shift")
@dataclass
class Shift(Cutter):
    """Square windows, all of one size, at random places; the first of them in the middle.

    Where the paper rolls a canvas of 336 pixels by up to 56 and keeps its middle 224, the window moves. Its noise,
    uniform from 0 to 0.2, lies about 0 here, so that it does not brighten what the perceptor sees.
    """

    reach: float = 1 / 6
    """Largest shift either way, as a share of the shorter side, 0 to 0.45; what is left is the window's side."""
    noise: float = 0.2
    """Width of the uniform noise on every view, 0 to 1."""
    wrap: bool = False
    """Whole views that go on across the edges, shifted by any number of pixels: pictures then tile."""

    def __post_init__(self) -> None:
        for name, high in (("reach", 0.45), ("noise", 1.0)):
            if not 0 <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be from 0 to {high:g}")

    def plan(self, size: Size, cutouts: int, side: int, step: int, streams: Sequence[Streams], name: str) -> ShiftPlan:
        """Draw the windows of every picture from its stream ("cutouts/<name>", step), on the CPU."""
        shorter = min(size)
        window = shorter if self.wrap else max(1, shorter - 2 * round(self.reach * shorter))
        most = torch.tensor(size) - (0 if self.wrap else window - 1)  # so many places there are
        corners, noise = [], []
        for stream in streams:
            random = stream.generator(f"cutouts/{name}", step)
            places = (torch.rand(cutouts, 2, generator=random) * most).long()
            places[0] = (torch.tensor(size) - window) // 2
            corners.append(places)
            noise.append((torch.rand(cutouts, 3, side, side, generator=random) - 0.5) * self.noise)
        place = torch.stack(corners)
        return ShiftPlan(size, window, _matrices(place, window, size), place, torch.stack(noise))

    def cut(self, images: Tensor, plan: ShiftPlan) -> Tensor:
        """float (B, 3, H, W) in [0, 1] -> cutouts (B, N, 3, S, S) in [0, 1], differentiable to the images."""
        if tuple(images.shape[2:]) != tuple(plan.size):
            raise ValueError(f"plan drawn for pictures of {plan.size}, got {tuple(images.shape[2:])}")
        along = torch.arange(plan.window)
        rows, columns = ((plan.corners[..., axis, None] + along) % plan.size[axis] for axis in (0, 1))
        rows, columns = rows.to(images.device), columns.to(images.device)
        pictures = torch.arange(len(images), device=images.device)[:, None, None, None]
        windows = images.movedim(1, -1)[pictures, rows[..., :, None], columns[..., None, :]]  # (B, N, w, w, 3)
        side = plan.noise.shape[-1]
        views = windows.movedim(-1, 2).flatten(0, 1)
        if side != plan.window:
            views = F.interpolate(views, size=(side, side), mode="bilinear", antialias=side < plan.window)
        return clamp(views.unflatten(0, (len(images), len(plan))) + plan.noise.to(images))


def _matrices(corners: Tensor, window: int, size: Size) -> Tensor:
    """The windows as matrices (B, N, 3, 3) from the unit square, x before y."""
    sides = torch.tensor([size[1], size[0]])
    matrices = torch.zeros(*corners.shape[:2], 3, 3)
    matrices[..., 0, 0], matrices[..., 1, 1] = window / sides[0], window / sides[1]
    matrices[..., :2, 2] = (2 * corners.flip(-1) + window) / sides - 1
    matrices[..., 2, 2] = 1
    return matrices
