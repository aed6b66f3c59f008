"""Descriptions: the words of a picture that pixgen drew, as a prompt in two languages."""

from __future__ import annotations

import pytest

from pixgen.recognition import clip_models, describe
from pixgen.recognition.clip_models import ClipModel
from pixgen.recognition.describe import Words
from tests.recognition.conftest import DOCS


@pytest.mark.parametrize(
    ("words", "english", "portuguese"),
    [
        (Words("cat"), "a cat", "um gato"),
        (Words("owl", colour="white"), "a white owl", "uma coruja branca"),
        (
            Words("house", "oil", "snow"),
            "an oil painting of a house in the snow",
            "uma pintura a óleo de uma casa na neve",
        ),
        (Words("cat", ground="orange"), "a cat on an orange background", "um gato em fundo laranja"),
        (Words("tench"), "a tench", "um tench"),  # of ImageNet: it has no Portuguese name here
    ],
)
def test_words_become_a_prompt(words: Words, english: str, portuguese: str) -> None:
    assert describe.prompt(words) == english
    assert describe.prompt(words, portuguese=True) == portuguese


@pytest.mark.slow
def test_an_apple_is_described(tiny: ClipModel) -> None:
    image = clip_models.opened(DOCS / "apple.png")
    found = describe.describe(tiny, image)
    assert found.prompt.endswith("on a blue background")
    assert found.words.ground == "blue"
    texts = tiny.encode_text([found.prompt])
    assert found.score == pytest.approx(float(tiny.encode_image([image])[0] @ texts[0]), abs=1e-5)
    assert next(word for word, _ in found.nearest["ground"]) == "blue"
    assert all(len(words) == describe.SHOWN for words in found.nearest.values())
    assert describe.describe(tiny, image, portuguese=True).prompt.endswith("em fundo azul")


def test_a_downloaded_clip_knows_imagenet_s_classes_as_well(open_clip_model: str, tiny: ClipModel) -> None:
    names = describe.subjects(clip_models.load(open_clip_model))
    assert {"cat", "tench", "great white shark"} <= set(names) and len(names) == len(set(names))
    assert "tench" not in describe.subjects(tiny)
