"""The cutter: random crops, affine maps and perspective as one antialiased warp a view, then colours and noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams, drawing_from
from pixgen.backend.tensors import Size, clamp
from pixgen.contracts import Cutter
from pixgen.registry import register


@dataclass(frozen=True)
class CutoutPlan:
    """Views drawn but not yet cut; `plan[a:b]` are views a to b of every picture.

    matrices: float32 (B, N, 3, 3), cutout coordinates -> picture coordinates, both in [-1, 1].
    levels: int64 (B, N), how often the picture is halved before it is sampled; `depth` levels are built.
    colours: float32 (B, N, 3, 4), an affine map of (r, g, b, 1).
    noise: float32 (B, 3, S, S), one tile a picture; views read it rolled by `shifts` (B, N, 2), times `strengths`.
    """

    size: Size
    depth: int
    matrices: Tensor
    levels: Tensor
    colours: Tensor
    noise: Tensor
    shifts: Tensor
    strengths: Tensor

    def __len__(self) -> int:
        return self.matrices.shape[1]

    def __getitem__(self, views: slice) -> CutoutPlan:
        return replace(self, **{name: getattr(self, name)[:, views] for name in _VIEWS})

    def spread(self) -> CutoutPlan:
        """N views of one picture as one view each of N pictures: trainings augment their batches with it."""
        one_each = {name: getattr(self, name).transpose(0, 1) for name in _VIEWS}
        return replace(self, noise=self.noise.expand(len(self), -1, -1, -1), **one_each)


_VIEWS = ("matrices", "levels", "colours", "shifts", "strengths")
"""A plan's tensors with a second dimension N."""


_SHARES = ("whole", "overhang", "translation", "affine", "perspective", "perspective_p", "flip")
_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(_SHARES, (0, 1)),
    **dict.fromkeys(("brightness", "contrast", "saturation", "noise"), (0, 1)),
    **dict.fromkeys(("min_size", "max_size"), (0.01, 4)),
    "margin": (0, 4),
    "size_power": (0.01, 100),
    "rotation": (0, 360),
    "scale": (0, 0.99),
    "shear": (0, 89),
    "hue": (0, 0.5),
}
"""The range of every numeric option."""


