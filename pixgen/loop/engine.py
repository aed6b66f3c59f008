"""The loop: optimises params until the pictures they decode to say what the prompts say.

Imports the contracts only, never a particular plugin; `pixgen.loop.build` puts a scene together from a config.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from pixgen.backend.tensors import Size, at_least_float32, autocast, norms
from pixgen.contracts import Cutter, Filter, Frame, Loss, Params, Scheduler, Session, Start
from pixgen.errors import PixgenError
from pixgen.loop import backward
from pixgen.loop.average import Average
from pixgen.loop.backward import Look, Losses, Term
from pixgen.registry import schedule
from pixgen.settings import optimizers

log = logging.getLogger(__name__)

JUDGED = 4
"""Cutouts by which a random start is judged; cutters give the views of the whole picture first."""


class Diverged(PixgenError):
    """A loss, a gradient or a param became NaN or infinite.

    step: where. images: the last good pictures, float32 (B, 3, H, W) in [0, 1].
    """

    def __init__(self, step: int, what: str, images: Tensor) -> None:
        super().__init__(
            f"step {step}: {what} is no finite number; lower optimizer.lr, set optimizer.clip_norm=1, "
            "or lower the weight of the term"
        )
        self.step, self.images = step, images


@dataclass(frozen=True)
class Stage:
    """Some steps at one size. lr multiplies the run's; cutouts are counted for each perceptor and picture."""

    steps: int
    size: Size
    cutouts: int
    lr: float = 1.0


@dataclass
class Scene:
    """Everything a run needs, ready made. One prompt list and one `Streams` in the session for each picture.

    cutouts: perceptor id -> its own number of cutouts, where the stage's does not hold for it.
    chunk: cutouts of each picture that are looked at together; bounds memory.
    starts: random starts of which each picture keeps the best.
    clip_norm: largest norm of one picture's gradient. average: decay of the params' running average.
    noise: standard deviation of the noise on the params while they are decoded.
    precision: of generator and perceptors while they compute, where not float32; losses, warps and params stay.
    """

    session: Session
    stages: Sequence[Stage]
    start: Start
    cutter: Cutter
    terms: dict[str, Term]
    optimizer: Mapping[str, Any]
    lr: Scheduler
    noise: Scheduler
    filters: Sequence[Filter] = ()
    cutouts: Mapping[str, int] = field(default_factory=dict)
    chunk: int = 16
    starts: int = 1
    clip_norm: float | None = None
    average: float = 0.95
    precision: torch.dtype | None = None


@dataclass(frozen=True)
class Step:
    """What one step did. `index` counts from 0; `losses` are unweighted, `total` weighted, each float32 (B,)."""

    index: int
    steps: int
    size: Size
    losses: Losses
    total: Tensor
    lr: float
    params: Params
    """The running average of the params."""
    _show: Callable[[Params], Tensor] = field(repr=False)

    def images(self) -> Tensor:
        """The pictures reached: the average decoded and filtered, float32 (B, 3, H, W) in [0, 1]."""
        return self._show(self.params)


