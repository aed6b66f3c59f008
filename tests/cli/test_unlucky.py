"""What people with odd files and quick fingers meet: each gets one line with the way out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import click
import pytest
from PIL import Image

import pixgen.__main__
from pixgen.batch import lists
from pixgen.cli import group
from pixgen.cli.commands import COMMANDS
from pixgen.cli.main import run
from pixgen.errors import UsageError
from pixgen.recognition import clip_models


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def numbers(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from numbers(found, (*words, name))
    for option in command.params:
        if isinstance(option, click.Option) and isinstance(
            option.type, click.types.IntParamType | click.types.FloatParamType
        ):
            yield words, option


def test_every_option_that_takes_a_number_says_so() -> None:
    found = [pair for name in ("draw", *COMMANDS) for pair in numbers(group.load(name), (name,))]
    assert len(found) > 15
    for words, option in found:
        with pytest.raises(click.BadParameter, match="'two' is not a valid (whole )?number") as error:
            option.type.convert("two", option, None)
        assert "range" not in str(error.value), words


@pytest.mark.parametrize("words", [["--seed", "red"], ["--steps", "1.5"], ["-n", ""]])
def test_a_word_for_a_number(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["a fox", *words]) == 2
    assert f"{words[1]!r} is not a valid whole number" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["-dash.png", "--my photo.png"])
def test_a_file_whose_name_begins_with_a_dash(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (16, 16)).save(name)
    assert run(["vary", name]) == 2
    quoted = f"./{name}" if " " not in name else f"'./{name}'"
    assert f"If you mean the file, write {quoted}." in capsys.readouterr().err
    assert run(["vary", "--nothing"]) == 2
    assert "If you mean the file" not in capsys.readouterr().err


@pytest.mark.parametrize("words", [["a fox", "--init-image", "HERE"], ["rank", "a fox", "HERE"]])
def test_what_is_there_but_is_no_picture_file(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    assert run([word.replace("HERE", "pipe") for word in words]) == 2
    assert "'pipe' is not a regular file; name a picture file" in capsys.readouterr().err
    assert run([word.replace("HERE", "none.png") for word in words]) == 2
    assert "there is no picture 'none.png'" in capsys.readouterr().err


def test_a_folder_to_start_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["a fox", "--init-image", "."]) == 2
    assert "is a folder; name a picture file" in capsys.readouterr().err


def test_broken_json_has_one_place(folder: Path) -> None:
    (folder / "x.jsonl").write_text('{"prompt": "a fox"}\n\n{"prompt": "a cat",}\n')
    with pytest.raises(UsageError, match=r"x\.jsonl:3: broken JSON \(.* at column \d+\)$"):
        list(lists.read("x.jsonl"))


def test_an_endless_word_is_cut_where_it_is_named(caplog: pytest.LogCaptureFixture) -> None:
    clip_models.load().warn_of_unknown_words(["q" * 10_000])
    assert "qqq..." in caplog.text and len(caplog.messages[0]) < 300


class Interrupting:
    """Ctrl-C while a module is looked for."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == "pixgen.cli.main":
            raise KeyboardInterrupt
        return None


def test_ctrl_c_while_pixgen_is_imported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delitem(sys.modules, "pixgen.cli.main")
    monkeypatch.setattr(sys, "meta_path", [Interrupting, *sys.meta_path])
    with pytest.raises(SystemExit) as end:
        pixgen.__main__.main()
    assert end.value.code == 130
    assert capsys.readouterr().err == "pixgen: interrupted\n"
