"""The check of generators finds each fault, and says in one line what is wrong and how to mend it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.contracts import Params
from pixgen.errors import UsageError
from pixgen.registry import register
from pixgen.testing import ToyGenerator, check_generator
from tests.testing.faulty import faulty


def after(name: str, change: Callable[[Any], Any]) -> dict[str, Any]:
    """The toy's method with something done to what it returns."""
    return {name: lambda self, *given: change(getattr(ToyGenerator, name)(self, *given))}


def before(name: str, spoil: Callable[..., Any]) -> dict[str, Any]:
    """The toy's method after something else was called with its arguments."""

    def method(self: ToyGenerator, *given: Any) -> Any:
        spoil(*given)
        return getattr(ToyGenerator, name)(self, *given)

    return {name: method}


def only_float32(self: ToyGenerator, params: Params) -> Tensor:
    return ToyGenerator.decode(self, params) @ torch.eye(params["grid"].shape[3] * 4)


def svg(circle: str = "", width: int = 0) -> dict[str, Any]:
    def to_svg(self: ToyGenerator, params: Params, size: tuple[int, int]) -> list[str]:
        rows = []
        for image in self.decode(params):
            squares = [
                f'<rect x="{x}" y="{y}" width="1" height="1" fill="rgb({",".join(f"{255 * c:.0f}" for c in colour)})"/>'
                for y, row in enumerate(image.movedim(0, -1).tolist())
                for x, colour in enumerate(row)
            ]
            head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width or size[1]}" height="{size[0]}">'
            rows.append(head + "".join(squares) + circle + "</svg>")
        return rows

    return {"has_svg": True, "to_svg": to_svg}


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no gradient": (after("decode", Tensor.detach), "no gradient to its params; keep detach, round"),
    "no gradient to one": (
        {"init": lambda self, *given: {**ToyGenerator.init(self, *given), "more": torch.zeros(1, 2)}},
        "no gradient to more",
    ),
    "zero gradient": (after("decode", lambda x: x + 0 * x.detach() - x + x.detach()), "to grid is zero"),
    "infinite gradient": (after("decode", lambda x: x + 0 * (x - x).sqrt()), "to grid is not finite"),
    "mixed pictures": (after("decode", lambda x: (0.9 * x + 0.1 * x.mean(0))), "in a batch picture 0 is another"),
    "mixed by project_": (
        {"project_": lambda self, params: params["grid"].sub_(params["grid"].mean(0))},
        "picture 0 has another grid after project_",
    ),
    "global random numbers": (after("decode", lambda x: x + 0 * torch.rand(1)), "decode draws from the global"),
    "python's random": (before("encode", lambda *_: random.random()), "encode draws from .* random"),
    "numpy's random": (before("init", lambda *_: np.random.rand()), "numpy or sets it; draw from the Streams"),
    "a seed set": (before("init", lambda *_: torch.manual_seed(0)), "init draws from the global"),
    "one seed": (
        {"init": lambda self, size, streams: {"grid": torch.full((1, 3, size[0] // 4, size[1] // 4), 0.1)}},
        "the same params for two seeds",
    ),
    "out of range": (after("decode", lambda x: 2 * x), r"reaches from .*; images lie in \[0, 1\]"),
    "not finite": (after("decode", lambda x: x / 0 * 0), "decode returns is not finite"),
    "grey": (after("decode", lambda x: x.mean(1, keepdim=True)), r"shape \(1, 1, 20, 36\); return a float tensor"),
    "a size of its own": (after("decode", lambda x: F.pad(x, (0, 1))), r"has the shape \(1, 3, 20, 37\)"),
    "float64 pictures": (after("decode", Tensor.double), "decode gives torch.float64"),
    "float32 constants": ({"decode": only_float32}, "batch of three in torch.float64 raises RuntimeError"),
    "an exception": (before("decode", lambda params: params["none"]), "decode raises KeyError: 'none'"),
    "half params": (after("init", lambda p: {"grid": p["grid"].half()}), "init's grid is of torch.float16"),
    "a list": (after("init", lambda p: [p["grid"]]), "init returns list; return a dict"),
    "a batch from init": (after("init", lambda p: {"grid": p["grid"].repeat(2, 1, 1, 1)}), r"has the shape \(2, 3"),
    "params changed": (before("decode", lambda p: p["grid"].data.mul_(0.9)), "decode changes its params"),
    "a factor of none": ({"__post_init__": lambda self: setattr(self, "factor", 0)}, "its factor is 0; set"),
    "encode ignores": (
        {"encode": lambda self, x: {"grid": torch.zeros(len(x), 3, x.shape[2] // 4, x.shape[3] // 4)}},
        "the same picture for two different ones",
    ),
    "encode far": ({"encode": lambda self, x: ToyGenerator.encode(self, 1 - x)}, "and a random start .*; let encode"),
    "encode of another name": (
        {"encode": lambda self, x: {"gird": ToyGenerator.encode(self, x)["grid"]}},
        "encode raises KeyError|its param .* from init and .* from encode",
    ),
    "encode mixed": (
        {"encode": lambda self, x: ToyGenerator.encode(self, 0.7 * x + 0.3 * x.mean(0))},
        "encode gives another picture in a batch",
    ),
    "project_ not in place": (
        {"project_": lambda self, p: p.update(grid=p["grid"].clamp(-1, 1))},
        "other tensors into params; change them in place",
    ),
    "project_ never done": ({"project_": lambda self, p: p["grid"].mul_(0.5)}, "projected already"),
    "resize to noise": (
        {"resize": lambda self, p, size: self.encode(torch.zeros(1, 3, *size))},
        "resize gives a picture",
    ),
    "resize to its size": ({"resize": lambda self, p, size: p}, r"decode returns has the shape"),
    "svg without to_svg": ({"has_svg": True}, "has_svg is true, and it has no to_svg"),
    "to_svg without has_svg": ({**svg(), "has_svg": False}, "has_svg is false; set has_svg"),
    "another svg": (svg('<circle cx="10" cy="10" r="9" fill="red"/>'), "from decode's picture on average"),
    "svg broken": (svg("<g>"), "reading the SVG raises ParseError"),
    "svg of another size": (svg(width=99), r"height and width are \[20.0, 99.0\]"),
    "prepare fails": ({"prepare": lambda self, device: 1 / 0}, "prepare raises ZeroDivisionError"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(fault: str) -> None:
    members, line = FAULTS[fault]
    with pytest.raises(AssertionError, match=line) as raised:
        check_generator(faulty("generator", ToyGenerator, **members))
    said = str(raised.value)
    assert said.startswith("generator.faulty: ") and "\n" not in said


def test_a_true_svg_passes() -> None:
    check_generator(faulty("generator", ToyGenerator, **svg()))


@dataclass
class Counted(ToyGenerator):
    """Options with faults."""

    cells: int = 4
    """Divides."""
    kind: str = "plain"
    """Of cells."""

    def decode(self, params: Params) -> Tensor:
        shade = {"plain": 1.0}.get(self.kind, 1.0)
        return super().decode(params) * shade / self.cells * 4


@dataclass
class Shaded(ToyGenerator):
    """An option that is no plain data."""

    shade: Any = None
    """A tensor."""


@dataclass
class Clear(Counted):
    """Options that are refused."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.cells <= 4:
            raise ValueError(f"cells is {self.cells}; it must be from 1 to 4")


@pytest.mark.parametrize(
    ("members", "wrong", "line"),
    [
        (
            {},
            [],
            "cells=-1 is taken and does not work .*; refuse it in __post_init__ .* names cells",
        ),
        (
            {"__post_init__": lambda self: 1 / self.cells and setattr(self, "factor", 4)},
            [],
            "cells=0 raises ZeroDivision|-1",
        ),
        ({"more": 3, "__annotations__": {"more": "int"}}, [], "its option more is not documented"),
    ],
)
def test_options_that_neither_work_nor_are_refused(members: dict[str, Any], wrong: list[Any], line: str) -> None:
    with pytest.raises(AssertionError, match=line):
        check_generator(faulty("generator", Counted, **members), wrong=wrong)


def test_options_that_must_be_refused() -> None:
    register("generator", "clear")(Clear)
    with pytest.raises(AssertionError, match=r"the options {'kind': 'none'} are taken; refuse them"):
        check_generator("clear", {"cells": 4}, wrong=[{"cells": 9}, {"cells": "many"}, {"kind": "none"}])
    with pytest.raises(AssertionError, match="cannot be made with the options {'cells': 9}: .* from 1 to 4; give"):
        check_generator(Clear, {"cells": 9})


@pytest.mark.parametrize("said", ["no", "cells is wrong:\nreally"])
def test_a_refusal_that_is_not_clear(said: str) -> None:
    def refuse(self: Counted) -> None:
        self.factor = 4
        if self.cells < 1:
            raise ValueError(said)

    with pytest.raises(AssertionError, match="does not name the option: .* no; name cells in it|several lines"):
        check_generator(faulty("generator", Counted, __post_init__=refuse))


def test_what_a_run_leaves_behind_is_found() -> None:
    class Leaking(ToyGenerator):
        runs: ClassVar[list[int]] = []

        def init(self, *given: Any) -> Params:
            return ToyGenerator.init(self, *given)

        def project_(self, params: Params) -> None:
            if params["grid"].requires_grad and params["grid"].shape[3] == 12:  # of the run alone
                self.runs.append(1)
                params["grid"].clamp_(-1 / len(self.runs), 1 / len(self.runs))

    with pytest.raises(AssertionError, match="drawn again from its metadata, a picture has other bytes; keep nothing"):
        check_generator(faulty("generator", Leaking, runs=[]))


def test_an_option_that_no_file_can_hold() -> None:
    register("generator", "shaded")(Shaded)
    with pytest.raises(
        AssertionError, match="its option shade holds a Tensor, which no picture can store; give it a type"
    ):
        check_generator(Shaded(shade=torch.zeros(3)))


def test_what_is_no_registered_plugin() -> None:
    with pytest.raises(AssertionError, match=r'Clear is not registered as a generator; put @register\("generator"'):
        check_generator(Clear)
    with pytest.raises(AssertionError, match="is given as an instance, which has its options already"):
        check_generator(ToyGenerator(), {"dtype": None})
    with pytest.raises(UsageError, match="did you mean 'toy'"):
        check_generator("toyy")
