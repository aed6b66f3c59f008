"""Command lines to copy are split by a shell into the words that were meant."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixgen.io import shell

WORDS = [
    "fox", "a red fox", "it's", 'a "fox"', "$(reboot)", "`reboot`", "$HOME", "a;b", "a & b", "a|b", "> x", "~", "*",
    "#x", "=ls", "back\\slash", "trailing\\", "two\nlines", "tab\there", "!!", "a fox!", "{a,b}", "", "-x", "--",
    "$'x'", "raposa à noite",
]  # fmt: skip


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_a_line_is_split_into_its_words(words: list[str]) -> None:
    assert shlex.split(shell.join(words)) == words
    assert shell.split(shell.join(words)) == words
    assert shlex.split(" ".join(map(shell.phrase, words))) == words


@pytest.mark.parametrize("name", ["sh", "bash", "zsh"])
def test_a_shell_reads_the_same(name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} here")
    for line in (shell.join(WORDS), " ".join(map(shell.phrase, WORDS))):
        done = subprocess.run([name, "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
        assert done.stdout.decode().split("\0")[:-1] == WORDS


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pixgen vary 'a fox.png'", ["pixgen", "vary", "a fox.png"]),
        ("pixgen vary x.png; rm -rf ~", None),
        ("pixgen vary $(reboot)", None),
        ("pixgen vary 'x.png' > ~/.bashrc", None),
        ("pixgen vary `id`", None),
        ("pixgen edit 'open", None),
        ("pixgen vary x.png\nreboot", None),
        ("pixgen  vary x.png", None),
    ],
)
def test_only_a_line_of_plain_words_is_split(line: str, words: list[str] | None) -> None:
    assert shell.split(line) == words


def test_an_argument_like_an_option_stands_behind_two_hyphens() -> None:
    assert shell.command("vary", ["a.png"], ["--seed", "1"]) == "pixgen vary a.png --seed 1"
    assert shell.command("models rm", ["-x"]) == "pixgen models rm -- -x"
    assert shell.command("edit", ["-a.png", "b"], ["--seed", "1"]) == "pixgen edit --seed 1 -- -a.png b"


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        ("a red fox", 'pixgen "a red fox" --seed 7 steps=2'),
        ("a fox & $(cat)", "pixgen 'a fox & $(cat)' --seed 7 steps=2"),
        ("batch", "pixgen --seed 7 -- batch steps=2"),
        ("--plugin=evil.py", "pixgen --seed 7 -- --plugin=evil.py steps=2"),
        ("-x y", 'pixgen --seed 7 -- "-x y" steps=2'),
        ("steps=9", "pixgen --seed 7 -- steps=9 steps=2"),
    ],
)
def test_a_prompt_is_a_prompt_whatever_it_looks_like(prompt: str, line: str) -> None:
    assert shell.draw(prompt, ["--seed", "7"], ["steps=2"]) == line
