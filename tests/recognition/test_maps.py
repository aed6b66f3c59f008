"""Maps of words over a picture: the right side, shapes, finite values, the same twice; and the words of a prompt."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import Tensor

from pixgen.io import pictures
from pixgen.recognition import clip_models, maps
from pixgen.recognition.clip_models import ClipModel
from tests.recognition.conftest import DOCS


def drawing(name: str) -> Image.Image:
    with Image.open(DOCS / name) as image:
        return image.convert("RGB").resize((58, 58))


def beside(left: str | None, right: str | None) -> Tensor:
    """Two drawings side by side on white paper, or one of them alone."""
    paper = Image.new("RGB", (128, 128), "white")
    for name, x in ((left, 3), (right, 67)):
        if name:
            paper.paste(drawing(name), (x, 35))
    return pictures.read(paper)


def left_share(found: Tensor) -> float:
    mass = found.clamp(min=0)
    return float(mass[:, : mass.shape[1] // 2].sum() / mass.sum())


@pytest.mark.parametrize("against", [True, False])
def test_the_map_of_a_word_lies_where_the_thing_is(tiny: ClipModel, against: bool) -> None:
    for left, right in (("apple", "teacher"), ("teacher", "apple")):
        found = maps.maps(tiny, beside(f"{left}.png", f"{right}.png"), [left, right], against=against)
        assert left_share(found[0]) > 0.7 and left_share(found[1]) < 0.3


@pytest.mark.parametrize("word", ["apple", "red", "vermelho"])
def test_one_thing_on_one_side(tiny: ClipModel, word: str) -> None:
    assert left_share(maps.maps(tiny, beside("apple.png", None), [word])[0]) > 0.7
    assert left_share(maps.maps(tiny, beside(None, "apple.png"), [word])[0]) < 0.3


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (64, 300)])
def test_any_shape_gives_finite_maps_and_the_same_twice(
    tiny: ClipModel, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "STEP", 0.6)
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    found = maps.maps(tiny, picture, ["a", "b"])
    assert found.dtype == torch.float32 and found.isfinite().all() and len(found) == 2
    assert max(found.shape[1:]) == maps.SIDE and min(found.shape[1:]) >= maps.SHORTEST
    assert torch.equal(found, maps.maps(tiny, picture, ["a", "b"]))
    shares = maps.shares(found)
    assert shares.min() >= 0 and shares.max() <= 1
    assert maps.maps(tiny, picture, []).shape[0] == 0


def test_other_clips_have_maps_too(open_clip_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "STEP", 1.0)
    found = maps.maps(clip_models.load(open_clip_model), beside("apple.png", None), ["apple"])
    assert found.isfinite().all()


def test_a_plain_picture_has_a_flat_map(tiny: ClipModel) -> None:
    found = maps.maps(tiny, torch.full((1, 3, 40, 40), 0.5), ["apple"])
    assert found.abs().max() < 1e-4


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a red fox in the snow", ["red", "fox", "snow"]),
        ("uma raposa vermelha na neve", ["raposa", "vermelha", "neve"]),
        ("A Fox and a fox's fox-cub", ["Fox", "fox's", "fox-cub"]),
        ("the of and 42 !!", []),
        ("maçã sobre água", ["maçã", "água"]),
        (" ".join("abcdefghijklm"), list("bcdfghi")),
    ],
)
def test_the_words_that_say_what_is_shown(prompt: str, words: list[str]) -> None:
    assert maps.words(prompt) == words
