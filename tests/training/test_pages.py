"""The pages of the trainings and of the models name files that exist and commands that can be given."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pixgen.cli.train import train

PACKAGE = Path(__file__).parents[2] / "pixgen"
PAGES = {name: (PACKAGE / name / "README.md").read_text() for name in ("training", "embedded")}
COMMANDS = [
    line
    for page in PAGES.values()
    for line in [
        *re.findall(r"^ {0,4}(pixgen train .*)$", page, re.MULTILINE),
        *re.findall(r"`(pixgen train [^`]+)`", page),
    ]
    if "NAME" not in line
]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    prose = re.sub(r"^```.*?^```", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    named = re.findall(r"`([\w./-]+\.(?:py|csv|safetensors))`", prose)
    places = (PACKAGE / page, PACKAGE.parent)
    made_by_the_reader = {"captions.csv"}
    assert named
    assert [n for n in named if n not in made_by_the_reader and not any((at / n).exists() for at in places)] == []


@pytest.mark.parametrize("line", dict.fromkeys(COMMANDS))
def test_every_training_can_be_asked_for_as_written(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsed by click, not run."""
    monkeypatch.chdir(PACKAGE.parent)
    name, *words = shlex.split(line, comments=True)[2:]
    context = train.make_context("train", [name, *words])
    command = train.get_command(context, name)
    assert command is not None
    command.make_context(name, words, parent=context)


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 8
