"""The check of cutters finds each fault, and says in one line what is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size
from pixgen.contracts import Cutter
from pixgen.testing import check_cutter
from tests.testing.faulty import faulty


@dataclass(frozen=True)
class Crops:
    """matrices: float32 (B, N, 3, 3)."""

    matrices: Tensor
    side: int

    def __getitem__(self, views: slice) -> Crops:
        return replace(self, matrices=self.matrices[:, views])


@dataclass
class Cropping(Cutter):
    """Square crops of half the sides."""

    def plan(self, size: Size, cutouts: int, side: int, step: int, streams: Sequence[Streams], name: str) -> Crops:
        found = []
        for each in streams:
            centres = torch.rand(cutouts, 2, generator=each.generator(f"crops/{name}", step)) - 0.5
            matrices = torch.eye(3).repeat(cutouts, 1, 1)
            matrices[:, 0, 0] = matrices[:, 1, 1] = 0.5
            matrices[:, :2, 2] = centres
            found.append(matrices)
        return Crops(torch.stack(found), side)

    def cut(self, images: Tensor, plan: Crops) -> Tensor:
        count = plan.matrices.shape[1]
        rows = plan.matrices[..., :2, :].flatten(0, 1).to(images)
        grid = F.affine_grid(rows, [len(rows), 3, plan.side, plan.side], align_corners=False)
        whole = images.repeat_interleave(count, 0)
        sampled = F.grid_sample(whole, grid, padding_mode="border", align_corners=False)
        return sampled.unflatten(0, (len(images), count))


def cut(change: Any) -> dict[str, Any]:
    return {"cut": lambda self, images, plan: change(Cropping.cut(self, images, plan))}


def matrices(change: Any) -> dict[str, Any]:
    def plan(self: Cropping, *given: Any) -> Crops:
        made = Cropping.plan(self, *given)
        return replace(made, matrices=change(made.matrices))

    return {"plan": plan}


def shown_otherwise(self: Cropping, images: Tensor, plan: Crops) -> Tensor:
    return Cropping.cut(self, images, replace(plan, matrices=plan.matrices @ torch.diag(torch.tensor([-1.0, 1, 1]))))


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "global random numbers": (cut(lambda x: x * 0.9 + 0.1 * torch.rand(())), "cut draws from the global random state"),
    "the same for every step": (
        {"plan": lambda self, size, n, side, step, streams, name: Cropping.plan(self, size, n, side, 0, streams, name)},
        "two steps give the same cutouts; draw everything random in plan",
    ),
    "the same for two perceptors": (
        {"plan": lambda self, size, n, side, step, streams, _: Cropping.plan(self, size, n, side, step, streams, "")},
        "two names give the same cutouts",
    ),
    "one stream for all": (
        {"plan": lambda self, size, n, side, step, streams, name:
            Cropping.plan(self, size, n, side, step, [streams[0]] * len(streams), name)},
        "in a batch picture 1 has other cutouts than alone; plan each picture from its own stream",
    ),
    "mixed pictures": (cut(lambda x: 0.5 * x + 0.5 * x.mean(0)), "picture 0 has other cutouts than alone"),
    "cutouts mixed": (cut(lambda x: 0.5 * x + 0.5 * x.mean(1, keepdim=True)), "cutouts 0 to 2 alone are others"),
    "matrices mirrored": ({"cut": shown_otherwise}, "its matrices do not say what the cutouts show"),
    "matrices upside down": (
        {"plan": matrices(lambda m: m @ torch.diag(torch.tensor([1.0, -1, 1])))["plan"],
         "cut": lambda self, images, plan: Cropping.cut(
             self, images, replace(plan, matrices=plan.matrices @ torch.diag(torch.tensor([1.0, -1, 1]))))},
        "its matrices do not say",
    ),
    "matrices of rows": (matrices(lambda m: m[..., :2, :]), r"plan's matrices has the shape \(3, 6, 2, 3\)"),
    "no gradient": (cut(Tensor.detach), "no gradient passes cut; cut by sampling"),
    "out of range": (cut(lambda x: x * 3), "what cut returns reaches from"),
    "no dimension of cutouts": (cut(lambda x: x.flatten(0, 1)), r"what cut returns has the shape \(18, 3, 16, 16\)"),
    "a plan that is a list": (
        {"plan": lambda self, *given: [Cropping.plan(self, *given).matrices]}, "plan raises AttributeError",
    ),
    "pictures changed": (
        {"cut": lambda self, images, plan: Cropping.cut(self, images.data.mul_(0.9), plan)}, "cut changes the pictures",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(fault: str) -> None:
    members, line = FAULTS[fault]
    with pytest.raises(AssertionError, match=line) as raised:
        check_cutter(faulty("cutter", Cropping, **members))
    assert str(raised.value).startswith("cutter.faulty: ") and "\n" not in str(raised.value)


def test_crops_pass() -> None:
    check_cutter(faulty("cutter", Cropping))
