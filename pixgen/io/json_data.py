"""JSON that somebody else wrote, as plain data."""

from __future__ import annotations

import json
from typing import Any

MAX_DIGITS = 20
"""Of a whole number; Python refuses thousands with a message about itself."""


def parse(text: str) -> Any:
    """What `text` says. Raises ValueError, in one line, for text that is not JSON, a name that is there twice, a number
    of more than MAX_DIGITS digits, and what is nested too deeply.
    """
    try:
        return json.loads(text, parse_int=_whole, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits.lstrip('-')):,} digits")
    return int(digits)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found
