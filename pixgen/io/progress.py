"""How far something is, on standard error: bars where a person watches, lines where a file listens."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pixgen.io.terminal import visible

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.progress import Progress, TaskID


class Column(Enum):
    """What may stand behind a bar beside texts."""

    COUNT = "done and total"
    SIZE = "bytes so far and in all"
    SPEED = "bytes a second"
    TIME_LEFT = "hours, minutes and seconds left"
    SHORT_TIME_LEFT = "minutes and seconds left"


def is_watched() -> bool:
    """Whether a person sees standard error, and not a file."""
    return sys.stderr.isatty()


def is_rewritable() -> bool:
    """Whether what stands on standard error can be written over: a terminal, and one that moves its cursor."""
    return is_watched() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


class Bars:
    """Bars under one another, each a title, the bar and `columns`; none where nobody watches, or with `quiet`.

    columns: a text is formatted with rich's task: `{task.completed}`, `{task.total}` and, as `add` and `update` set
    it, `{task.fields[facts]}`. Use as a context manager, or call `start` and `stop`.
    with_picture: `show` puts a picture above the bars.
    """

    def __init__(self, *columns: str | Column, quiet: bool = False, with_picture: bool = False) -> None:
        self._columns, self._quiet, self._with_picture = columns, quiet, with_picture
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def shown(self) -> bool:
        """Whether there are bars. Where there are none, the methods below do nothing."""
        return self._progress is not None

    def start(self) -> None:
        if self._quiet or not is_watched():
            return
        from rich import progress
        from rich.console import Console

        made: dict[Column, Callable[[], progress.ProgressColumn]] = {
            Column.COUNT: progress.MofNCompleteColumn,
            Column.SIZE: progress.DownloadColumn,
            Column.SPEED: progress.TransferSpeedColumn,
            Column.TIME_LEFT: progress.TimeRemainingColumn,
            Column.SHORT_TIME_LEFT: lambda: progress.TimeRemainingColumn(compact=True),
        }
        kind, rate = progress.Progress, 10
        if self._with_picture:
            from pixgen.io.terminal_picture import PER_SECOND, PictureProgress

            kind, rate = PictureProgress, PER_SECOND
        self._progress = kind(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=None),
            *(progress.TextColumn(c, markup=False) if isinstance(c, str) else made[c]() for c in self._columns),
            console=Console(stderr=True),
            expand=True,
            refresh_per_second=rate,
        )
        self._progress.start()

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def add(self, title: str, total: float | None = None, completed: int = 0, facts: str = "") -> TaskID | None:
        """Show one more bar; what `update` and `remove` call it by. total: None while it is not known."""
        if self._progress is None:
            return None
        return self._progress.add_task(visible(title), total=total, completed=completed, facts=visible(facts))

    def update(
        self, bar: TaskID | None, completed: float, total: float | None = None, facts: str | None = None
    ) -> None:
        """Move a bar. total and facts: None leaves them as they are."""
        if self._progress is not None and bar is not None:
            fields: dict[str, Any] = {} if facts is None else {"facts": visible(facts)}
            self._progress.update(bar, completed=completed, total=total, **fields)

    def remove(self, bar: TaskID | None) -> None:
        if self._progress is not None and bar is not None:
            self._progress.remove_task(bar)

    def show(self, image: Image) -> None:
        """Put this picture above the bars, in place of an earlier one. Bars made without `with_picture` ignore it."""
        if self._progress is not None and self._with_picture:
            from pixgen.io.terminal_picture import PictureProgress, TerminalPicture

            assert isinstance(self._progress, PictureProgress)
            self._progress.picture = TerminalPicture(image)

    def say(self, line: str) -> None:
        """Write a line above the bars."""
        if self._progress is not None:
            from rich.text import Text

            self._progress.console.print(Text(visible(line)))


class Pace:
    """When the next line is due where a file listens: one every `seconds`, the first after so many."""

    def __init__(self, seconds: float = 10.0) -> None:
        self.seconds = seconds
        self.begin()

    def begin(self) -> None:
        self._said = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time; where it is, the next one is due `seconds` later."""
        now = time.monotonic()
        if now - self._said < self.seconds:
            return False
        self._said = now
        return True
