"""Prompts of people become portraits of somebody whom the words fit; other prompts do not."""

from __future__ import annotations

import pytest
import torch

from pixgen.scenery import prompt_portraits
from pixgen.scenery.portrait_scenes import CLOSE, GROUP, HALF, Portrait, compose_portrait, face_box
from pixgen.scenery.reader import every_subject
from pixgen.scenery.styles import STYLES
from pixgen.scenery.subjects import load_subjects

SUBJECTS = {group: subject.names() for group, subject in load_subjects().items()}


def portrait(text: str, seed: int = 0) -> Portrait | None:
    return prompt_portraits.portrait(every_subject().read(text), text, seed, SUBJECTS)


@pytest.mark.parametrize(
    ("text", "person", "prop", "backdrop", "frame"),
    [
        ("a closeup portrait of a young male teacher with a book", {"sex": "male", "age": "young"}, "book", "", CLOSE),
        ("a young female teacher of computer science", {"sex": "female", "age": "young"}, "laptop", "office", HALF),
        ("an old male teacher of mathematics", {"sex": "male", "age": "old"}, "", "blackboard", HALF),
        ("a woman with red hair and glasses playing a guitar", {"hair_colour": "red"}, "guitar", "", HALF),
        ("an old man with a white beard and a hat in the snow", {"headwear": "hat"}, "", "snow", HALF),
        ("um velho com óculos em frente a um quadro negro", {"glasses": "glasses"}, "", "blackboard", HALF),
        ("retrato de uma professora com um livro", {"sex": "female"}, "book", "", CLOSE),
        ("a scientist with a flask in a laboratory", {}, "flask", "laboratory", HALF),
        ("uma professora jovem de informática com um notebook", {"sex": "female"}, "laptop", "office", HALF),
        ("a boy", {"sex": "male", "age": "child"}, "", "", HALF),
    ],
)  # fmt: skip
def test_the_words_decide(text: str, person: dict[str, str], prop: str, backdrop: str, frame: str) -> None:
    for seed in range(6):
        found = portrait(text, seed)
        assert found is not None and len(found.people) == 1
        assert {part: getattr(found.people[0], part) for part in person} == person
        assert (found.prop, found.backdrop, found.frame) == (prop, backdrop, frame)


def test_six_seeds_are_six_people() -> None:
    assert len({portrait("a portrait of a teacher", seed).people for seed in range(6)}) == 6  # type: ignore[union-attr]


def test_a_teacher_of_nothing_in_particular_stands_before_a_blackboard() -> None:
    found = [portrait("a watercolor portrait of a teacher", seed) for seed in range(8)]
    assert {each.backdrop for each in found if each} == {"blackboard"}
    assert {each.prop for each in found if each} == {"book", ""}


def test_two_people_stand_as_they_are_named() -> None:
    found = portrait("a man and an old woman on a beach")
    assert found is not None and (found.frame, found.backdrop) == (GROUP, "beach")
    assert [(p.sex, p.age == "old") for p in found.people] == [("male", False), ("female", True)]


def test_a_ground_is_plain_and_has_its_colour() -> None:
    found = portrait("a teacher on a red background")
    assert found is not None and found.backdrop == "" and found.ground[0] > 2 * found.ground[1]


@pytest.mark.parametrize(
    "text",
    [
        "a red apple",
        "a boy with a dog",
        "a girl and an apple",
        "the king",
        "three men",
        "a lion and a man",
        "a samurai",
    ],
)
def test_other_prompts_are_no_portraits(text: str) -> None:
    assert portrait(text) is None


def test_a_style_keeps_what_makes_a_face() -> None:
    found = portrait("a closeup watercolor portrait of a young man")
    assert found is not None
    noise = torch.Generator().manual_seed(1)
    plain = compose_portrait(found, 96, noise)[None]
    whole = STYLES["watercolor"](plain, noise).clamp(0, 1)
    kept = prompt_portraits.compose(found, "watercolor", (96, 96), torch.Generator().manual_seed(1))
    box = face_box(found.people[0], found.frame, turned=found.turned)
    rows, columns = (slice(int(96 * a) + 8, int(96 * b) - 8) for a, b in ((box.top, box.bottom), (box.left, box.right)))
    lost = [(picture - plain)[..., rows, columns].abs().mean() for picture in (kept, whole)]
    assert lost[0] < 0.5 * lost[1]
    assert torch.allclose(kept[..., :8, :8], whole[..., :8, :8], atol=0.01)
