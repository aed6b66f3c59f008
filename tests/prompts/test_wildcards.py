"""Templates become prompts: one by the seed, or all in a stated order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixgen.errors import UsageError
from pixgen.prompts import grammar
from pixgen.prompts.wildcards import MAX_COUNT, Wildcards


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


def lines_of(folder: Path, files: dict[str, str]) -> Wildcards:
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return Wildcards([folder])


def test_wildcards_that_multiply_are_stopped_before_they_are_long(tmp_path: Path) -> None:
    ten = {f"w{i}": f"__w{i + 1}__ " * 10 for i in range(18)} | {"w18": "x"}
    bomb = lines_of(tmp_path, ten)
    with pytest.raises(UsageError, match="more than 10,000 characters"):
        bomb.draw("__w0__", 1)
    with pytest.raises(UsageError, match="more than 10,000 characters"):
        next(bomb.all("__w0__"))
    assert bomb.count("__w0__") == 1


def test_so_many_prompts_are_counted_without_making_one(tmp_path: Path) -> None:
    many = lines_of(tmp_path, {f"w{i}": f"a __w{i + 1}__ {i}\n" * 300 for i in range(18)} | {"w18": "x\ny"})
    assert many.count("__w0__ {a|b}") == many.count("{a|b}" * 2_000) == many.count("{|}" * 3_000) == MAX_COUNT
    assert next(many.all("{a|b}" * 2_000)) == "a" * 2_000
    assert many.count("{a|b}" * 3) == 8


def test_a_template_or_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    wildcards = lines_of(tmp_path, {"long": "x" * 10_001})
    for expand in (lambda text: wildcards.draw(text, 0), wildcards.count, lambda text: next(wildcards.all(text))):
        with pytest.raises(UsageError, match="the most is 10,000"):
            expand("{a|b}" * 2_001)
    with pytest.raises(UsageError, match="more than 10,000 characters"):
        wildcards.draw("__long__", 0)
    (tmp_path / "wide.txt").write_bytes("a\nb\n".encode("utf-16"))
    with pytest.raises(UsageError, match=r"wide\.txt: UTF-16; save it as UTF-8"):
        wildcards.draw("__wide__", 0)


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "private.txt").write_text("a password\n")
    folder = tmp_path / "list"
    folder.mkdir()
    (folder / "animal.txt").symlink_to(tmp_path / "private.txt")
    with pytest.raises(UsageError, match="__animal__: 'animal.txt' is a link that leads out of"):
        Wildcards([folder]).draw("a __animal__", 1)
