"""Lists of pictures to draw, read row by row, so that a million of them need no more memory than one.

A row is the settings of one picture (`prompt`, `seed`, `size`, any config key, dotted or nested), and beside them
`name` for its file and `preset` for a style. Of a `.txt` every line is a prompt.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import itertools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from pixgen.batch.rows import MANIFEST, Row
from pixgen.errors import UsageError, did_you_mean, nearest, reason, shown
from pixgen.io import encodings, json_data, paths
from pixgen.io.naming import PICTURE_SUFFIXES
from pixgen.io.schema import MAX_DEPTH, require_shallow
from pixgen.io.yaml_files import parse_list
from pixgen.settings.config import RenderConfig
from pixgen.settings.layers import parse_assignments

FORMATS = ("txt", "csv", "jsonl", "yaml")
_SUFFIXES = {".txt": "txt", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".yaml": "yaml", ".yml": "yaml"}

COLUMNS = ("name", "preset", *(field.name for field in dataclasses.fields(RenderConfig)))
"""What a row may set, the first part of a dotted name."""

MAX_LINE = 1_000_000
"""Bytes in a line; a longer one is not a list of pictures."""

MAX_YAML = 16_000_000
"""Bytes of a YAML list, which cannot be read row by row."""

_LINE_END = re.compile(rb"(?<=\n)|(?<=\r)(?=[^\n])")


def read(path: str, kind: str | None = None) -> Iterator[Row]:
    """The rows of a list: a file, `-` for standard input, a manifest (or its folder), or a finished picture.

    kind: one of FORMATS, for standard input (by default txt) and files that are called otherwise.
    Raises UsageError, with file and line, for anything that is not such a list; an empty list has no rows.
    """
    if path == "-":
        if sys.stdin is None:
            raise UsageError("standard input is closed; give the list as a file")
        yield from _parse(sys.stdin.buffer, "standard input", kind or "txt")
        return
    file = paths.written(path)
    if file.is_dir() and not (file / MANIFEST).is_file():
        raise UsageError(f"{path} is a folder without a list ({MANIFEST}); give a file, as in {path}/prompts.txt")
    if file.is_dir() or file.name == MANIFEST:
        yield from manifest_rows(file if file.is_dir() else file.parent)
        return
    if kind is None and file.suffix.lower() in PICTURE_SUFFIXES:
        yield from _picture(file)
        return
    kind = kind or _SUFFIXES.get(file.suffix.lower())
    if kind is None:
        known = ", ".join(_SUFFIXES)
        raise UsageError(f"{path}: a list ends in {known}; or say what it is with --format {'|'.join(FORMATS)}")
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(open(file, "rb"))
        except OSError as error:
            raise UsageError(f"cannot read the list {path}: {reason(error).lower()}") from error
        yield from _parse(opened, path, kind)


def _parse(file: IO[bytes], source: str, kind: str) -> Iterator[Row]:
    match kind:
        case "txt":
            yield from _txt(file, source)
        case "csv":
            yield from _csv(file, source)
        case "jsonl":
            yield from _jsonl(file, source)
        case "yaml":
            yield from _yaml(file, source)
        case _:
            raise UsageError(f"there is no list format {kind!r}{did_you_mean(kind, FORMATS)} ({', '.join(FORMATS)})")


def _lines(file: IO[bytes], source: str) -> Iterator[str]:
    """Decoded lines with their ends. A byte order mark at the beginning goes."""
    for number, line in enumerate(_raw_lines(file, source), 1):
        if number == 1 and (encoding := encodings.guess(line)):
            raise UsageError(f"{source}: this is {encoding}; {encodings.WAY_OUT}")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            found = f"byte 0x{line[error.start]:02x} at {error.start}"
            raise UsageError(f"{source}:{number}: not UTF-8 ({found}); {encodings.WAY_OUT}") from None


def _raw_lines(file: IO[bytes], source: str) -> Iterator[bytes]:
    """Lines that end in LF, CR LF, or a CR alone, as some spreadsheets write them."""
    number, rest = 0, b""
    while True:
        try:
            piece = file.readline(MAX_LINE + 1)
        except (OSError, ValueError) as error:  # a disk that fails, a stream that is closed
            raise UsageError(f"cannot read the list {source}: {reason(error).lower()}") from error
        *whole, rest = _LINE_END.split(rest + piece) if piece else (rest, b"")
        for line in [*whole, rest]:
            if len(line) > MAX_LINE:
                place = f"{source}:{number + 1 + len(whole)}"
                raise UsageError(f"{place}: a line of more than {MAX_LINE:,} bytes; not a list of pictures")
        number += len(whole)
        yield from filter(None, whole)
        if not piece:
            return


def _txt(file: IO[bytes], source: str) -> Iterator[Row]:
    for number, line in enumerate(_lines(file, source), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield Row({"prompt": text}, f"{source}:{number}")


def _csv(file: IO[bytes], source: str) -> Iterator[Row]:
    lines = _lines(file, source)
    first, skipped = next(lines, ""), 0
    if match := re.fullmatch(r"sep=(.)\s*", first):  # how Excel names the delimiter
        first, skipped = next(lines, ""), 1
    delimiter = match[1] if match else _delimiter(first)
    reader = csv.reader(itertools.chain([first], lines), strict=True, delimiter=delimiter)
    header: list[str] | None = None
    try:
        for cells in reader:
            place = f"{source}:{reader.line_num + skipped}"
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, place)
                continue
            nameless = [cell for name, cell in itertools.zip_longest(header, cells) if not name and cell]
            if any(cell.strip() for cell in nameless):
                raise UsageError(
                    f"{place}: {len(cells)} cells under {len(list(filter(None, header)))} columns; quote cells that "
                    f"hold {delimiter!r}"
                )
            # An empty cell says nothing: the row takes what the others have.
            said = {key: cell.strip() for key, cell in zip(header, cells, strict=False) if cell.strip()}
            yield _row(_unflatten(said, place), place)
    except csv.Error as error:
        why = "a quote is not closed" if "unexpected end" in str(error) else str(error)
        raise UsageError(f"{source}:{reader.line_num + skipped}: broken CSV ({why})") from None


def _delimiter(header: str) -> str:
    """What separates the columns: a comma, else what spreadsheets of other countries write."""

    def known(delimiter: str) -> int:
        try:
            cells = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error:  # the caller meets it too, and says where
            return 0
        return sum(_known_name(cell.strip()).partition(".")[0] in COLUMNS for cell in cells)

    return max(",;\t", key=known)


def _header(cells: list[str], place: str) -> list[str]:
    header = [_known_name(cell.strip()) for cell in cells]
    names = [name for name in header if name]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UsageError(f"{place}: the first line names the columns, each once; {', '.join(sorted(twice))}")
    if "prompt" not in header:
        near = nearest("prompt", names)
        way_out = (
            f"did you mean {near!r}? Then call it prompt" if near else "the first line names them, as in prompt,seed"
        )
        raise UsageError(f"{place}: no column 'prompt' among {', '.join(names)}; {way_out}")
    return header


def _known_name(key: str) -> str:
    """A column as settings call it: spreadsheets begin names with a capital."""
    first, dot, rest = key.partition(".")
    return f"{first.lower()}{dot}{rest}" if first.lower() in COLUMNS else key


def _unflatten(said: Mapping[str, str], place: str) -> dict[str, Any]:
    """Cells as settings: the same reading as `key=value` on the command line; text columns stay text."""
    values: dict[str, Any] = {}
    for key, cell in said.items():
        if key in ("prompt", "name", "preset"):
            values[key] = cell
            continue
        try:
            (layer,) = parse_assignments([f"{key}={cell}"])
        except UsageError as error:
            raise UsageError(f"{place}: {error}") from None
        _join(values, layer.values, place)
    return values


def _join(values: dict[str, Any], more: Mapping[str, Any], place: str) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(values.get(key), dict):
            _join(values[key], value, place)
        elif key in values:
            raise UsageError(f"{place}: {key!r} is set by two columns")
        else:
            values[key] = dict(value) if isinstance(value, Mapping) else value


def _jsonl(file: IO[bytes], source: str) -> Iterator[Row]:
    for number, line in enumerate(_lines(file, source), 1):
        if not line.strip():
            continue
        place = f"{source}:{number}"
        try:
            values = json_data.parse(line.rstrip("\r\n"))
        except json.JSONDecodeError as error:  # which counts the lines of this row, not those of the file
            raise UsageError(f"{place}: broken JSON ({error.msg} at column {error.colno})") from None
        except ValueError as error:
            raise UsageError(f"{place}: broken JSON ({error})") from None
        yield _row({"prompt": values} if isinstance(values, str) else values, place)


def _yaml(file: IO[bytes], source: str) -> Iterator[Row]:
    try:
        content = file.read(MAX_YAML + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the list {source}: {reason(error).lower()}") from error
    if len(content) > MAX_YAML:
        raise UsageError(f"{source} has more than {MAX_YAML:,} bytes; write so long a list as .txt, .csv or .jsonl")
    for number, values in parse_list(content, source):
        yield _row({"prompt": values} if isinstance(values, str) else values, f"{source}:{number}")


def _row(values: Any, place: str) -> Row:
    if not isinstance(values, dict):
        raise UsageError(f"{place}: a row is settings by name, not {type(values).__name__}; or a prompt in quotes")
    _require_sane(values, place)
    nested: dict[str, Any] = {}
    for key, value in values.items():
        first, *parts = _known_name(str(key)).split(".")
        for part in reversed(parts):
            value = {part: value}
        _join(nested, {first: value}, place)
    name, presets = nested.pop("name", None), nested.pop("preset", ())
    if not isinstance(nested.get("prompt"), str):
        found = f"it is {shown(nested['prompt'])}" if "prompt" in nested else f"there are {_listed(nested)}"
        raise UsageError(f"{place}: the row has no prompt; {found}")
    if not (name is None or isinstance(name, str | int | float)):
        raise UsageError(f"{place}: name is {shown(name)}; it must be text")
    chosen = [presets] if isinstance(presets, str) else presets
    if not (isinstance(chosen, list | tuple) and all(isinstance(preset, str) for preset in chosen)):
        raise UsageError(f"{place}: preset is {shown(presets)}; it must be a name or a list of names")
    return Row(nested, place, None if name is None else str(name), tuple(chosen))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(str, names)) or "no columns"


def _require_sane(values: Mapping[Any, Any], place: str) -> None:
    """Raise UsageError for a row that is nested too deeply, or holds half a character (a lone surrogate)."""
    if any(str(key).count(".") >= MAX_DEPTH for key in values):
        raise UsageError(f"{place}: the name of a column has more than {MAX_DEPTH} parts; a setting has six at most")
    try:
        require_shallow(values, "the row")
        json.dumps(values, ensure_ascii=False).encode()
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from None
    except UnicodeEncodeError as error:
        half = f"U+{ord(str(error.object)[error.start]):04X}"
        raise UsageError(f"{place}: the row holds half a character ({half}, a lone surrogate); remove it") from None


def _picture(path: Path) -> Iterator[Row]:
    from pixgen.io import metadata

    about = metadata.read(path)
    yield Row({**about.config, "seed": about.seed}, str(path), whole=True, template=about.template or None)


def manifest_rows(folder: Path) -> Iterator[Row]:
    """A manifest read back as a list: every listed job with its own seed, name and settings."""
    from pixgen.batch.manifest import Manifest
    from pixgen.settings import config as configs

    with Manifest(folder, readonly=True) as manifest:
        for record in manifest.records():
            values = configs.to_dict(record.settings.config) | {"prompt": record.prompt, "seed": record.seed}
            yield Row(values, str(folder / MANIFEST), record.file, whole=True, template=record.template)


def require_rows(rows: Iterable[Row], path: str) -> Iterator[Row]:
    """The same rows. Raises UsageError at the end where there were none."""
    found = False
    for row in rows:
        found = True
        yield row
    if not found:
        raise UsageError(f"{path}: the list is empty; write a prompt a line")
