"""The library's warnings, collected for the window that caused them."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

MOST = 20
"""Notes that are kept of one run."""


class _Collector(logging.Handler):
    """Keeps the warnings of one thread."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._notes, self._thread = notes, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and len(self._notes) < MOST:
            line = record.getMessage()
            if line not in self._notes:
                self._notes.append(line)


@contextlib.contextmanager
def collected(notes: list[str]) -> Iterator[None]:
    """Inside, pixgen's warnings of this thread are appended to `notes` as well; other windows' are not."""
    log, collector = logging.getLogger("pixgen"), _Collector(notes)
    log.addHandler(collector)
    try:
        yield
    finally:
        log.removeHandler(collector)
