"""Command lines to copy: safe for a POSIX shell, and read by pixgen as what they show.

Every command that pixgen prints is made here, for a prompt or a file's name may look like an option
(`--plugin=evil.py`), like a command (`batch`), or hold what a shell would run (`$(...)`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence


def quote(word: str) -> str:
    """One word for bash, zsh and every other POSIX shell; zsh alone would replace an unquoted `=ls`."""
    return f"'{word}'" if re.fullmatch(r"=[\w=.,:/@%+-]*", word, re.ASCII) else shlex.quote(word)


def phrase(text: str) -> str:
    """A prompt as one word: as people write it, in double quotes, where a shell reads nothing else into those."""
    return f'"{text}"' if re.search(r"\s", text) and not re.search(r'[$`\\"!]', text) else quote(text)


def join(words: Iterable[str]) -> str:
    """The words as one line that `shlex.split` and a shell split into the same words."""
    return " ".join(map(quote, words))


def command(name: str, arguments: Sequence[str], options: Sequence[str] = ()) -> str:
    """`pixgen NAME ARGUMENTS OPTIONS` as a line to copy.

    Where an argument begins with a hyphen the options come first, and `--` ends them.
    """
    if any(argument.startswith("-") for argument in arguments):
        return join(["pixgen", *name.split(), *options, "--", *arguments])
    return join(["pixgen", *name.split(), *arguments, *options])


def draw(prompt: str, options: Sequence[str] = (), settings: Sequence[str] = ()) -> str:
    """The line that draws a prompt, whatever it looks like. settings: its KEY=VALUE words."""
    # Several words that begin with a letter are neither an option nor a command nor a setting.
    if re.match(r"[^\W_].*\s", prompt, re.DOTALL):
        return " ".join(["pixgen", phrase(prompt), *map(quote, [*options, *settings])])
    return " ".join([join(["pixgen", *options, "--"]), phrase(prompt), *map(quote, settings)])


def split(line: str) -> list[str] | None:
    """The words of a line that `join` wrote; None for any other text, such as one that a shell would act on."""
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    return words if line in (join(words), shlex.join(words)) else None
