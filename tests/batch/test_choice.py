"""How many at once: what is measured decides, within memory."""

from __future__ import annotations

import dataclasses

import pytest

from pixgen import hardware
from pixgen.batch import choice as choices
from pixgen.batch.choice import Choice, Wanted, group_size, on_cpu
from pixgen.batch.local import Local
from pixgen.batch.worker import Failed, Finished
from pixgen.config import RenderConfig

from .conftest import Lists

CONFIG = RenderConfig(steps=100, device="cpu", precision="float32")


def probed(config: RenderConfig) -> Finished:
    return Finished(-1, (), 0.0, begin=1.0, step=0.5)


def chosen(rates: dict[int, float], jobs: int = 1000, wanted: Wanted | None = None, **changes: object) -> Choice:
    config = dataclasses.replace(CONFIG, **changes)
    return on_cpu(config, wanted or Wanted(), jobs, probed, lambda _, workers: rates[workers])


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "threads", lambda wanted: 2 if wanted == "auto" else wanted)
    monkeypatch.setattr(choices, "_workers_that_fit", lambda: 8)


def test_the_better_of_two_workers_and_two_threads_is_taken() -> None:
    assert (chosen({1: 1.0, 2: 1.3}).workers, chosen({1: 1.0, 2: 1.3}).threads) == (2, 1)
    # Not for a gain that the next measurement might take back.
    assert (chosen({1: 1.0, 2: 1.02}).workers, chosen({1: 1.0, 2: 1.02}).threads) == (1, 2)


def test_a_short_list_is_not_measured() -> None:
    assert chosen({}, jobs=3) == Choice("cpu", "float32", 2, 1, 1)
    assert chosen({}, jobs=10).measured == {"seconds a picture": 50.5}


def test_what_the_user_says_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [(Wanted(workers=2), 2, 1), (Wanted(threads=1), 2, 1), (Wanted(workers=3, threads=2), 3, 2)]
    for wanted, workers, threads in told:
        found = chosen({}, wanted=wanted)
        assert (found.workers, found.threads) == (workers, threads)
    assert chosen({}, threads=2).workers == 1
    monkeypatch.setattr(choices, "_workers_that_fit", lambda: 1)
    assert chosen({}, wanted=Wanted(threads=1)).workers == 1


def test_a_group_grows_while_it_pays_and_fits() -> None:
    def gpu(size: int, room: int = 1000, best: int = 16) -> Finished | Failed:
        if size > room:
            return Failed(-1, "memory", "out of memory")
        return Finished(-1, (), 0.0, begin=0.1, step=0.01 * max(1.0, size / best), memory=size / room)

    assert group_size(lambda size: gpu(size), 100)[0] == 16
    assert group_size(lambda size: gpu(size, room=6), 100)[0] == 4  # 8 would not fit, by what 4 took
    assert group_size(lambda size: dataclasses.replace(gpu(size), memory=0.0) if size < 8 else gpu(size, 6), 9)[0] == 4
    assert group_size(lambda size: gpu(size, best=10**6), 100, most=64)[0] == 64


def test_only_what_is_auto_is_replaced() -> None:
    choice = Choice("cuda", "bfloat16", 3, 1, 8)
    applied = choice.applied(RenderConfig(), 5)
    assert (applied.device, applied.precision, applied.threads, applied.batch) == ("cuda", "bfloat16", 3, 5)
    own = RenderConfig(device="cpu", precision="float32", threads=1, batch=2)
    assert choice.applied(own, 2) == own
    assert Choice.from_dict(choice.to_dict()) == choice


@pytest.mark.slow
def test_workers_are_measured_side_by_side(lists: Lists) -> None:
    (job,) = lists.jobs("a fox\n", steps=8)
    assert Local([], [str(lists.plugin)])._rate(dataclasses.replace(job.config(), batch=1), 2) > 0