@register("cutter", "warp")
@dataclass
class Warp(Cutter):
    """Crops, affine maps and perspective composed into one matrix a view; then colours and noise.

    A picture's geometry is drawn by kornia, the crop composes with it, and a single bilinear sampling reads the
    level of the picture's pyramid at which a cutout pixel is about a picture pixel. Views `whole` come first; they
    show the whole picture, unturned, a non-square one fitted inside the square with padding.
    """

    whole: float = 0.25
    """Share of the views that show the whole picture, 0 to 1 (rounded up)."""
    margin: float = 0.15
    """Largest zoom-out of whole views, as a share of the picture, 0 to 4; the picture lies anywhere inside."""
    min_size: float = 0.4
    """Smallest crop, as a share of the picture's shorter side, 0.01 to 4."""
    max_size: float = 1.0
    """Largest crop, as a share of the picture's shorter side, `min_size` to 4."""
    size_power: float = 1.0
    """Crop sizes are min + (max - min) * u ** size_power, u uniform; 0.01 to 100, above 1 favours small crops."""
    overhang: float = 0.15
    """Share of a crop that may lie outside, 0 to 1, so that the borders are covered as often as the middle."""
    rotation: float = 10.0
    """Largest rotation in degrees, 0 to 360."""
    translation: float = 0.05
    """Largest shift, as a share of the crop, 0 to 1."""
    scale: float = 0.1
    """Scales lie between 1 - scale and 1 + scale; 0 to 0.99."""
    shear: float = 5.0
    """Largest shear in degrees, 0 to 89."""
    affine: float = 0.8
    """Probability of rotation, translation, scale and shear together, 0 to 1."""
    perspective: float = 0.2
    """Strength of the perspective, 0 to 1."""
    perspective_p: float = 0.5
    """Probability of perspective, 0 to 1."""
    flip: float = 0.0
    """Probability of mirroring, 0 to 1. Zero by default, for prompts may say left and right."""
    brightness: float = 0.1
    """Largest relative change of brightness, 0 to 1."""
    contrast: float = 0.1
    """Largest relative change of contrast about mid-grey, 0 to 1."""
    saturation: float = 0.1
    """Largest relative change of saturation, 0 to 1."""
    hue: float = 0.02
    """Largest change of hue, as a share of the full circle, 0 to 0.5."""
    noise: float = 0.05
    """Largest standard deviation of the Gaussian noise of a view, 0 to 1."""
    padding: Literal["reflection", "border"] = "reflection"
    """What lies outside the picture. Both pass gradients on; `border` sends all of them to the outermost pixels."""

    _kornia: Any = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be from {low:g} to {high:g}")
        if self.min_size > self.max_size:
            raise ValueError(f"min_size {self.min_size:g} is above max_size {self.max_size:g}; crops lie between")

    def plan(self, size: Size, cutouts: int, side: int, step: int, streams: Sequence[Streams], name: str) -> CutoutPlan:
        """Draw the views of every picture from its stream ("cutouts/<name>", step), on the CPU."""
        drawn = []
        for stream in streams:
            drawn.append(self._draw(size, cutouts, side, stream.generator(f"cutouts/{name}", step)))
        matrices, colours, noise, shifts, strengths = (torch.stack(parts) for parts in zip(*drawn, strict=True))
        levels = _levels(matrices, size, side)
        return CutoutPlan(size, int(levels.max()) + 1, matrices, levels, colours, noise, shifts, strengths)

    def cut(self, images: Tensor, plan: CutoutPlan) -> Tensor:
        """float (B, 3, H, W) in [0, 1] -> cutouts (B, N, 3, S, S) in [0, 1], differentiable to the images."""
        if tuple(images.shape[2:]) != tuple(plan.size):
            raise ValueError(f"plan drawn for pictures of {plan.size}, got {tuple(images.shape[2:])}")
        cutouts = self._warp(images, plan)
        colours = plan.colours.to(images)
        cutouts = torch.einsum("bnij,bnjhw->bnihw", colours[..., :3], cutouts) + colours[..., 3, None, None]
        return clamp(cutouts + _noise(plan).to(images))

    def _draw(self, size: Size, count: int, side: int, random: torch.Generator) -> tuple[Tensor, ...]:
        crops = self._crops(size, count, random)
        matrices = crops @ self._geometry(count, side, random)
        whole = min(count, math.ceil(self.whole * count))
        matrices[:whole] = self._whole(size, whole, random)
        tile = torch.randn(3, side, side, generator=random)
        colours = self._colours(count, random)
        shifts = torch.randint(side, (count, 2), generator=random)
        return matrices, colours, tile, shifts, torch.rand(count, generator=random) * self.noise

    def _crops(self, size: Size, count: int, random: torch.Generator) -> Tensor:
        """Boxes of the picture as matrices (count, 3, 3)."""
        share = self.min_size + (self.max_size - self.min_size) * torch.rand(count, generator=random) ** self.size_power
        half = (share * min(size))[:, None] / torch.tensor([size[1], size[0]])
        reach = (1 - half * (1 - 2 * self.overhang)).clamp(min=0)
        return _boxes(half, reach * (torch.rand(count, 2, generator=random) * 2 - 1))

    def _whole(self, size: Size, count: int, random: torch.Generator) -> Tensor:
        """Boxes around the whole picture as matrices (count, 3, 3)."""
        side = max(size) * (1 + self.margin * torch.rand(count, generator=random))
        half = side[:, None] / torch.tensor([size[1], size[0]])
        return _boxes(half, (half - 1) * (torch.rand(count, 2, generator=random) * 2 - 1))

    def _geometry(self, count: int, side: int, random: torch.Generator) -> Tensor:
        """Affine maps, perspectives and mirrorings of the cutout square as matrices (count, 3, 3)."""
        import kornia.augmentation as K
        from kornia.geometry.conversions import normalize_homography

        shape = torch.Size((count, 3, side, side))
        empty = torch.zeros(()).expand(shape)  # kornia reads its shape alone
        matrices = torch.eye(3).expand(count, 3, 3)
        for augmentation in self._augmentations(K):
            with drawing_from(random):
                parameters = augmentation.forward_parameters(shape)
            drawn = augmentation.compute_transformation(empty, parameters, augmentation.flags)
            applied = parameters["batch_prob"].bool()[:, None, None]
            matrices = torch.where(applied, drawn, torch.eye(3)) @ matrices
        # kornia's matrices move pixels; sampling asks where a pixel comes from.
        inverse: Tensor = torch.linalg.inv(normalize_homography(matrices, (side, side), (side, side)))
        return inverse

    def _augmentations(self, K: Any) -> list[Any]:
        if self._kornia is None:
            found = []
            if self.affine > 0:
                shift, scale = (self.translation, self.translation), (1 - self.scale, 1 + self.scale)
                found.append(K.RandomAffine(self.rotation, shift, scale, self.shear, p=self.affine))
            if self.perspective > 0 and self.perspective_p > 0:
                found.append(K.RandomPerspective(self.perspective, p=self.perspective_p))
            if self.flip > 0:
                found.append(K.RandomHorizontalFlip(p=self.flip))
            self._kornia = found
        made: list[Any] = self._kornia
        return made

    def _colours(self, count: int, random: torch.Generator) -> Tensor:
        """Brightness, contrast about mid-grey, saturation and hue as affine maps (count, 3, 4)."""
        brightness, contrast, saturation, turn = torch.rand(4, count, 1, 1, generator=random) * 2 - 1
        grey = torch.full((3, 3), 1 / 3)
        # Hue turns colours about the grey axis (Rodrigues' formula), saturation scales their distance from it.
        cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
        angle = 2 * math.pi * self.hue * turn
        turned = torch.cos(angle) * (torch.eye(3) - grey) + torch.sin(angle) * cross
        gain = (1 + self.brightness * brightness) * (1 + self.contrast * contrast)
        linear = gain * (grey + (1 + self.saturation * saturation) * turned)
        offset = (-0.5 * self.contrast * contrast * (1 + self.brightness * brightness)).expand(count, 3, 1)
        return torch.cat([linear, offset], dim=2)

    def _warp(self, images: Tensor, plan: CutoutPlan) -> Tensor:
        """Sample every view from its level. All levels lie in one picture, so that one `grid_sample` serves them."""
        atlas, corners = _atlas(images, plan.depth)
        count, side = len(plan), plan.noise.shape[-1]
        points = _points(plan.matrices.to(images), side)
        inside = (points + 1) / 2
        if self.padding == "reflection":
            inside = 1 - (1 - inside.remainder(2)).abs()
        corner, extent = corners.to(images)[plan.levels.to(images.device)].unflatten(-1, (2, 2)).unbind(-2)
        corner, extent = corner[:, :, None, None], extent[:, :, None, None]
        # Half a pixel from the edge, bilinear sampling cannot reach into a neighbouring level.
        pixels = corner + (inside * extent - 0.5).clamp(min=torch.zeros_like(extent), max=extent - 1)
        atlas_size = torch.tensor([atlas.shape[3], atlas.shape[2]]).to(images)
        grid = (2 * pixels + 1) / atlas_size - 1
        sampled = F.grid_sample(atlas, grid.flatten(1, 2), mode="bilinear", align_corners=False)
        cutouts: Tensor = sampled.unflatten(2, (count, side)).movedim(2, 1)
        return cutouts


