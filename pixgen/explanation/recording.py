"""A picture drawn again from its settings, with what is worth showing of the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pixgen.backend.isolation import isolated
from pixgen.loop.drawing import Drawing
from pixgen.loop.engine import Engine, Step
from pixgen.loop.forward import plan_views
from pixgen.networks.vqgan import VQModel
from pixgen.settings.config import RenderConfig

FRAMES = 8
"""Pictures of the film strip."""
CUTOUTS = 24
"""Cutouts that are shown of a step, at most."""
CODES = 12
"""Codes that are shown one by one."""
_TILE = 4
"""Side of the field of one code that is decoded to see what it looks like."""


@dataclass(frozen=True)
class Cutouts:
    """What a CLIP saw in a step. step: counts from 1. perceptor: its id. total: their number in that step.

    images: float32 (N, 3, S, S) in [0, 1]. matrices: float32 (N, 3, 3), from cutout to picture, both in [-1, 1].
    picture: float32 (1, 3, H, W), what they were cut from.
    """

    step: int
    perceptor: str
    total: int
    images: Tensor
    matrices: Tensor
    picture: Tensor


@dataclass(frozen=True)
class Codes:
    """The codes of a picture. grid: int64 (h, w). codebook: how many codes there are to choose from.
    Of a generator that holds logits of all codes, the likeliest.

    tiles: code -> what it looks like in a field of its own kind, float32 (3, t, t) in [0, 1].
    """

    grid: Tensor
    codebook: int
    tiles: Mapping[int, Tensor]

    def most_used(self) -> list[tuple[int, int]]:
        """The codes used most and how often, CODES at most; of equally frequent ones the lower number first."""
        found, counts = self.grid.unique(return_counts=True)
        pairs = zip(found.tolist(), counts.tolist(), strict=True)
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:CODES]

    def mosaic(self) -> Tensor:
        """Every code in its place, drawn by itself: float32 (1, 3, h * t, w * t)."""
        rows = [torch.cat([self.tiles[code] for code in row], dim=2) for row in self.grid.tolist()]
        return torch.cat(rows, dim=1)[None]


@dataclass
class Recording:
    """frames: steps done -> the picture reached, float32 (1, 3, H, W). losses: by term, one value a step.

    image: the last picture. cutouts: of one step, None where no loss looked at any. codes: None where the generator
    has none.
    """

    image: Tensor
    steps: int
    planned: int
    frames: dict[int, Tensor] = field(default_factory=dict)
    losses: Mapping[str, Sequence[float]] = field(default_factory=dict)
    cutouts: Cutouts | None = None
    codes: Codes | None = None


def record(config: RenderConfig, steps: int | None = None, *, shown: Callable[[int, Step], object]) -> Recording:
    """Draw the picture of a resolved config again, up to `steps` (None: all), and keep what the page shows.

    shown: called with the number of steps done and the step. Raises what drawing raises.
    """
    drawing = Drawing([config])
    until = min(steps or drawing.steps, drawing.steps)
    wanted, middle = frames(until), max(1, (until + 1) // 2)
    made = Recording(torch.zeros(1, 3, 1, 1), until, drawing.steps)
    last: Step | None = None
    for last in drawing:
        shown(drawing.done, last)
        if drawing.done in wanted:
            made.frames[drawing.done] = last.images()
        if drawing.done == middle:
            made.cutouts = _cutouts(drawing.engine, last)
        if drawing.done == until:
            break
    assert last is not None
    made.image, made.losses = last.images(), drawing.losses[0]
    made.codes = _codes(drawing.engine, last)
    return made


def frames(steps: int) -> list[int]:
    """After which steps a picture is kept: at most FRAMES, the first and the last among them, more of them early."""
    if steps <= FRAMES:
        return list(range(1, steps + 1))
    places = [1 + (steps - 1) * (i / (FRAMES - 1)) ** 1.6 for i in range(FRAMES)]
    found: list[int] = []
    for place in places:
        found.append(max(round(place), found[-1] + 1 if found else 1))
    return found


def _cutouts(engine: Engine, step: Step) -> Cutouts | None:
    """The cutouts that the first perceptor was shown in this step, of the picture that the step ended with."""
    scene = engine.scene
    if not any(term.loss.reads in ("cutouts", "embeddings") for term in scene.terms.values()):
        return None
    done, stage = 0, scene.stages[0]
    for stage in scene.stages:
        done += stage.steps
        if step.index < done:
            break
    images = step.images()
    with isolated(scene.threads), torch.no_grad():
        plan = plan_views(scene, step.size, scene.cutouts_in(stage), step.index)[0]
        views = scene.cutter.cut(images, plan.plan[:CUTOUTS])
    matrices = plan.plan.matrices
    return Cutouts(step.index + 1, plan.name, matrices.shape[1], views[0].clamp(0, 1), matrices[0, :CUTOUTS], images)


def _codes(engine: Engine, step: Step) -> Codes | None:
    network = getattr(engine.session.generator, "network", None)
    params = step.params
    if not isinstance(network, VQModel) or not params.keys() & {"latent", "logits"}:
        return None
    with isolated(engine.scene.threads), torch.no_grad():
        found = params["logits"].argmax(1) if "logits" in params else network.quantize.nearest(params["latent"])
        grid = found[0].cpu()
        used = grid.unique()
        tiles: dict[int, Tensor] = {}
        for part in used.split(64):
            fields = part[:, None, None].expand(-1, _TILE, _TILE).to(found.device)
            drawn = network.decode(network.codes(fields).contiguous()).clamp(0, 1).cpu()
            edge = (drawn.shape[-1] - network.factor) // 2
            middle = drawn[..., edge : edge + network.factor, edge : edge + network.factor]
            tiles |= dict(zip(part.tolist(), middle, strict=True))
    return Codes(grid, len(network.quantize.codebook), tiles)
