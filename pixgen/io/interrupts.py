"""Ctrl-C, where it must not end the program at once: work that is finished first, and work that is asked to stop.

Both put the handler from before back. Outside the main thread, and where the program was started with interrupts
ignored (in the background of a shell), Ctrl-C stays what it was.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Ctrl-C waits until the block is done and is a KeyboardInterrupt then; a second one does not wait."""
    pressed = False

    def hold() -> None:
        nonlocal pressed
        pressed = True

    with _first(hold):
        yield
    if pressed:
        raise KeyboardInterrupt


@contextlib.contextmanager
def asking(stop: Callable[[], object]) -> Iterator[None]:
    """The first Ctrl-C calls `stop`, which asks the block to end, or raises; another one is what it was before."""
    with _first(stop):
        yield


@contextlib.contextmanager
def _first(answer: Callable[[], object]) -> Iterator[None]:
    """The first Ctrl-C in the block calls `answer`, and the handler from before is back."""

    def handle(*_: object) -> None:
        signal.signal(signal.SIGINT, before)  # first: the second Ctrl-C may come while this one is answered
        answer()

    before = signal.getsignal(signal.SIGINT)
    if before in (None, signal.SIG_IGN):  # None: not set by Python, and not for Python to put back
        yield
        return
    try:
        signal.signal(signal.SIGINT, handle)
    except ValueError:  # not the main thread, which alone gets signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
