"""Schedules are finite, begin and end where they say, and stay between."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixgen.errors import UsageError
from pixgen.registry import schedule

VALUES = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-6, 1e6)
PROGRESS = st.floats(0, 1)


@given(st.sampled_from(["linear", "cosine", "exponential"]), POSITIVE, POSITIVE, PROGRESS)
def test_ramps_begin_at_start_and_end_at_end(kind: str, start: float, end: float, progress: float) -> None:
    ramp = schedule({"type": kind, "start": start, "end": end, "begin": 0.25, "until": 0.75})
    assert ramp.value(0) == ramp.value(0.25) == start
    assert ramp.value(1) == ramp.value(0.75) == end
    assert min(start, end) * (1 - 1e-9) <= ramp.value(progress) <= max(start, end) * (1 + 1e-9)


@pytest.mark.parametrize(("kind", "half"), [("linear", 1.25), ("cosine", 1.25), ("exponential", 1.0)])
def test_ramps_half_way(kind: str, half: float) -> None:
    assert schedule({"type": kind, "start": 2.0, "end": 0.5}).value(0.5) == pytest.approx(half)


def test_a_cosine_is_level_at_both_ends() -> None:
    cosine = schedule({"type": "cosine"})
    assert 1 - cosine.value(0.01) < 0.001
    assert cosine.value(0.99) < 0.001


@given(VALUES, PROGRESS)
def test_a_number_is_a_constant(level: float, progress: float) -> None:
    assert schedule(level).value(progress) == level


def test_drops_multiply() -> None:
    steps = schedule({"type": "step", "start": 8, "drops": [0.5, 0.75], "factor": 0.5})
    assert [steps.value(p) for p in (0, 0.49, 0.5, 0.75, 1)] == [8, 8, 4, 2, 2]


def test_a_warmup_scales_what_follows() -> None:
    warm = schedule({"type": "warmup", "then": {"type": "linear", "start": 2, "end": 1}, "until": 0.5, "factor": 0.25})
    assert warm.value(0) == pytest.approx(0.5)
    assert warm.value(0.5) == pytest.approx(1.5)
    assert warm.value(1) == pytest.approx(1)


def test_pieces_hold_until_the_next_change() -> None:
    ramp = {"type": "linear", "start": 2, "end": 1}
    pieces = schedule({"type": "piecewise", "start": ramp, "changes": [0.5, 0.75], "levels": [5, 0]})
    assert [pieces.value(p) for p in (0, 0.25, 0.5, 0.74, 0.75, 1)] == [2, 1.75, 5, 5, 0, 0]
    assert schedule({"type": "piecewise", "start": 3}).value(1) == 3


@given(st.dictionaries(st.sampled_from(["start", "end", "begin", "until", "factor"]), st.floats()), PROGRESS)
def test_whatever_is_accepted_is_finite(options: dict[str, Any], progress: float) -> None:
    for kind in ("linear", "cosine", "exponential"):
        try:
            found = schedule({"type": kind, **options})
        except UsageError:
            continue
        assert math.isfinite(found.value(progress))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"type": "cosin"}, "did you mean 'cosine'"),
        ({"type": "linear", "strat": 1}, "did you mean 'start'"),
        ({"type": "linear", "begin": 0.9, "until": 0.1}, "begin < until"),
        ({"type": "exponential", "end": 0}, "above zero"),
        ({"type": "step", "drops": [75]}, "fractions"),
        ({"type": "warmup", "then": {"type": "x"}}, "no scheduler"),
        ({"type": "piecewise", "changes": [0.5]}, "each needs the other"),
        ({"type": "piecewise", "changes": [0.5, 0.2], "levels": [1, 2]}, "ascending"),
        ({"type": "piecewise", "changes": [2], "levels": [1]}, "from 0 to 1"),
        ({"type": "piecewise", "start": {"type": "x"}}, "no scheduler"),
        ({"type": "warmup"}, "needs the option 'then'"),
        ({}, "needs a type"),
        (math.nan, "float"),
        ("1", "must be float"),
        (True, "must be float"),
    ],
)
def test_wrong_schedules_are_refused_at_once(value: Any, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        schedule(value)
