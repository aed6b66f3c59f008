"""The prompt grammar: what is a tail and what is text, choices, escapes, and that nothing crashes."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixgen.errors import UsageError
from pixgen.prompts.grammar import MAX_LENGTH, Prompt, choose, format, parse

WORDS = st.text("abc 09:|{}\\é-.", min_size=1).map(str.strip).filter(bool)
FINITE = st.floats(-1e30, 1e30)
PROMPTS = st.lists(
    st.builds(Prompt, WORDS, FINITE, FINITE | st.just(-math.inf), st.sampled_from(["text", "image"])), min_size=1
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a fox", Prompt("a fox")),
        ("a fox:0.5", Prompt("a fox", 0.5)),
        ("text :-0.3", Prompt("text", -0.3)),
        ("a fox:1:0.2", Prompt("a fox", 1.0, 0.2)),
        ("a fox:1:-.5e1", Prompt("a fox", 1.0, -5.0)),
        ("a fox:+2.:-inf", Prompt("a fox", 2.0)),
        ("a poster 16:9", Prompt("a poster 16:9")),
        ("a poster 16:9:2", Prompt("a poster 16:9:2")),
        ("a poster 16:9 :2", Prompt("a poster 16:9", 2.0)),
        ("Star Wars: Return", Prompt("Star Wars: Return")),
        ("Chapter: 3", Prompt("Chapter: 3")),
        (r"a fox\:0.5", Prompt("a fox:0.5")),
        (r"\{a\|b\}", Prompt("{a|b}")),
        (r"C:\fox\\n", Prompt("C:\\fox\\n")),
        ("image:photos/fox.jpg", Prompt("photos/fox.jpg", kind="image")),
        ("image:photos/fox.jpg:0.5:0.1", Prompt("photos/fox.jpg", 0.5, 0.1, "image")),
        (r"image\:fox.jpg", Prompt("image:fox.jpg")),
    ],
)
def test_one_prompt(text: str, expected: Prompt) -> None:
    assert parse(text) == (expected,)


def test_bars_split_outside_braces_only() -> None:
    assert [p.text for p in parse("a fox | in the {snow|snow} :0.5 || b")] == ["a fox", "in the snow", "b"]


def test_choices_are_fixed_by_the_seed_and_all_possible() -> None:
    text = "a {red|green|{pale|dark} blue} {cat|dog}"
    seen = {parse(text, seed)[0].text for seed in range(200)}
    colours = ("red", "green", "pale blue", "dark blue")
    assert seen == {f"a {colour} {animal}" for colour in colours for animal in ("cat", "dog")}
    assert all(parse(text, seed) == parse(text, seed) for seed in range(20))


def test_a_choice_may_hold_a_weight() -> None:
    assert parse("a fox{:0.5|:0.5}") == (Prompt("a fox", 0.5),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "say what to draw"),
        (" | | ", "say what to draw"),
        (":0.5", "words before its weight"),
        ("image:", "path of a picture"),
        ("a {b", r"without its '}'"),
        ("a } b", r"write \}"),
        ("a\0b", r"U+0000 at 1"),
        ("a\x1b[2Jb", r"U+001B"),
        ("a\udcffb", r"U+DCFF"),
        ("a:1e999", "plain numbers"),
        ("{" * 500 + "}" * 500, "braces within braces"),
        ("a" * 100_000, f"most is {MAX_LENGTH:,}"),
    ],
)
def test_what_is_refused_and_why(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=re.escape(reason)):
        parse(text)


@given(PROMPTS)
def test_prompts_round_trip_through_text(prompts: list[Prompt]) -> None:
    assert parse(format(prompts)) == tuple(prompts)


@given(st.text() | st.text("a1:|{}\\ -.einf\n"), st.integers())
def test_any_text_parses_or_is_refused(text: str, seed: int) -> None:
    try:
        prompts = parse(text, seed)
    except UsageError:
        return
    assert parse(format(prompts)) == prompts


@given(st.text(alphabet="ab|{}:\\0.5 ", max_size=30), st.integers(0, 5))
def test_choosing_first_changes_nothing(text: str, seed: int) -> None:
    try:
        expected = parse(text, seed)
    except UsageError:
        return
    chosen = choose(text, seed)
    assert parse(chosen, seed + 1) == expected and choose(chosen, seed + 2) == chosen


@pytest.mark.parametrize("text", ["a :1e308 | b :-1e308", "a :-1e31", "a :1:1e300", "a :1:-1e300"])
def test_a_weight_that_no_tensor_can_hold_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"has weight .* and stop .*; the largest is 1e\+30"):
        parse(text)
