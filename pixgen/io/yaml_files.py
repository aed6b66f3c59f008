"""YAML files of settings, read as plain data that remembers where it was said.

YAML here is plain data and nothing else: no tags, no anchors, no interpolation, so that a preset of somebody else's
can never run code, read the environment or blow up.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from pixgen.errors import UsageError, reason
from pixgen.io import encodings, paths
from pixgen.io.json_data import MAX_DIGITS
from pixgen.io.schema import join, require_shallow

MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Layer:
    """Some settings and where they were said.

    values: nested plain data; None deletes a term.
    lines: dotted path -> line number, for a layer that comes from a file.
    kind: what sort of place that is, for `pixgen show config --sources`: generator, model, pair, pair's start, your
    file, preset, YAML, flag, or an argument of a function.
    """

    values: Mapping[str, Any]
    source: str
    lines: Mapping[str, int] = field(default_factory=dict)
    kind: str = "argument"

    def __post_init__(self) -> None:
        try:
            require_shallow(self.values, "a setting")
        except UsageError as error:
            raise UsageError(f"{self.source}: {error}") from None

    def place(self, key: str) -> str | None:
        """`file:line` of the dotted path `key`, or the source alone; None if this layer does not set it."""
        value: Any = self.values
        for part in re.sub(r"\[.*", "", key).split("."):
            if not isinstance(value, Mapping):
                break  # set as a whole, somewhere above
            if part not in value:
                return None
            value = value[part]
        while key not in self.lines and (match := re.match(r"(.+)[.\[]", key)):
            key = match[1]
        return f"{self.source}:{self.lines[key]}" if key in self.lines else self.source


def load_yaml(path: str | Path) -> Layer:
    """A YAML file as a layer. Raises UsageError, with file and line, for anything but a mapping of plain data."""
    source = str(path)
    lines: dict[str, int] = {}
    values = _parse(content(path), source, lines)
    if not isinstance(values, dict):
        raise UsageError(f"{source}:1: settings must be 'name: value' lines, not {type(values).__name__}")
    return Layer(values, source, lines)


def content(path: str | Path) -> bytes:
    """The bytes of a settings file. Raises UsageError where it cannot be read or has more than MAX_BYTES."""
    try:
        with open(paths.written(path), "rb") as file:
            found = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: {reason(error).lower()}") from error
    if len(found) > MAX_BYTES:
        raise UsageError(f"{path} has more than {MAX_BYTES:,} bytes; that is not a settings file")
    return found


def parse_list(content: bytes, source: str) -> list[tuple[int, Any]]:
    """A YAML list as plain data: (line, item) pairs. Raises UsageError, with file and line, for anything else."""
    with mistakes(source, content):
        node = _Loader(content).get_single_node()
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise UsageError(f"{source}:1: a list has a '- ' before each of its rows")
        return [(item.start_mark.line + 1, _plain(item, source, {}, "")) for item in node.value]


def parse_value(text: str) -> Any:
    """One word as YAML; what is not YAML, or a colour, is text as it stands."""
    if text.lstrip().startswith("#"):
        return text  # a colour, not a comment
    try:
        return _parse(text.encode("utf-8", "surrogatepass"), text, {})
    except UsageError:
        return text


class WithoutAliases(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """Plain data without aliases, by which a small file can become a huge one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)


class _Loader(WithoutAliases):
    """Reads numbers as people write them now: 1e-3 is a number; 16:9, no and 2024-01-01 are text."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


_WAYS_OUT = {
    "'\\t' that cannot start": "indent with spaces, not with tabs",
    "unexpected": "close the quote",
    "another document": "a settings file is one document, without ---",
    "mapping values are not allowed": "quote a text that holds ': '",
    "'@' that cannot start": "quote the text",
    "'`' that cannot start": "quote the text",
    "'%' that cannot start": "quote the text",
}
"""What PyYAML says -> what to do about it."""

_TAG = "tag:yaml.org,2002:"
_NUMBER = r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?|[-+]?\.inf"
_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"(?:~|null|)\Z"), ["~", "n", ""])
_Loader.add_implicit_resolver(_TAG + "bool", re.compile(r"(?:true|false)\Z"), list("tf"))
_Loader.add_implicit_resolver(_TAG + "int", re.compile(r"[-+]?\d+\Z", re.ASCII), list("-+0123456789"))
_Loader.add_implicit_resolver(_TAG + "float", re.compile(rf"(?:{_NUMBER})\Z", re.ASCII), list("-+0123456789."))


def _parse(content: bytes, source: str, lines: dict[str, int]) -> Any:
    with mistakes(source, content):
        node = _Loader(content).get_single_node()
        return {} if node is None else _plain(node, source, lines, "")


@contextlib.contextmanager
def mistakes(source: str, content: bytes) -> Iterator[None]:
    """What PyYAML raises inside becomes a UsageError with file, line and the way out."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark, str(error.problem or error.context)
        way_out = next((f"; {way}" for words, way in _WAYS_OUT.items() if words in problem), "")
        problem = problem.replace("found unexpected ", "found the ")
        raise UsageError(f"{source}:{mark.line + 1 if mark else 1}: {reason(ValueError(problem))}{way_out}") from error
    except yaml.YAMLError as error:
        found = encodings.guess(content)
        if not found and isinstance(error, yaml.reader.ReaderError):
            code = error.character if isinstance(error.character, int) else ord(error.character)
            found = f"{'character U+' if error.encoding == 'unicode' else 'byte 0x'}{code:02X} at {error.position}"
        raise UsageError(
            f"{source}: not a text file of settings ({found or reason(error)}); {encodings.WAY_OUT}"
        ) from error
    except RecursionError:
        raise UsageError(f"{source}: lists or mappings are nested too deeply") from None


def _plain(node: yaml.Node, source: str, lines: dict[str, int], key: str) -> Any:
    """A YAML node as plain data; notes the line of every key."""
    here = f"{source}:{node.start_mark.line + 1}"
    match node.tag.removeprefix(_TAG):
        case "map" if isinstance(node, yaml.MappingNode):
            return _plain_mapping(node, source, lines, key)
        case "seq" if isinstance(node, yaml.SequenceNode):
            return [_plain(item, source, lines, f"{key}[{i}]") for i, item in enumerate(node.value)]
        case "null":
            return None
        case "bool":
            return node.value == "true"
        case "int" if re.fullmatch(r"[-+]?[0-9]+", node.value):
            if len(node.value) > MAX_DIGITS:
                raise UsageError(f"{here}: {key or 'the value'} is a number of {len(node.value):,} digits; write fewer")
            return int(node.value)
        case "float" if re.fullmatch(_NUMBER, node.value):
            return float(node.value.replace(".inf", "inf"))
        case "str":
            if "${" in node.value:
                raise UsageError(f"{here}: {key or 'the value'} holds '${{'; files may not look things up")
            return node.value
    raise UsageError(f"{here}: the tag {node.tag!r} is not allowed; settings are plain data")


def _plain_mapping(node: yaml.MappingNode, source: str, lines: dict[str, int], key: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name_node, value_node in node.value:
        line = name_node.start_mark.line + 1
        name = _plain(name_node, source, {}, key)
        if isinstance(name, list | dict):
            raise UsageError(f"{source}:{line}: a name must be a word")
        name = name_node.value
        path = join(key, name)
        if name in values:
            raise UsageError(f"{source}:{line}: {path!r} is there twice (first in line {lines[path]})")
        lines[path] = line
        values[name] = _plain(value_node, source, lines, path)
    return values
