"""Reads Pixray's settings where they were written: YAML files, command lines, and the text in a PNG."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pixgen.compat import command_lines
from pixgen.compat.pixray_eras import GONE, OLD_NAMES, RENAMED, REWRITTEN
from pixgen.compat.pixray_options import BY_FLAG, OPTIONS, Option
from pixgen.errors import UsageError, did_you_mean, shown
from pixgen.io import image_files, paths, yaml_files
from pixgen.io.schema import require_shallow
from pixgen.io.yaml_files import WithoutAliases

TUPLE = "tag:yaml.org,2002:python/tuple"
PREFIX = "pixray_"
_SEVERAL = ("wholes", "numbers", "units")
_YES, _NO = ("yes", "true", "t", "y", "1"), ("no", "false", "f", "n", "0")
_UNIT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(i|iter|iterations|p|%|percent)?\s*", re.IGNORECASE)
_OLD_TYPES: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("enforce_palette_annealing", "enforce_smoothness", "enforce_saturation"), int),
    **dict.fromkeys(("smoothness", "saturation", "vdiff_init_skip", "aesthetic_weight", "target_image_weight"), float),
}
"""What old settings hold that have no new name; the rest of them are flags or text."""


@dataclass(frozen=True)
class Given:
    """What somebody wrote for Pixray.

    values: by name; old names are still among them. source: for messages.
    recent: whether the file itself shows that it is of 2022 (a tuple, a chunk of Pixray 1.8).
    notes: settings that Pixray took otherwise than they look, and how.
    """

    values: Mapping[str, Any]
    source: str
    recent: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)


def read_file(path: Path) -> Given:
    """A settings file, or a picture that Pixray saved. Raises UsageError where it is neither."""
    with_picture = path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
    return read_picture(path) if with_picture else read_yaml(path)


# -- YAML ------------------------------------------------------------------------------------------------------------


class _Loader(WithoutAliases):
    """YAML 1.1 as Pixray read it (`no` is false), and the tuples that Pixray wrote; nothing else of Python's."""

    tuples = False


def _tuple(loader: _Loader, node: yaml.Node) -> list[Any]:
    loader.tuples = True
    found: list[Any] = loader.construct_sequence(node, deep=True)
    return found


_Loader.add_constructor(TUPLE, _tuple)


def read_yaml(path: Path) -> Given:
    """A YAML file of settings.

    Raises UsageError for a file that cannot be read, tags of Python other than tuples, unknown settings (all of them
    are named) and values of the wrong type.
    """
    content = yaml_files.content(path)
    with yaml_files.mistakes(str(path), content):
        loader = _Loader(content)
        try:
            values = loader.get_single_data()
        except yaml.constructor.ConstructorError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            what = str(error.problem).replace("could not determine a constructor for the ", "there is the ")
            raise UsageError(f"{path}:{line}: {what}; of Python's own types only tuples are read") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path}: Pixray's settings are 'name: value' lines, not {type(values).__name__}")
    require_shallow(values, str(path))
    return check(values, str(path), loader.tuples)


def check(values: Mapping[Any, Any], source: str, recent: bool = False) -> Given:
    """Values as a YAML file or an old notebook has them, each of the type that Pixray could use."""
    unknown = [str(name) for name in values if name not in BY_FLAG and name not in OLD_NAMES]
    if unknown:
        listed = ", ".join(f"{shown(name)}{did_you_mean(name, [*OPTIONS, *OLD_NAMES])}" for name in unknown)
        raise UsageError(f"{source}: Pixray has no such setting: {listed}")
    found: dict[str, Any] = {}
    notes: dict[str, str] = {}
    for name, value in values.items():
        option = _option(name)
        key = option.name if option and name not in RENAMED else str(name)
        if key != name:
            notes[key] = f"written {name}, which Pixray refused in a file; it is read as on the command line"
        found[key], note = _plain(key, option, value, source)
        if note:
            notes[key] = note
    return Given({name: value for name, value in found.items() if value is not None}, source, recent, notes)


def _option(name: str) -> Option | None:
    """What a name stands for, an old one too; None for old settings of which no new one has the type."""
    if name in REWRITTEN:
        return None
    return OPTIONS[RENAMED[name][0]] if name in RENAMED else BY_FLAG.get(name)


