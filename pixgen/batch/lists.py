"""Lists of pictures to draw, read row by row, so that a million of them need no more memory than one.

A row is the settings of one picture (`prompt`, `seed`, `size`, any config key, dotted or nested), and beside them
`name` for its file and `preset` for a style. Of a `.txt` every line is a prompt.
"""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from pixgen.batch.rows import MANIFEST, Row
from pixgen.errors import UsageError, did_you_mean, reason
from pixgen.io.naming import PICTURE_SUFFIXES
from pixgen.io.yaml_files import parse_list
from pixgen.settings.layers import parse_assignments

FORMATS = ("txt", "csv", "jsonl", "yaml")
_SUFFIXES = {".txt": "txt", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".yaml": "yaml", ".yml": "yaml"}

MAX_LINE = 1_000_000
"""Bytes in a line; a longer one is not a list of pictures."""

MAX_YAML = 16_000_000
"""Bytes of a YAML list, which cannot be read row by row."""


def read(path: str, kind: str | None = None) -> Iterator[Row]:
    """The rows of a list: a file, `-` for standard input, a manifest (or its folder), or a finished picture.

    kind: one of FORMATS, for standard input (by default txt) and files that are called otherwise.
    Raises UsageError, with file and line, for anything that is not such a list; an empty list has no rows.
    """
    if path == "-":
        yield from _parse(sys.stdin.buffer, "standard input", kind or "txt")
        return
    file = Path(path)
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
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise UsageError(f"{source}:{number}: a line of more than {MAX_LINE:,} bytes; not a list of pictures")
        if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UsageError(f"{source}: this is UTF-16; save it as UTF-8")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            found = f"byte 0x{line[error.start]:02x} at {error.start}"
            raise UsageError(f"{source}:{number}: not UTF-8 ({found}); save the list as UTF-8") from None


def _txt(file: IO[bytes], source: str) -> Iterator[Row]:
    for number, line in enumerate(_lines(file, source), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield Row({"prompt": text}, f"{source}:{number}")


def _csv(file: IO[bytes], source: str) -> Iterator[Row]:
    reader = csv.reader(_lines(file, source), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            place = f"{source}:{reader.line_num}"
            if header is None:
                header = _header(cells, place)
            elif any(cell.strip() for cell in cells):
                if len(cells) > len(header):
                    raise UsageError(
                        f"{place}: {len(cells)} cells under {len(header)} columns; quote cells with commas"
                    )
                # An empty cell says nothing: the row takes what the others have.
                said = {key: cell.strip() for key, cell in zip(header, cells, strict=False) if cell.strip()}
                yield _row(_unflatten(said, place), place)
    except csv.Error as error:
        raise UsageError(f"{source}:{reader.line_num}: broken CSV ({error})") from None


def _header(cells: list[str], place: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    twice = {name for name in header if header.count(name) > 1}
    if twice or "" in header:
        raise UsageError(
            f"{place}: the first line names the columns, each once; {', '.join(sorted(twice)) or 'one is empty'}"
        )
    if "prompt" not in header:
        near = did_you_mean("prompt", header)
        raise UsageError(f"{place}: no column 'prompt' among {', '.join(header)}{near}")
    return header


def _unflatten(said: Mapping[str, str], place: str) -> dict[str, Any]:
    """Cells as settings: the same reading as `key=value` on the command line; text columns stay text."""
    values: dict[str, Any] = {}
    for key, cell in said.items():
        if key in ("prompt", "name", "preset"):
            values[key] = cell
            continue
        (layer,) = parse_assignments([f"{key}={cell}"])
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
            values = json.loads(line.rstrip("\r\n"))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{place}: broken JSON ({error})") from None
        yield _row({"prompt": values} if isinstance(values, str) else values, place)


def _yaml(file: IO[bytes], source: str) -> Iterator[Row]:
    content = file.read(MAX_YAML + 1)
    if len(content) > MAX_YAML:
        raise UsageError(f"{source} has more than {MAX_YAML:,} bytes; write so long a list as .txt, .csv or .jsonl")
    for number, values in parse_list(content, source):
        yield _row({"prompt": values} if isinstance(values, str) else values, f"{source}:{number}")


def _row(values: Any, place: str) -> Row:
    if not isinstance(values, dict):
        raise UsageError(f"{place}: a row is settings by name, not {type(values).__name__}")
    rest = dict(values)
    name, presets = rest.pop("name", None), rest.pop("preset", ())
    prompt = rest.get("prompt")
    if not isinstance(prompt, str):
        raise UsageError(f"{place}: the row has no prompt; there are {', '.join(map(str, values)) or 'no columns'}")
    if not (name is None or isinstance(name, str | int | float)):
        raise UsageError(f"{place}: name is {name!r}; it must be text")
    chosen = [presets] if isinstance(presets, str) else presets
    if not (isinstance(chosen, list | tuple) and all(isinstance(preset, str) for preset in chosen)):
        raise UsageError(f"{place}: preset is {presets!r}; it must be a name or a list of names")
    nested: dict[str, Any] = {}
    for key, value in rest.items():
        for part in reversed(str(key).split(".")[1:]):
            value = {part: value}
        _join(nested, {str(key).split(".")[0]: value}, place)
    return Row(nested, place, None if name is None else str(name), tuple(chosen))


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
