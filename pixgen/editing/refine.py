"""The loop, from codes that are there already, towards an image embedding: how variations, morphs and edits go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size
from pixgen.contracts import Filter, Frame, Loss, Params, Reads, Session, Start
from pixgen.loop.backward import Term
from pixgen.loop.engine import Engine, Scene, Stage, Step
from pixgen.registry import schedule

if TYPE_CHECKING:
    from pixgen.networks.pair import Pair

SIDE = 128
"""Of the picture whose codes the decoder knows, in pixels."""

COARSE = 8 / 11
"""Share of the steps at 128 pixels, as when a prompt is drawn; the others are at the final size."""

Callback = Callable[[Step], object]


@dataclass(frozen=True)
class Made:
    """One finished picture.

    image: float32 (1, 3, H, W) in [0, 1]; codes: int64 (h, w), what it was decoded from.
    steps: of the loop; losses: of each of them, by term.
    """

    image: Tensor
    codes: Tensor
    seed: int
    steps: int = 0
    losses: Mapping[str, list[float]] = field(default_factory=dict)


class Toward(Loss):
    """Half the squared angle of each cutout's embedding to a given one (1, D), as `loss.clip` to a prompt's."""

    reads: ClassVar[Reads] = "cutouts"

    def __init__(self, target: Tensor) -> None:
        self.target = target

    def __call__(self, frame: Frame) -> Tensor:
        assert frame.view is not None
        half = (frame.view.embeddings - self.target).norm(dim=-1) / 2
        return 2 * torch.asin(half.clamp(max=1 - 1e-6)).square().mean(1)


@dataclass
class Given(Start):
    """Codes that are there already, (h, w)."""

    codes: Tensor

    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        generator: Any = session.generator
        params = {"latent": generator.network.codes(self.codes[None]).contiguous()}
        there = tuple(side * generator.factor for side in self.codes.shape)
        return params if there == tuple(size) else generator.resize(params, size)


class Keep(Filter):
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


def loop(
    pair: Pair,
    codes: Tensor,
    target: Tensor,
    seed: int,
    steps: int,
    size: int,
    pull: float,
    keep: Keep | None = None,
    callback: Callback | None = None,
) -> Made:
    """Codes (h, w) moved towards the embedding (1, D) by some steps of the loop, the last ones at `size` pixels."""
    generator: Any = registry.create("generator", {"type": "vqgan"})
    session = Session(
        device=target.device,
        size=(size, size),
        generator=generator.use(pair.vqgan),
        perceptors={"tiny": pair.perceptor},
        prompts=[()],
        streams=[Streams(seed)],
        perceptor_weights={"tiny": 1.0},
        prepared=True,
    )
    terms = {"toward": Term(Toward(target), schedule(1.0))}
    if pull > 0:
        terms["start"] = Term(registry.create("loss", {"type": "init"}), schedule(pull))
    coarse = steps if size == SIDE else min(round(steps * COARSE), steps - 1)
    stages = [Stage(coarse, (SIDE, SIDE), 16), Stage(steps - coarse, (size, size), 12)]
    scene = Scene(
        session=session,
        stages=[stage for stage in stages if stage.steps],
        start=Given(codes),
        cutter=registry.create("cutter", {"type": "warp", "whole": 0.5}),
        terms=terms,
        optimizer={"type": "Adam"},
        lr=schedule(0.05),
        noise=schedule(0.0),
        filters=[keep] if keep else [],
        average=0.9,
    )
    losses: dict[str, list[float]] = {}
    last: Step | None = None
    with torch.enable_grad():
        for last in Engine(scene):
            for name, value in last.losses.items():
                losses.setdefault(name, []).append(float(value[0]))
            if callback is not None:
                callback(last)
    assert last is not None
    reached = pair.vqgan.quantize.nearest(last.params["latent"])[0]
    return Made(last.images(), reached, seed, steps, losses)
