"""The loop, from codes that are there already towards an image embedding: how variations, morphs and edits go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen import registry
from pixgen.backend.tensors import Size, spherical_distance
from pixgen.contracts import Filter, Frame, Loss, Params, Reads, Scheduler, Session, Start
from pixgen.io.yaml_files import Layer
from pixgen.loop.build import Models, build
from pixgen.loop.engine import Step
from pixgen.loop.scene import Term
from pixgen.networks.pair import PAIR_SIDE
from pixgen.registry import schedule
from pixgen.settings import config as configs
from pixgen.settings import profiles
from pixgen.settings.config import RenderConfig

if TYPE_CHECKING:
    from pixgen.networks.pair import Pair

Callback = Callable[[Step], object]
"""Called with every step of the loop; where it returns False, the loop ends there."""


@dataclass(frozen=True)
class Made:
    """One finished picture.

    image: float32 (1, 3, H, W) in [0, 1]; codes: int64 (h, w), what it was decoded from.
    steps: of the loop; losses: of each of them, by term. planned: steps, more where the loop was ended before its end.
    """

    image: Tensor
    codes: Tensor
    seed: int
    steps: int = 0
    losses: Mapping[str, list[float]] = field(default_factory=dict)
    planned: int = 0


class EmbeddingDistance(Loss):
    """Spherical distance of each cutout's embedding to a given one, (1, D), as `loss.clip` has it to a prompt's."""

    reads: ClassVar[Reads] = "cutouts"

    def __init__(self, target: Tensor) -> None:
        self.target = target

    def __call__(self, frame: Frame) -> Tensor:
        assert frame.view is not None
        return spherical_distance(frame.view.embeddings, self.target).mean(1)


@dataclass
class FixedCodes(Start):
    """Codes that are there already, int64 (h, w)."""

    codes: Tensor
    min_side: ClassVar[int] = PAIR_SIDE

    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        generator: Any = session.generator
        params = {"latent": generator.network.codes(self.codes[None]).contiguous()}
        there = tuple(side * generator.factor for side in self.codes.shape)
        return params if there == tuple(size) else generator.resize(params, size)


class Composite(Filter):
    """Shows the picture itself wherever it may not change, at whatever size the loop has reached.

    whole: float32 (1, 3, H, W), square to look at; changing: (1, 1, h, w), 1 where it may change. exact: the picture
    as it is, else as the VQGAN reconstructs it.
    """

    def __init__(self, pair: Pair, whole: Tensor, changing: Tensor, exact: bool) -> None:
        self.pair, self.whole, self.changing, self.exact = pair, whole, changing, exact
        self._at: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    def at(self, side: int) -> tuple[Tensor, Tensor, Tensor]:
        """What is shown elsewhere, float32 (1, 3, side, side), its codes, and how much of the loop's is shown."""
        if side not in self._at:
            ground = F.interpolate(self.whole, size=(side, side), mode="bicubic", antialias=True).clamp(0, 1)
            with torch.no_grad():
                codes = self.pair.vqgan.quantize.nearest(self.pair.vqgan.encode(ground))
                if not self.exact:
                    ground = self.pair.vqgan.decode(self.pair.vqgan.codes(codes)).clamp(0, 1)
            share = F.interpolate(self.changing, size=(side, side), mode="bilinear", antialias=True).clamp(0, 1)
            self._at[side] = ground, codes[0], share
        return self._at[side]

    def __call__(self, images: Tensor, step: int = 0, streams: Any = ()) -> Tensor:
        ground, _, share = self.at(images.shape[-1])
        return torch.lerp(ground, images, share)

    def codes(self, codes: Tensor) -> Tensor:
        """The codes (h, w) of the loop where the picture changed, else the picture's own."""
        side = codes.shape[-1] * self.pair.vqgan.factor
        anew = F.interpolate(self.changing, size=codes.shape, mode="nearest")[0, 0] > 0
        return torch.where(anew, codes, self.at(side)[1])


@dataclass(frozen=True)
class Scaled(Scheduler):
    """Another schedule times a factor."""

    of: Scheduler
    factor: float

    def value(self, progress: float) -> float:
        return self.factor * self.of.value(progress)


def settings(size: int, **chosen: Any) -> RenderConfig:
    """The loop's settings for vary, morph and edit: those of the pair's profile, and what was chosen over them."""
    base = RenderConfig(losses={}, precision="float32")
    profile = profiles.editing(base.generator, base.perceptors.values())
    config = configs.resolve([*profile, Layer({"size": (size, size), **chosen}, "editing")], base=base)
    if size <= PAIR_SIDE:  # there is nothing to grow to, and a second stage would only forget what the optimiser knows
        config.stages = [replace(config.stages[0], steps=1.0, size=1.0)]
    return config


def refine(
    pair: Pair,
    codes: Tensor,
    target: Tensor,
    seed: int,
    steps: int,
    size: int,
    *,
    pull: float = 1.0,
    filters: Mapping[str, Filter] | None = None,
    callback: Callback | None = None,
) -> Made:
    """Codes (h, w) moved towards the embedding (1, D) by some steps of the loop, the last ones at `size` pixels.

    pull: factor on the weight of `losses.init` in the pair's settings, which holds the loop to where it began.
    """
    device = pair.device
    generator: Any = registry.create("generator", {"type": "vqgan"})
    config = settings(size, steps=steps, device=str(device), threads=torch.get_num_threads())
    models = Models(keep_text_towers=True)
    models.put("generator", config.generator, device, generator.use(pair.vqgan))
    models.put("perceptor", config.perceptors["tiny"], device, pair.perceptor)
    terms = {"embedding": Term(EmbeddingDistance(target), schedule(1.0))}
    engine = build(config, [(None, seed)], models, start=FixedCodes(codes), terms=terms, filters=filters)
    if init := engine.scene.terms.get("init"):
        init.weight = Scaled(init.weight, pull)
    losses: dict[str, list[float]] = {}
    last: Step | None = None
    with torch.enable_grad():
        for last in engine:
            for name, value in last.losses.items():
                losses.setdefault(name, []).append(float(value[0]))
            if callback is not None and callback(last) is False:
                break
    assert last is not None
    reached = pair.vqgan.quantize.nearest(last.params["latent"])[0]
    return Made(last.images(), reached, seed, last.index + 1, losses, steps)
