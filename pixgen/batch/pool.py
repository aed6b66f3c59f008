"""The interface of worker pools, and the simplest one: drawing in this process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator

from pixgen.batch.worker import Artist, Event, Stepped, Task


class WorkerPool(ABC):
    """Runs tasks, one at a time on each of its workers. `close` it, whatever happened."""

    @abstractmethod
    def free(self) -> int:
        """How many tasks could begin now."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Begin a task; only while `free()`."""

    @abstractmethod
    def wait(self, timeout: float) -> list[Event]:
        """What happened, after `timeout` seconds at most. Raises PixgenError when no worker is left to hope for."""

    @abstractmethod
    def close(self) -> None:
        """End the workers at once; what they have in hand is lost."""


class Inline(WorkerPool):
    """One picture after another in this process."""

    def __init__(self, artist: Artist) -> None:
        self._artist = artist
        self._events: Generator[Event, None, None] | None = None

    def free(self) -> int:
        return int(self._events is None)

    def submit(self, task: Task) -> None:
        self._events = self._artist.draw(task)

    def wait(self, timeout: float) -> list[Event]:
        if self._events is None:
            return []
        event = next(self._events)
        if not isinstance(event, Stepped):
            self._events = None
        return [event]

    def close(self) -> None:
        if self._events is not None:
            self._events.close()
        self._events = None
