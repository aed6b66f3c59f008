"""Ctrl-C and its like, where they must not end the program at once: work that is finished first, or asked to stop.

Its like are SIGTERM, SIGHUP, which a closed terminal sends, and on Windows Ctrl-Break and a closed console. They count
only in a program that called `end_as_ctrl_c_does`: another program's own ways to end stay its own.

All put the handlers from before back. Outside the main thread, and where the program was started with interrupts
ignored (in the background of a shell, under nohup), everything stays what it was.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
"""What asks a program to end, as far as this system has it; Windows sends SIGBREAK when a console is closed."""


class Ended(KeyboardInterrupt):
    """The program was asked to end, by the signal `number`."""

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__(number)
        self.number = number


@dataclass
class Request:
    """Whether somebody has asked to stop, and by which signal."""

    number: int | None = None

    def __bool__(self) -> bool:
        return self.number is not None

    @property
    def exit_code(self) -> int:
        """What the program exits with because of it; 0 where nobody asked."""
        return 0 if self.number is None else 128 + self.number


def end_as_ctrl_c_does() -> None:
    """From now on a signal that asks the program to end raises Ended, where Ctrl-C raises KeyboardInterrupt.

    For pixgen's own programs. A signal that is ignored, or that somebody else answers, is left alone.
    """
    for number in ENDINGS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def exit_code(error: BaseException) -> int:
    """The exit code after an interrupt, as shells give it: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP."""
    return 128 + error.number if isinstance(error, Ended) else INTERRUPTED


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Ctrl-C waits until the block is done and is raised then; a second one does not wait."""
    with _first(lambda: None) as request:
        yield
    if request.number is not None:
        raise KeyboardInterrupt if request.number == signal.SIGINT else Ended(request.number)


@contextlib.contextmanager
def asking(stop: Callable[[], object]) -> Iterator[Request]:
    """The first Ctrl-C calls `stop`, which asks the block to end, or raises; another one is what it was before.

    The block is given what says whether there was one.
    """
    with _first(stop) as request:
        yield request


def _end(number: int, _: FrameType | None) -> None:
    raise Ended(number)


@contextlib.contextmanager
def _first(answer: Callable[[], object]) -> Iterator[Request]:
    """The first signal in the block calls `answer`, and the handlers from before are back."""
    request = Request()

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(number: int, _: FrameType | None) -> None:
        put_back()  # first: the second Ctrl-C may come while this one is answered
        request.number = number
        answer()

    before = {number: signal.getsignal(number) for number in ENDINGS if signal.getsignal(number) is _end}
    if (handler := signal.getsignal(signal.SIGINT)) not in (None, signal.SIG_IGN):
        before[signal.SIGINT] = handler  # None: not set by Python, and not for Python to put back
    try:
        for number in before:
            signal.signal(number, handle)
    except ValueError:  # not the main thread, which alone gets signals
        yield request
        return
    try:
        yield request
    finally:
        put_back()
