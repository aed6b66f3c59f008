"""What is said to the person at the terminal, and the exit code of an interrupt."""

from __future__ import annotations

import sys

from pixgen.cli import portuguese

INTERRUPTED = 130


def say(line: str) -> None:
    """One line for the person at the terminal; standard output belongs to the results."""
    print(f"pixgen: {portuguese.translate(line)}", file=sys.stderr, flush=True)
