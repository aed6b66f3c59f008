"""What the files are called: names that say what is in them and work on every file system."""

from __future__ import annotations

import datetime
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from pixgen.errors import UsageError, did_you_mean
from pixgen.io import paths

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")

FIELDS = ("seed", "prompt_words", "date", "preset", "size")
"""What a pattern may hold in brackets: `-o "pictures/[date]/[preset]-[seed].png"`."""

FIELD_BYTES = 64
"""Of one field: two long ones still fit into a name."""

SLUG_BYTES = 96
"""A bound that holds everywhere: eCryptfs allows 143 bytes a name, and a number and a suffix are still to come."""

RESERVED = {"con", "prn", "aux", "nul"} | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}


def slug(text: str, limit: int = SLUG_BYTES) -> str:
    """`text` as the stem of a file name: lower-case letters, marks and digits of any script, joined by hyphens.

    At most `limit` bytes (>= 16) of UTF-8, cut between words where there is a gap; never empty, hidden, reserved on
    Windows, or torn inside a character.
    """
    words = _words(unicodedata.normalize("NFC", text.lower()))
    name = _shorten(unicodedata.normalize("NFC", "-".join(words)), limit) or "picture"
    return f"{name}-picture" if name in RESERVED else name


def output_path(
    output: str | None, text: str, default_folder: Path = Path("outputs"), fields: Mapping[str, str] | None = None
) -> Path:
    """Where a picture of `text` goes: a file where `output` ends like one, else a folder and a name made from `text`.

    With `fields` every `[seed]` of `output` becomes what `fields` has under that name, made safe as `slug` does;
    `[prompt_words]` and `[date]` are known anyhow. Raises UsageError for a suffix that pixgen does not write, and for
    a field that there is not.
    """
    if output is None:
        return default_folder / f"{slug(text)}.png"
    if fields is not None:
        output = _fill(output, {"prompt_words": text, "date": datetime.date.today().isoformat(), **fields})
    path = paths.written(output)
    if path.is_dir() or output.endswith(("/", "\\")) or not path.suffix:
        return path / f"{slug(text)}.png"
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        known = ", ".join(PICTURE_SUFFIXES)
        raise UsageError(
            f"cannot save {path.suffix!r} (--output {output}): choose one of {known}"
            + did_you_mean(path.suffix.lower(), PICTURE_SUFFIXES)
            + ", or end the name of a folder with /"
        )
    return path


def fixed_folder(output: str | None, text: str) -> Path:
    """The folder of `output_path` as far as it depends on no field."""
    if output is None or "[" not in output:
        return output_path(output, text).parent
    head = re.split(r"[/\\\\]", output.partition("[")[0])[:-1]
    return paths.written("/".join(head) or ("/" if output.startswith("/") else "."))


def numbered(path: Path) -> Iterator[Path]:
    """`fox.png`, `fox-2.png`, `fox-3.png`, and so on without end."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def nth(path: Path, index: int) -> Path:
    """Element `index` of `numbered(path)`, counted from 0."""
    return next(itertools.islice(numbered(path), index, None))


def _fill(pattern: str, fields: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in FIELDS:
            raise UsageError(
                f"{match[0]} in --output {pattern} is not a field{did_you_mean(name, FIELDS)} "
                f"(there are {', '.join(f'[{known}]' for known in FIELDS)})"
            )
        return slug(fields.get(name, ""), FIELD_BYTES) if fields.get(name) else f"no-{name}"

    return re.sub(r"\[([^\[\]/\\]*)\]", value, pattern)


def _words(text: str) -> list[str]:
    words, word = [], ""
    for char in text:
        kind = unicodedata.category(char)[0]
        if kind in "LN" or (kind == "M" and word):
            word += char
        elif char in "'’\u200c\u200d":
            continue  # an apostrophe, and the joiners inside Indic and Persian words, part nothing
        elif word:
            words.append(word)
            word = ""
    return [*words, word] if word else words


def _shorten(name: str, limit: int) -> str:
    if len(name.encode()) <= limit:
        return name
    cut = name.encode()[: limit + 1].decode(errors="ignore")
    # A letter and its marks stay together: the mark that was cut off belongs to the last letter.
    while len(cut.encode()) > limit or unicodedata.category(name[len(cut)])[0] == "M":
        cut = cut[:-1]
    head, _, _ = cut.rpartition("-")
    whole = name[len(cut)] == "-"
    return (cut if whole or len(head) < len(cut) // 2 else head).strip("-")
