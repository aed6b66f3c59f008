"""How many at once: what is measured decides, within memory."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from pixgen.backend import hardware
from pixgen.batch import local, ray_engine, tuning
from pixgen.batch.local import Local
from pixgen.batch.tuning import Tuning, TuningOptions, measure_group_size, resume_tuning, tune_on_cpu
from pixgen.batch.worker import Event, Failed, Finished, Task
from pixgen.settings.config import RenderConfig

from .conftest import Lists

CONFIG = RenderConfig(steps=100, device="cpu", precision="float32")


def probed(config: RenderConfig) -> Finished:
    return Finished(-1, (), 0.0, begin=1.0, step=0.5)


def chosen(rates: dict[int, float], jobs: int = 1000, wanted: TuningOptions | None = None, **changes: object) -> Tuning:
    config = dataclasses.replace(CONFIG, **changes)
    return tune_on_cpu(config, wanted or TuningOptions(), jobs, probed, lambda _, workers: rates[workers])


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "threads", lambda wanted: 2 if wanted == "auto" else wanted)
    monkeypatch.setattr(tuning, "_workers_that_fit", lambda: 8)


def test_the_better_of_two_workers_and_two_threads_is_taken() -> None:
    assert (chosen({1: 1.0, 2: 1.3}).workers, chosen({1: 1.0, 2: 1.3}).threads) == (2, 1)
    # Not for a gain that the next measurement might take back.
    assert (chosen({1: 1.0, 2: 1.02}).workers, chosen({1: 1.0, 2: 1.02}).threads) == (1, 2)


def test_a_short_list_is_not_measured() -> None:
    assert chosen({}, jobs=3) == Tuning("cpu", "float32", 2, 1, 1)
    assert chosen({}, jobs=10).measured == {"seconds a picture": 50.5}


def test_what_the_user_says_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        (TuningOptions(workers=2), 2, 1),
        (TuningOptions(threads=1), 2, 1),
        (TuningOptions(workers=3, threads=2), 3, 2),
    ]
    for wanted, workers, threads in told:
        found = chosen({}, wanted=wanted)
        assert (found.workers, found.threads) == (workers, threads)
    assert chosen({}, threads=2).workers == 1
    monkeypatch.setattr(tuning, "_workers_that_fit", lambda: 1)
    assert chosen({}, wanted=TuningOptions(threads=1)).workers == 1


def test_a_group_grows_while_it_pays_and_fits() -> None:
    def gpu(size: int, room: int = 1000, best: int = 16) -> Finished | Failed:
        if size > room:
            return Failed(-1, "memory", "out of memory")
        return Finished(-1, (), 0.0, begin=0.1, step=0.01 * max(1.0, size / best), memory=size / room)

    assert measure_group_size(lambda size: gpu(size), 100, 1000)[0] == 16
    assert measure_group_size(lambda size: gpu(size, room=6), 100, 1000)[0] == 4  # 8 would not fit, by what 4 took

    def hiding(size: int) -> Finished | Failed:
        return dataclasses.replace(gpu(size), memory=0.0) if size < 8 else gpu(size, 6)

    assert measure_group_size(hiding, 9, 1000)[0] == 4
    assert measure_group_size(lambda size: gpu(size, best=10**6), 100, jobs=64)[0] == 64


class Paying:
    """A pool on a GPU where every doubling pays."""

    def __init__(self, *_: object) -> None:
        self.events: list[Event] = []

    def until_ready(self) -> None: ...

    def resolve(self, config: RenderConfig) -> RenderConfig:
        return dataclasses.replace(config, device="cuda")

    def submit(self, task: Task) -> None:
        self.events = [self.run(task)]

    def wait(self, timeout: float) -> list[Event]:
        return self.events

    def run(self, task: Task) -> Finished:
        return Finished(-1, (), 0.0, begin=0.1, step=0.1)

    def close(self) -> None: ...


@pytest.mark.parametrize(("jobs", "together"), [(1, 1), (5, 4), (1000, 128)])
def test_no_more_are_measured_together_than_the_list_has(
    jobs: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "device", lambda wanted: "cuda")
    monkeypatch.setattr(local, "Processes", Paying)
    cluster = SimpleNamespace(is_initialized=lambda: True, cluster_resources=lambda: {"GPU": 1})
    monkeypatch.setattr(ray_engine, "_ray", lambda: cluster)
    monkeypatch.setattr(ray_engine, "RayPool", Paying)
    config = RenderConfig(device="cuda", precision="float32", threads=1)
    for engine in (Local(), ray_engine.Cluster(None)):
        assert engine.tune(config, TuningOptions(workers=1), jobs).batch == together


def test_what_memory_made_smaller_stays_so_and_is_no_contradiction() -> None:
    halved = Tuning("cuda", "float32", 1, 1, 8).halved(8).halved(4)
    assert (halved.batch, halved.first_batch) == (2, 8) and Tuning.from_dict(halved.to_dict()) == halved
    for asked in (8, 2, None):
        assert resume_tuning(halved, TuningOptions(batch=asked)) == halved
    # A manifest that was written before knows nothing of it.
    earlier = {"device": "cuda", "precision": "float32", "threads": 1, "workers": 1, "batch": 4, "measured": {}}
    assert resume_tuning(Tuning.from_dict(earlier), TuningOptions(batch=4)).batch == 4


def test_only_what_is_auto_is_replaced() -> None:
    fixed = Tuning("cuda", "bfloat16", 3, 1, 8)
    applied = fixed.apply(RenderConfig(), 5)
    assert (applied.device, applied.precision, applied.threads, applied.batch) == ("cuda", "bfloat16", 3, 5)
    own = RenderConfig(device="cpu", precision="float32", threads=1, batch=2)
    assert fixed.apply(own, 2) == own
    assert Tuning.from_dict(fixed.to_dict()) == fixed


@pytest.mark.slow
def test_workers_are_measured_side_by_side(lists: Lists) -> None:
    (job,) = lists.jobs("a fox\n", steps=8)
    assert Local([], [str(lists.plugin)])._rate(dataclasses.replace(job.config(), batch=1), 2) > 0
