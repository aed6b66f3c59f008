"""Standard input, output and error, which the program that started this one may have left in any state."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
from typing import TextIO

from pixgen.errors import PixgenError, reason

ERRORS = "pixgen.console"
"""The name of the way in which letters are shown that a console cannot hold."""


def prepare() -> None:
    """Make standard input, output and error usable whatever they are; for a process that is all ours.

    A closed one leads nowhere: otherwise the next file that is opened would get its number, and a library that writes
    to standard error would write into a picture. Letters that a console cannot hold are shown as `\\xe9`. What nobody
    reads any more (a closed pipe, a closed terminal) is not written, and the work goes on.
    """
    for number, mode in ((0, "r"), (1, "w"), (2, "w")):
        _open_where_closed(number, mode)
    codecs.register_error(ERRORS, _as_it_can)
    sys.stdout, sys.stderr = _steady(sys.stdout), _steady(sys.stderr)


def require_written() -> None:
    """Raise PixgenError where standard output could not take the results, unless nobody reads it any more."""
    lost = getattr(sys.stdout, "lost", None)
    if lost is not None and lost.errno not in _NOBODY_READS:
        raise PixgenError(f"cannot write to standard output: {reason(lost).lower()}; what was drawn is in its place")


_NOBODY_READS = (errno.EPIPE, errno.EIO, errno.EBADF, errno.EINVAL)
"""How a system says so: a closed pipe, a closed terminal, a closed stream, a closed pipe on Windows."""


class _Steady(io.TextIOWrapper):
    """A text stream that keeps its first failure in `lost`, and from then on takes everything and writes nothing."""

    lost: OSError | None = None

    def write(self, text: str, /) -> int:
        if self.lost is None:
            try:
                return super().write(text)
            except OSError as error:
                self._lose(error)
            except RuntimeError:  # a signal is answered in the middle of another line
                pass
        return len(text)

    def flush(self) -> None:
        if self.lost is None:
            try:
                super().flush()
            except OSError as error:
                self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.lost = error
        with contextlib.suppress(OSError):  # what is still in the buffer goes nowhere when the program ends
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


def _steady(stream: TextIO) -> TextIO:
    if type(stream) is not io.TextIOWrapper:  # a notebook's or a test's
        return stream
    with contextlib.suppress(OSError):
        stream.flush()
    return _Steady(stream.buffer, stream.encoding, ERRORS, None, stream.line_buffering, stream.write_through)


def _open_where_closed(number: int, mode: str) -> None:
    name = ("stdin", "stdout", "stderr")[number]
    try:
        os.fstat(number)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)
    if getattr(sys, name) is None:  # closed when Python began, or a program without a console
        stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 (it stays open)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)  # which keeps it, and with it its buffer


def _as_it_can(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for what cannot be encoded: the byte itself of a file name that is no text, else an escape."""
    if isinstance(error, UnicodeEncodeError):
        part = error.object[error.start : error.end]
        if all("\udc80" <= letter <= "\udcff" for letter in part):
            return bytes(ord(letter) - 0xDC00 for letter in part), error.end
    return codecs.backslashreplace_errors(error)
