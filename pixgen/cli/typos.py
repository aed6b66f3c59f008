"""Words that are nearly a command: asked about, so that nobody waits for a picture of a typing error."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from pixgen.errors import UsageError, nearest
from pixgen.io import shell

ALONE_LETTERS = 6
"""A word with no argument behind it is taken for a mistyped command from this many letters; `shoe` is a prompt."""

ALONE_RATIO = 0.83
"""And from this similarity: one wrong, missing or swapped letter of six. `teacher` is a prompt."""

_SUBCOMMANDS = {
    "list",
    "show",
    "pull",
    "verify",
    "path",
    "config",
    "data",
    "all",
    "clip",
    "vqgan",
    "bash",
    "zsh",
    "fish",
}


def require_prompt(arguments: Sequence[str], commands: Iterable[str]) -> None:
    """Raise UsageError where the first word looks like a mistyped command and what follows like its arguments.

    After a first word `--` the next one is a prompt, whatever it looks like.
    """
    if not arguments or not re.fullmatch(r"[A-Za-z]+", arguments[0]):
        return
    word, *rest = arguments
    following = rest[0] if rest else None
    if _only_a_command_takes(following):
        near = nearest(word.lower(), commands)
    elif len(word) >= ALONE_LETTERS and (following is None or following.startswith("-")):
        near = nearest(word.lower(), commands, ALONE_RATIO)
    else:
        near = None
    if near is not None:
        raise UsageError(
            f"there is no command {word!r}; did you mean: {shell.join(['pixgen', near, *rest])}  "
            f"(to draw it: {shell.join(['pixgen', '--', word, *rest])})"
        )


def _only_a_command_takes(word: str | None) -> bool:
    """Whether `word` is a file or a subcommand; a prompt is followed by options and KEY=VALUE alone."""
    if word is None or word.startswith("-") or "=" in word:
        return False
    looks_like_a_file = re.search(r"[\\/]|\.[A-Za-z0-9]{1,5}$", word) is not None or os.path.exists(word)
    return looks_like_a_file or word in _SUBCOMMANDS or re.fullmatch(r"[a-z]+\.[\w-]+", word) is not None
