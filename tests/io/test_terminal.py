"""Text that is not pixgen's own is shown at a terminal and does nothing there."""

from __future__ import annotations

import ast
import io
import json
import unicodedata
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixgen.cli import console
from pixgen.errors import UsageError
from pixgen.io import terminal
from pixgen.io.progress import Bars
from pixgen.io.terminal import visible

PACKAGE = Path(terminal.__file__).parent.parent

REORDERING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")

HOSTILE = [
    ("\x1b[31mred", "\\x1b[31mred"),
    ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
    ("two\nlines", "two\\nlines"),
    ("a\rb\tc", "a\\rb\\tc"),
    ("\u202egnp.exe", "\\u202egnp.exe"),
    ("a\u2066b\u2069", "a\\u2066b\\u2069"),
    ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
    ("caf\udce9", "caf\\udce9"),
    ("\x9b2J", "\\x9b2J"),
    ("tags \U000e0041", "tags \\U000e0041"),
    ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_what_acts_on_a_terminal_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "a red fox",
        "uma raposa à noite",
        "狐",
        "ثعلب",
        "👩\u200d🎨",
        "می\u200cخواهم",
        "C:\\new\\x1b",
        "[red]x[/red]",
        "a\u00a0b",
    ],
)
def test_words_of_every_language_stay_as_they_are(text: str) -> None:
    assert visible(text) == text


@given(st.text(st.characters(codec=None)))
def test_nothing_unseen_is_left_and_twice_is_once(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [
        c
        for c in shown
        if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    ]
    shown.encode()


def test_a_character_that_the_terminal_does_not_have_is_shown() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    terminal.write("a fox… \x1b", stream)
    assert stream.buffer.getvalue() == b"a fox\\u2026 \\x1b\n"  # type: ignore[attr-defined]


def test_only_these_files_print() -> None:
    """Whatever prints past `terminal.write` is a hole."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "print", "click.echo", "click.secho", "Console", "sys.stdout.write", "sys.stderr.write",
            ):  # fmt: skip
                found.add(path.relative_to(PACKAGE).as_posix())
    # Those with a Console of rich give it texts made visible: the two tests below, and those of the batch.
    assert found == {"io/terminal.py", "io/progress.py", "cli/batch_tables.py", "cli/report.py"}


def test_a_line_for_the_person_a_result_and_a_record_are_visible(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("no file \x1b[2Jx\nerror: forged")
    console.result(Path("a\u202eb.png"))
    console.result_lines("one\x1b[0m\ntwo\n")
    console.result_json({"prompt": "\x1b \u202e \x7f"})
    out, err = capsys.readouterr()
    assert err == "pixgen: no file \\x1b[2Jx\\nerror: forged\n"
    *lines, record = out.splitlines()
    assert lines == ["a\\u202eb.png", "one\\x1b[0m", "two"]
    assert record.isascii() and record.isprintable() and json.loads(record) == {"prompt": "\x1b \u202e \x7f"}


def test_a_wrong_command_line_is_repeated_visibly(capsys: pytest.CaptureFixture[str]) -> None:
    console.refuse(click.NoSuchOption("--\x1b[31m\nforged"))
    err = capsys.readouterr().err
    assert "\x1b" not in err and "--\\x1b[31m\\nforged" in err


def test_an_error_of_a_file_that_is_run_is_visible(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise UsageError("no \x1b[31mfile\nthere")

    with pytest.raises(SystemExit) as stopped:
        terminal.run(fail)
    assert stopped.value.code == 2 and capsys.readouterr().err == "error: no \\x1b[31mfile\\nthere\n"


def test_bars_show_titles_as_they_are(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("pixgen.io.progress.is_watched", lambda: True)
    with Bars("{task.fields[facts]}") as bars:
        bars.add("\x1b]0;x\x07[red]fox[/red] :fox:", 1, facts="\x1b[2J")
        bars.say("[link=file:///etc/passwd]here[/link] :smile:\x1b[31m")
    err = capsys.readouterr().err
    assert "\\x1b]0;x\\x07[red]fox[/red] :fox:" in err.replace("\n", "") or "…" in err
    assert "[link=file:///etc/passwd]here[/link] :smile:\\x1b[31m" in err
    assert "\x1b]0;" not in err and "\x1b[31m" not in err
