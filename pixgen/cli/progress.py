"""What the person at the terminal sees while a picture is drawn; all of it on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from pixgen.cli import portuguese
from pixgen.cli.console import say
from pixgen.errors import UsageError
from pixgen.io import progress, terminal
from pixgen.io.progress import Bars, Column

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

PREVIEW_SHARE = 0.05
"""Of the time that drawing takes, what previews may take at most."""


def can_preview(asked: bool, quiet: bool) -> bool:
    """Whether `--preview` can show pictures; where it was asked for and cannot, a line says so.

    Raises UsageError where `--quiet` contradicts it.
    """
    if asked and quiet:
        raise UsageError("--preview shows the picture and --quiet shows nothing; leave out one of them")
    if asked and not progress.is_rewritable():
        say("--preview shows nothing here: standard error is not a terminal in which a picture can be redrawn")
        return False
    return asked


class Bar:
    """One picture's progress: a bar where somebody watches, a line every tenth of the way where a file listens.

    Use as a context manager; nothing at all is shown with `quiet`. preview: the picture is shown as it grows.
    """

    def __init__(self, title: str, total: int, quiet: bool = False, preview: bool = False) -> None:
        self._title = title
        self._total = total
        self._quiet = quiet
        count = "step {task.completed:.0f}/{task.total:.0f}{task.fields[facts]}"
        self._bars = Bars(count, Column.SHORT_TIME_LEFT, quiet=quiet, with_picture=preview)
        self._preview = preview
        self._preview_due = self._began = time.monotonic()
        self._done = 0
        self._tenths = -1

    def __enter__(self) -> Bar:
        self._bars.start()
        # Shown before the first step, which may take a while: several starts are tried there.
        self._bar = self._bars.add(self._title, self._total)
        return self

    def show(self, done: int, loss: float) -> None:
        """`done` steps are done, the last with this loss (summed over the terms)."""
        self._done = done
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

    def preview(self, pictures: Callable[[], Tensor]) -> None:
        """Show what is reached, if a preview is wanted and due; call after `show`.

        pictures: makes it, float32 (B, 3, H, W) in [0, 1]; several stand side by side. It is called so rarely that
        previews take PREVIEW_SHARE of the time, and after the last step.
        """
        began = time.monotonic()
        if not self._preview or (began < self._preview_due and self._done != self._total):
            return
        from pixgen.io.pictures import to_image

        self.show_picture(to_image(pictures().movedim(0, -2).flatten(-2)))
        took = time.monotonic() - began
        self._preview_due = began + took / PREVIEW_SHARE

    def show_picture(self, image: Image) -> None:
        """Show a finished picture, if a preview is wanted."""
        if self._preview:
            self._bars.show(image)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
