"""The check of schedulers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from pixgen.contracts import Scheduler
from pixgen.testing.options import check_options
from pixgen.testing.round_trip import check_round_trip
from pixgen.testing.subject import Subject, checking

PROGRESS = (-1e-6, 0.0, 1e-6, 0.1, 0.25, 1 / 3, 0.5, 0.667, 0.75, 0.999, 1.0, 1 + 1e-6)
"""A division that rounds may lead a little beyond either end."""


def check_scheduler(
    plugin: Scheduler | type[Scheduler] | str,
    options: Mapping[str, Any] | None = None,
    *,
    wrong: Iterable[Mapping[str, Any]] = (),
) -> None:
    """Check that a scheduler keeps its contract (`pixgen.contracts.Scheduler`).

    That its value is a finite number from progress 0 to 1 and a little beyond, and the same whatever was asked before;
    it is frozen; every option is documented, and its values work or are refused; the global random state is left
    alone; the settings come back from a picture's metadata, and `again` gives the same bytes.

    Arguments as for `check_loss`. Raises AssertionError, whose line says what is wrong and how to mend it.
    """
    with checking("scheduler", plugin, options) as subject:
        made: Scheduler = subject.plugin()
        frozen = type(made).__dataclass_params__.frozen  # type: ignore[attr-defined]
        subject.require(frozen, "it is not frozen, and one may serve several settings", "write @dataclass(frozen=True)")
        forward = _values(subject, made, PROGRESS)
        backward = _values(subject, made, PROGRESS[::-1])[::-1]
        same = forward == backward
        subject.require(same, "its values depend on what was asked before", "compute them from progress alone")
        check_options(subject, wrong, lambda other: _values(subject, other, PROGRESS))
        check_round_trip(subject, {"losses": {"clip": {"weight": {"type": subject.name, **subject.options}}}})


def _values(subject: Subject, made: Scheduler, progress: Iterable[float]) -> list[float]:
    found = []
    for at in progress:
        with subject.calling(f"its value at progress {at:g}"):
            value = made.value(at)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        subject.require(number, f"its value at progress {at:g} is a {type(value).__name__}", "return a float")
        mend = "bring progress into 0 to 1 before roots, logarithms and divisions: min(max(progress, 0), 1)"
        subject.require(math.isfinite(value), f"its value at progress {at:g} is {value}", mend)
        found.append(float(value))
    return found
