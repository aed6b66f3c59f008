"""The check of losses finds each fault, and says in one line what is wrong and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from pixgen.contracts import Frame, Loss, Reads
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.registry import create
from pixgen.testing import check_loss
from tests.testing.faulty import faulty


@dataclass
class Bright(Loss):
    """Mean brightness."""

    reads: ClassVar[Reads] = "images"

    def __call__(self, frame: Frame) -> Tensor:
        return frame.images.mean((1, 2, 3))


def loss(value: Any, reads: str = "images") -> dict[str, Any]:
    return {"__call__": lambda self, frame: value(frame), "reads": reads}


def flat(x: Tensor) -> Tensor:
    return x.flatten(1).mean(1)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "mixed pictures": (
        loss(lambda f: flat((f.images - f.images.mean(0)).square())),
        "picture 0 has another loss than alone; take means and norms over all dimensions but the first",
    ),
    "mixed gradient": (
        loss(lambda f: flat(f.images) + (f.images.sum() - f.images.sum().detach())), "another gradient to images",
    ),
    "one number": (loss(lambda f: f.images.mean()), r"the loss has the shape \(\); return a float tensor"),
    "a float": (loss(lambda f: 0.5), "the loss is a float; return a float tensor"),
    "whole numbers": (loss(lambda f: (flat(f.images) * 9).long()), "the loss is of torch.int64"),
    "no gradient": (loss(lambda f: flat(f.images.detach())), "no gradient to the images; keep detach, round"),
    "rounded": (loss(lambda f: flat(f.images.round())), "gradient of the loss of some picture to images is zero"),
    "one picture has none": (
        loss(lambda f: flat(f.images) * torch.tensor([1.0, 0, 1])[-len(f.images) :]),
        "gradient of the loss of some picture to images is zero",
    ),
    "a root at 0": (loss(lambda f: flat((f.images - f.images).sqrt()) + flat(f.images)), "is not finite; keep roots"),
    "not finite": (loss(lambda f: flat(f.images) / 0), "the loss is not finite"),
    "another thing read": (loss(lambda f: flat(f.params["grid"])), "no gradient to the images"),
    "reads nothing known": (loss(lambda f: flat(f.images), "image"), "its reads is 'image'; write reads = \"images\""),
    "cutouts from images": (loss(lambda f: flat(f.view.cutouts), "images"), "the loss raises AttributeError"),
    "embeddings with cutouts": (loss(lambda f: flat(f.view.cutouts), "embeddings"), "the loss raises"),
    "no mean over cutouts": (
        loss(lambda f: f.view.embeddings.mean(1).norm(dim=1), "cutouts"), 'not the mean .* write reads = "embeddings"',
    ),
    "a sum over cutouts": (loss(lambda f: f.view.cutouts.flatten(2).mean(2).sum(1), "cutouts"), "is not the mean"),
    "pictures changed": (loss(lambda f: flat(f.images.data.mul_(0.5)) + flat(f.images)), "it changes what it is given"),
    "global random numbers": (loss(lambda f: flat(f.images) * torch.rand(())), "the loss draws from the global"),
    "a seed set": ({"prepare": lambda self, session: torch.manual_seed(1)}, "prepare draws from the global"),
    "prepare fails": ({"prepare": lambda self, session: session.none}, "prepare raises AttributeError"),
    "float32 constants": (loss(lambda f: flat(f.images @ torch.ones(48, 1))), "the loss raises RuntimeError: expected"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(fault: str) -> None:
    members, line = FAULTS[fault]
    with pytest.raises(AssertionError, match=line) as raised:
        check_loss(faulty("loss", Bright, **members))
    assert str(raised.value).startswith("loss.faulty: ") and "\n" not in str(raised.value)


def test_options_that_neither_work_nor_are_refused() -> None:
    members = {"__annotations__": {"power": "float"}, "power": 2.0}
    call = {"__call__": lambda self, frame: frame.images.pow(self.power).mean((1, 2, 3)) / self.power}
    doc = {"__doc__": "A power.\n\npower: of every value."}
    with pytest.raises(AssertionError, match="power=0.0 is taken and does not work .*not finite.*names power"):
        check_loss(faulty("loss", Bright, **members, **call, **doc))
    with pytest.raises(AssertionError, match="the options {'power': 3.0} are taken"):
        check_loss("faulty", {"power": 1.0}, wrong=[{"power": 3.0}])


def test_a_loss_without_faults_passes_and_may_read_the_params_of_a_generator() -> None:
    check_loss(faulty("loss", Bright))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vqgan = create("generator", {"type": "vqgan"}).use(VQModel(TINY))
    members = loss(lambda f: f.params["latent"].square().flatten(1).mean(1), "params")
    reading = faulty("loss", Bright, **members, __qualname__="Reading")
    with pytest.raises(AssertionError, match="the loss raises KeyError: 'latent'"):
        check_loss(reading)
    check_loss(reading, generator=vqgan)
    check_loss(reading(), generator=vqgan)
