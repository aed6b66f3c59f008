"""The check of schedulers finds each fault, and says in one line what is wrong and how to mend it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from pixgen.contracts import Scheduler
from pixgen.testing import check_scheduler
from tests.testing.faulty import faulty


@dataclass(frozen=True)
class Falling(Scheduler):
    """From `first` to 0."""

    first: float = 1.0
    """The first value."""

    def value(self, progress: float) -> float:
        return self.first * (1 - progress)


def falling(change: Callable[[float], Any]) -> dict[str, Any]:
    return {"value": lambda self, progress: change(progress)}


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "not a number beyond the end": (
        falling(lambda p: (1 - p) ** 0.5), "its value at progress 1 is a complex; return a float",
    ),
    "nan before the beginning": (
        falling(lambda p: math.nan if p < 0 else p),
        "its value at progress -1e-06 is nan; bring progress into 0 to 1",
    ),
    "a logarithm of 0": (falling(lambda p: math.log(max(p, 0))), "its value at progress -1e-06 raises ValueError"),
    "a division by 0": (falling(lambda p: 1 / (1 - p)), "progress 1 raises ZeroDivisionError"),
    "infinite": (falling(lambda p: math.inf), "is inf"),
    "text": (falling(lambda p: "1"), "is a str; return a float"),
    "random": (falling(lambda p: random.random()), r"draws from the global random state of Python"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(fault: str) -> None:
    members, line = FAULTS[fault]
    with pytest.raises(AssertionError, match=line) as raised:
        check_scheduler(faulty("scheduler", Falling, frozen=True, **members))
    assert str(raised.value).startswith("scheduler.faulty: ") and "\n" not in str(raised.value)


@dataclass
class Counting(Scheduler):
    """Another value at every call."""

    calls: list[int] = field(init=False, default_factory=list)

    def value(self, progress: float) -> float:
        self.calls.append(1)
        return float(len(self.calls))


def test_one_that_is_not_frozen_or_remembers() -> None:
    with pytest.raises(AssertionError, match=r"not frozen, .*; write @dataclass\(frozen=True\)"):
        check_scheduler(faulty("scheduler", Counting))
    seen: list[float] = []
    members = {"value": lambda self, progress: float(len(seen) if seen.append(progress) is None else 0)}
    with pytest.raises(AssertionError, match="its values depend on what was asked before"):
        check_scheduler(faulty("scheduler", Falling, frozen=True, __qualname__="Other", **members))


def test_one_without_faults_passes_and_needs_its_options() -> None:
    check_scheduler(faulty("scheduler", Falling, frozen=True), {"first": 3.0})
    with pytest.raises(AssertionError, match="scheduler.constant: cannot be made .* needs the option 'level'; give"):
        check_scheduler("constant")
