"""What the person at the terminal sees while a picture is drawn; all of it on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from pixgen.cli import portuguese
from pixgen.io import terminal
from pixgen.io.progress import Bars, Column


class Bar:
    """One picture's progress: a bar where somebody watches, a line every tenth of the way where a file listens.

    Use as a context manager; nothing at all is shown with `quiet`.
    """

    def __init__(self, title: str, total: int, quiet: bool = False) -> None:
        self._title = title
        self._total = total
        self._quiet = quiet
        count = "step {task.completed:.0f}/{task.total:.0f}{task.fields[facts]}"
        self._bars = Bars(count, Column.SHORT_TIME_LEFT, quiet=quiet)
        self._began = time.monotonic()
        self._tenths = -1

    def __enter__(self) -> Bar:
        self._bars.start()
        # Shown before the first step, which may take a while: several starts are tried there.
        self._bar = self._bars.add(self._title, self._total)
        return self

    def show(self, done: int, loss: float) -> None:
        """`done` steps are done, the last with this loss (summed over the terms)."""
        if self._quiet:
            return
        if done == 1:
            # The rate leaves out the first step, which pays for what is set up once.
            self._began = time.monotonic()
        elapsed = time.monotonic() - self._began
        rate = (done - 1) / elapsed if elapsed > 0 else 0.0
        total = self._total
        if self._bars.shown:
            self._bars.update(self._bar, done, facts=f"  loss {loss:.3f}  {rate:.1f} it/s")
        elif done == 1 or done == total or done * 10 // total > self._tenths:
            self._tenths = done * 10 // total
            left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
            line = f"step {done}/{total}, loss {loss:.3f}, {rate:.1f} it/s{left}"
            terminal.write(portuguese.translate(line), sys.stderr)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
