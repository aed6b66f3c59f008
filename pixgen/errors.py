"""What can go wrong, as one small tree. Every message names the thing, the place and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PixgenError(Exception):
    """A failure that is not the user's mistake (exit code 1)."""

    exit_code = 1


class UsageError(PixgenError):
    """Something asked for that pixgen cannot do as asked (exit code 2)."""

    exit_code = 2


def nearest(name: str, known: Iterable[str], ratio: float = 0.6) -> str | None:
    """The known name most similar to `name`, or None where none has at least this similarity (0 to 1)."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=ratio)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'watercolor'?"`, or the empty string when no known name is near."""
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else ""


def reason(error: BaseException) -> str:
    """Why something failed, in one line: what the system says, else the message's first line, else the error's name."""
    said = getattr(error, "strerror", None) or str(error)
    return next(iter(str(said).splitlines()), "") or type(error).__name__


def shown(value: object, most: int = 80) -> str:
    """`repr(value)` as a message can quote it: on one line, at most `most` characters, whatever it is."""
    try:
        text = value[: most + 1] if isinstance(value, str | bytes) else value
        found = repr(text)
    except (ValueError, RecursionError):  # an integer of more digits than Python prints, a list within itself
        found = f"<{type(value).__name__}>"
    return found if len(found) <= most else found[: most - 3] + "..."
