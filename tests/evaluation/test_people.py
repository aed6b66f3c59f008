"""People of the held-out icon set, as the perceptor is measured on them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from pixgen.evaluation import evaluate, people
from pixgen.scenery import portraits
from pixgen.scenery.people import Person, read
from pixgen.scenery.portrait_parts import HELD_OUT_AVATAR_SET
from pixgen.scenery.portrait_scenes import Portrait


@pytest.mark.parametrize("question", people.QUESTIONS)
def test_the_right_caption_is_right_and_the_icon_set_held_out(question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Person] = []

    def compose(portrait: Portrait, side: int, _: torch.Generator) -> Tensor:
        shown.extend(portrait.people)
        return torch.zeros(3, side, side)

    monkeypatch.setattr(people, "compose_portrait", compose)
    for parts, caption in people.QUESTIONS[question].values():
        shown.clear()
        assert people.draw_people(parts, 12, 16).shape == (12, 3, 16, 16)
        assert {person.avatar_set for person in shown} == {HELD_OUT_AVATAR_SET}
        asked = parts | read(caption)
        assert all(getattr(person, part) == value for person in shown for part, value in asked.items())
        assert len({portraits.svg(person) for person in shown}) > 3


def test_different_people_are_drawn_within_range() -> None:
    drawn = people.draw_people({"glasses": "glasses"}, 3, 32)
    assert drawn.dtype == torch.float32 and drawn.min() >= 0 and drawn.max() <= 1
    assert len(drawn.flatten(1).unique(dim=0)) == 3
    assert torch.equal(drawn, people.draw_people({"glasses": "glasses"}, 3, 32))


class FirstAlways:
    """Stands for the perceptor: the first caption is always the nearest."""

    input_size = 16

    def encode_text(self, captions: list[str]) -> Tensor:
        return torch.eye(len(captions), 4)

    def encode_image(self, images: Tensor) -> Tensor:
        return torch.tensor([[1.0, 0, 0, 0]]).expand(len(images), 4)


def test_who_always_says_the_first_is_right_by_chance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[Path] = []

    def load(path: Path) -> FirstAlways:
        opened.append(path)
        return FirstAlways()

    monkeypatch.setattr(people, "load_perceptor", load)
    options = evaluate.Options(cache=tmp_path, folder=tmp_path, out=tmp_path, pictures=32)
    found = evaluate.MEASURES["people"](options)
    assert opened == [tmp_path / "perceptor.safetensors"]
    assert [figure.value for figure in found] == [1 / len(answers) for answers in people.QUESTIONS.values()]
    assert all(figure.n == 8 for figure in found)
