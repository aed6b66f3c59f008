"""One run of `pixgen batch`, without the terminal: read the list, tune, schedule, draw, count the results."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pixgen.batch import lock
from pixgen.batch.database import SUFFIXES
from pixgen.batch.driver import Driver, Observer, Stop
from pixgen.batch.job import Job
from pixgen.batch.manifest import ListChanges, Manifest
from pixgen.batch.pool import WorkerPool
from pixgen.batch.records import Record
from pixgen.batch.rows import MANIFEST
from pixgen.batch.schedule import Schedule, UntilDeadline, UntilDone
from pixgen.batch.tuning import Tuning, TuningOptions, resume_tuning
from pixgen.batch.worker import Picture
from pixgen.io import files
from pixgen.settings import config as configs
from pixgen.settings.config import RenderConfig


class BatchEngine(Protocol):
    """Where a list is drawn: `pixgen.batch.local.Local` or `pixgen.batch.ray_engine.Cluster`."""

    def tune(self, config: RenderConfig, tuning_options: TuningOptions, jobs: int) -> Tuning:
        """Tune for a list of so many jobs like this one."""

    def pool(self, tuning: Tuning) -> WorkerPool:
        """Start the workers."""


@dataclass(frozen=True)
class Overview:
    """What is known before the first picture. counts: listed jobs by state. tuning: None if nothing is to draw."""

    changes: ListChanges
    counts: dict[str, int]
    tuning: Tuning | None


def draw(
    folder: Path,
    jobs: Iterable[Job],
    engine: Callable[[], BatchEngine],
    observer: Observer,
    *,
    tuning_options: TuningOptions | None = None,
    deadline: float | None = None,
    retry_failed: bool = False,
    stop: Stop | None = None,
    allow_large: bool = False,
    on_start: Callable[[Overview], None] = lambda _: None,
) -> dict[str, int]:
    """Draw what is missing of a list into a folder; returns how many jobs are in each state afterwards.

    engine: made only when there is something to draw. deadline: `time.time()` by which to be done; every job first
    gets a draft. allow_large: as in `settings.memory`. on_start: called once, before the first picture.
    Raises UsageError for an invalid list or manifest, PixgenError if the disk refuses, another process draws into the
    folder, or no worker is left.
    """
    tuning_options, stop = tuning_options or TuningOptions(), stop or Stop()
    files.check_writable(folder)
    with files.made(folder), lock.held(folder), _kept_if_listed(folder) as manifest:
        files.sweep(folder)  # under the lock nobody else is writing here
        changes = manifest.read_list(jobs)
        if retry_failed:
            manifest.retry_failed()
        if lost := manifest.redraw_lost():
            for path in lost:
                path.unlink(missing_ok=True)  # an empty one; the new picture must get its name
            few = "1 picture of this list is" if len(lost) == 1 else f"{len(lost)} pictures of this list are"
            observer.warned(f"{few} gone or empty, and drawn again")
        counts = manifest.counts()
        if not counts["pending"] + counts["draft"]:
            on_start(Overview(changes, counts, None))
            return counts
        with contextlib.ExitStack() as stack:
            made = engine()
            if callable(close := getattr(made, "close", None)):
                stack.callback(close)
            tuning = _tuning(manifest, made, tuning_options, counts)
            on_start(Overview(changes, counts, tuning))
            if stop.asked:
                return counts
            pool = made.pool(tuning)
            stack.callback(pool.close)
            manifest.begin()
            driver = Driver(manifest, pool, tuning, observer, stop, allow_large)
            driver.run(_schedule(manifest, driver, deadline))
        return manifest.counts()


def failures(folder: Path) -> Iterator[Record]:
    """The jobs of a folder's manifest that could not be drawn."""
    with Manifest(folder, readonly=True) as manifest:
        yield from manifest.records("failed")


def known_states(folder: Path, jobs: Iterable[Job]) -> Iterator[tuple[Job, str | None, bool]]:
    """Each job, its state in the folder's manifest (None if it is new), and whether an earlier job is the same."""
    seen: set[str] = set()
    with contextlib.ExitStack() as stack:
        manifest = None
        if (folder / MANIFEST).is_file():
            manifest = stack.enter_context(Manifest(folder, readonly=True))
        for job in jobs:
            twice = job.key in seen
            seen.add(job.key)
            yield job, manifest.known(job.key) if manifest else None, twice


def _tuning(manifest: Manifest, engine: BatchEngine, tuning_options: TuningOptions, counts: dict[str, int]) -> Tuning:
    fixed = manifest.fact("choice")
    if fixed is not None:
        tuning = resume_tuning(Tuning.from_dict(fixed), tuning_options)
    else:
        first = next(iter(manifest.records("pending", "draft")))
        tuning = engine.tune(first.config(), tuning_options, counts["pending"] + counts["draft"])
    manifest.fix("choice", tuning.to_dict())
    return tuning


def _schedule(manifest: Manifest, driver: Driver, deadline: float | None) -> Schedule:
    if deadline is None:
        return UntilDone(manifest, driver.group_size)
    return UntilDeadline(manifest, driver.group_size, deadline, driver.tuning.workers)


@contextlib.contextmanager
def _kept_if_listed(folder: Path) -> Iterator[Manifest]:
    """The folder's manifest; where it is new and no list could be read into it, its files are removed again.

    Only those: what else is in the folder, a copy called `manifest.sqlite.bak` or an earlier manifest, is the user's.
    """
    made = [folder / f"{MANIFEST}{suffix}" for suffix in SUFFIXES]
    listed = any(map(os.path.lexists, made))
    try:
        with Manifest(folder) as manifest:
            try:
                yield manifest
            finally:
                listed = listed or manifest.fact("reading") is not None
    finally:
        if not listed:
            for path in (*made, folder / lock.NAME):
                with contextlib.suppress(OSError):  # Windows keeps the lock's file while it is held
                    path.unlink(missing_ok=True)


def json_line(record: Record, picture: Picture, folder: Path, seconds: float) -> str:
    """A picture that was just recorded as one line of JSON, for other programs."""
    size = configs.format_size(record.settings.config.size)
    return json.dumps(
        {
            "path": str(folder / record.file),
            "prompt": record.prompt,
            "template": record.template,
            "seed": record.seed,
            "size": size,
            "axes": dict(record.axes),
            "key": record.key,
            "steps_done": picture.steps,
            "steps_planned": record.planned,
            "losses": picture.losses,
            "scores": picture.scores,
            "seconds": round(seconds, 3),
        }
    )
