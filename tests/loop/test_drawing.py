"""What a drawing warns of, once, before its first step, and weights that are changed on the way."""

from __future__ import annotations

from typing import Any

import pytest

import pixgen.testing
from pixgen.errors import UsageError
from pixgen.io.yaml_files import Layer
from pixgen.loop.drawing import Drawing
from pixgen.settings.config import RenderConfig, resolve, resolve_auto
from tests.loop.test_build import TOYS


def config(prompt: str, **changes: Any) -> RenderConfig:
    toys = {**TOYS, "perceptors": {"tiny": None, "toy": "toy"}, "prompt": prompt, **changes}
    return resolve_auto(resolve([Layer(toys, "a test")]))


def test_a_long_prompt_is_told_of_with_its_pieces(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pixgen.testing.ToyPerceptor, "pieces", lambda self, text: text.split(" and "), raising=False)
    Drawing([config("a fox | a hen and a cow"), config("a hen and a cow", seed=4)])
    assert caplog.messages == [
        "the prompt is longer than perceptor toy reads at once; it reads it in 2 pieces: 'a hen' + 'a cow'"
    ]
    caplog.clear()
    Drawing([config(" and ".join("abcdefghi"))])
    assert caplog.messages[0].endswith("in 9 pieces: 'a' + 'b' + 'c' + 'd' + 'e' + 'f' + ...")


def test_nearly_a_weight_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    Drawing([config("a fox : 0.5 | snow :0.5"), config("a fox : 0.5", seed=4)])
    assert caplog.messages == [
        "'a fox : 0.5' is not how a weight is written; if it is meant as one, write 'a fox :0.5'"
    ]
    caplog.clear()
    Drawing([config("a fox :0.5 | a poster 16:9")])
    assert caplog.messages == []


def test_a_weight_changed_on_the_way_is_in_the_metadata() -> None:
    drawing = Drawing([config("a fox", steps=5)])
    drawing.set_weight("clip", 2.0)
    assert drawing.metadata()[0].config["losses"]["clip"]["weight"] == 2.0
    for weight in (3.0, 4.0, 5.0):
        next(drawing)
        drawing.set_weight("clip", 7.0)
        drawing.set_weight("clip", weight)  # of two at the same step the later one counts
    stored = drawing.metadata()[0].config
    assert stored["losses"]["clip"]["weight"] == {
        "type": "piecewise", "start": 2.0, "changes": [0.25, 0.5, 0.75], "levels": [3.0, 4.0, 5.0],
    }  # fmt: skip
    list(drawing)
    drawing.set_weight("clip", 9.0)  # too late to mean anything
    assert drawing.metadata()[0].config == stored

    again = Drawing([drawing.configs[0]])
    list(again)
    assert again.pixels().equal(drawing.pixels())
    assert again.losses == drawing.losses


def test_a_weight_that_cannot_be_is_refused() -> None:
    drawing = Drawing([config("a fox")])
    with pytest.raises(UsageError, match="no loss 'clop'"):
        drawing.set_weight("clop", 1.0)
    with pytest.raises(UsageError, match="finite"):
        drawing.set_weight("clip", float("inf"))
