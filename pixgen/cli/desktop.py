"""Pictures opened in the program that the desktop has for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pixgen.cli.console import say

SECONDS = 5
"""How long to wait for the opener's answer; one that is still running by then shows the picture itself."""


def open_first(paths: Sequence[Path]) -> None:
    """Open the first of these files; a line says so where that cannot be done. It is not a failure of the command."""
    if not paths:
        return
    path = paths[0].resolve()
    if not has_desktop():
        say(f"--open: there is no desktop here; open {paths[0]} yourself")
        return
    try:
        code = _open(path)
    except OSError as error:
        say(f"--open: cannot open {paths[0]}: {error.strerror or error}")
        return
    if code:
        say(f"--open: the desktop has no program that opens {paths[0]}")


def has_desktop() -> bool:
    """Whether this program runs where a window would be seen."""
    if sys.platform == "win32":
        return True
    if sys.platform == "darwin":
        return not ({"SSH_CONNECTION", "SSH_TTY"} & os.environ.keys())
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) and bool(shutil.which("xdg-open"))


def _open(path: Path) -> int:
    """The opener's exit code, 0 while it is still running. Raises OSError.

    Not `click.launch`: the viewer would inherit standard output, and what reads pixgen's results would wait for it.
    """
    if sys.platform == "win32":
        os.startfile(path)
        return 0
    command = ["open" if sys.platform == "darwin" else "xdg-open", str(path)]
    nowhere = subprocess.DEVNULL
    viewer = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)
    try:
        return viewer.wait(SECONDS)
    except subprocess.TimeoutExpired:
        return 0
