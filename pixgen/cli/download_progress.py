"""What the person at the terminal sees of a download: how far it is, how fast, how long still; on standard error."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from pixgen.cli.console import say
from pixgen.io.progress import Bars, Column, Pace

if TYPE_CHECKING:
    from rich.progress import TaskID

    from pixgen.models.entry import File
    from pixgen.models.pull import Watch


class Transfers:
    """The downloads of one model. Use as a context manager; nothing at all is shown with `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bars = Bars(Column.SIZE, Column.SPEED, Column.TIME_LEFT, quiet=quiet)
        self._bar: TaskID | None = None
        self._began, self._from = 0.0, 0
        self._pace = Pace()

    def __enter__(self) -> Transfers:
        self._bars.start()
        return self

    def watch(self) -> Watch:
        """What `pull` is to call."""
        from pixgen.models.pull import Watch

        return Watch(self._source, self._report, lambda url, reason: say(f"{url} {reason}"))

    def _source(self, file: File, url: str) -> None:
        self._began, self._from = time.monotonic(), -1
        self._pace.begin()
        self._bars.remove(self._bar)
        self._bar = self._bars.add(file.name, file.bytes)
        if not (self._quiet or self._bars.shown):
            say(f"{file.name} from {url}")

    def _report(self, done: int, total: int | None) -> None:
        if self._quiet:
            return
        if self._bars.shown:
            self._bars.update(self._bar, done, total)
            return
        if self._from < 0:
            self._from = done  # what was here already was not fetched now
            if done:
                say(f"going on after {done / 1e6:.1f} MB")
        if self._pace.is_due():
            rate = (done - self._from) / (time.monotonic() - self._began)
            whole = f" of {total / 1e6:.1f}" if total else ""
            left = f", {(total - done) / rate:.0f} s left" if total and rate else ""
            say(f"{done / 1e6:.1f}{whole} MB, {rate / 1e6:.1f} MB/s{left}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
