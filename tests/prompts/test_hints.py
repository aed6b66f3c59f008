"""What is nearly a weight is told of; what is a weight, or is meant as words, is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixgen.prompts import grammar
from pixgen.prompts.hints import near_weights


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a fox : 0.5", "a fox :0.5"),
        ("a fox:0,5", "a fox :0.5"),
        ("fox:: 2", "fox :2"),
        ("fox::2", "fox :2"),
        ("fox: 2", "fox :2"),
        ("a fox: -0.3", "a fox :-0.3"),
        ("a fox :\u22120.3", "a fox :-0.3"),
        ("fox\uff1a2", "fox :2"),
        ("a fox:50%", "a fox :0.5"),
        ("a fox:0.5,", "a fox :0.5"),
        ("a fox: 1 : 0.2", "a fox :1:0.2"),
        ("a fox:1:0.2:3", "a fox :1:0.2"),
        ("route 66:0.5", "route 66 :0.5"),
        ("a screen 4:3:0.5", "a screen 4:3 :0.5"),
        ("a fox:0.5 in the snow", "a fox :0.5 | in the snow"),
        ("(a fox:1.3)", "a fox :1.3"),
        ("a cat, (a fox:1.3), snow", "a cat | a fox :1.3 | snow"),
        ("image:x.png : 0.5", "image:x.png :0.5"),
        ("a \\| b : 0.5", "a \\| b :0.5"),
    ],
)
def test_nearly_a_weight(text: str, meant: str) -> None:
    assert near_weights(text) == [(text, meant)]
    assert all(prompt.weight != 1.0 or ":1:" in meant or "|" in meant for prompt in grammar.parse(meant))
    assert near_weights(meant) == []


@pytest.mark.parametrize(
    "text",
    [
        "a fox", "a fox:0.5", "fox :2", "text :-0.3", "a fox:1:0.2", "fox:.5", "fox:1e-3", "fox:1.", "a fox:1:-inf",
        "a poster 16:9", "at 10:30", "10:30:15", "Star Wars: Return", "a poster: 1984", "a fox \\: 0.5", "see: 3 foxes",
        ": 0.5 a", "image:16:9.png", "a (red) fox", "a fox | in the snow :0.5 | text :-0.3",
    ],
)  # fmt: skip
def test_a_weight_and_words_are_no_near_miss(text: str) -> None:
    assert near_weights(text) == []


def test_each_prompt_of_a_list_and_the_chosen_alternative_is_looked_at() -> None:
    assert near_weights("x | a fox : 0.5 | y:2 | z: 2") == [("a fox : 0.5", "a fox :0.5"), ("z: 2", "z :2")]
    assert near_weights("{a : 0.5|a : 0.5}") == [("a : 0.5", "a :0.5")]


@given(st.text(st.sampled_from("ab 019:.,-%()|;\\\uff1a"), max_size=30))
def test_what_is_suggested_can_be_drawn_and_needs_no_other_hint(text: str) -> None:
    for _, meant in near_weights(text):
        grammar.parse(meant)
