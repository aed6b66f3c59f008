"""What the files are called: names that say what is in them and work on every file system."""

from __future__ import annotations

import datetime
import itertools
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path, PureWindowsPath

from pixgen.errors import UsageError, did_you_mean, shown
from pixgen.io import paths

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
VECTOR_SUFFIX = ".svg"

FIELDS = ("seed", "prompt_words", "date", "preset", "size")
"""What a pattern may hold in brackets: `-o "pictures/[date]/[preset]-[seed].png"`."""

FIELD_BYTES = 64
"""Of one field: two long ones still fit into a name."""

SLUG_BYTES = 96
"""A bound that holds everywhere: eCryptfs allows 143 bytes a name, and a number and a suffix are still to come."""

NAME_LENGTH = 255
"""Of one name: bytes of UTF-8, on Windows UTF-16 units."""

NUMBER_LENGTH = 7
"""Kept free behind a name for its number, up to `-999999`."""

PATH_LENGTH, WINDOWS_PATH_LENGTH = 4000, 259
"""Of a whole path; Linux takes 4096 bytes with the name of a temporary file."""

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
    output: str | None,
    text: str,
    default_folder: Path = Path("outputs"),
    fields: Mapping[str, str] | None = None,
    *,
    vector: bool = False,
    suffix: str = ".png",
) -> Path:
    """Where a picture of `text` goes: a file where `output` ends like one, else a folder and a name made from `text`.

    With `fields` every `[seed]` of `output` becomes what `fields` has under that name, made safe as `slug` does;
    `[prompt_words]` and `[date]` are known anyhow.
    vector: whether the file may be an SVG. suffix: of a name that is made here.
    Raises UsageError for a suffix that pixgen does not write, for a field that there is not, and for a name that this
    system cannot have.
    """
    if output is None:
        return default_folder / f"{slug(text)}{suffix}"
    if fields is not None:
        output = _fill(output, {"prompt_words": text, "date": datetime.date.today().isoformat(), **fields})
    path = _output_home(output)
    require_name(path)
    if path.is_dir() or output.endswith(("/", "\\")) or not path.suffix:
        return path / f"{slug(text)}{suffix}"
    suffixes = (*PICTURE_SUFFIXES, VECTOR_SUFFIX) if vector else PICTURE_SUFFIXES
    if path.suffix.lower() not in suffixes:
        known = ", ".join(suffixes)
        raise UsageError(
            f"cannot save {path.suffix!r} (--output {output}): choose one of {known}"
            + did_you_mean(path.suffix.lower(), suffixes)
            + ", or end the name of a folder with /"
        )
    return path


def fixed_folder(output: str | None, text: str) -> Path:
    """The folder of `output_path` as far as it depends on no field."""
    if output is None or "[" not in output:
        return output_path(output, text, vector=True).parent
    head = re.split(r"[/\\\\]", output.partition("[")[0])[:-1]
    folder = _output_home("/".join(head) or ("/" if output.startswith("/") else "."))
    require_name(folder)
    return folder


def require_name(path: Path, windows: bool = os.name == "nt") -> None:
    """Raise UsageError where this system cannot have a file of this path, or not with a number behind its name."""
    if problem := _problem(path, windows):
        raise UsageError(
            f"{shown(str(path))} cannot be the name of a file here: {problem}; choose another name with -o"
        )


def _output_home(output: str) -> Path:
    """`paths.home` of what is written to: the home of somebody else that is missing is not made."""
    written, found = Path(output), paths.home(output)
    if output.startswith("~") and not Path(*found.parts[: len(found.parts) - len(written.parts) + 1]).is_dir():
        raise UsageError(f"{shown(output)}: {written.parts[0]!r} has no home folder here; write the whole path")
    return found


def _problem(path: Path, windows: bool) -> str | None:
    text = str(path)
    parts = [part for part in PureWindowsPath(text).parts if not part.endswith(("\\", "/"))] if windows else path.parts
    try:
        lengths = [len(part.encode("utf-16-le")) // 2 if windows else len(os.fsencode(part)) for part in parts]
    except UnicodeEncodeError:
        return "it has a character that no name can hold"
    if "\0" in text:
        return "it has a null character"
    most = NAME_LENGTH if windows else _longest_name(path)
    for i, length in enumerate(lengths, 1):
        room = NUMBER_LENGTH if i == len(lengths) else 0
        if length + room > most:
            unit = "letters" if windows else "bytes"
            return f"a name of {length} {unit} is too long, the most is {most - room}"
    whole = len(os.path.abspath(text).encode("utf-16-le")) // 2 if windows else len(os.fsencode(os.path.abspath(text)))
    if whole > (WINDOWS_PATH_LENGTH if windows else PATH_LENGTH):
        return f"a path of {whole} letters is too long"
    return next(filter(None, map(_windows_problem, parts)), None) if windows else None


def _windows_problem(part: str) -> str | None:
    if wrong := next((char for char in part if char in '<>:"|?*' or ord(char) < 32), None):
        return f"Windows allows no {wrong!r} in a name"
    if part not in (".", "..") and part[-1] in ". ":
        return "Windows drops the dot or the space at its end"
    if part.partition(".")[0].rstrip().lower() in RESERVED:
        return f"{part.partition('.')[0]} is a device of Windows"
    return None


def _longest_name(path: Path) -> int:
    """What the file system takes in bytes: eCryptfs has 143, nearly all others 255."""
    for folder in (path.parent, *path.absolute().parents):
        try:
            return min(NAME_LENGTH, os.pathconf(folder, "PC_NAME_MAX"))
        except (OSError, ValueError, AttributeError):
            continue
    return NAME_LENGTH


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
