"""What a program has set in torch for itself: it does not reach the work, and it stays set."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch

from pixgen.backend.isolation import computing_with, in_isolation, isolated
from pixgen.backend.silence import silenced
from pixgen.backend.streams import Streams, drawing_from
from pixgen.errors import UsageError


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def state() -> tuple[Any, ...]:
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_default_device(),
        torch.get_num_threads(),
    )


@pytest.mark.parametrize(
    "setting",
    [
        torch.no_grad,
        torch.inference_mode,
        lambda: torch.autocast("cpu", torch.bfloat16),
        lambda: torch.device("meta"),
        lambda: computing_with(3),
    ],
)
def test_what_the_caller_has_set_stays_outside(setting: Callable[[], AbstractContextManager[Any]]) -> None:
    with setting():
        before = state()
        with isolated(1):
            assert state() == (True, False, False, torch.device("cpu"), 1)
            x = torch.ones(2, 2, requires_grad=True)
            (x @ x).sum().backward()
            assert x.grad is not None and x.grad.dtype == torch.float32
        assert state() == before


def test_another_default_dtype_is_refused_with_what_to_change() -> None:
    with (
        default_dtype(torch.float64),
        pytest.raises(UsageError, match=r"float64.*set_default_dtype\(torch.float32\)"),
        isolated(),
    ):
        pass


def test_items_are_made_in_isolation_and_used_outside() -> None:
    def items() -> Iterator[bool]:
        yield torch.is_grad_enabled()
        yield torch.is_grad_enabled()

    with torch.no_grad():
        for enabled in in_isolation(items()):
            assert enabled and not torch.is_grad_enabled()


def test_another_thread_does_not_see_the_number_of_threads() -> None:
    def elsewhere() -> int:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        return found[0]

    before = torch.get_num_threads(), elsewhere()
    with computing_with(before[0] + 1):
        assert (torch.get_num_threads(), elsewhere()) == (before[0] + 1, before[1])
    assert (torch.get_num_threads(), elsewhere()) == before


def test_a_library_draws_from_a_stream_and_the_default_generator_stays() -> None:
    def library() -> list[torch.Tensor]:
        return [
            *(torch.rand(3), torch.randn(2), torch.randint(9, (4,)), torch.randperm(5), torch.rand_like(torch.ones(2))),
            *(
                torch.empty(3).uniform_(),
                torch.bernoulli(torch.full((4,), 0.5)),
                torch.distributions.Normal(0, 1).sample(),
            ),
            torch.nn.Linear(2, 3).weight.detach(),
        ]

    before = torch.get_rng_state()
    with drawing_from(Streams(7).generator("a", 3)):
        found = library()
    assert torch.equal(torch.get_rng_state(), before)
    seeded = torch.random.fork_rng(devices=[])
    with seeded:
        torch.default_generator.set_state(Streams(7).generator("a", 3).get_state())
        for mine, default in zip(found, library(), strict=True):
            assert torch.equal(mine, default)


def test_a_stream_belongs_to_its_thread() -> None:
    inside, drawn = threading.Barrier(2), {}

    def draw(seed: int) -> None:
        with drawing_from(Streams(seed).generator("a")):
            inside.wait()
            drawn[seed] = [float(torch.rand(())) for _ in range(100)]

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        generator = Streams(seed).generator("a")
        assert drawn[seed] == [float(torch.rand((), generator=generator)) for _ in range(100)]


class Loud:
    def __init__(self, *, number: int = 3) -> None:
        super().__init__()
        print("made", number)
        self.number = number


def test_a_function_is_silenced_without_touching_it_or_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    out = sys.stdout
    quiet = type("Quiet", (Loud,), {"__init__": silenced(Loud.__init__)})
    assert quiet(number=4).number == 4
    assert capsys.readouterr().out == "" and sys.stdout is out
    Loud()
    assert capsys.readouterr().out == "made 3\n"
