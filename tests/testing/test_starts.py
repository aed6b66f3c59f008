"""The check of starts finds each fault, and says in one line what is wrong and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from pixgen.backend.tensors import Size
from pixgen.contracts import Params, Session, Start
from pixgen.registry import create
from pixgen.testing import check_start
from tests.testing.faulty import faulty


@dataclass
class OneColour(Start):
    """One random colour."""

    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        random = session.streams[index].generator("start", attempt)
        return session.generator.encode(torch.rand(1, 3, 1, 1, generator=random).expand(1, 3, *size))


def start(make: Any) -> dict[str, Any]:
    return {"__call__": lambda self, session, index, size, attempt: make(session, index, size, attempt)}


def encoded(session: Session, size: Size, brightness: float) -> Params:
    return session.generator.encode(torch.full((1, 3, *size), brightness))


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "global random numbers": (
        start(lambda session, index, size, attempt: session.generator.encode(torch.rand(1, 3, *size))),
        "the start draws from the global random state of torch or sets it; draw from the Streams",
    ),
    "the first picture's": (
        start(lambda session, index, size, attempt: encoded(session, size, session.streams[0].seed / 9)),
        "in a batch a picture starts otherwise than alone",
    ),
    "of the batch": (
        start(lambda session, index, size, attempt: encoded(session, size, len(session.streams) / 9)),
        r"in a batch a picture starts otherwise than alone; read session.prompts\[index\]",
    ),
    "a picture": (start(lambda session, index, size, attempt: torch.zeros(1, 3, *size)), "its params are Tensor; give"),
    "of another generator": (
        start(lambda session, index, size, attempt: {"latent": torch.zeros(1, 4)}), r"its params are \['latent'\]",
    ),
    "all of the batch": (
        start(lambda session, index, size, attempt: {"grid": torch.zeros(2, 3, size[0] // 4, size[1] // 4)}),
        "its grid has the shape",
    ),
    "of one size": (start(lambda session, index, size, attempt: encoded(session, (32, 48), 0.5)), "its grid has"),
    "not finite": (
        start(lambda session, index, size, attempt: {"grid": encoded(session, size, 0.5)["grid"] / 0}), "not finite",
    ),
    "float64": (
        start(lambda session, index, size, attempt: {"grid": encoded(session, size, 0.5)["grid"].double()}),
        "its grid is of torch.float64",
    ),
    "words as text": ({"known_words": lambda self, text: text}, "known_words returns a str"),
    "no side": ({"min_side": None}, "its min_side is None"),
    "prepare fails": ({"prepare": lambda self, session: 1 / 0}, "prepare raises ZeroDivisionError"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(fault: str) -> None:
    members, line = FAULTS[fault]
    with pytest.raises(AssertionError, match=line) as raised:
        check_start(faulty("start", OneColour, **members))
    assert str(raised.value).startswith("start.faulty: ") and "\n" not in str(raised.value)


def test_one_that_counts_its_calls_is_found() -> None:
    calls: list[int] = []
    members = start(lambda session, index, size, attempt: calls.append(1) or encoded(session, size, 1 / len(calls)))
    with pytest.raises(AssertionError, match="the same seed and attempt give other params"):
        check_start(faulty("start", OneColour, **members))


def test_one_without_faults_passes_with_any_generator() -> None:
    cls = faulty("start", OneColour)
    check_start(cls)
    check_start(cls, generator=create("generator", {"type": "pixel", "pixel_size": 4}))