def _plain(name: str, option: Option | None, value: Any, source: str) -> tuple[Any, str]:
    """A value from YAML, which Pixray used without converting it; and a note where that surprises."""
    kind = option.kind if option else _old_kind(name)
    where = f"{source}: {name}"
    if value is None:
        return None, ""
    if kind == "flag":
        if isinstance(value, str) and value.strip().lower() in _NO:
            return True, f"{value!r} in quotes is text, which Pixray took for yes; without the quotes it is no"
        return bool(value), ""
    if kind == "text":
        if name == "custom_loss" and isinstance(value, list) and all(isinstance(each, str) for each in value):
            return ",".join(value), ""  # for some days of October 2021
        if isinstance(value, list | dict):
            example = f'"{value[0]} | {value[1]}"' if isinstance(value, list) and len(value) > 1 else '"..."'
            raise UsageError(
                f"{where} is a {type(value).__name__}; Pixray takes one text there, as in {name}: {example}"
            )
        if value is False:
            return "", ""  # `vector_prompts: no`
        return str(value), ""
    if kind in _SEVERAL:
        items = value if isinstance(value, list) else [value]
        count = option.count if option else 0
        if count and len(items) != count:
            raise UsageError(f"{where} is {shown(value)}; it has {count} numbers, as in {name}: {_example(count)}")
        return [_number(item, kind, where) for item in items], ""
    if kind == "unit":
        parse_unit(value, where)
        return value, ""
    return _number(value, kind, where), ""


def kind_of(name: str) -> str:
    """The type of a setting, an old one too, as `Option.kind` names it."""
    option = _option(name)
    return option.kind if option else _old_kind(name)


def _old_kind(name: str) -> str:
    """The type of an old setting that has no new name; what Pixray dropped may be anything."""
    if name in GONE or name == "enforce_smoothness_type":
        return "text"
    return "number" if name in _OLD_TYPES else "flag"


def _example(count: int) -> str:
    return str([320, 240, 5, 5][:count])


def _number(value: Any, kind: str, where: str) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{where} is {shown(value)}; it must be a number, without quotes")
    if not math.isfinite(value):
        raise UsageError(f"{where} is {value}; it must be a finite number")
    if kind in ("whole", "wholes") and value != int(value):
        raise UsageError(f"{where} is {value}; it must be a whole number")
    return int(value) if kind in ("whole", "wholes") else float(value)


# -- command lines ---------------------------------------------------------------------------------------------------


def read_command(line: str, folder: Path | None = None) -> Given:
    """A command line, with or without `python run.py` before it: `--drawer pixel --prompts "a castle"`.

    A YAML file among its words is read first, and the flags go over it; it lies in `folder`.
    Raises UsageError for an unclosed quote, unknown flags (all of them are named), or values of the wrong type.
    """
    source = command_lines.SOURCE
    parted = command_lines.part(line, _most)
    files = [word for word in parted.words if word.endswith((".yaml", ".yml"))]
    values: dict[str, Any] = {}
    unknown: list[str] = []
    for flag, given in parted.flags:
        name = flag.lstrip("-")
        option = _option(name)
        if name == "config_file" and given:
            files.append(given[0])
        elif option is None and name not in OLD_NAMES:
            unknown.append(flag)
        elif not given and not (option and option.kind in _SEVERAL):
            raise UsageError(f"{source}: {flag} has no value")
        elif option is None:
            values[name] = _old_typed(name, given[0], flag)
        else:
            values[name if name in RENAMED else option.name] = _typed(option, given, flag)
    if unknown:
        listed = ", ".join(f"{shown(name)}{did_you_mean(name.lstrip('-'), BY_FLAG)}" for name in unknown)
        raise UsageError(f"{source}: Pixray has no such flag: {listed}")
    recent, notes, beneath = False, dict[str, str](), dict[str, Any]()
    for file in files:
        read = read_yaml((folder or Path()) / paths.written(file))
        recent, notes, beneath = recent or read.recent, {**notes, **read.notes}, {**beneath, **read.values}
    return Given({**beneath, **values}, source, recent, notes)


