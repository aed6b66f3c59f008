"""What is said to the person at the terminal, and what is printed as a result."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from pixgen.cli import portuguese
from pixgen.io import shell, terminal


def say(line: str) -> None:
    """One line for the person at the terminal; standard output belongs to the results."""
    terminal.write(f"pixgen: {portuguese.translate(line)}", sys.stderr)


def result(line: object) -> None:
    """One line of results on standard output: a path, or a row of a listing."""
    terminal.write(line)


def result_lines(text: str) -> None:
    """Results of several lines, whose line breaks are pixgen's own."""
    terminal.write_lines(text)


def result_json(values: Mapping[str, Any]) -> None:
    """One record of `--json` on standard output; JSON's own escapes show what a terminal would act on."""
    terminal.write(json.dumps(values))


def refuse(error: click.ClickException, arguments: Sequence[str] = ()) -> None:
    """What click has to say of a wrong command line, which repeats words of it."""
    if isinstance(error, click.NoSuchOption):  # a file's name that begins with a dash looks like options
        for word in arguments:
            if word.startswith("-") and os.path.isfile(word):
                more = f"{error.message} If you mean the file, write {shell.quote('./' + word)}."
                error = click.NoSuchOption(error.option_name, more, error.possibilities, error.ctx)
                break
    said = io.StringIO()
    error.show(said)
    text, message = said.getvalue(), error.format_message()
    if not isinstance(error, click.exceptions.NoArgsIsHelpError):  # which is the help, in lines of our own
        before, _, after = text.rpartition(message)
        text = before + terminal.visible(message) + after
    terminal.write_lines(text, sys.stderr)
