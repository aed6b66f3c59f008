"""A text longer than the context is read to its end, in pieces; one that fits is read as ever."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from pixgen.networks import long_texts
from pixgen.networks.pair import PairPerceptor, load_perceptor


@pytest.fixture(scope="module")
def tiny() -> PairPerceptor:
    return load_perceptor()


LONG = (
    "a red fox sitting quietly on an old wooden bench under a very tall green tree, with a small blue car behind it "
    "and a yellow sun in the sky, in winter, a watercolor"
)


def words(most: int):  # type: ignore[no-untyped-def]
    return lambda text: len(text.split()) <= most and len(text) <= 8 * most


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a fox", ["a fox"]),
        ("  a  fox ", ["  a  fox "]),
        ("a red fox in the snow with a hat", ["a red fox in the snow", "with a hat"]),
        ("a fox, a hen and a cow on a hill", ["a fox, a hen", "and a cow on a hill"]),
        ("a fox sleeps. a hen sings to the moon", ["a fox sleeps.", "a hen sings to the moon"]),
        ("uma raposa na neve com um chapéu azul", ["uma raposa na neve", "com um chapéu azul"]),
        ("one two three four five six seven", ["one two three four five six", "seven"]),
    ],
)
def test_a_text_is_cut_where_it_pauses(text: str, pieces: list[str]) -> None:
    assert long_texts.split(text, words(6)) == pieces


def test_a_word_that_does_not_fit_is_cut_between_characters() -> None:
    assert long_texts.split("狐" * 20 + " a", words(1)) == ["狐" * 8, "狐" * 8, "狐" * 4, "a"]
    assert long_texts.split("ab", lambda text: text == "") == ["a", "b"]


@given(st.text(), st.integers(1, 9))
def test_nothing_is_lost(text: str, most: int) -> None:
    pieces = long_texts.split(text, words(most))
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(words(most)(piece) for piece in pieces)


def test_what_fits_is_read_as_ever_and_the_end_of_what_does_not_is_read(tiny: PairPerceptor) -> None:
    assert tiny.pieces("a red fox") == ["a red fox"] and len(tiny.pieces(LONG)) == 3
    at_once = tiny.model.encode_text(tiny._ids(["a red fox"]))  # type: ignore[attr-defined]
    assert torch.equal(tiny.encode_text(["a red fox"]), at_once)
    assert torch.equal(tiny.encode_text(["a red fox", LONG])[0], tiny.encode_text(["a red fox", *tiny.pieces(LONG)])[0])
    whole = tiny.encode_text([LONG, LONG.replace("watercolor", "mosaic")])
    assert torch.allclose(whole.norm(dim=1), torch.ones(2)) and not torch.allclose(whole[0], whole[1])
    cut = tiny.encode_tokens([LONG, LONG.replace("watercolor", "mosaic")])[2]
    assert torch.equal(cut[0], cut[1])


def test_pieces_count_by_their_words(tiny: PairPerceptor) -> None:
    pieces = tiny.pieces(LONG)
    each = tiny.encode_text(pieces) * torch.tensor([[float(len(piece.split()))] for piece in pieces])
    assert torch.allclose(tiny.encode_text([LONG])[0], F.normalize(each.sum(0), dim=-1), atol=1e-6)


def test_the_words_that_a_token_decoder_does_not_read(tiny: PairPerceptor) -> None:
    assert tiny.unread("a red fox") == ""
    unread = tiny.unread(LONG)
    assert LONG.endswith(unread) and unread.endswith("a watercolor") and "bench" not in unread
    read = LONG.removesuffix(unread)
    assert torch.equal(tiny.encode_tokens([read])[2], tiny.encode_tokens([LONG])[2])
