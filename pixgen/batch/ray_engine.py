"""Drawing a list on a Ray cluster: Ray places and moves the workers, the manifest alone knows what is done.

Ray's own pools were read and left: `ActorPool` recycles dead actors, `map_batches` ends or hangs on them. Here every
actor has one task at a time, fed through `ray.wait`; a lost one is replaced and its task handed out again by the
driver, which alone writes. Encoded pictures come back through Ray, so no disk is shared.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pixgen.batch.local import probe_task
from pixgen.batch.pool import WorkerPool
from pixgen.batch.tuning import Tuning, TuningOptions, measure_group_size
from pixgen.batch.worker import Artist, Event, Failed, Finished, Stepped, Task
from pixgen.errors import PixgenError, UsageError
from pixgen.settings.config import RenderConfig

PATIENCE = 120.0
"""Seconds without a single living worker after which the list stops rather than hangs."""

RESCAN_INTERVAL = 5.0
"""Seconds between two checks for room for more workers."""


class Painter:
    """The actor: an `Artist` somewhere in the cluster."""

    def __init__(self, scores: Sequence[str], plugins: Sequence[str]) -> None:
        self._artist = Artist(scores, plugins)

    def ready(self) -> bool:
        """Answers when the models can be loaded."""
        return True

    def resolved(self, config: RenderConfig) -> RenderConfig:
        """The config with every `auto` as it is on this node."""
        from pixgen.settings import config as configs

        return configs.resolve_auto(config)

    def draw(self, task: Task) -> Event:
        """The last event of the task."""
        return next(event for event in self._artist.draw(task) if not isinstance(event, Stepped))


class Cluster:
    """A Ray cluster as an engine.

    address: of a running cluster; None begins one on this machine. Raises UsageError without Ray, PixgenError where
    the cluster does not answer.
    """

    def __init__(self, address: str | None, scores: Sequence[str] = (), plugins: Sequence[str] = ()) -> None:
        ray = _ray()
        self._scores, self._plugins = tuple(scores), tuple(plugins)
        # A driver under `uv run` would have Ray rebuild its environment on every worker.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._began = not ray.is_initialized()
        if self._began:
            try:
                ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False) if (
                    address is None
                ) else ray.init(address=address, log_to_driver=False, logging_level="ERROR")
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise PixgenError(f"no Ray cluster at {address or 'this machine'}: {error}") from error

    def tune(self, config: RenderConfig, options: TuningOptions, jobs: int) -> Tuning:
        """One worker for each GPU, or where there is none for each slice of `threads` CPUs (by default one)."""
        ray = _ray()
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0)) if config.device in ("auto", "cuda") else 0
        threads = options.threads or (config.threads if isinstance(config.threads, int) else 1)
        workers = options.workers or gpus or max(1, int(resources.get("CPU", 1)) // threads)
        pool = RayPool(1, threads, bool(gpus), self._scores, self._plugins)
        try:
            resolved = pool.resolve(config)
            batch = options.batch or 1
            measured: dict[str, float] = {}
            if gpus and options.batch is None:
                batch, measured = measure_group_size(
                    lambda size: pool.run(probe_task(resolved, size)), resolved.steps, jobs
                )
        finally:
            pool.close()
        return Tuning(resolved.device, resolved.precision, threads, workers, batch, measured)

    def pool(self, tuning: Tuning) -> WorkerPool:
        """Start the workers."""
        gpu = tuning.device.startswith("cuda")
        return RayPool(tuning.workers, tuning.threads, gpu, self._scores, self._plugins)

    def close(self) -> None:
        """Leave the cluster, if this object joined it."""
        if self._began:
            _ray().shutdown()


@dataclass
class _RayWorker:
    actor: Any
    waits_for: Any
    """What it was asked last and has not answered: to be ready, or to draw."""
    task: Task | None = None
    ready: bool = False


class RayPool(WorkerPool):
    """Up to `workers` actors, each with `threads` CPUs or a GPU; as many as the cluster holds at the moment."""

    def __init__(
        self, workers: int, threads: int, gpu: bool, scores: Sequence[str] = (), plugins: Sequence[str] = ()
    ) -> None:
        ray = _ray()
        # No restarts and no retries of Ray's: a lost task must be known here, or it might be drawn twice.
        self._class = ray.remote(num_cpus=0 if gpu else threads, num_gpus=1 if gpu else 0, max_restarts=0)(Painter)
        self._arguments = (tuple(scores), tuple(plugins))
        self._wanted = workers
        self._workers: list[_RayWorker] = []
        self._looked = 0.0
        self._alive = time.monotonic()
        self._last_death = ""
        self._fill()

    def free(self) -> int:
        return sum(worker.ready and worker.task is None for worker in self._workers)

    def submit(self, task: Task) -> None:
        worker = next(worker for worker in self._workers if worker.ready and worker.task is None)
        worker.task, worker.waits_for = task, worker.actor.draw.remote(task)

    def wait(self, timeout: float) -> list[Event]:
        ray = _ray()
        self._fill()
        asked = {worker.waits_for: worker for worker in self._workers if worker.waits_for is not None}
        if not asked:
            self._require_life()
            return []
        answered, _ = ray.wait(list(asked), num_returns=1, timeout=timeout)
        if answered:  # whatever else is there comes along
            answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=0)
        events: list[Event] = []
        for reference in answered:
            events += self._answer(asked[reference], reference)
        if any(worker.ready for worker in self._workers):
            self._alive = time.monotonic()
        self._require_life()
        return events

    def resolve(self, config: RenderConfig) -> RenderConfig:
        """The config with every `auto` as it is where the workers are."""
        self._until_free()
        worker = next(worker for worker in self._workers if worker.ready)
        resolved: RenderConfig = _ray().get(worker.actor.resolved.remote(config))
        return resolved

    def run(self, task: Task) -> Finished | Failed:
        """One task, to its end."""
        self._until_free()
        self.submit(task)
        while True:
            for event in self.wait(1.0):
                if not isinstance(event, Stepped):
                    return event

    def close(self) -> None:
        ray = _ray()
        for worker in self._workers:
            ray.kill(worker.actor)
        self._workers = []

    def _until_free(self) -> None:
        while not self.free():
            self.wait(1.0)

    def _answer(self, worker: _RayWorker, reference: Any) -> list[Event]:
        ray = _ray()
        task, worker.task, worker.waits_for = worker.task, None, None
        try:
            answer = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, PixgenError):
                raise error.cause from None
            self._workers.remove(worker)
            ray.kill(worker.actor)
            self._last_death = str(error).strip().splitlines()[-1]
        except ray.exceptions.RayError as error:
            # The actor or its node is gone, or its answer went with the node.
            self._workers.remove(worker)
            self._last_death = str(error).strip().splitlines()[0]
        else:
            worker.ready = True
            return [] if task is None else [answer]
        self._looked = 0.0  # its room may be free at once
        return [] if task is None else [Failed(task.group, "died", f"its worker died ({self._last_death})")]

    def _fill(self) -> None:
        """Begin workers where there is room: at first, in place of lost ones, and on nodes that joined."""
        now = time.monotonic()
        if now - self._looked < RESCAN_INTERVAL:
            return
        self._looked = now
        waiting = sum(not worker.ready for worker in self._workers)
        while len(self._workers) < self._wanted and waiting < self._wanted:
            actor = self._class.remote(*self._arguments)
            self._workers.append(_RayWorker(actor, actor.ready.remote()))
            waiting += 1

    def _require_life(self) -> None:
        if not any(worker.ready for worker in self._workers) and time.monotonic() - self._alive > PATIENCE:
            why = f" (the last one died: {self._last_death})" if self._last_death else ""
            raise PixgenError(
                f"no Ray worker became ready in {PATIENCE:.0f} s{why}; the cluster may lack CPUs or GPUs (see "
                "`ray status`). What is drawn is recorded, and the same command resumes"
            )


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise UsageError('--engine ray needs Ray: pip install -c constraints.txt ".[ray]"') from None
    return ray
