"""The check of perceptors finds each fault, and says in one line what is wrong and how to mend it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.testing import ToyPerceptor, check_perceptor
from tests.testing.faulty import faulty


def after(name: str, change: Any) -> dict[str, Any]:
    """The toy's method with something done to what it returns."""
    return {name: lambda self, *given: change(getattr(ToyPerceptor, name)(self, *given))}


def batch_norm(self: ToyPerceptor, images: Tensor) -> Tensor:
    found = ToyPerceptor.encode_image(self, images)
    return F.normalize(found - 0.5 * found.mean(0), dim=1)


def padded(self: ToyPerceptor, texts: list[str]) -> Tensor:
    longest = max(map(len, texts))
    return ToyPerceptor.encode_text(self, [text.ljust(longest) for text in texts])


def forgetful(self: ToyPerceptor, texts: list[str]) -> Tensor:
    return ToyPerceptor.encode_text(self, texts) if not getattr(self, "released", False) else self.none


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no gradient": (after("encode_image", Tensor.detach), "no gradient to the cutouts; keep torch.no_grad"),
    "batch norm in training": ({"encode_image": batch_norm}, "among others than alone; put the network"),
    "not of unit norm": (after("encode_image", lambda x: 2 * x), "encode_image returns .* of norm 2 to 2; end"),
    "another length": (after("encode_image", lambda x: F.normalize(x[:, :9], dim=1)), r"shape \(3, 9\); return"),
    "texts not of unit norm": (after("encode_text", lambda x: 0.5 * x), "encode_text returns embeddings of norm 0.5"),
    "texts with a graph": (after("encode_text", lambda x: x.clone().requires_grad_() * 1), "has a gradient graph"),
    "padding counts": ({"encode_text": padded}, "'a fox' has another embedding among others than alone; let padding"),
    "global random numbers": (after("encode_image", lambda x: x + 0 * torch.randn(())), "draws from the global"),
    "texts released": (
        {"encode_text": forgetful, "release_text": lambda self: setattr(self, "released", True)},
        "encode_text raises AttributeError",
    ),
    "an empty text": (
        {"encode_text": lambda self, texts: ToyPerceptor.encode_text(self, [text or 1 / 0 for text in texts])},
        "encode_text raises ZeroDivisionError",
    ),
    "no input size": ({"prepare": lambda self, device: setattr(self, "input_size", None)}, "its input_size is None"),
    "whole of its own size": ({"whole": lambda self, image: image}, r"whole returns has the shape \(1, 3, 24, 40\)"),
    "pieces as text": ({"pieces": lambda self, text: text}, "pieces returns 'a fox'; return a list"),
    "unknown words as a list": ({"unknown_words": lambda self, text: []}, r"unknown_words returns \[\]"),
    "a target of another norm": ({"image_target": lambda self, x: 3 * x}, "image_target returns embeddings of norm 3"),
    "cutouts changed": (
        {"encode_image": lambda self, x: ToyPerceptor.encode_image(self, x.data.mul_(0.5))},
        "encode_image changes the cutouts",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(fault: str) -> None:
    members, line = FAULTS[fault]
    with pytest.raises(AssertionError, match=line) as raised:
        check_perceptor(faulty("perceptor", ToyPerceptor, **members))
    assert str(raised.value).startswith("perceptor.faulty: ") and "\n" not in str(raised.value)


def test_an_instance_is_used_as_it_is() -> None:
    check_perceptor(ToyPerceptor(seed=7))
