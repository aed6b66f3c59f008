"""pixgen called by other programs: from threads, from asyncio, from processes, with settings of their own in torch."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import locale
import logging
import multiprocessing
import os
import pickle
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import pixgen
from pixgen import errors, testing
from pixgen.contracts import Filter, Frame, Loss, Perceptor, Score
from pixgen.io import resources
from pixgen.loop.engine import Diverged, Engine
from pixgen.loop.scoring import judge
from pixgen.registry import register

ROOT = Path(__file__).parent.parent
APPLE = ROOT / "docs" / "apple.png"

weights = pytest.mark.skipif(
    not list(resources.embedded().glob("*.safetensors")), reason="the models are not in this checkout"
)

TOYS: dict[str, Any] = {
    "generator": "toy", "start": "random", "perceptors": {"tiny": {"type": "toy"}}, "size": "32x32", "steps": 3,
    "cutouts": 4, "starts": 2, "precision": "float32",
}  # fmt: skip
QUICK: dict[str, Any] = {"size": "64x64", "steps": 2, "precision": "float32", "cutouts": 4}


def toys(seed: int, **options: Any) -> list[bytes]:
    made = pixgen.generate("a red fox", seed=seed, **{**TOYS, **options})
    return [made.images[0].tobytes(), repr(made.metadata[0]).encode()]


def process_state() -> dict[str, Any]:
    """What belongs to the whole process."""
    logger = logging.getLogger("pixgen")
    return {
        "streams": [sys.stdin, sys.stdout, sys.stderr],
        "warnings": list(warnings.filters),
        "torch": torch.get_rng_state().tolist(),
        "numpy": np.random.get_state()[1].tolist(),  # type: ignore[index]
        "random": random.getstate(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "folder": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL),
        # torch's compiler leaves the name of its folder there when a package imports it
        "environment": {name: value for name, value in os.environ.items() if not name.startswith("TORCHINDUCTOR")},
        "logging": [logging.root.level, logging.root.handlers[:], logging.root.manager.disable],
        "logger": [logger.level, logger.handlers[:], logger.propagate],
        "path": sys.path[:],
    }


def test_eight_threads_draw_what_one_after_another_draws() -> None:
    one_by_one = [toys(seed) for seed in range(8)]
    before = process_state()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(toys, range(8))) == one_by_one
    assert process_state() == before


def test_asyncio_draws_what_one_after_another_draws() -> None:
    async def together() -> list[list[bytes]]:
        return await asyncio.gather(*(asyncio.to_thread(toys, seed) for seed in range(4)))

    assert asyncio.run(together()) == [toys(seed) for seed in range(4)]


def test_threads_may_ask_for_their_own_number_of_threads() -> None:
    one_by_one = [toys(seed, threads=1 + seed % 2) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda seed: toys(seed, threads=1 + seed % 2), range(4))) == one_by_one


@pytest.mark.slow
@weights
def test_a_call_leaves_the_process_as_it_was() -> None:
    calls: list[Callable[[], object]] = [
        lambda: pixgen.generate("a red fox", **QUICK, threads=2),
        lambda: pixgen.vary(APPLE, count=1, seed=1, steps=1, size=128),
        lambda: pixgen.edit(APPLE, "a green apple", "a red apple", seed=1, steps=1, size=128),
        lambda: pixgen.morph(APPLE, APPLE, frames=3, steps=1, seed=1),
    ]
    for call in calls:
        before = process_state()
        call()
        assert process_state() == before


@pytest.mark.slow
@weights
def test_presets_variations_and_edits_beside_each_other() -> None:
    calls: list[Callable[[], list[bytes]]] = [
        lambda: [pixgen.generate("a castle", preset="watercolor", seed=1, **QUICK).images[0].tobytes()],
        lambda: [pixgen.generate("a castle", preset="neon", seed=1, **QUICK).images[0].tobytes()],
        lambda: [pixgen.generate("a red fox", start="dalle2", seed=1, **QUICK).images[0].tobytes()],
        lambda: [image.tobytes() for image in pixgen.vary(APPLE, count=2, seed=1).images],
        lambda: [pixgen.edit(APPLE, "a green apple", "a red apple", seed=1, steps=2, size=128).images[0].tobytes()],
        lambda: [image.tobytes() for image in pixgen.morph(APPLE, APPLE, frames=3, steps=1, seed=1).frames],
    ]
    one_by_one = [call() for call in calls]
    with ThreadPoolExecutor(len(calls)) as pool:
        assert list(pool.map(lambda call: call(), calls)) == one_by_one


SETTINGS: dict[str, Callable[[], contextlib.AbstractContextManager[Any]]] = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "default device": lambda: torch.device("meta"),
}


@pytest.mark.slow
@weights
@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_torch_change_nothing(setting: str) -> None:
    def draw() -> list[bytes]:
        edited = pixgen.edit(APPLE, "a green apple", "a red apple", seed=1, steps=1, size=128)
        varied = pixgen.vary(APPLE, count=1, seed=1, steps=1, size=128)
        drawn = pixgen.generate("a red fox", seed=1, **QUICK)
        return [made.images[0].tobytes() for made in (drawn, edited, varied)]

    plain = draw()
    with SETTINGS[setting]():
        assert draw() == plain


@pytest.mark.parametrize(
    "call",
    [
        lambda: toys(1),
        lambda: pixgen.vary(APPLE, count=1),
        lambda: pixgen.edit(APPLE, "a green apple", "a red apple"),
        lambda: pixgen.morph(APPLE, APPLE, frames=2),
    ],
)
def test_float64_as_the_default_says_what_to_change(call: Callable[[], object]) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(pixgen.UsageError, match=r"torch.set_default_dtype\(torch.float32\)"):
            call()
    finally:
        torch.set_default_dtype(torch.float32)


# -- exceptions ------------------------------------------------------------------------------------------------------


def public_exceptions() -> list[type[errors.PixgenError]]:
    import pixgen.io.schema  # noqa: F401 (its errors are subclasses too)

    found, waiting = [], [errors.PixgenError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("pixgen."):
            found.append(kind)
    return found


MADE: dict[str, Callable[[type[Any]], Exception]] = {
    "Diverged": lambda kind: kind(3, "loss clip", torch.ones(1, 3, 2, 2)),
    "OptionError": lambda kind: kind("losses.warm", "losses.warm is wrong"),
}


@pytest.mark.parametrize("kind", public_exceptions(), ids=lambda kind: kind.__name__)
def test_every_exception_can_be_pickled(kind: type[errors.PixgenError]) -> None:
    make = next((MADE[base.__name__] for base in kind.__mro__ if base.__name__ in MADE), None)
    error = make(kind) if make else kind("what and where")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind and str(copy) == str(error) and copy.exit_code == error.exit_code
    assert vars(copy).keys() == vars(error).keys()


DIVERGING = """
import torch
from pixgen.loop.engine import Diverged

