"""Words that are nearly a command: asked about, for nobody wants half an hour spent on a picture of a typing error."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Sequence

from pixgen.errors import UsageError

LONG = 6
"""A lone word of so many letters, one letter away from a command, is that command; `shoe` and `mode` are prompts."""

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

    A first word `--` says that the next one is a prompt, whatever it looks like.
    """
    if not arguments or not re.fullmatch(r"[A-Za-z]+", arguments[0]):
        return
    word, following = arguments[0], arguments[1] if len(arguments) > 1 else None
    near = min(commands, key=lambda name: distance(word.lower(), name), default=None)
    if near is None:
        return
    letters = distance(word.lower(), near)
    alone = following is None or following.startswith("-")
    if (letters <= 2 and _only_a_command_takes(following)) or (alone and letters <= 1 and len(word) >= LONG):
        rest = [*arguments[1:]]
        raise UsageError(
            f"there is no command {word!r}; did you mean: {shlex.join(['pixgen', near, *rest])}  "
            f"(to draw it: {shlex.join(['pixgen', '--', word, *rest])})"
        )


def distance(a: str, b: str) -> int:
    """Letters to insert, delete, replace or swap with their neighbour to get from `a` to `b` (optimal alignment)."""
    two_ago: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y)))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], two_ago[j - 2] + 1)
        two_ago, last = last, row
    return last[-1]


def _only_a_command_takes(word: str | None) -> bool:
    """Whether `word` is a file or a subcommand; a prompt is followed by options and KEY=VALUE alone."""
    if word is None or word.startswith("-") or "=" in word:
        return False
    looks_like_a_file = re.search(r"[\\/]|\.[A-Za-z0-9]{1,5}$", word) is not None or os.path.exists(word)
    return looks_like_a_file or word in _SUBCOMMANDS or re.fullmatch(r"[a-z]+\.[\w-]+", word) is not None
