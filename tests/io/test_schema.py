"""What plain data is checked against type hints, and how it is told."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any, Literal

import pytest

from pixgen.io import schema
from pixgen.io.schema import OptionError


def test_an_option_error_comes_whole_from_a_worker_process() -> None:
    error = OptionError("losses.warm.weight", "losses.warm.weight is 'x'")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.key, str(again)) == (OptionError, error.key, str(error))


@pytest.mark.parametrize(
    ("value", "hint", "said"),
    [
        (True, int, "x is True (bool); it must be int"),
        (True, float, "x is True (bool); it must be float"),
        (1, bool, "x is 1 (int); it must be bool; write true"),
        ("no", bool, "x is 'no' (str); it must be bool; write false"),
        ("0,5", float, "x is '0,5' (str); it must be float; write 0.5, with a point"),
        ("5", int, "x is '5' (str); it must be int"),
        (math.nan, float, "x is nan; it must be a finite number"),
        (math.inf, float | None, "x is inf; it must be a finite number"),
        (10**400, float, "it must be a finite number"),
        (1e300, float, "x is 1e+300; it must be a finite number that a float can hold, 1e+30 at most"),
        (-1e38, float | None, "x is -1e+38; it must be a finite number"),
        (2**63, int, "it must be a whole number that 64 bits can hold"),
        pytest.param(
            10**5000, int | str, "x is <int>; it must be a whole number that 64 bits can hold", id="5,000 digits"
        ),
        ("a\0", Path | None, "cannot be a path"),
        ("~no-such-user/x", Path, "'~no-such-user' has no home folder here"),
        ("on", Literal["off", "auto"], "x is 'on'; it must be one of 'off', 'auto'"),
        ([1, "a"], tuple[int, int], "x[1] is 'a' (str); it must be int"),
        ([1, 2, 3], tuple[int, int], "x is [1, 2, 3] (list)"),
        ("y" * 5000, int, "..."),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_in_one_short_line(value: Any, hint: Any, said: str) -> None:
    with pytest.raises(OptionError) as refused:
        schema.coerce(value, hint, "x")
    assert said in str(refused.value) and len(str(refused.value)) < 200 and "\n" not in str(refused.value)


def test_what_is_nested_without_end_is_refused_before_anything_walks_it() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(OptionError, match="x is nested more than 32 deep"):
        schema.require_shallow(deep, "x")
    schema.require_shallow({"a": [{"b": 1}] * 1000}, "x")
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(OptionError, match="nested"):
        schema.require_shallow(circle, "x")
