"""Names of pictures: they say what is in them and work on every file system."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixgen.errors import UsageError
from pixgen.io import files
from pixgen.io.naming import SLUG_BYTES, fixed_folder, numbered, output_path, require_name, slug


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A watercolor portrait of a teacher!", "a-watercolor-portrait-of-a-teacher"),
        ("../../etc/passwd", "etc-passwd"),
        ("a cat's  tail:0.5 | rain", "a-cats-tail-0-5-rain"),
        ("um retrato de uma professora, é?", "um-retrato-de-uma-professora-é"),
        ("hindi: हिन्दी", "hindi-हिन्दी"),
        ("赤いリンゴ", "赤いリンゴ"),
        ("CON", "con-picture"),
        ("lpt1", "lpt1-picture"),
        ("🐱🐱", "picture"),
        ("", "picture"),
        ("...", "picture"),
    ],
)
def test_names_say_what_was_asked_for(text: str, name: str) -> None:
    assert slug(text) == name


def test_a_long_name_is_cut_between_words() -> None:
    assert slug("one two three " * 40, limit=20) == "one-two-three-one"
    assert len(slug("字" * 500).encode()) <= SLUG_BYTES


@given(st.text(max_size=300), st.integers(16, 200))
def test_any_text_gives_a_safe_name(text: str, limit: int) -> None:
    name = slug(text, limit)
    assert name and len(name.encode()) <= max(limit, len("lpt1-picture"))
    assert not set(name) & set('/\\:*?"<>|. \0\n\t') and name.isprintable() and not name.startswith("-")
    assert name.split(".")[0] not in {"con", "prn", "aux", "nul"}
    assert unicodedata.category(name[0])[0] in "LN"
    assert slug(name, limit) in (name, f"{name}-picture")


def test_output_is_a_file_a_folder_or_the_default(tmp_path: Path) -> None:
    dotted = tmp_path / "run.1"
    dotted.mkdir()
    assert output_path(None, "A Cat") == Path("outputs/a-cat.png")
    assert output_path("x/cat.JPG", "A Cat") == Path("x/cat.JPG")
    assert output_path("x/run", "A Cat") == Path("x/run/a-cat.png")
    assert output_path("x.y/", "A Cat") == Path("x.y/a-cat.png")
    assert output_path(str(dotted), "A Cat") == dotted / "a-cat.png"


def test_an_unknown_kind_of_picture_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"'\.gif'.*\.png, \.jpg"):
        output_path("cat.gif", "a cat")


def test_numbers_follow_the_name() -> None:
    assert [str(path) for path in itertools.islice(numbered(Path("a/fox.png")), 3)] == [
        str(Path("a/fox.png")), str(Path("a/fox-2.png")), str(Path("a/fox-3.png"))
    ]  # fmt: skip


def test_a_pattern_is_filled_with_what_is_safe() -> None:
    fields = {"seed": "7", "preset": "../ink", "size": "32x32"}
    path = output_path("p/[preset]/[seed]-[prompt_words].webp", "A Cat / CON", fields=fields)
    assert path == Path("p/ink/7-a-cat-con.webp")
    assert output_path("[preset].png", "a", fields={}) == Path("no-preset.png")
    assert len(output_path("[date].png", "a", fields={}).stem) == len("2000-01-01")
    assert output_path("[odd]/a.png", "a") == Path("[odd]/a.png")
    with pytest.raises(UsageError, match=r"\[sed\].*did you mean 'seed'.*\[prompt_words\]"):
        output_path("[sed].png", "a", fields=fields)


def test_the_fixed_part_of_a_pattern() -> None:
    assert fixed_folder("a/b/[date]/x.png", "t") == Path("a/b")
    assert fixed_folder("[date].png", "t") == Path(".")
    assert fixed_folder("/[date].png", "t") == Path("/")
    assert fixed_folder("a/x.png", "t") == Path("a")
    assert fixed_folder(None, "t") == Path("outputs")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("x" * 249 + ".png", "a name of 253 bytes is too long"),
        ("é" * 130 + ".png", "a name of 264 bytes is too long"),
        ("x" * 300 + "/fox.png", "a name of 300 bytes is too long"),
        ("/".join(["x" * 200] * 30) + "/fox.png", "a path of"),
        ("a\0b.png", "null character"),
    ],
)
def test_names_that_no_file_can_have_are_refused_before(path: str, said: str) -> None:
    for refused in (path, f"{path}/" if "/" in path else path):
        with pytest.raises(UsageError, match=f"{said}|file name too long"):
            output_path(refused, "a fox")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("con.png", "con is a device"),
        ("out\\Aux\\fox.png", "Aux is a device"),
        ("C:\\out\\com1.tar.png", "com1 is a device"),
        ("C:\\out\\what?.png", "Windows allows no '\\?'"),
        ("out\\a:b.png", "Windows allows no ':'"),
        ("out.\\fox.png", "drops the dot or the space"),
        ("out \\fox.png", "drops the dot or the space"),
        ("C:\\" + "x" * 249 + ".png", "253 letters is too long"),
        ("C:\\" + "\\".join(["x" * 100] * 3) + ".png", "a path of"),
    ],
)
def test_windows_has_rules_of_its_own(path: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        require_name(PureWindowsPath(path), windows=True)
    require_name(PureWindowsPath("C:\\out\\..\\fox.png"), windows=True)


def test_the_number_still_fits_behind_a_long_name(tmp_path: Path) -> None:
    path = output_path(str(tmp_path / ("x" * 244 + ".png")), "a fox")
    for _ in range(3):
        assert files.write(path, b"x").is_file()


def test_the_home_of_nobody_is_not_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'~no-such-user-here' has no home folder here; write the whole path"):
        output_path("~no-such-user-here/x.png", "a fox")
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="'~' has no home folder here"):
        output_path("~/x.png", "a fox")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert output_path("~/new/x.png", "a fox") == tmp_path / "new" / "x.png"
