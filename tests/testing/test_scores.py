"""The check of scores finds each fault, and says in one line what is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from pixgen.contracts import FinishedRun, Score
from pixgen.testing import check_score
from tests.testing.faulty import faulty


@dataclass
class Brightness(Score):
    """Mean brightness."""

    def __call__(self, run: FinishedRun, images: Tensor) -> dict[str, Tensor]:
        return {"": images.flatten(1).mean(1), "red": images[:, 0].flatten(1).mean(1)}


def score(judge: Callable[[Tensor], Any]) -> dict[str, Any]:
    return {"__call__": lambda self, run, images: judge(images)}


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "one number": (score(lambda x: {"": x.mean()}), r"its number '' has the shape \(\)"),
    "no dict": (score(lambda x: x.flatten(1).mean(1)), 'it returns Tensor; return {"": one number a picture}'),
    "no score": (score(lambda x: {"red": x.flatten(1).mean(1)}), r"it returns \['red'\]; return"),
    "ranks": (
        score(lambda x: {"": x.flatten(1).mean(1).argsort().argsort().to(x)}), "picture . has another score than alone",
    ),
    "global random numbers": (score(lambda x: {"": x.flatten(1).mean(1) + torch.rand(())}), "draws from the global"),
    "not finite": (score(lambda x: {"": x.flatten(1).mean(1) / 0}), "its number '' is not finite"),
    "pictures changed": (score(lambda x: {"": x.mul_(0.5).flatten(1).mean(1)}), "it changes the pictures"),
    "neither up nor down": ({"lower_is_better": None}, "its lower_is_better is None; write True or False"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(fault: str) -> None:
    members, line = FAULTS[fault]
    with pytest.raises(AssertionError, match=line) as raised:
        check_score(faulty("score", Brightness, **members))
    assert str(raised.value).startswith("score.faulty: ") and "\n" not in str(raised.value)


def test_one_that_counts_its_calls_is_found_and_one_without_faults_passes() -> None:
    calls: list[int] = []
    members = score(lambda x: calls.append(1) or {"": x.flatten(1).mean(1) + len(calls)})
    with pytest.raises(AssertionError, match="asked again it gives other numbers"):
        check_score(faulty("score", Brightness, **members))
    check_score(faulty("score", Brightness, __qualname__="Faultless"))
