"""Templates become prompts: one by the seed, or all in a stated order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixgen.errors import UsageError
from pixgen.prompts import grammar
from pixgen.prompts.wildcards import Wildcards


@pytest.fixture
def wildcards(tmp_path: Path) -> Wildcards:
    (tmp_path / "animal.txt").write_text("# animals\nfox\n\n{big|small} dog\n")
    (tmp_path / "place.txt").write_text("a wood\na __animal__ house\n")
    (tmp_path / "circle.txt").write_text("__circle__\n")
    (tmp_path / "none.txt").write_text("# nothing\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "hat.txt").write_text("a hat\n")
    return Wildcards([tmp_path / "elsewhere", tmp_path])


def test_all_changes_the_leftmost_alternative_slowest(wildcards: Wildcards) -> None:
    assert list(wildcards.all("a {watercolor|oil} portrait of a {teacher|baker}")) == [
        "a watercolor portrait of a teacher",
        "a watercolor portrait of a baker",
        "a oil portrait of a teacher",
        "a oil portrait of a baker",
    ]
    assert list(wildcards.all("{a|b {c|d}} __animal__")) == [
        *("a fox", "a big dog", "a small dog", "b c fox", "b c big dog", "b c small dog"),
        *("b d fox", "b d big dog", "b d small dog"),
    ]
    assert list(wildcards.all(r"\{a\|b\} | {c|d} :0.5")) == [r"\{a\|b\} | c :0.5", r"\{a\|b\} | d :0.5"]
    assert list(wildcards.all("__place__ and __sub/hat__"))[1] == "a fox house and a hat"


@given(st.text(alphabet="ab|{} \\", max_size=14))
def test_count_agrees_with_all_and_every_prompt_is_fully_expanded(text: str) -> None:
    try:
        grammar.parse(text)
    except UsageError:
        return
    found = list(Wildcards([]).all(text))
    assert len(found) == Wildcards([]).count(text)
    assert all(grammar.choose(one, seed) == grammar.choose(one, 0) for one in found for seed in range(3))
    assert {grammar.choose(text, seed) for seed in range(20)} <= {grammar.choose(one, 0) for one in found}


def test_draw_depends_on_the_seed_and_reaches_every_prompt(wildcards: Wildcards) -> None:
    template = "__place__ with a {red|blue} __animal__"
    drawn = [wildcards.draw(template, seed) for seed in range(600)]
    assert drawn == [wildcards.draw(template, seed) for seed in range(600)]
    assert set(drawn) == set(wildcards.all(template))
    # Without wildcards it takes the alternatives that a single picture would.
    assert wildcards.draw("a {red|blue} fox", 3) == grammar.choose("a {red|blue} fox", 3)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("an __animl__", r"no wildcard __animl__: no animl\.txt in .*did you mean 'animal'"),
        ("__circle__", "contains itself"),
        ("__none__", "nothing to choose from"),
        ("{a|b", "without its"),
        ("{" * 21 + "a|b" + "}" * 21, "more than 20 braces within braces"),
    ],
)
def test_wrong_templates_are_refused_with_the_same_message_by_all_and_draw(
    template: str, message: str, wildcards: Wildcards
) -> None:
    for use in (lambda: list(wildcards.all(template)), lambda: wildcards.draw(template, 1)):
        with pytest.raises(UsageError, match=message):
            use()
