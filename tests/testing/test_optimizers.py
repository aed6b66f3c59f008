"""The check of optimizers finds each fault, and says in one line what is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from pixgen.registry import register
from pixgen.testing import check_optimizer


class Signs(torch.optim.Optimizer):
    """Steps of one length against the sign of the gradient."""

    def __init__(self, params: Iterable[Tensor], lr: float = 0.1, decay: float = 0.5) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; it must be at least 0 and below 1")
        super().__init__(params, {"lr": lr, "decay": decay})

    def direction(self, grad: Tensor) -> Tensor:
        return grad.sign()

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    param.add_(self.direction(param.grad), alpha=-group["lr"])


class Mixing(Signs):
    def direction(self, grad: Tensor) -> Tensor:
        return grad / grad.norm()


class Rising(Signs):
    def direction(self, grad: Tensor) -> Tensor:
        return -grad.sign()


class Dividing(Signs):
    def direction(self, grad: Tensor) -> Tensor:
        return grad / grad.abs()


class Random(Signs):
    def direction(self, grad: Tensor) -> Tensor:
        return grad.sign() * torch.rand(())


class Unchecked(Signs):
    def __init__(self, params: Iterable[Tensor], lr: float = 0.1, length: float = 1.0) -> None:
        super().__init__(params, lr)
        self.length = length

    def direction(self, grad: Tensor) -> Tensor:
        return grad.sign() / max(self.length, 0) if self.length else grad.sign() * torch.inf


class Unclear(Signs):
    def __init__(self, params: Iterable[Tensor], lr: float = 0.1, length: float = 1.0) -> None:
        if length <= 0:
            raise ValueError("it is too short")
        super().__init__(params, lr)


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (Mixing, "in a batch picture 0 comes to another place than alone; update every number by itself"),
        (Rising, "picture 0 is as far from its target as before; step against the gradient"),
        (Dividing, "of a gradient that is zero it makes what is not finite; divide by no zero"),
        (Random, "step draws from the global random state"),
        (Unchecked, "the option length=-1.0 .*; refuse it in __init__"),
        (Unclear, "the refusal of length=-1.0 does not name it"),
    ],
)
def test_every_fault_is_found(cls: type[Any], line: str) -> None:
    register("optimizer", "faulty")(cls)
    with pytest.raises(AssertionError, match=line) as raised:
        check_optimizer(cls)
    assert str(raised.value).startswith("optimizer.faulty: ") and "\n" not in str(raised.value)


def test_what_is_no_optimizer() -> None:
    register("optimizer", "faulty")(dict)
    with pytest.raises(AssertionError, match=r"it is a dict; derive it from torch.optim.Optimizer"):
        check_optimizer("faulty")


def test_one_without_faults_passes_and_refuses_what_it_must() -> None:
    register("optimizer", "signs")(Signs)
    check_optimizer("signs", wrong=[{"decay": 2.0}])
    with pytest.raises(AssertionError, match="the options {'decay': 0.25} are taken"):
        check_optimizer(Signs, wrong=[{"decay": 0.25}])