def diverge(seed):
    raise Diverged(seed, "loss clip", torch.ones(1, 3, 2, 2))
"""


@pytest.mark.slow
def test_a_pool_of_the_user_s_own_gets_the_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A module of its own: the tests themselves can be imported by a new process only from the root of the tree.
    (tmp_path / "diverging.py").write_text(DIVERGING)
    monkeypatch.syspath_prepend(tmp_path)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        waiting = pool.map_async(importlib.import_module("diverging").diverge, [3])
        with pytest.raises(Diverged, match="step 3: loss clip") as raised:
            waiting.get(timeout=120)
    assert raised.value.images.shape == (1, 3, 2, 2)


# -- plugins that return something else --------------------------------------------------------------------------------

RETURNED: dict[str, Callable[[torch.Tensor], Any]] = {
    "nothing (None)": lambda value: None,
    "a scalar": lambda value: value.mean(),
    "a float": lambda value: 0.5,
    "a tensor of shape (1, 1": lambda value: value[:, None],
    "a tensor of torch.int64": lambda value: value.long(),
    "a tensor on meta": lambda value: value.to("meta"),
}


@register("loss", "test_wrong")
@dataclass
class WrongLoss(Loss):
    """Returns what no loss may."""

    what: str
    reads: ClassVar[Any] = "images"

    def __call__(self, frame: Frame) -> torch.Tensor:
        return RETURNED[self.what](frame.images.mean((1, 2, 3)))  # type: ignore[no-any-return]


@register("loss", "test_wrong_view")
@dataclass
class WrongViewLoss(Loss):
    """Returns what no loss may."""

    what: str
    reads: ClassVar[Any] = "embeddings"

    def __call__(self, frame: Frame) -> torch.Tensor:
        assert frame.view is not None
        return RETURNED[self.what](frame.view.embeddings.mean((1, 2)))  # type: ignore[no-any-return]


@dataclass
class WrongFilter(Filter):
    """Returns what no filter may."""

    what: str

    def __call__(self, images: torch.Tensor, step: int, streams: Any) -> torch.Tensor:
        return RETURNED[self.what](images)  # type: ignore[no-any-return]


@dataclass
class WrongScore(Score):
    """Returns what no score may."""

    what: str

    def __call__(self, run: Any, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"fine": RETURNED[self.what](images.mean((1, 2, 3)))}


@pytest.mark.parametrize("what", RETURNED)
@pytest.mark.parametrize("kind", ["test_wrong", "test_wrong_view"])
def test_a_loss_that_returns_something_else_is_named(kind: str, what: str) -> None:
    made = testing.scene(losses={"clip": {"type": "clip"}, "mine": {"type": kind, "weight": 1.0, "what": what}})
    with pytest.raises(pixgen.PixgenError) as raised:
        next(Engine(made))
    assert str(raised.value).startswith(f"losses.mine returned {what}") and "(1,)" in str(raised.value)


@pytest.mark.parametrize("what", RETURNED)
def test_a_filter_that_returns_something_else_is_named(what: str) -> None:
    with pytest.raises(pixgen.PixgenError) as raised:
        next(Engine(testing.scene(filters={"mine": WrongFilter(what)})))
    assert str(raised.value).startswith(f"filters.mine returned {what}")


@pytest.mark.parametrize("what", [what for what in RETURNED if "meta" not in what])
def test_a_score_that_returns_something_else_is_named(what: str) -> None:
    with pytest.raises(pixgen.PixgenError) as raised:
        judge(testing.scene(), "mine", WrongScore(what), torch.ones(1, 3, 32, 32))
    assert str(raised.value).startswith(f"score mine.fine returned {what}")


def test_a_perceptor_that_returns_something_else_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = testing.scene()
    (name,) = made.session.perceptors
    perceptor: Perceptor = made.session.perceptors[name]
    monkeypatch.setattr(perceptor, "encode_image", lambda images: images.flatten(1)[0])
    with pytest.raises(pixgen.PixgenError, match=f"perceptors.{name} returned a tensor of shape"):
        next(Engine(made))


def test_two_runs_may_be_drawn_step_by_step_in_turn() -> None:
    alone = [step.images() for step in Engine(testing.scene())]
    first, second = Engine(testing.scene()), Engine(testing.scene(((1, "a house"),)))
    turns = [(a.images(), b.images()) for a, b in zip(first, second, strict=True)]
    assert all(torch.equal(a, b) for a, (b, _) in zip(alone, turns, strict=True))


def test_threads_that_are_not_the_main_one_may_save(tmp_path: Path) -> None:
    made = pixgen.generate("a red fox", seed=1, **TOYS)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(made.save(tmp_path)))
    thread.start()
    thread.join()
    assert found[0][0].is_file()
