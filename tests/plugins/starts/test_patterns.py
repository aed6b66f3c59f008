"""Starts from simple pictures, for every generator."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.errors import UsageError


def drawn(name: str, attempt: int = 0, seed: int = 0, **options: Any) -> Tensor:
    session: Any = SimpleNamespace(
        generator=registry.create("generator", {"type": "pixel"}), device=torch.device("cpu"), streams=[Streams(seed)]
    )
    return registry.create("start", {"type": name, **options})(session, 0, (12, 20), attempt)["pixels"]


@pytest.mark.parametrize("name", ["noise", "snow", "gradient"])
def test_every_attempt_and_every_seed_has_its_own_picture(name: str) -> None:
    first = drawn(name)
    assert first.shape == (1, 3, 12, 20) and 0 <= first.min() < first.max() <= 1
    assert torch.equal(first, drawn(name))
    assert not torch.equal(first, drawn(name, attempt=1)) and not torch.equal(first, drawn(name, seed=1))


def test_what_the_patterns_look_like() -> None:
    assert drawn("snow").unique().tolist() == [0.0, 1.0]
    assert drawn("snow", white=1.0).min() == 1
    squares = drawn("noise", cell=5, contrast=0.2)
    assert (squares[..., :5, :5] == squares[..., :1, :1]).all() and squares.min() >= 0.4 and squares.max() <= 0.6
    assert (drawn("solid", colour="navy")[0, :, 3, 7] * 255).round().tolist() == [0, 0, 128]
    night = drawn("gradient", colours="[black, white]")
    assert (night.diff(dim=2) > 0).all() and night.diff(dim=3).abs().max() < 1e-6
    assert torch.equal(night, drawn("gradient", colours=["black", "white"]))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("noise", {"cell": 0}, "cell is 0"),
        ("noise", {"contrast": 2}, "contrast is 2"),
        ("snow", {"white": -1}, "white is -1"),
        ("snow", {"cell": -3}, "cell is -3"),
        ("solid", {"colour": "bleu"}, "did you mean 'blue'"),
        ("gradient", {"colours": "#12"}, "is not a palette"),
    ],
)
def test_options_that_make_no_sense_are_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        registry.create("start", {"type": name, **options})
