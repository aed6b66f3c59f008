"""Muon's updates are orthogonal, and what is rare is learnt by them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pixgen.training.muon import Muon, matrices, orthogonal


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 24), st.integers(2, 24), st.integers(0, 99), st.floats(1e-3, 1e3))
def test_singular_values_come_near_one_and_directions_stay(rows: int, columns: int, seed: int, scale: float) -> None:
    rng = torch.Generator().manual_seed(seed)
    left, _ = torch.linalg.qr(torch.randn(rows, min(rows, columns), generator=rng, dtype=torch.double))
    right, _ = torch.linalg.qr(torch.randn(columns, min(rows, columns), generator=rng, dtype=torch.double))
    values = 0.1 + 0.9 * torch.rand(min(rows, columns), generator=rng, dtype=torch.double)
    found = left.T @ orthogonal(scale * left @ values.diag() @ right.T) @ right
    assert ((found.diagonal() > 0.6) & (found.diagonal() < 1.3)).all()
    assert (found - found.diagonal().diag()).abs().max() < 1e-6


def test_what_is_asked_rarely_is_learnt_as_well() -> None:
    torch.manual_seed(0)
    keys, wanted = torch.eye(16), torch.linalg.qr(torch.randn(16, 16))[0]
    often = torch.tensor([1.0] * 8 + [0.02] * 8)  # how often each key is asked
    worst = {}
    for name in ("muon", "sgd"):
        layer = nn.Linear(16, 16, bias=False)
        nn.init.zeros_(layer.weight)
        make = Muon if name == "muon" else torch.optim.SGD
        optimizer = make(matrices(layer), lr=0.3)
        for _ in range(60):
            loss = (often * (layer(keys) - wanted).square().sum(1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        worst[name] = (layer(keys) - wanted)[8:].norm(dim=1).max().item()
    assert worst["muon"] < 0.5 < worst["sgd"]


def test_a_matrix_without_a_gradient_stays_and_a_state_comes_back() -> None:
    torch.manual_seed(0)
    one, two = nn.Linear(3, 5), nn.Linear(5, 2)
    inner = matrices(nn.Sequential(one, nn.Tanh(), two))
    assert len(inner) == 2 and inner[0] is one.weight and inner[1] is two.weight
    optimizer = Muon(inner, lr=0.1)
    before = two.weight.clone()
    one(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    assert torch.equal(two.weight, before) and one.weight.isfinite().all()
    other = Muon(inner, lr=0.1)
    other.load_state_dict(optimizer.state_dict())
    assert torch.equal(other.state[one.weight]["mean"], optimizer.state[one.weight]["mean"])


def test_zero_gradients_do_no_harm() -> None:
    assert torch.equal(orthogonal(torch.zeros(4, 3)), torch.zeros(4, 3))
    assert orthogonal(torch.ones(1, 1)).item() == pytest.approx(1, abs=0.4)
