"""What the person at the terminal sees of a download: how far it is, how fast, how long still; on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from pixgen.cli.console import say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from pixgen.models.entry import File
    from pixgen.models.pull import Watch

EVERY = 10.0
"""Seconds between two lines where a file listens and not a person."""


class Transfers:
    """The downloads of one model. Use as a context manager; nothing at all is shown with `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._began, self._said, self._from = 0.0, 0.0, 0

    def __enter__(self) -> Transfers:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
                TransferSpeedColumn,
            )

            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                expand=True,
            )
            self._progress.start()
        return self

    def watch(self) -> Watch:
        """What `pull` is to call."""
        from pixgen.models.pull import Watch

        return Watch(self._source, self._report, lambda url, reason: say(f"{url} {reason}"))

    def _source(self, file: File, url: str) -> None:
        self._began = self._said = time.monotonic()
        self._from = -1
        if self._quiet:
            return
        if self._progress is None:
            say(f"{file.name} from {url}")
            return
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(file.name, total=file.bytes)

    def _report(self, done: int, total: int | None) -> None:
        if self._quiet:
            return
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total)
            return
        now = time.monotonic()
        if self._from < 0:
            self._from = done  # what was here already was not fetched now
            if done:
                say(f"going on after {done / 1e6:.1f} MB")
        if now - self._said >= EVERY:
            self._said = now
            rate = (done - self._from) / (now - self._began)
            whole = f" of {total / 1e6:.1f}" if total else ""
            left = f", {(total - done) / rate:.0f} s left" if total and rate else ""
            say(f"{done / 1e6:.1f}{whole} MB, {rate / 1e6:.1f} MB/s{left}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
