"""Torch's optimisers by name: those that treat every number on its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from pixgen import registry
from pixgen.errors import UsageError
from pixgen.settings import optimizers


@pytest.mark.parametrize("name", registry.names("optimizer"))
def test_every_optimizer_lowers_a_bowl_and_keeps_pictures_apart(name: str) -> None:
    def run(start: torch.Tensor) -> torch.Tensor:
        params = start.clone().requires_grad_()
        optimizer = optimizers.create({"type": name}, [params], lr=0.05)
        for _ in range(5):
            optimizer.zero_grad()
            (params**2).sum().backward()
            optimizer.step()
        return params.detach()

    start = torch.tensor([[1.0, -2.0], [30.0, 4.0]], dtype=torch.float64)
    together = run(start)
    assert (together.abs() < start.abs()).all()
    assert torch.equal(together[:1], run(start[:1]))


def test_options_reach_the_optimizer() -> None:
    made = optimizers.create({"type": "Adam", "betas": [0.5, 0.9]}, [torch.zeros(1, requires_grad=True)], lr=0.3)
    assert made.defaults["betas"] == (0.5, 0.9)
    assert made.defaults["lr"] == 0.3


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"type": "LBFGS"}, "LBFGS does not suit this loop: .*use Adam"),
        ({"type": "Adm"}, "did you mean 'Adam'"),
        ({"type": "Adam", "beta": 1}, "did you mean 'betas'"),
        ({"type": "SGD", "momentum": -1}, "SGD refuses these options"),
        ({"type": "Adam", "betas": 3}, "betas is 3"),
        ({"type": "Adam", "betas": [2, 0.9]}, "Adam refuses these options"),
        ({}, "no optimizer"),
    ],
)
def test_what_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        optimizers.create(options, [torch.zeros(1, requires_grad=True)], lr=0.1)


WITHOUT = """
import sys
import torch
from pixgen.plugins.optimizers.torch_optimizers import ELEMENT_WISE
from pixgen.settings import optimizers

start = torch.tensor([[1.0, -2.0], [30.0, 4.0]], dtype=torch.float64)

def run(own):
    found = []
    for name in ELEMENT_WISE:
        params = start.clone().requires_grad_()
        optimizer = optimizers.create({"type": name}, [params], lr=0.05)
        for _ in range(3):
            params.grad = None
            (params**2).sum().backward()
            optimizers.step(optimizer) if own else optimizer.step()
        found.append(params.detach())
    return torch.stack(found)

ours = run(True)
assert "torch._dynamo" not in sys.modules, "torch's compiler was imported"
theirs = run(False)
assert "torch._dynamo" in sys.modules
assert torch.equal(ours, theirs)
assert torch.equal(run(True), theirs)  # once it is there, as torch would go
"""


@pytest.mark.slow
def test_steps_are_those_of_torch_without_its_compiler() -> None:
    """Its import takes two seconds, before anybody sees a first step."""
    found = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


@pytest.mark.slow
def test_a_picture_is_drawn_without_the_compiler() -> None:
    drawn = "pixgen.generate('a fox', size='64x64', steps=1)"
    code = f"import sys, pixgen; {drawn}; assert 'torch._dynamo' not in sys.modules"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
