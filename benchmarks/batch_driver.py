"""How many jobs a second the driver of `pixgen batch` can feed, write and record, with workers that draw nothing.

    python benchmarks/batch_driver.py                       5,000 jobs, pictures of 100 kB, 100 workers
    python benchmarks/batch_driver.py --jobs 1000000 --bytes 0

Prints seconds a thousand jobs for taking the list in and for driving it, the manifest's bytes a job, and the peak of
memory: what a list costs beside its drawing.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pixgen.batch.driver import Driver, Stop
from pixgen.batch.manifest import Manifest
from pixgen.batch.plan import Plan
from pixgen.batch.pool import WorkerPool
from pixgen.batch.records import Record
from pixgen.batch.rows import Row
from pixgen.batch.schedule import UntilDone
from pixgen.batch.tuning import Tuning
from pixgen.batch.worker import Event, Finished, Picture, Stepped, Task

LOSSES = {"clip": 0.8}
SCORES = {"held_out": 0.8, "held_out.clip": 0.8}


class Idle(WorkerPool):
    """`workers` that are done at once, each with the same bytes."""

    def __init__(self, workers: int, data: bytes) -> None:
        self._workers, self._data = workers, data
        self._tasks: list[Task] = []

    def free(self) -> int:
        return self._workers - len(self._tasks)

    def submit(self, task: Task) -> None:
        self._tasks.append(task)

    def wait(self, timeout: float) -> list[Event]:
        tasks, self._tasks = self._tasks, []
        return [
            Finished(
                task.group,
                tuple(Picture(self._data, LOSSES, 0.8, SCORES, config.steps) for config in task.configs),
                *(1.0, 0.5, 0.01),
            )
            for task in tasks
        ]

    def close(self) -> None:
        pass


class Silent:
    """Watches, and says nothing."""

    def stepped(self, event: Stepped, records: Sequence[Record]) -> None:
        pass

    def drawn(self, record: Record, picture: Picture, seconds: float) -> None:
        pass

    def failed(self, records: Sequence[Record], reason: str) -> None:
        raise SystemExit(reason)

    def warned(self, text: str) -> None:
        pass


def rows(jobs: int) -> Iterator[Row]:
    for number in range(jobs):
        yield Row({"prompt": f"a watercolor portrait of a teacher, number {number}"}, "benchmark")


def measure(folder: Path, jobs: int, size: int, workers: int, batch: int) -> dict[str, float]:
    """Take a list of `jobs` in and drive it; the figures."""
    list(Plan().expand(rows(1)))  # imports what is imported once
    began = time.perf_counter()
    with Manifest(folder) as manifest:
        manifest.read_list(Plan().expand(rows(jobs)))
        read = time.perf_counter()
        manifest.begin()
        tuning = Tuning("cpu", "float32", 1, workers, batch)
        driver = Driver(manifest, Idle(workers, os.urandom(size)), tuning, Silent(), Stop())
        driver.run(UntilDone(manifest, driver.group_size))
        driven = time.perf_counter()
        assert manifest.counts()["done"] == jobs
        again = time.perf_counter()
        manifest.read_list(Plan().expand(rows(jobs)))
        reread = time.perf_counter() - again
    return {
        "jobs a second, taken in": jobs / (read - began),
        "jobs a second, taken in again": jobs / reread,
        "jobs a second, driven": jobs / (driven - read),
        "bytes of the manifest a job": manifest.path.stat().st_size / jobs,
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=5_000)
    parser.add_argument("--bytes", type=int, default=100_000, help="of each picture")
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--group", type=int, default=1, help="pictures in a group")
    parser.add_argument("--folder", type=Path, help="where to write; by default a temporary folder")
    options = parser.parse_args()
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{platform.machine()}, {load}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        found = measure(Path(folder), options.jobs, options.bytes, options.workers, options.group)
    print(f"{options.jobs:,} jobs, {options.bytes:,} bytes each, groups of {options.group}")
    for name, figure in found.items():
        print(f"{figure:>12,.0f}  {name}")


if __name__ == "__main__":
    main()
