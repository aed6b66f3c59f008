"""What the loop promises, held by every generator there is and with its own optimiser."""

from typing import Any

import pytest
import torch

from pixgen import registry
from pixgen.backend.tensors import Size
from pixgen.contracts import Generator, Params, Session, Start
from pixgen.loop.engine import Engine
from pixgen.loop.scene import Scene, Stage
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.registry import schedule
from pixgen.settings.config import RenderConfig
from pixgen.testing import scene

PICTURES = ((0, "a fox"), (1, "a dog | a cat :-0.4"), (5, "a house"))
NETWORK = {**TINY, "n_embed": 64, "ddconfig": {**TINY["ddconfig"], "ch_mult": [1, 2]}}


def made(name: str) -> Generator:
    generator = registry.create("generator", {"type": name})
    if name == "vqgan":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            generator.use(VQModel(NETWORK))
    return generator


def drawing(name: str, pictures: Any = PICTURES, **options: Any) -> Scene:
    generator = made(name)
    optimizer = RenderConfig().optimizer | generator.defaults.get("optimizer", {})
    del optimizer["clip_norm"]
    lr = schedule(optimizer.pop("lr"))
    return scene(pictures, generator=generator, optimizer=optimizer, lr=lr, **options)


@pytest.fixture(params=[name for name in registry.names("generator") if name != "vae"])  # which needs an extra
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_loss_falls(name: str) -> None:
    steps = list(Engine(drawing(name, PICTURES[:1], stages=[Stage(20, (32, 32), 8)])))
    first, last = (sum(step.total for step in part) / 4 for part in (steps[:4], steps[-4:]))
    assert last < first


def test_the_same_seed_gives_the_same_bytes_over_stages(name: str) -> None:
    stages = [Stage(2, (16, 24), 4), Stage(2, (32, 48), 4)]
    before = torch.get_rng_state()
    first, again = (
        [step.images() for step in Engine(drawing(name, stages=stages, starts=2, noise=schedule(0.1)))]
        for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert [image.shape for image in first] == [(3, 3, 16, 24)] * 2 + [(3, 3, 32, 48)] * 2
    assert all(image.min() >= 0 and image.max() <= 1 for image in first)


class InFloat64(Start):
    def __init__(self, start: Start) -> None:
        self.start = start

    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        return {name: value.double() for name, value in self.start(session, index, size, attempt).items()}


def first_gradient(name: str, pictures: Any, chunk: int) -> Params:
    losses = {"clip": {"type": "clip"}, "mean": {"type": "clip_mean"}, "tv": {"type": "tv"}}
    run = drawing(name, pictures, losses=losses, chunk=chunk, stages=[Stage(1, (16, 24), 8)])
    run.start = InFloat64(run.start)
    found, generator = {}, run.session.generator
    if name == "vqgan":
        generator.network.double()
    # A start may project params too, before there is a gradient.
    generator.project_ = lambda params: found.update(
        {key: p.grad.clone() for key, p in params.items() if p.grad is not None}
    )
    next(Engine(run))
    assert found
    return found


def test_a_picture_s_first_gradient_depends_on_no_other_and_on_no_chunk(name: str) -> None:
    together = first_gradient(name, PICTURES, chunk=8)
    for b, picture in enumerate(PICTURES):
        for key, grad in first_gradient(name, (picture,), chunk=3).items():
            assert grad.dtype == torch.float64 and grad.abs().sum() > 0
            torch.testing.assert_close(together[key][b : b + 1], grad, rtol=1e-7, atol=1e-13)