class Engine(Iterator[Step]):
    """Minimises the scene's weighted losses, one `Step` each time `next` is called.

    The caller may stop at any step, look, change `scene.terms[...].weight`, go on.
    Raises Diverged when a number is no longer finite.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.session, self.generator = scene.session, scene.session.generator
        self.steps = sum(stage.steps for stage in scene.stages)
        if not self.session.prepared:
            self.generator.prepare(self.session.device)
            for perceptor in self.session.perceptors.values():
                perceptor.prepare(self.session.device)
        scene.start.prepare(self.session)
        for term in scene.terms.values():
            term.loss.prepare(self.session)
        if not self.session.lasting:
            for perceptor in self.session.perceptors.values():
                perceptor.release_text()
        self._iterator = self._run()
        asked, rounded = scene.stages[-1].size, self._round(scene.stages[-1].size)
        if rounded != tuple(asked):
            factor = self.generator.factor
            log.warning("size %dx%d becomes %dx%d: sides must be multiples of %d", *asked[::-1], *rounded[::-1], factor)

    def __next__(self) -> Step:
        return next(self._iterator)

    def own_losses(self) -> dict[str, Loss]:
        """The losses that the run lowers, by term id."""
        return {name: term.loss for name, term in self.scene.terms.items()}

    @torch.no_grad()
    def look_again(self, images: Tensor, losses: Mapping[str, Loss], cutouts: int, stream: str) -> Losses:
        """Losses, each (B,), of finished pictures on cutouts that no step has used.

        images: float32 (B, 3, H, W) in [0, 1]. cutouts: for each perceptor and picture, drawn from the random streams
        called `stream`. Losses that read params are left out.
        """
        size = (images.shape[2], images.shape[3])
        frame = Frame(self.steps - 1, 1.0, images, {})
        terms = {name: Term(loss, schedule(1.0)) for name, loss in losses.items()}
        stage = replace(self.scene.stages[-1], cutouts=cutouts)
        looks = self._look(size, stage, 0, stream)
        return backward.from_looks(frame, looks, terms, self.scene.cutter) | backward.from_frame(frame, terms, "images")

    def _run(self) -> Iterator[Step]:
        scene, generator, step = self.scene, self.generator, 0
        average: Average | None = None
        size: Size = (0, 0)
        for stage in scene.stages:
            # Begin with the best of several starts, or with the previous stage's averaged result.
            before, size = size, self._round(stage.size)
            params = self._begin(size, stage) if average is None else self._grow(average, size, size != before)
            params = {name: value.detach().clone().requires_grad_() for name, value in params.items()}
            optimizer = optimizers.create(scene.optimizer, params.values(), lr=scene.lr.value(0))
            average = Average(params, scene.average)

            for _ in range(stage.steps):
                # Decode once; the pictures' gradient is gathered on detached ones.
                progress = step / max(self.steps - 1, 1)
                images, alpha = self._decode(self._noisy(params, progress, step), step)
                frame = Frame(step, progress, _leaf(images), params, _leaf(alpha) if alpha is not None else None)

                # Score, from the losses back to the pictures, and to the params for losses that read those.
                for value in params.values():
                    value.grad = None
                looks = self._look(size, stage, step)
                losses = backward.from_looks(frame, looks, scene.terms, scene.cutter)
                losses |= backward.from_frame(frame, scene.terms, "images")
                losses |= backward.from_frame(frame, scene.terms, "params")
                self._require_finite(losses, step, average)

                # From the pictures back through the generator, and one step down.
                _through([(images, frame.images), (alpha, frame.alpha)])
                self._clip(params, step, average)
                lr = scene.lr.value(progress) * stage.lr
                for group in optimizer.param_groups:
                    group["lr"] = lr
                optimizers.step(optimizer)
                with torch.no_grad():
                    generator.project_(params)
                    # Before the average takes them in, or the last good picture would be lost.
                    self._require_finite({f"param {name}": value for name, value in params.items()}, step, average)
                    average.update(params)

                total = self._total(losses, progress)
                yield Step(step, self.steps, size, losses, total, lr, average.value, self._shower(step))
                step += 1

    def _round(self, size: Size) -> Size:
        factor = self.generator.factor
        return max(1, round(size[0] / factor)) * factor, max(1, round(size[1] / factor)) * factor

    @torch.no_grad()
    def _begin(self, size: Size, stage: Stage) -> Params:
        """Each picture's best start of several, judged by the losses on the same few views."""
        scene = self.scene
        best: Params = {}
        least: Tensor | None = None
        for attempt in range(max(1, scene.starts)):
            pictures = [scene.start(self.session, b, size, attempt) for b in range(len(self.session.streams))]
            params = {name: torch.cat([p[name] for p in pictures]).to(self.session.device) for name in pictures[0]}
            if scene.starts > 1:
                total = self._judge(params, size, stage)
                better = total < least if least is not None else torch.ones_like(total, dtype=torch.bool)
                least = total if least is None else torch.where(better, total, least)
                params = {name: _choose(better, value, best.get(name, value)) for name, value in params.items()}
            best = params
        self.session.start = {name: value.clone() for name, value in best.items()}
        return best

    def _judge(self, params: Params, size: Size, stage: Stage) -> Tensor:
        images, alpha = self._decode(params, 0)
        frame = Frame(0, 0.0, images, params, alpha)
        looks = [replace(look, plan=look.plan[:JUDGED]) for look in self._look(size, stage, 0)]
        losses = backward.from_looks(frame, looks, self.scene.terms, self.scene.cutter)
        losses |= backward.from_frame(frame, self.scene.terms, "images")
        return self._total(losses, 0.0).nan_to_num(nan=torch.inf)

    @torch.no_grad()
    def _grow(self, average: Average, size: Size, grown: bool) -> Params:
        if not grown:  # what is encoded again at the same size only loses
            return average.value
        if self.session.start is not None:
            self.session.start = self.generator.resize(self.session.start, size)
        return self.generator.resize(average.value, size)

    def _noisy(self, params: Params, progress: float, step: int) -> Params:
        """The params with Gaussian noise, each picture's from its own stream."""
        sigma = self.scene.noise.value(progress)
        if sigma <= 0:
            return params
        noisy = {}
        for name, value in params.items():
            drawn = [
                torch.randn(value.shape[1:], generator=streams.generator(f"noise/{name}", step))
                for streams in self.session.streams
            ]
            noisy[name] = value + sigma * torch.stack(drawn).to(value)
        return noisy

    def _decode(self, params: Params, step: int) -> tuple[Tensor, Tensor | None]:
        with autocast(self.session.device, self.scene.precision):
            decoded = self.generator.decode(params)
        decoded = at_least_float32(decoded)
        images = decoded[:, :3]
        for apply in self.scene.filters:
            images = apply(images, step, list(self.session.streams))
        return images, decoded[:, 3:] if decoded.shape[1] == 4 else None

    def _look(self, size: Size, stage: Stage, step: int, stream: str = "") -> list[Look]:
        """The perceptors' views of one step; those of another `stream` have the stage's number of cutouts."""
        scene, session = self.scene, self.session
        looks = []
        for name, perceptor in session.perceptors.items():
            count = stage.cutouts if stream else scene.cutouts.get(name, stage.cutouts)
            address = f"{stream}/{name}" if stream else name
            plan = scene.cutter.plan(size, count, perceptor.input_size, step, session.streams, address)
            weight = session.perceptor_weights.get(name, 1.0)
            looks.append(Look(name, perceptor, weight, plan, scene.chunk, scene.precision))
        return looks

    def _total(self, losses: Losses, progress: float) -> Tensor:
        total = torch.zeros(len(self.session.streams), device=self.session.device)
        for name, loss in losses.items():
            total = total + self.scene.terms[name].weight.value(progress) * loss
        return total

    def _clip(self, params: Params, step: int, average: Average) -> None:
        """Bound the norm of each picture's whole gradient by itself, so that pictures stay independent."""
        grads = [value.grad for value in params.values() if value.grad is not None]
        if not grads:
            return
        norm = torch.stack([norms(grad) for grad in grads]).norm(dim=0)
        self._require_finite({"the gradient": norm}, step, average)
        if self.scene.clip_norm is not None:
            scale = (self.scene.clip_norm / norm.clamp(min=1e-12)).clamp(max=1)
            for grad in grads:
                grad.mul_(scale.view(-1, *[1] * (grad.dim() - 1)))

    def _require_finite(self, numbers: Mapping[str, Tensor], step: int, average: Average) -> None:
        for name, values in numbers.items():
            if not bool(values.isfinite().all()):
                what = f"loss {name}" if name in self.scene.terms else name
                raise Diverged(step, what, self._show(average.value, step))

    @torch.no_grad()
    def _show(self, params: Params, step: int) -> Tensor:
        return self._decode(params, step)[0].clamp(0, 1)

    def _shower(self, step: int) -> Callable[[Params], Tensor]:
        return lambda params: self._show(params, step)


def _leaf(x: Tensor) -> Tensor:
    return x.detach().requires_grad_()


def _choose(which: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """a where `which` (B,) is true, else b."""
    return torch.where(which.view(-1, *[1] * (a.dim() - 1)), a, b)


def _through(pairs: Sequence[tuple[Tensor | None, Tensor | None]]) -> None:
    """Go on from the gradients gathered on detached tensors, back through what they were detached from."""
    held = [(whole, leaf.grad) for whole, leaf in pairs if whole is not None and leaf is not None]
    held = [(whole, grad) for whole, grad in held if grad is not None and whole.requires_grad]
    if held:
        torch.autograd.backward([whole for whole, _ in held], [grad for _, grad in held])
