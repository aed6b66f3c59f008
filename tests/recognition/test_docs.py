"""docs/recognition.md: every command and line of Python on it works."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from pixgen.cli.main import run
from tests.recognition.conftest import DOCS

PAGE = (DOCS / "recognition.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line
]


@pytest.fixture(autouse=True)
def drawings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "drawings").mkdir()
    for name in ("apple.png", "teacher.png"):
        shutil.copy(DOCS / name, tmp_path)
        shutil.copy(DOCS / name, tmp_path / "drawings")
    (tmp_path / "labels.txt").write_text("apple\nteacher\n")


@pytest.mark.slow
@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_works(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shlex.split(line)[1:]) == 0, capsys.readouterr().err
    assert "apple" in (out := capsys.readouterr().out) or "maçã" in out


def test_the_lines_of_python_work(capsys: pytest.CaptureFixture[str]) -> None:
    (source,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    exec(source, {})
    assert capsys.readouterr().out.startswith("apple {'cat': ")


def test_the_table_is_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shlex.split(COMMANDS[0])[1:]) == 0
    assert f"```text\n{capsys.readouterr().out}```" in PAGE
