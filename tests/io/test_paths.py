"""Paths as they were typed or written into a file by somebody else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pixgen.errors import UsageError
from pixgen.io import paths, resources


def test_a_path_is_taken_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.written("~/fox.png") == tmp_path / "fox.png"
    assert paths.written("a/../fox.png") == Path("a/../fox.png")
    assert paths.written(f"{tmp_path}/no/such/folder") == tmp_path / "no" / "such" / "folder"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("~nobody-of-this-name/x", "'~nobody-of-this-name' has no home folder here; write the whole path"),
        ("a\0b", "cannot be a path"),
        ("\ud800.png", "cannot be a path"),
        ("x" * 300, "name too long"),
        ("folder/" * 2_000, "name too long"),
    ],
)
def test_what_cannot_be_looked_up_is_refused_in_one_short_line(text: str, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        paths.written(text)
    said = str(refused.value)
    assert why in said.replace("file name", "name") and "\n" not in said and len(said) < 200
    assert paths.existing(text) is None


def test_existing_is_what_is_there(tmp_path: Path) -> None:
    assert paths.existing(tmp_path) == tmp_path
    assert paths.existing(tmp_path / "no") is None


def test_a_name_that_is_no_text_is_a_path_all_the_same(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")  # as an old disk has it
    assert paths.written(tmp_path / name).name == name


def test_the_environment_names_a_path_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXGEN_HOME", "x" * 300)
    with pytest.raises(UsageError, match="PIXGEN_HOME.*too long"):
        resources.user_config()
