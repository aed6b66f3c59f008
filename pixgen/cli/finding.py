"""What `pixgen doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    about: what was checked.
    ok: whether it is as it should be.
    state: how it is.
    way_out: what to do where it is not ok, a command where one does it; else empty.
    """

    about: str
    ok: bool
    state: str
    way_out: str = ""
