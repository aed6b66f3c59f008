"""Accuracy of the perceptor on people of the held-out icon set: glasses, beards, the colour and kind of hair, sex."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from pixgen.evaluation.statistics import Figure, share
from pixgen.networks.pair import load_perceptor
from pixgen.scenery import portraits
from pixgen.scenery.portrait_parts import HELD_OUT_AVATAR_SET
from pixgen.scenery.portrait_scenes import CLOSE, Portrait, compose_portrait

GROUNDS = ((0.90, 0.93, 0.96), (0.97, 0.93, 0.85), (0.88, 0.94, 0.89), (0.95, 0.90, 0.93))
"""Colours behind the people, in turn: rgb in [0, 1]."""

QUESTIONS: dict[str, dict[str, tuple[dict[str, str], str]]] = {
    "with or without glasses": {
        "glasses": ({"glasses": "glasses"}, "a portrait of a person with glasses"),
        "none": ({"glasses": ""}, "a portrait of a person"),
    },
    "a man with or without a beard": {
        "beard": ({"sex": "male", "beard": "beard"}, "a portrait of a man with a beard"),
        "none": ({"sex": "male", "beard": ""}, "a portrait of a man"),
    },
    "grey or black hair": {
        "grey": ({"hair_colour": "grey", "headwear": ""}, "a portrait of a person with grey hair"),
        "black": ({"hair_colour": "black", "headwear": ""}, "a portrait of a person with black hair"),
    },
    "short hair, long hair, bald, or a turban": {
        "short": ({"hair": "short"}, "a portrait of a person with short hair"),
        "long": ({"hair": "long"}, "a portrait of a person with long hair"),
        "bald": ({"hair": "bald"}, "a portrait of a bald person"),
        "turban": ({"headwear": "turban"}, "a portrait of a person with a turban"),
    },
    "a man or a woman": {
        "man": ({"sex": "male"}, "a portrait of a man"),
        "woman": ({"sex": "female"}, "a portrait of a woman"),
    },
}
"""By question and answer: the parts that a person is drawn with, and the right caption."""


def draw_people(parts: dict[str, str], count: int, side: int) -> Tensor:
    """Faces and shoulders of the held-out icon set on uniform backgrounds, float32 (count, 3, side, side) in [0, 1].

    parts: what all of them have, as `people.read` gives it. Raises PixgenError where it cannot be drawn together.
    """
    drawn = []
    for seed in range(count):
        person = portraits.person_from_words(parts, seed, (HELD_OUT_AVATAR_SET,))
        portrait = Portrait((person,), CLOSE, ground=GROUNDS[seed % len(GROUNDS)], turned=seed % 2 == 1)
        drawn.append(compose_portrait(portrait, side, torch.Generator()))
    return torch.stack(drawn)


@torch.no_grad()
def perceptor(path: Path, pictures: int = 512) -> list[Figure]:
    """For each question, the share of people whose right caption is the nearest; each answer is drawn equally often.

    path: of the weights. pictures: a quarter of them are drawn for each question, two of an answer at least.
    """
    tiny = load_perceptor(path)
    found = []
    for question, answers in QUESTIONS.items():
        each = max(2, pictures // 4 // len(answers))
        target = tiny.encode_text([caption for _, caption in answers.values()])
        right: list[bool] = []
        for number, (parts, _) in enumerate(answers.values()):
            seen = tiny.encode_image(draw_people(parts, each, tiny.input_size))
            right += (seen @ target.T).argmax(1).eq(number).tolist()
        found.append(share(f"people of the icon set it never saw, {question} (chance {100 // len(answers)} %)", right))
    return found