def _most(name: str) -> int | None:
    """How many values a flag takes."""
    option = _option(name)
    return (option.count or None) if option and option.kind in _SEVERAL else 1


def _typed(option: Option, words: list[str], flag: str) -> Any:
    where = f"the command line: {flag}"
    if option.kind == "text":
        return words[0]
    if option.kind == "flag":
        if words[0].lower() not in (*_YES, *_NO):
            raise UsageError(f"{where} is {shown(words[0])}; it must be yes or no")
        return words[0].lower() in _YES
    if option.kind == "unit":
        parse_unit(words[0], where)
        return words[0]
    if option.kind in _SEVERAL:
        if option.count and len(words) != option.count:
            raise UsageError(f"{where} has {len(words)} numbers; it takes {option.count}")
        return [_parsed(word, option.kind, where) for word in words]
    return _parsed(words[0], option.kind, where)


def _old_typed(name: str, word: str, flag: str) -> Any:
    if name in _OLD_TYPES:
        return _parsed(word, "number", f"the command line: {flag}")
    if _old_kind(name) == "flag" and word.lower() in (*_YES, *_NO):
        return word.lower() in _YES
    return word


def _parsed(word: str, kind: str, where: str) -> float | int:
    try:
        number = int(word) if kind in ("whole", "wholes") else float(word)
        if math.isfinite(number):
            return number
        raise ValueError
    except (ValueError, OverflowError):
        wanted = "a whole number" if kind in ("whole", "wholes") else "a number"
        raise UsageError(f"{where} is {shown(word)}; it must be {wanted}") from None


# -- pictures --------------------------------------------------------------------------------------------------------


def read_picture(path: Path) -> Given:
    """The settings in a PNG that Pixray saved: chunks `pixray_NAME`, or the older `comment` with the prompts alone.

    Raises UsageError where the picture has neither.
    """
    info = image_files.info(path)
    values: dict[str, Any] = {}
    for key, text in info.items():
        if isinstance(key, str) and key.startswith(PREFIX) and isinstance(text, str):
            values[key.removeprefix(PREFIX)] = text
    version = re.search(r"(\d+)\.(\d+)", str(info.get("Software", "")))
    recent = version is not None and (int(version[1]), int(version[2])) >= (1, 8)
    if values:
        seed = values.pop("seed_used", None)
        read = {name: _chunk(name, text) for name, text in values.items()}
        if seed is not None:
            read["seed"] = seed
        return check(read, str(path), recent)
    prompts = _literal(info.get("comment"))
    if isinstance(prompts, list) and all(isinstance(each, str) for each in prompts):
        said = {"prompts": " | ".join(prompts)}
        note = {"prompts": "the picture tells its prompts alone; everything else is taken as Pixray's defaults were"}
        return Given(said, str(path), notes=note)
    raise UsageError(f"{path}: neither pixgen nor Pixray left its settings in it")


def holds_settings(path: Path) -> bool:
    """Whether `read_picture` finds Pixray's own chunks. Raises UsageError for what is not a picture."""
    return any(isinstance(key, str) and key.startswith(PREFIX) for key in image_files.info(path))


def _chunk(name: str, text: str) -> Any:
    """A chunk is Python's str() of a value: `[320, 320]`, `False`; text stands without quotes."""
    if kind_of(name) == "text":
        return text
    value = _literal(text)
    return list(value) if isinstance(value, tuple) else text if value is None and text != "None" else value


def _literal(text: Any) -> Any:
    if not isinstance(text, str) or len(text) > 100_000:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


# -- units -----------------------------------------------------------------------------------------------------------


def parse_unit(value: Any, where: str) -> tuple[float, str]:
    """`10`, `10 iterations`, `10%` -> the number and `iterations` or `%`. Raises UsageError for anything else."""
    match = _UNIT.fullmatch(str(value)) if not isinstance(value, bool) else None
    if match is None:
        raise UsageError(f"{where} is {shown(value)}; write a number of iterations (10) or a share of them (10%)")
    return float(match[1]), "%" if (match[2] or "i").lower() in ("p", "%", "percent") else "iterations"
