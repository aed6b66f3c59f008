"""Workers as processes of this machine: several on a CPU, or one for each GPU."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from pixgen.batch.pool import WorkerPool
from pixgen.batch.worker import Artist, Event, Failed, Stepped, Task
from pixgen.errors import PixgenError

REPORT_INTERVAL = 0.1
"""Seconds between two `Stepped` of a worker: more would cost without showing more."""

BROKEN_STARTS = 3
"""How often in a row a worker may die before it is ready."""


@dataclass
class _ProcessWorker:
    process: BaseProcess
    pipe: Connection
    environment: Mapping[str, str]
    ready: bool = False
    task: Task | None = None


class Processes(WorkerPool):
    """One process for each of `environments`, whose variables are set before anything heavy is imported there.

    A process that dies is replaced; its task comes back as Failed("died").
    """

    def __init__(
        self, environments: Sequence[Mapping[str, str]], scores: Sequence[str] = (), plugins: Sequence[str] = ()
    ) -> None:
        # A forked child would share locks and threads of torch's that are in an unknown state.
        self._context = multiprocessing.get_context("spawn")
        self._scores, self._plugins = tuple(scores), tuple(plugins)
        self._broken = 0
        self._workers = [self._start(environment) for environment in environments]

    def free(self) -> int:
        return sum(worker.ready and worker.task is None for worker in self._workers)

    def submit(self, task: Task) -> None:
        worker = next(worker for worker in self._workers if worker.ready and worker.task is None)
        worker.task = task
        with contextlib.suppress(OSError):  # it died a moment ago: `wait` finds its pipe at the end, and says so
            worker.pipe.send(task)

    def wait(self, timeout: float) -> list[Event]:
        events: list[Event] = []
        for pipe in wait([worker.pipe for worker in self._workers], timeout):
            worker = next(worker for worker in self._workers if worker.pipe is pipe)
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                events += self._replace(worker)
                continue
            if message == "ready":
                worker.ready, self._broken = True, 0
            elif isinstance(message, PixgenError):
                raise message
            else:
                events.append(message)
                if not isinstance(message, Stepped):
                    worker.task = None
        return events

    def until_ready(self) -> None:
        """Wait until every worker can begin. Raises PixgenError as `wait` does."""
        while self.free() < len(self._workers):
            self.wait(1.0)

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()

    def _start(self, environment: Mapping[str, str]) -> _ProcessWorker:
        here, there = self._context.Pipe()
        arguments = (there, os.getpid(), dict(environment), self._scores, self._plugins)
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        with _uninterrupted():
            process.start()
        there.close()
        return _ProcessWorker(process, here, environment)

    def _replace(self, worker: _ProcessWorker) -> list[Event]:
        worker.process.join()
        worker.pipe.close()
        code = worker.process.exitcode
        if not worker.ready:
            self._broken += 1
            if self._broken >= BROKEN_STARTS:
                raise PixgenError(f"workers die before they are ready (exit code {code}); --workers 1 draws without")
        self._workers[self._workers.index(worker)] = self._start(worker.environment)
        if worker.task is None:
            return []
        return [Failed(worker.task.group, "died", f"its worker died ({_in_words(code)})")]


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the block is done, and processes that are begun in it never hear of one.

    A worker that is cut off while it begins would say so in a traceback of its own.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _in_words(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"{name}, perhaps for lack of memory" if name == "SIGKILL" else name
    return f"exit code {code}"


def _work(
    pipe: Connection, parent: int, environment: Mapping[str, str], scores: Sequence[str], plugins: Sequence[str]
) -> None:
    """What a worker process does, until its pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to answer
    os.environ.update(environment)
    try:
        artist = Artist(scores, plugins)
    except PixgenError as error:
        pipe.send(error)
        return
    try:
        pipe.send("ready")
        while True:
            task, told = pipe.recv(), 0.0
            for event in artist.draw(task):
                if isinstance(event, Stepped):
                    if os.getppid() != parent:
                        return  # nobody waits for it any more
                    if time.monotonic() - told < REPORT_INTERVAL:
                        continue
                    told = time.monotonic()
                pipe.send(event)
    except (EOFError, OSError):
        return  # the driver is gone
