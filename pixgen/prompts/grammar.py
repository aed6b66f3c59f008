r"""Prompts, and the one grammar in which they are written: escapes, braces, weights.

========================================  ===========================================
`a fox | in the snow :0.5 | text :-0.3`   `|` separates prompts
`a {red|blue {cat|dog}}`                  braces choose one, fixed by the seed
`a fox:1:0.2`                             a tail `:weight` or `:weight:stop`
`image:photos/fox.jpg:0.5`                a picture instead of words
`a poster 16:9`                           text: no tail begins right after a digit
`a \{b\} \| c\: d`                        a backslash escapes | : { } and itself
========================================  ===========================================
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from pixgen.errors import UsageError
from pixgen.io.schema import LARGEST

MAX_LENGTH = 10_000
"""Characters in a prompt list. Perceptors read at most a few hundred; more is a file given by mistake."""

MAX_DEPTH = 20
"""Braces within braces, and wildcards within wildcards (`pixgen.prompts.wildcards`)."""

_SPECIAL = "|:{}\\"
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|-inf"
_TAIL = re.compile(rf"(?<![0-9]):({_NUMBER})(?::({_NUMBER}))?\Z", re.ASCII)

# While a text is parsed, an escaped special character is replaced by one private-use character, so that nothing
# mistakes it for syntax.
_HIDDEN = {char: chr(0xF0000 + i) for i, char in enumerate(_SPECIAL)}
_UNESCAPED = str.maketrans({hidden: char for char, hidden in _HIDDEN.items()})
_ESCAPED = str.maketrans({hidden: f"\\{char}" for char, hidden in _HIDDEN.items()})


@dataclass(frozen=True)
class Prompt:
    """One thing to draw or, with a negative weight, to avoid.

    text: the words, or the path of a picture if `kind` is "image".
    weight: factor of its loss, finite; written, at most 1e30, and so is `stop`.
    stop: the loss below which this prompt has no gradient.
    """

    text: str
    weight: float = 1.0
    stop: float = -math.inf
    kind: Literal["text", "image"] = "text"
    given: Any = field(default=None, compare=False, repr=False)
    """A picture given from Python, in place of the file."""

    @property
    def source(self) -> Any:
        """What `pixgen.io.pictures.read` reads for an image prompt."""
        return self.text if self.given is None else self.given


def parse(text: str, seed: int = 0) -> tuple[Prompt, ...]:
    """The prompts of a list; `seed` decides which alternative each `{a|b}` takes.

    Raises UsageError if the list is empty or too long, holds control characters, or has an unclosed brace.
    """
    _require_readable(text)
    parts = split_alternatives(_expand(hide_escapes(text), f"{seed}/choice"))
    prompts = tuple(_prompt(part.strip()) for part in parts if part.strip())
    if not prompts:
        raise UsageError('the prompt is empty; say what to draw, as in: pixgen "a red fox"')
    return prompts


def choose(text: str, seed: int) -> str:
    """A prompt list with every `{a|b}` replaced by the alternative that `parse` takes for this seed.

    Escapes and weights stay as they are written. Raises UsageError as `parse` does for braces and characters.
    """
    _require_readable(text)
    return show_escapes(_expand(hide_escapes(text), f"{seed}/choice"))


def format(prompts: Iterable[Prompt]) -> str:
    """Prompts as text that `parse` reads back to equal prompts."""
    return " | ".join(map(_format_one, prompts))


def _format_one(prompt: Prompt) -> str:
    text = "".join(f"\\{c}" if c in _SPECIAL else c for c in prompt.text)
    tail = ""
    if prompt.stop != -math.inf:
        tail = f" :{prompt.weight!r}:{prompt.stop!r}"
    elif prompt.weight != 1.0:
        tail = f" :{prompt.weight!r}"
    return f"image:{text}{tail}" if prompt.kind == "image" else text + tail


def require_length(text: str) -> None:
    """Raise UsageError for a text of more than MAX_LENGTH characters."""
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the prompt has {len(text):,} characters; the most is {MAX_LENGTH:,}. Shorten it")


def _require_readable(text: str) -> None:
    require_length(text)
    for position, char in enumerate(text):
        # Surrogates come from undecodable bytes on the command line and cannot be written to a file.
        if char in _HIDDEN.values() or (unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n\r"):
            raise UsageError(f"the prompt holds the control character U+{ord(char):04X} at {position}; remove it")


def hide_escapes(text: str) -> str:
    """Replace each escaped special character by a private-use character, so that what is left is syntax."""
    return re.sub(r"\\([|:{}\\])", lambda match: _HIDDEN[match[1]], text)


def show_escapes(text: str) -> str:
    """Undo `hide_escapes`."""
    return text.translate(_ESCAPED)


def _expand(text: str, address: str) -> str:
    """Replace every `{a|b}` by one alternative, drawn from its address: the seed and the position of the braces."""
    out: list[str] = []
    position = choice = 0
    while position < len(text):
        char = text[position]
        if char == "}":
            place = _near(text, position)
            raise UsageError(f"the prompt has a '}}' without its '{{' ({place}); write \\}} for the brace itself")
        if char == "{":
            end = closing_brace(text, position)
            alternatives = split_alternatives(text[position + 1 : end])
            inner = f"{address}/{choice}"
            out.append(_expand(alternatives[draw(inner, len(alternatives))], inner))
            choice, position = choice + 1, end
        else:
            out.append(char)
        position += 1
    return "".join(out)


def closing_brace(text: str, start: int) -> int:
    """The position of the `}` that closes the `{` at `start`; escapes are hidden already.

    Raises UsageError where it is missing, or braces are nested deeper than MAX_DEPTH.
    """
    depth = 0
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth > MAX_DEPTH:
            raise UsageError(f"the prompt has more than {MAX_DEPTH} braces within braces; use fewer")
        if depth == 0:
            return position
    raise UsageError(f"the prompt has a '{{' without its '}}' ({_near(text, start)}); write \\{{ for the brace itself")


def split_alternatives(text: str) -> list[str]:
    """Split at each `|` that stands outside braces; escapes are hidden already."""
    parts, depth = [""], 0
    for char in text:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def draw(address: str, count: int) -> int:
    """A number below `count` that depends on the address alone: the same on every machine."""
    digest = hashlib.blake2b(address.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count


def _prompt(part: str) -> Prompt:
    kind: Literal["text", "image"] = "text"
    if part.startswith("image:"):
        kind, part = "image", part.removeprefix("image:").lstrip()
    weight, stop = 1.0, -math.inf
    if match := _TAIL.search(part):
        weight = float(match[1])
        stop = float(match[2]) if match[2] else stop
        part = part[: match.start()].rstrip()
    text = part.translate(_UNESCAPED)
    if not text:
        wanted = "the path of a picture, as in image:fox.jpg" if kind == "image" else "words before its weight"
        raise UsageError(f"one of the prompts is empty; it needs {wanted}")
    if not math.isfinite(weight) or stop == math.inf:
        raise UsageError(f"the prompt {text!r} has weight {weight} and stop {stop}; both must be plain numbers")
    if abs(weight) > LARGEST or -math.inf < stop < -LARGEST or stop > LARGEST:
        raise UsageError(f"the prompt {text!r} has weight {weight:g} and stop {stop:g}; the largest is {LARGEST:g}")
    return Prompt(text, weight, stop, kind)


def _near(text: str, position: int) -> str:
    return f"near {text[max(0, position - 10) : position + 10].translate(_UNESCAPED)!r}"