def _boxes(half: Tensor, centre: Tensor) -> Tensor:
    """Half sides and centres (n, 2), x before y -> matrices (n, 3, 3) from the unit square to the box."""
    matrices = torch.zeros(len(half), 3, 3)
    matrices[:, 0, 0], matrices[:, 1, 1], matrices[:, 2, 2] = half[:, 0], half[:, 1], 1.0
    matrices[:, :2, 2] = centre
    return matrices


def _levels(matrices: Tensor, size: Size, side: int) -> Tensor:
    """The nearest level of the pyramid, from the area of the picture that the middle of a cutout covers."""
    # The Jacobian determinant of a homography at its origin: det(M) / m22^3.
    area = (torch.linalg.det(matrices) / matrices[..., 2, 2] ** 3).abs() * size[0] * size[1] / side**2
    levels: Tensor = (area.clamp(min=1).log2() / 2).round().long()
    return levels


def _points(matrices: Tensor, side: int) -> Tensor:
    """Where the centres of cutout pixels lie in the picture: (B, N, S, S, 2), x before y."""
    centres = (torch.arange(side, device=matrices.device, dtype=matrices.dtype) * 2 + 1) / side - 1
    x, y, one = matrices[..., None, None, :].unbind(2)[0:3]
    u, v = centres[None, :], centres[:, None]
    row_x, row_y, row_w = (row[..., 0] * u + row[..., 1] * v + row[..., 2] for row in (x, y, one))
    return torch.stack([row_x / row_w, row_y / row_w], dim=-1)


def _atlas(images: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """The picture and its halvings, one below the other -> (B, 3, H', W) and rows (x, y, width, height) a level."""
    levels = [images]
    while len(levels) < depth:
        height, width = levels[-1].shape[2:]
        levels.append(F.adaptive_avg_pool2d(levels[-1], (max(1, height // 2), max(1, width // 2))))
    tops, top = [], 0
    for level in levels:
        tops.append([0, top, level.shape[3], level.shape[2]])
        top += level.shape[2]
    wide = images.shape[3]
    return torch.cat([F.pad(level, (0, wide - level.shape[3])) for level in levels], dim=2), torch.tensor(tops)


def _noise(plan: CutoutPlan) -> Tensor:
    """Each view's noise (B, N, 3, S, S): the picture's tile rolled somewhere else and scaled."""
    side = plan.noise.shape[-1]
    index = torch.arange(side)
    rows, columns = ((plan.shifts[..., axis, None] + index) % side for axis in (0, 1))
    pictures = torch.arange(len(plan.noise))[:, None, None, None]
    rolled = plan.noise[pictures, :, rows[..., :, None], columns[..., None, :]]  # (B, N, S, S, 3)
    return rolled.movedim(-1, 2) * plan.strengths[..., None, None, None]
