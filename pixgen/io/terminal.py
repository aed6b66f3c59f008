"""What reaches a terminal. Text that is not ours is shown there and never obeyed.

A prompt of a list, metadata, a checkpoint's keys, a server's answer or a file's name may hold escape sequences that
move the cursor, marks that reorder the line, or line breaks that forge another one. Every line that pixgen prints goes
through `write`, tables and bars of rich through `visible`.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from typing import TextIO

from pixgen.errors import PixgenError

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_SHAPING = "\u200c\u200d"
"""The joiners, which emoji and Persian or Indic words need; they reorder nothing."""


def visible(text: object) -> str:
    r"""`text` as one line that does nothing at a terminal.

    Shown as `\x1b`, `\n`, `\u202e` or `\U000e0041` are control characters, line breaks, marks that reorder or are not
    seen, lone surrogates and noncharacters; everything else stays as it is, backslashes too. Twice gives the same as
    once.
    """
    said = str(text)
    return said if said.isprintable() else "".join(map(_shown, said))


def write(text: object, stream: TextIO | None = None) -> None:
    r"""Print one line, made visible, at once; by default on standard output.

    Characters that the stream's encoding does not have are shown as `\u2026`.
    """
    stream = stream or sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(visible(text).encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def write_lines(text: str, stream: TextIO | None = None) -> None:
    """Print a text of several lines whose line breaks are pixgen's own; each is made visible."""
    for line in text.removesuffix("\n").split("\n"):
        write(line, stream)


def run(main: Callable[[], object]) -> None:
    """Run a file's own command (`python -m ...`): an error is one line and an exit code, as `pixgen` gives them."""
    try:
        main()
    except PixgenError as error:
        write(f"error: {error}", sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _shown(char: str) -> str:
    if char.isprintable() or char in _SHAPING:
        return char
    number, kind = ord(char), unicodedata.category(char)
    noncharacter = number & 0xFFFE == 0xFFFE or 0xFDD0 <= number <= 0xFDEF
    if (kind in ("Zs", "Co", "Cn") and not noncharacter) or unicodedata.bidirectional(char) == "AN":
        return char  # spaces, private and future letters; the signs that stand before Arabic numbers are seen
    if char in _NAMED:
        return _NAMED[char]
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
