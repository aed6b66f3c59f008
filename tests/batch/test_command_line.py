"""The command that draws a picture of a list again: what the page shows is what is run."""

from __future__ import annotations

import html
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixgen.batch.command_line import _text as _text_of
from pixgen.batch.command_line import assignments, command
from pixgen.batch.job import Settings
from pixgen.batch.page import _text, _to_copy, write_page
from pixgen.cli import options
from pixgen.cli.draw import _require_sense
from pixgen.cli.group import CommandLine
from pixgen.errors import UsageError
from pixgen.io.terminal import visible
from pixgen.io.yaml_files import Layer
from pixgen.prompts import grammar
from pixgen.settings import config as configs
from pixgen.settings.layers import parse_assignments

from .conftest import TOYS, Lists, rows

LOOKALIKES = [
    "--plugin=evil.py", "-x", "--", "---", "-", "--help", "-h", "--debug", "--version", "-p", "batch", "edit", "again",
    "docter", "steps=9", "a.b=c", "a b=c", "=ls", "~", "it's", 'a "fox"', "$(touch owned)", "`touch owned`", "$HOME",
    "a; touch owned", "a\n--plugin=evil.py", "a\ttab", "a\rb", "fox\\", "a fox | in the snow :0.5", "{a|b}",
    "\u202exof", "__wild__", "image:x.png", "'", "&& reboot", "batch list.txt", "-- batch",
]  # fmt: skip

PROMPTS = st.one_of(
    st.sampled_from(LOOKALIKES),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1),
    st.text(st.sampled_from("-=ab. '\"$`\\;|&\n\t(){}!~#*<>"), min_size=1),
    st.tuples(st.sampled_from(LOOKALIKES), st.text(st.sampled_from("ab -=\n"))).map("".join),
)


def settings(**values: Any) -> Settings:
    return Settings.of(configs.resolve([Layer({**TOYS, **values}, "a test")]))


PLAIN = settings()


def parsed(line: str) -> click.Context:
    first, *words = shlex.split(line)
    assert first == "pixgen"
    return CommandLine().make_context("pixgen", words)


@given(PROMPTS, st.integers(0, 2**63 - 1))
def test_the_command_line_gives_back_every_prompt(prompt: str, seed: int) -> None:
    context = parsed(command(PLAIN, prompt, seed))
    assert context.command.name == "draw"
    assert context.params["prompt"] == prompt and context.params["seed"] == seed
    assert list(context.params["settings"]) == assignments(PLAIN)
    assert context.params["plugins"] == () and not context.params["overwrite"] and context.params["output"] is None
    try:
        grammar.parse(prompt)
    except UsageError:
        return  # no list has such a prompt
    with context:
        _require_sense(prompt, context.params["settings"], context.meta[options.MARKED])


@given(st.text(st.characters(codec="utf-8")))
def test_a_value_comes_back_whatever_it_says(text: str) -> None:
    word = f"losses.style.text={_text_of(text)}"
    assert visible(word) == word
    (layer,) = parse_assignments([word])
    assert layer.values == {"losses": {"style": {"text": text}}}


ACTING = set("\x1b\x9b\x7f\r\u2028\u2029\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(PROMPTS)
def test_the_page_shows_the_command_and_nothing_acts_in_it(prompt: str) -> None:
    line = command(PLAIN, prompt, 1)
    shown = _to_copy(line)
    # (Python's html.unescape leaves out some of the characters that browsers copy.)
    numbered = re.sub(r'<bdi title="[^"]+">&#x([0-9a-f]+);</bdi>', lambda found: chr(int(found[1], 16)), shown)
    assert html.unescape(numbered) == line
    for text in (shown, _text(prompt)):
        assert not set(text) & ACTING and not re.search(r"<(?!/?bdi)", text)


@pytest.mark.slow
def test_what_the_page_shows_of_a_hostile_list_runs_nothing(lists: Lists, tmp_path: Path) -> None:
    prompts = ["--plugin=evil.py", "batch", "steps=9", "$(touch owned)", "a `touch owned` fox", "a \u202e fox"]
    lists.draw(list(lists.plan().expand(rows(*({"prompt": prompt} for prompt in prompts)))))
    (path,) = write_page(lists.out)
    text = path.read_text("utf-8")
    assert "\u202e" not in text and '<bdi title="\\u202e">&#x202e;</bdi>' in text
    lines = [html.unescape(re.sub(r"</?bdi[^>]*>", "", found)) for found in re.findall(r"<code>(.*?)</code>", text)]
    assert [parsed(line).params["prompt"] for line in lines] == prompts
    printed = "\n".join(f"printf '%s\\0' {line}" for line in lines)
    done = subprocess.run(["bash", "-c", printed], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == [word for line in lines for word in shlex.split(line)]
    assert not (tmp_path / "owned").exists()
