"""Drawing a list on this machine: in this process, in several, or one for each GPU."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from pixgen.batch.pool import Inline, WorkerPool
from pixgen.batch.processes import Processes
from pixgen.batch.tuning import (
    PROBE_STEPS,
    Tuning,
    TuningOptions,
    expected_seconds,
    measure_group_size,
    tune_on_cpu,
)
from pixgen.batch.worker import Artist, Failed, Finished, Stepped, Task
from pixgen.settings import config as configs
from pixgen.settings.config import RenderConfig


class Local:
    """This machine as an engine. scores, plugins: for every worker."""

    def __init__(self, scores: Sequence[str] = (), plugins: Sequence[str] = ()) -> None:
        self._scores, self._plugins = tuple(scores), tuple(plugins)
        self._artist: Artist | None = None

    def tune(self, config: RenderConfig, options: TuningOptions, jobs: int) -> Tuning:
        """Tune for a list of so many jobs like this one. Raises UsageError for a device that is not available."""
        resolved = configs.resolve_auto(config)
        if not resolved.device.startswith("cuda"):
            open_ = dataclasses.replace(resolved, threads=config.threads, batch=1)
            return tune_on_cpu(open_, options, jobs, self._probe, self._rate)
        workers = options.workers or (len(_gpus()) if resolved.device == "cuda" else 1)
        threads = options.threads or max(1, resolved.threads // workers if isinstance(resolved.threads, int) else 1)
        resolved = dataclasses.replace(resolved, threads=threads)
        batch = options.batch
        measured: dict[str, float] = {}
        if batch is None:
            with_pool = Processes(self._environments(resolved.device, 1), self._scores, self._plugins)
            try:
                with_pool.until_ready()
                batch, measured = measure_group_size(
                    lambda size: _together(with_pool, [probe_task(resolved, size)])[0], resolved.steps, jobs
                )
            finally:
                with_pool.close()
        return Tuning(resolved.device, resolved.precision, threads, workers, batch, measured)

    def pool(self, tuning: Tuning) -> WorkerPool:
        """Start the workers."""
        if tuning.workers == 1 and not tuning.device.startswith("cuda"):
            return Inline(self._own_artist())
        return Processes(self._environments(tuning.device, tuning.workers), self._scores, self._plugins)

    def measured_step(self, config: RenderConfig) -> Finished | Failed:
        """A few steps of a job, drawn in this process, for an estimate."""
        self._probe(configs.resolve_auto(config))  # pays for what is set up once
        return self._probe(configs.resolve_auto(config))

    def _own_artist(self) -> Artist:
        # One for the probe and the list, so that the models are loaded once.
        self._artist = self._artist or Artist(self._scores, self._plugins)
        return self._artist

    def _probe(self, config: RenderConfig) -> Finished | Failed:
        for event in self._own_artist().draw(probe_task(config, 1)):
            if not isinstance(event, Stepped):
                return event
        _unreachable()

    def _rate(self, config: RenderConfig, workers: int) -> float:
        """Pictures a second of so many workers at once, from a second probe of each: the first one warms them up."""
        pool = Processes(self._environments(config.device, workers), self._scores, self._plugins)
        try:
            pool.until_ready()
            tasks = [dataclasses.replace(probe_task(config, 1), group=-i - 1) for i in range(workers)]
            _together(pool, tasks)
            began = time.perf_counter()
            found = _together(pool, tasks)
            seconds = time.perf_counter() - began
        finally:
            pool.close()
        if any(isinstance(one, Failed) for one in found):
            return 0.0
        return workers / max(seconds, *(expected_seconds(one, config.steps) for one in found))  # type: ignore[arg-type]

    def _environments(self, device: str, workers: int) -> list[dict[str, str]]:
        gpus = _gpus() if device == "cuda" else []
        if len(gpus) < 2:
            return [{} for _ in range(workers)]
        # Each worker sees one GPU, and calls it `cuda`: the stored config is the same on all.
        return [{"CUDA_VISIBLE_DEVICES": gpus[i % len(gpus)]} for i in range(workers)]


def probe_task(config: RenderConfig, size: int) -> Task:
    """A few steps of `size` pictures like this one, to be measured and thrown away."""
    seed = config.seed if isinstance(config.seed, int) else 0
    pictures = tuple(dataclasses.replace(config, seed=seed + i) for i in range(size))
    steps = min(config.steps, PROBE_STEPS)
    return Task(-1, pictures, tuple(Path("probe.png") for _ in pictures), (None,) * size, steps)


def _together(pool: WorkerPool, tasks: Sequence[Task]) -> list[Finished | Failed]:
    """Run tasks side by side; there are as many free workers."""
    for task in tasks:
        pool.submit(task)
    done: list[Finished | Failed] = []
    while len(done) < len(tasks):
        done += [event for event in pool.wait(1.0) if not isinstance(event, Stepped)]
    return done


def _gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES would name each visible GPU."""
    import torch

    count = torch.cuda.device_count()
    named = [part.strip() for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    return named[:count] if named else [str(i) for i in range(count)]


def _unreachable() -> NoReturn:
    raise RuntimeError("a task ended without saying how")
