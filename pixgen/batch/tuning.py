"""Tuning, decided once for a list by measuring: device, precision, threads, workers and group size.

The manifest stores the result, so that a resumed list gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pixgen.backend import hardware
from pixgen.batch.job import Settings
from pixgen.batch.worker import Failed, Finished
from pixgen.errors import UsageError
from pixgen.io import schema
from pixgen.settings.config import RenderConfig

MIN_WORKER_SPEEDUP = 1.05
"""Minimum speedup of several workers over one for several to be used."""

MIN_SECONDS_TO_MEASURE = 600
"""Expected seconds of a list from which on it pays to start workers just to measure them."""

MIN_JOBS_TO_PROBE = 8
"""Pictures in a list from which on a few steps are drawn to estimate how long it takes."""

PROBE_STEPS = 6
"""Steps of a probe, spread over the stages as those of a whole picture are."""

MIN_GROUP_SPEEDUP = 1.1
"""Minimum speedup of a doubled group size for it to be used."""

MAX_GROUP = 128
MAX_MEMORY_SHARE = 0.85
"""Maximum share of a device's memory to use."""

WORKER_BYTES = 1_500_000_000
"""Memory in bytes that one worker is assumed to need on a CPU."""


@dataclass(frozen=True)
class Tuning:
    """The result of tuning, stored in the manifest before the first picture.

    device, precision, threads: what `auto` becomes in every config. workers: pictures or groups drawn in parallel.
    batch: pictures in a group. measured: the measurements behind it, for people.
    first_batch: the batch that the list began with, if memory was too small for it; None otherwise.
    """

    device: str
    precision: str
    threads: int
    workers: int
    batch: int
    measured: Mapping[str, float] = field(default_factory=dict)
    first_batch: int | None = None

    def apply(self, config: RenderConfig, together: int) -> RenderConfig:
        """The config with every `auto` replaced; values that a row sets stay. together: pictures in the group."""
        return dataclasses.replace(
            config,
            device=self.device if config.device == "auto" else config.device,
            precision=self.precision if config.precision == "auto" else config.precision,
            threads=self.threads if config.threads == "auto" else config.threads,
            batch=together if config.batch == "auto" else config.batch,
        )

    def group_size(self, settings: Settings) -> int:
        """How many pictures of these settings are drawn in one group."""
        batch = settings.config.batch
        return self.batch if isinstance(batch, str) else batch

    def halved(self, together: int) -> Tuning:
        """The tuning after a group of so many pictures ran out of memory."""
        batch = min(self.batch, together // 2)
        return dataclasses.replace(self, batch=batch, first_batch=self.first_batch or self.batch)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Tuning:
        """The inverse of `to_dict`. Raises UsageError for other values: a manifest may be a stranger's."""
        tuning: Tuning = schema.coerce(values, cls, "the manifest's choice")
        return tuning


@dataclass(frozen=True)
class TuningOptions:
    """What the user sets (--workers, --threads, --group); None leaves it to the measurement."""

    workers: int | None = None
    threads: int | None = None
    batch: int | None = None


def resume_tuning(fixed: Tuning, options: TuningOptions) -> Tuning:
    """The stored tuning of an earlier run, with the number of workers asked for now.

    Raises UsageError where another number of threads or group size is asked for than the list was begun with:
    the pictures would change. A group size that memory has made smaller stays so.
    """
    for flag, asked, first, now in (
        ("--threads", options.threads, fixed.threads, fixed.threads),
        ("--group", options.batch, fixed.first_batch or fixed.batch, fixed.batch),
    ):
        if asked not in (None, first, now):
            raise UsageError(
                f"{flag} {asked}: this list was begun with {first}, and its pictures would change; leave it out, "
                "or draw into another folder"
            )
    return dataclasses.replace(fixed, workers=options.workers or fixed.workers)


def tune_on_cpu(
    config: RenderConfig,
    options: TuningOptions,
    jobs: int,
    probe: Callable[[RenderConfig], Finished | Failed],
    rate: Callable[[RenderConfig, int], float],
) -> Tuning:
    """The tuning for a CPU: one worker with all cores, or several that share them, whichever is faster.

    config: the first job's, with every `auto` resolved but threads and batch. jobs: in the list.
    probe: draws PROBE_STEPS of a picture in this process. rate: pictures a second with so many workers; measured only
    for long lists.
    """
    cores = hardware.threads("auto")
    if options.workers or options.threads or isinstance(config.threads, int):
        given = config.threads if isinstance(config.threads, int) else None
        threads = hardware.threads(options.threads or given or max(1, cores // (options.workers or 1)))
        workers = options.workers or max(1, min(cores // threads, _workers_that_fit()))
        return Tuning(config.device, config.precision, threads, workers, options.batch or 1)
    alone = Tuning(config.device, config.precision, cores, 1, options.batch or 1)
    if jobs < MIN_JOBS_TO_PROBE:
        return alone
    found = probe(dataclasses.replace(config, threads=cores))
    if isinstance(found, Failed):
        return alone
    seconds = expected_seconds(found, config.steps)
    alone = dataclasses.replace(alone, measured={"seconds a picture": seconds})
    if cores == 1 or seconds * jobs < MIN_SECONDS_TO_MEASURE:
        return alone
    rates = {}
    for workers in _divisions(cores):
        each = cores // workers
        if workers == 1 or workers <= _workers_that_fit():
            rates[workers] = rate(dataclasses.replace(config, threads=each), workers)
    best = max(rates, key=lambda workers: rates[workers] / (MIN_WORKER_SPEEDUP if workers > 1 else 1))
    measured = {f"{n} x {cores // n} threads, pictures an hour": 3600 * rates[n] for n in rates}
    return dataclasses.replace(alone, workers=best, threads=cores // best, measured=measured)


def measure_group_size(
    measure: Callable[[int], Finished | Failed], steps: int, jobs: int
) -> tuple[int, dict[str, float]]:
    """The number of pictures of a list of `jobs` to draw together on a GPU, and what `Tuning` tells of it.

    Doubled while memory allows (judged by the last measurement) and while it gives `MIN_GROUP_SPEEDUP` times more.
    measure: draws a probe of so many.
    """
    best, speed, size = 1, 0.0, 1
    while size <= min(MAX_GROUP, jobs):
        found = measure(size)
        if isinstance(found, Failed):
            break
        now = size / expected_seconds(found, steps)
        if size > 1 and now < speed * MIN_GROUP_SPEEDUP:
            break
        best, speed = size, now
        if found.memory * 2 > MAX_MEMORY_SHARE:
            break
        size *= 2
    return best, {"pictures an hour and GPU": 3600 * speed}


def expected_seconds(found: Finished, steps: int) -> float:
    """Expected seconds of a whole group, from a probe of it."""
    return found.begin + found.step * max(0, steps - 1)


def _divisions(cores: int) -> list[int]:
    """Numbers of workers to try: 1, 2, 4, ... and one for each core."""
    found = [1]
    while found[-1] * 2 <= cores:
        found.append(found[-1] * 2)
    return sorted({*found, cores})


def _workers_that_fit() -> int:
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 1_000
    return max(1, free // WORKER_BYTES)
