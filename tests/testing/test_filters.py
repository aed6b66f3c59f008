"""The check of filters finds each fault, and says in one line what is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.contracts import Filter
from pixgen.testing import check_filter
from tests.testing.faulty import faulty


@dataclass
class Halved(Filter):
    """Half as bright, with some noise."""

    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        noise = [torch.rand(images.shape[1:], generator=each.generator("halved", step)) for each in streams]
        return 0.5 * images + 0.1 * torch.stack(noise).to(images)


def filtering(change: Callable[[Tensor], Any]) -> dict[str, Any]:
    return {"__call__": lambda self, images, step, streams: change(images)}


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "global random numbers": (
        filtering(lambda x: 0.5 * x + 0.1 * torch.rand(x.shape).to(x)),
        r"the filter draws from the global random state of torch or sets it; draw from the Streams .* torch.rand\(",
    ),
    "noise of the batch": (
        {"__call__": lambda self, x, step, streams: 0.5 * x + 0.1 * torch.rand(
            x.shape, generator=streams[0].generator("noise")).to(x)},
        "picture 1 comes out otherwise than alone; treat the pictures independently",
    ),
    "mixed pictures": (filtering(lambda x: 0.5 * x + 0.5 * x.mean(0)), "picture 0 comes out otherwise"),
    "no gradient": (filtering(Tensor.detach), "no gradient passes it"),
    "rounded": (filtering(lambda x: x.round()), "to the pictures is zero; let round, argmax"),
    "another size": (filtering(lambda x: x[..., 1:]), r"has the shape \(3, 3, 24, 16\); return a float"),
    "another precision": (filtering(lambda x: x.float().double()), "of torch.float32 it makes torch.float64"),
    "out of range": (filtering(lambda x: 2 * x - 0.5), "what the filter returns reaches from -0.5"),
    "not finite": (filtering(lambda x: x + (x - x) / 0), "returns is not finite"),
    "pictures changed": (filtering(lambda x: x.data.mul_(0.5)), "it changes the pictures that it is given"),
    "nothing": (filtering(lambda x: None), "what the filter returns is a NoneType"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(fault: str) -> None:
    members, line = FAULTS[fault]
    with pytest.raises(AssertionError, match=line) as raised:
        check_filter(faulty("filter", Halved, **members))
    assert str(raised.value).startswith("filter.faulty: ") and "\n" not in str(raised.value)


def test_noise_from_the_streams_passes() -> None:
    check_filter(faulty("filter", Halved))
