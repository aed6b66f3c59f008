"""What the person at the terminal sees while a list is drawn; all of it on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from pixgen.cli.console import say
from pixgen.io.progress import Bars, Pace

if TYPE_CHECKING:
    from rich.progress import TaskID

    from pixgen.batch.records import Record
    from pixgen.batch.run import Overview
    from pixgen.batch.worker import Picture, Stepped

WARNINGS = 50
"""Different warnings that are printed; a long list could have any number."""


class ListBars:
    """A bar for the list, one for each running group; lines where a file listens. Use as a context manager.

    result: called with every picture that is written, to print its path or record.
    """

    def __init__(self, quiet: bool, result: Callable[[Record, Picture, float], None]) -> None:
        self._quiet, self._result = quiet, result
        self._bars = Bars("{task.completed:.0f}/{task.total:.0f}{task.fields[facts]}", quiet=quiet)
        self._list: TaskID | None = None
        self._running: dict[int, TaskID | None] = {}
        self._overview: Overview | None = None
        self._began, self._pace = time.monotonic(), Pace()
        self._done = self._failed = self._drawn = 0
        self._warnings: set[str] = set()

    def __enter__(self) -> ListBars:
        return self

    def begin(self, overview: Overview) -> None:
        """The list is read: show its bar."""
        self._overview, self._began = overview, time.monotonic()
        counts = overview.counts
        self._failed, self._done = counts["failed"], counts["done"]
        if self._quiet or overview.tuning is None:
            return
        tuning = overview.tuning
        batch = f", {tuning.batch} pictures together" if tuning.batch > 1 else ""
        workers = f"{tuning.workers} worker{'s' * (tuning.workers != 1)}"
        threads = f"{tuning.threads} thread{'s' * (tuning.threads != 1)}"
        say(
            f"{counts['pending'] + counts['draft']} of {sum(counts.values())} to draw; "
            f"{workers} with {threads} on {tuning.device}{batch}"
        )
        self._bars.start()
        self._list = self._bars.add("list", sum(counts.values()), self._done)

    def stepped(self, event: Stepped, records: Sequence[Record]) -> None:
        if not self._bars.shown:
            return
        if event.group not in self._running:
            title = records[0].prompt[:40] + (f" (+{len(records) - 1})" if len(records) > 1 else "")
            self._running[event.group] = self._bars.add(title, event.steps)
        bar = self._running[event.group]
        self._bars.update(bar, event.done, event.steps, f"  loss {event.loss:.3f}")

    def drawn(self, record: Record, picture: Picture, seconds: float) -> None:
        self._drawn += 1
        self._done += picture.steps >= record.planned
        self._forget(record)
        self._result(record, picture, seconds)
        self._tell()

    def failed(self, records: Sequence[Record], reason: str) -> None:
        self._failed += len(records)
        for record in records:
            self._forget(record)
            self._line(f"failed: {record.prompt[:60]!r} (seed {record.seed}): {reason}")
        self._tell()

    def warned(self, text: str) -> None:
        if text in self._warnings or len(self._warnings) > WARNINGS:
            return
        self._warnings.add(text)
        self._line(text if len(self._warnings) <= WARNINGS else "more warnings are not shown")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def facts(self) -> str:
        """Pictures an hour, time left, failures so far."""
        assert self._overview is not None
        elapsed = max(1e-3, time.monotonic() - self._began)
        rate = self._drawn / elapsed
        left = sum(self._overview.counts.values()) - self._done - self._failed
        time_left = f", {_duration(left / rate)} left" if rate and left > 0 else ""
        failures = f", {self._failed} failed" if self._failed else ""
        return f"{3600 * rate:,.0f} pictures/h{time_left}{failures}"

    def _tell(self) -> None:
        assert self._overview is not None
        if self._bars.shown:
            self._bars.update(self._list, self._done, facts=f"  {self.facts()}")
        elif not self._quiet and self._pace.is_due():
            say(f"{self._done}/{sum(self._overview.counts.values())}, {self.facts()}")

    def _line(self, text: str) -> None:
        if self._bars.shown:
            self._bars.say(f"pixgen: {text}")
        else:
            say(text)

    def _forget(self, record: Record) -> None:
        if record.group in self._running:
            self._bars.remove(self._running.pop(record.group))


def _duration(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
