"""The loop: optimises params until the pictures they decode to show what the prompts say.

It knows the contracts only, never a particular plugin; `pixgen.loop.build` makes its scene of a config.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import overload

import torch
from torch import Tensor

from pixgen.backend.isolation import isolated
from pixgen.backend.tensors import Size, norms
from pixgen.contracts import Frame, Params
from pixgen.errors import PixgenError
from pixgen.loop import backward
from pixgen.loop.average import Average
from pixgen.loop.backward import Losses
from pixgen.loop.best_start import best_start
from pixgen.loop.forward import add_noise, decode, plan_views
from pixgen.loop.scene import Scene
from pixgen.settings import optimizers


class Diverged(PixgenError):
    """A loss, a gradient or a param became NaN or infinite.

    step: where. what: is not finite. images: the last good pictures, float32 (B, 3, H, W) in [0, 1].
    """

    def __init__(self, step: int, what: str, images: Tensor) -> None:
        super().__init__(step, what, images)  # what a copy in another process is made of
        self.step, self.what, self.images = step, what, images

    def __str__(self) -> str:
        return (
            f"step {self.step}: {self.what} is no finite number; lower optimizer.lr, set optimizer.clip_norm=1, "
            "or lower the weight of the term"
        )


@dataclass(frozen=True)
class Step:
    """What one step did.

    index: counts from 0, of `steps`. size: of the pictures in this stage.
    losses: unweighted; total: weighted; each float32 (B,).
    params: their running average.
    """

    index: int
    steps: int
    size: Size
    losses: Losses
    total: Tensor
    lr: float
    params: Params
    _show: Callable[[Params], Tensor] = field(repr=False)

    def images(self) -> Tensor:
        """The pictures reached: the average decoded and filtered, float32 (B, 3, H, W) in [0, 1]."""
        return self._show(self.params)


class Engine(Iterator[Step]):
    """Minimises the scene's weighted losses, one `Step` each time `next` is called.

    The scene must be prepared (`pixgen.loop.scene.prepare`). The caller may stop at any step, change
    `scene.terms[...].weight`, and go on. Raises Diverged when a number is no longer finite.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene, self.session = scene, scene.session
        self.steps = sum(stage.steps for stage in scene.stages)
        self._iterator = self._run()

    def __next__(self) -> Step:
        with isolated(self.scene.threads):
            return next(self._iterator)

    def _run(self) -> Iterator[Step]:
        scene, terms, generator = self.scene, self.scene.terms, self.session.generator
        start: Params = {}
        average: Average | None = None
        step, size = 0, (0, 0)
        for stage in scene.stages:
            # Begin with the best of several starts, or with the previous stage's averaged result.
            before, size = size, scene.rounded(stage.size)
            if average is None:
                start = first = best_start(scene, size, stage)
            elif size == before:  # what is encoded again at the same size only loses
                first = average.value
            else:
                start, first = self._resized(start, size), self._resized(average.value, size)
            params = {name: value.detach().clone().requires_grad_() for name, value in first.items()}
            optimizer = optimizers.create(scene.optimizer, params.values(), lr=scene.lr.value(0))
            average = Average(params, scene.average)

            for _ in range(stage.steps):
                # Decode once; the pictures' gradient is gathered on detached ones.
                progress = step / max(self.steps - 1, 1)
                noisy = add_noise(scene, params, progress, step)
                sampled = generator.sampled(noisy, progress, step, scene.session.streams)
                images, alpha = decode(scene, sampled, step)
                frame = Frame(
                    step, progress, _leaf(images), params, None if alpha is None else _leaf(alpha), start=start
                )

                # From the losses back to the pictures, and to the params for losses that read those.
                for value in params.values():
                    value.grad = None
                views = plan_views(scene, size, scene.cutouts_in(stage), step)
                losses = backward.from_views(frame, views, terms, scene.cutter)
                losses |= backward.from_frame(frame, terms, "images")
                losses |= backward.from_frame(frame, terms, "params")
                self._require_finite({f"loss {name}": loss for name, loss in losses.items()}, step, average)

                # From the pictures back through the generator, and one step down.
                backward.through([(images, frame.images), (alpha, frame.alpha)])
                self._clip_gradient(params, step, average)
                lr = scene.lr.value(progress) * stage.lr
                for group in optimizer.param_groups:
                    group["lr"] = lr
                optimizers.step(optimizer)
                with torch.no_grad():
                    generator.project_(params)
                    # Before the average takes them in, or the last good picture would be lost.
                    self._require_finite({f"param {name}": value for name, value in params.items()}, step, average)
                    average.update(params)

                total = backward.weighted_total(frame, terms, losses)
                yield Step(step, self.steps, size, losses, total, lr, average.value, self._shower(step))
                step += 1

    @torch.no_grad()
    def _resized(self, params: Params, size: Size) -> Params:
        return self.session.generator.resize(params, size)

    def _clip_gradient(self, params: Params, step: int, average: Average) -> None:
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
        """Raises Diverged with the pictures of the average, which every bad number is kept out of."""
        for name, values in numbers.items():
            if not bool(values.isfinite().all()):
                raise Diverged(step, name, self._show(average.value, step))

    def _show(self, params: Params, step: int) -> Tensor:
        with isolated(self.scene.threads), torch.no_grad():
            return decode(self.scene, params, step, shown=True)[0].clamp(0, 1)

    def _shower(self, step: int) -> Callable[[Params], Tensor]:
        return lambda params: self._show(params, step)


@overload
def _leaf(x: Tensor) -> Tensor: ...
@overload
def _leaf(x: None) -> None: ...
def _leaf(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.detach().requires_grad_()
