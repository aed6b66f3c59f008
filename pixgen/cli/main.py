"""Entry point of `pixgen`: picks the command, and turns every failure into one line and an exit code.

Exit codes: 0 done, 1 failed, 2 asked for something that cannot be, 130 interrupted.
Imports nothing heavy, so that `--help` and errors come at once.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings
from collections.abc import Sequence

import click

from pixgen.cli import typos
from pixgen.cli.commands import COMMANDS, COMPLETE
from pixgen.cli.console import INTERRUPTED, say
from pixgen.errors import PixgenError


def main() -> None:
    """Run the command line and leave with its exit code."""
    if "--debug" not in sys.argv:
        warnings.simplefilter("ignore")  # what libraries tell their programmers
    if instruction := os.environ.get(COMPLETE):
        from pixgen.cli.completion import complete

        sys.exit(complete(instruction))
    logging.getLogger("pixgen").addHandler(_Lines(logging.WARNING))
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. With `--debug` failures raise instead."""
    name = find(arguments)
    rest = list(arguments[1:] if name else arguments)
    if len(rest) > 1 and rest[0] == "--" and not rest[1].startswith("-"):
        del rest[0]  # it says that this word is a prompt, not that the options behind it are
    debug = "--debug" in rest
    try:
        if name is None:
            typos.require_prompt(arguments, COMMANDS)
        command: click.Command = getattr(importlib.import_module(f"pixgen.cli.{name or 'draw'}"), name or "draw")
        return command.main(rest, prog_name=f"pixgen {name}" if name else "pixgen", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        return INTERRUPTED
    except PixgenError as error:
        if debug:
            raise
        say(str(error))
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        first = next(iter(str(error).splitlines()), "")
        say(f"unexpected {type(error).__name__}: {first}; add --debug for the whole story")
        return 1


def find(arguments: Sequence[str]) -> str | None:
    """The command that the words ask for; None where they begin with a prompt or an option."""
    return arguments[0] if arguments and arguments[0] in COMMANDS else None


class _Lines(logging.Handler):
    """The library's warnings, as lines at the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())
