from dataclasses import dataclass, replace

import pytest
import torch

from pixgen.contracts import Frame, Loss
from pixgen.loop.engine import Engine
from pixgen.loop.scene import Scene, Stage
from pixgen.testing import ToyGenerator, scene

LOSSES = {
    "clip": {"type": "clip"},
    "mean": {"type": "clip_mean", "weight": 0.7},
    "tv": {"type": "tv", "weight": 2.0},
    "pull": {"type": "init", "weight": 0.3},
}
PICTURES = ((0, "a fox"), (1, "a dog | a cat :-0.4"))


def toy(losses: dict, chunk: int, perceptors: int = 1) -> Scene:
    generator = ToyGenerator(dtype=torch.float64)
    return scene(PICTURES, losses, perceptors, generator, [Stage(1, (32, 32), 64)], chunk=chunk)


def gradient(made: Scene) -> tuple[torch.Tensor, dict]:
    """The params' gradient at the first step, and the losses; the pull goes to somewhere else than they are."""
    found = []
    if "pull" in made.terms:
        made.terms["pull"].loss = FromElsewhere(made.terms["pull"].loss)
    made.session.generator.project_ = lambda params: found.append(params["grid"].grad.clone())
    losses = next(Engine(made)).losses
    return found[0], losses


@dataclass
class FromElsewhere(Loss):
    """A loss as if the run had begun somewhere else."""

    loss: Loss
    reads = "params"

    def __call__(self, frame: Frame) -> torch.Tensor:
        return self.loss(replace(frame, start={name: value + 0.5 for name, value in frame.start.items()}))


@pytest.mark.parametrize("names", [*[(name,) for name in LOSSES], tuple(LOSSES)], ids="+".join)
@pytest.mark.parametrize("perceptors", [1, 2])
def test_the_chunk_changes_no_gradient(names: tuple[str, ...], perceptors: int) -> None:
    losses = {name: LOSSES[name] for name in names}
    (small, small_losses), (large, large_losses) = (gradient(toy(losses, chunk, perceptors)) for chunk in (8, 64))
    assert small.dtype == torch.float64 and small.abs().sum() > 0
    torch.testing.assert_close(small, large, rtol=1e-10, atol=1e-14)
    assert small_losses.keys() == large_losses.keys() == losses.keys()
    for name, value in small_losses.items():
        torch.testing.assert_close(value, large_losses[name])


def test_two_stages_give_the_gradient_of_one_plain_backward() -> None:
    losses = {"clip": LOSSES["clip"], "mean": LOSSES["mean"], "tv": LOSSES["tv"]}
    found, _ = gradient(toy(losses, 8))
    made = toy(losses, 64)
    session = made.session
    drawn = [made.start(session, b, (32, 32), 0)["grid"] for b in range(2)]
    grid = torch.cat(drawn).requires_grad_()
    images = session.generator.decode({"grid": grid})
    plan = made.cutter.plan((32, 32), 64, 16, 0, session.streams, "toy0")
    perceptor = session.perceptors["toy0"]
    embeddings = perceptor.encode_image(made.cutter.cut(images, plan).flatten(0, 1)).unflatten(0, (2, 64))
    clip, mean = made.terms["clip"].loss, made.terms["mean"].loss
    middle = torch.nn.functional.normalize(embeddings.mean(1, keepdim=True), dim=-1)
    total = clip.distances("toy0", embeddings) + 0.7 * mean.distances("toy0", middle)
    total = total + 2 * (images.diff(dim=2).square().mean((1, 2, 3)) + images.diff(dim=3).square().mean((1, 2, 3)))
    total.sum().backward()
    torch.testing.assert_close(found, grid.grad, rtol=1e-10, atol=1e-14)


class Held:
    """One saved tensor; counts its bytes while the graph holds it."""

    live = peak = 0

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor, self.bytes = tensor, tensor.numel() * tensor.element_size()
        Held.live += self.bytes
        Held.peak = max(Held.peak, Held.live)

    def __del__(self) -> None:
        Held.live -= self.bytes


def peak(made: Scene) -> int:
    Held.live = Held.peak = 0
    with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.tensor):
        for _ in Engine(made):
            pass
    return Held.peak


@pytest.mark.parametrize("names", [("clip",), ("mean",), tuple(LOSSES)], ids="+".join)
@pytest.mark.parametrize("perceptors", [1, 2])
def test_the_chunk_bounds_what_is_held_for_the_backward_pass(names: tuple[str, ...], perceptors: int) -> None:
    losses = {name: LOSSES[name] for name in names}
    small, large = peak(toy(losses, 8, perceptors)), peak(toy(losses, 64, perceptors))
    assert small <= large / 2


@pytest.mark.slow
@pytest.mark.parametrize("perceptors", [1, 2])
def test_a_picture_s_first_gradient_is_the_same_alone_and_in_a_batch(perceptors: int) -> None:
    def first(pictures: tuple[tuple[int, str], ...]) -> torch.Tensor:
        generator = ToyGenerator(dtype=torch.float64)
        stages = [Stage(1, (24, 40), 8)]
        made = scene(
            pictures, LOSSES, perceptors, generator, stages, chunk=3, noise=scene().lr, starts=3, clip_norm=1e-3
        )
        found = []
        made.session.generator.project_ = lambda params: found.append(params["grid"].grad.clone())
        next(Engine(made))
        return found[0]

    pictures = (*PICTURES, (5, "a house | a tree | a red car :0.2"))
    together = first(pictures)
    for b, picture in enumerate(pictures):
        torch.testing.assert_close(together[b : b + 1], first((picture,)), rtol=1e-8, atol=1e-14)


def test_perceptors_share_by_weight() -> None:
    def loss(first: float) -> torch.Tensor:
        made = toy({"clip": LOSSES["clip"]}, 64, 2)
        made.session.perceptor_weights = {"toy0": first, "toy1": 1 - first}
        return next(Engine(made)).losses["clip"]

    torch.testing.assert_close(loss(0.25), 0.25 * loss(1.0) + 0.75 * loss(0.0))
