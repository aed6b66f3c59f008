"""Entry point of `pixgen`: turns every failure into one line and an exit code.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 128 and its number after another signal.
Imports nothing heavy, so that `--help` and errors come at once.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence

import click

from pixgen.cli.commands import COMPLETE
from pixgen.cli.console import refuse, say
from pixgen.cli.group import CommandLine, options_of
from pixgen.cli.standard_streams import prepare, require_written
from pixgen.errors import PixgenError
from pixgen.io import interrupts


def main() -> None:
    """Run the command line and exit with its code; where the shell asks for completions, print those."""
    prepare()
    interrupts.end_as_ctrl_c_does()
    if "--debug" not in options_of(sys.argv[1:]):
        warnings.simplefilter("ignore")  # of libraries, for their programmers
    logging.getLogger("pixgen").addHandler(_Lines(logging.WARNING))
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. With `--debug` failures raise instead."""
    debug = "--debug" in options_of(arguments)
    try:
        code = CommandLine().main(list(arguments), "pixgen", complete_var=COMPLETE, standalone_mode=False)
        require_written()
        return code or 0
    except click.ClickException as error:
        refuse(error, arguments)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        say("interrupted")
        return interrupts.exit_code(error)
    except PixgenError as error:
        if debug:
            raise
        say(str(error))
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        first = next(iter(str(error).splitlines()), "")
        say(f"unexpected {type(error).__name__}: {first}; add --debug for the traceback")
        return 1


class _Lines(logging.Handler):
    """Prints the library's warnings as lines at the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())
