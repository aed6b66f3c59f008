"""What is decided once for a list: device, precision, threads, workers and group size, by measuring."""

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
from pixgen.settings.config import RenderConfig

BETTER = 1.05
"""How much more an hour several workers must give than one before there are several."""

WORTH_A_MEASUREMENT = 600
"""Seconds a list must last before it pays to start workers just to measure them."""

WORTH_A_PROBE = 8
"""Pictures a list must have before a few steps are drawn to see how long it lasts."""

PROBE_STEPS = 6
"""Steps of a probe, which are spread over the stages as a whole picture's are."""

GAIN = 1.1
"""How much more an hour twice as many pictures together must give."""

MOST_TOGETHER = 128
MEMORY = 0.85
"""The share of a device's memory to fill."""

WORKER_BYTES = 1_500_000_000
"""Memory that a worker is granted on a CPU."""


@dataclass(frozen=True)
class Choice:
    """Fixed in the manifest before the first picture, so that a resumed list gives the same bytes.

    batch: pictures in a group. measured: what it rests on, for people. first_batch: the batch that the list was begun
    with, where memory was too short for it; None otherwise.
    """

    device: str
    precision: str
    threads: int
    workers: int
    batch: int
    measured: Mapping[str, float] = field(default_factory=dict)
    first_batch: int | None = None

    def applied(self, config: RenderConfig, together: int) -> RenderConfig:
        """The config with every `auto` replaced; what a row asked for stays."""
        return dataclasses.replace(
            config,
            device=self.device if config.device == "auto" else config.device,
            precision=self.precision if config.precision == "auto" else config.precision,
            threads=self.threads if config.threads == "auto" else config.threads,
            batch=together if config.batch == "auto" else config.batch,
        )

    def size(self, settings: Settings) -> int:
        """How many pictures of these settings are drawn together."""
        batch = settings.config.batch
        return self.batch if isinstance(batch, str) else batch

    def halved(self, together: int) -> Choice:
        """The choice after so many pictures together ran out of memory."""
        batch = min(self.batch, together // 2)
        return dataclasses.replace(self, batch=batch, first_batch=self.first_batch or self.batch)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Choice:
        """A choice as `to_dict` gave it."""
        return cls(**values)


@dataclass(frozen=True)
class Wanted:
    """What the user says; None leaves it to the measurement."""

    workers: int | None = None
    threads: int | None = None
    batch: int | None = None


def agreed(fixed: Choice, wanted: Wanted) -> Choice:
    """An earlier run's choice with the number of workers that is wanted now.

    Raises UsageError where another number of threads or group size is wanted than the list was begun or goes on
    with: the pictures would change. A group size that memory has made smaller stays so.
    """
    for flag, asked, first, now in (
        ("--threads", wanted.threads, fixed.threads, fixed.threads),
        ("--group", wanted.batch, fixed.first_batch or fixed.batch, fixed.batch),
    ):
        if asked not in (None, first, now):
            raise UsageError(
                f"{flag} {asked}: this list was begun with {first}, and its pictures would change; leave it out, "
                "or draw into another folder"
            )
    return dataclasses.replace(fixed, workers=wanted.workers or fixed.workers)


def on_cpu(
    config: RenderConfig,
    wanted: Wanted,
    jobs: int,
    probe: Callable[[RenderConfig], Finished | Failed],
    rate: Callable[[RenderConfig, int], float],
) -> Choice:
    """The choice for a CPU: one worker with every core, or several with a part of them, whichever gives more.

    config: the first job's, with every `auto` resolved but threads and batch. probe: draws PROBE_STEPS in this process.
    rate: pictures a second of so many workers; measured only for lists that last.
    """
    cores = hardware.threads("auto")
    if wanted.workers or wanted.threads or isinstance(config.threads, int):
        given = config.threads if isinstance(config.threads, int) else None
        threads = wanted.threads or given or max(1, cores // (wanted.workers or 1))
        workers = wanted.workers or max(1, min(cores // threads, _workers_that_fit()))
        return Choice(config.device, config.precision, threads, workers, wanted.batch or 1)
    alone = Choice(config.device, config.precision, cores, 1, wanted.batch or 1)
    if jobs < WORTH_A_PROBE:
        return alone
    found = probe(dataclasses.replace(config, threads=cores))
    if isinstance(found, Failed):
        return alone
    seconds = expected(found, config.steps)
    alone = dataclasses.replace(alone, measured={"seconds a picture": seconds})
    if cores == 1 or seconds * jobs < WORTH_A_MEASUREMENT:
        return alone
    rates = {}
    for workers in _divisions(cores):
        each = cores // workers
        if workers == 1 or workers <= _workers_that_fit():
            rates[workers] = rate(dataclasses.replace(config, threads=each), workers)
    best = max(rates, key=lambda workers: rates[workers] / (BETTER if workers > 1 else 1))
    measured = {f"{n} x {cores // n} threads, pictures an hour": 3600 * rates[n] for n in rates}
    return dataclasses.replace(alone, workers=best, threads=cores // best, measured=measured)


def group_size(measure: Callable[[int], Finished | Failed], steps: int, most: int = MOST_TOGETHER) -> tuple[int, float]:
    """The number of pictures to draw together on a GPU, and how many a second that gives.

    Doubled while memory allows (judged by the last measurement) and while it gives `GAIN` times more.
    measure: draws a probe of so many.
    """
    best, speed, size = 1, 0.0, 1
    while size <= most:
        found = measure(size)
        if isinstance(found, Failed):
            break
        now = size / expected(found, steps)
        if size > 1 and now < speed * GAIN:
            break
        best, speed = size, now
        if found.memory * 2 > MEMORY:
            break
        size *= 2
    return best, speed


def expected(found: Finished, steps: int) -> float:
    """Seconds of a whole group, from a probe of it."""
    return found.begin + found.step * max(0, steps - 1)


def _divisions(cores: int) -> list[int]:
    """Numbers of workers worth a look: 1, 2, 4, ... and one for each core."""
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
