"""A picture's metadata, turned into a run that draws the same picture once more."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pixgen.errors import UsageError
from pixgen.io import files, paths, shell, untrusted
from pixgen.io.metadata import Input, Metadata
from pixgen.prompts import grammar
from pixgen.settings import config as configs
from pixgen.settings.config import RenderConfig

_COMMON = frozenset({"--seed", "--steps", "--model"})
_SAMPLED = _COMMON | {"--strength", "--size", "--candidates", "--temperature", "--top-k", "--guidance"}
_EDITING: Mapping[str, tuple[int, Set[str]]] = {
    "vary": (1, _SAMPLED | {"-n"}),
    "morph": (2, _COMMON | {"--frames"}),
    "edit": (2, _SAMPLED | {"--from", "--mask"}),
}
"""The commands that metadata name: how many arguments, and the options, each with a value, that pixgen writes there.

None of these options runs a file or replaces one.
"""

_NO_COMMAND = "the command in its metadata is not one that pixgen wrote, and is not shown"

_NOT_DRAWN_WITH = "its metadata does not say that it was drawn with that file; draw a new picture with `pixgen PROMPT`"

State = Literal["unchanged", "changed", "missing"]


def states(about: Metadata, folder: Path) -> dict[str, State]:
    """What became of each file that the run of a picture in `folder` read: its path as it was given -> its state."""
    return {file.path: _find(file, folder)[1] for file in about.inputs}


def command_of(about: Metadata) -> str | None:
    """The `pixgen vary`, `morph` or `edit` that made a picture; None where its metadata holds anything else.

    A stranger's picture may hold any text there, and whoever copies it runs it.
    """
    words = shell.split(about.command)
    if words is None or words[:1] != ["pixgen"] or len(words) < 2 or words[1] not in _EDITING:
        return None
    wanted, options = _EDITING[words[1]]
    rest, arguments = iter(words[2:]), 0
    for word in rest:
        if word == "--":
            arguments += len(list(rest))
        elif word in options:
            next(rest, None)
        elif word.startswith("-"):
            return None
        else:
            arguments += 1
    return shell.join(words) if arguments == wanted else None


def config_of(about: Metadata, folder: Path, source: str) -> RenderConfig:
    """The config of a picture in `folder`, its files where they are now; `source` names it in messages.

    A file counts by its sha256, at the path that was given or where it lay beside the picture. Raises UsageError for
    one that is missing or has changed, for settings that this pixgen does not have, and for a picture that another
    command made.
    """
    if about.command:
        command = command_of(about)
        again = f"this command makes it again: {command}" if command else _NO_COMMAND
        raise UsageError(f"{source} was not drawn from a prompt alone; {again}")
    moved = {}
    for file in about.inputs:
        path, state = _find(file, folder)
        if state == "changed":
            raise UsageError(
                f"{path} is not the file that {source} was drawn with (its sha256 was {file.sha256[:16]}...); "
                "put that one back, or draw a new picture with `pixgen PROMPT`"
            )
        if state == "missing":
            raise UsageError(
                f"{source} was drawn with {file.path}, which is missing; put it back, or next to the picture"
            )
        moved[file.path] = str(path)
    moved = {old: new for old, new in moved.items() if old != new}
    # Those are the files that the picture was drawn with, by their hashes; others it could name to have them read.
    known = {str(place) for file in about.inputs for place in (file.path, *Path(file.path).parents)}
    untrusted.require_settings_inside(about.config, [folder, Path()], source, _NOT_DRAWN_WITH, known)
    config = configs.from_dict(_with_paths(dict(about.config), moved), source)
    found = grammar.parse(config.prompt, about.seed)
    for prompt in found:
        if prompt.kind == "image" and prompt.text not in known:
            where = f"{source}: the prompt's picture is"
            untrusted.require_file_inside(prompt.text, [folder, Path()], where, _NOT_DRAWN_WITH)
    if any(prompt.kind == "image" and prompt.text in moved for prompt in found):
        there = [replace(p, text=moved.get(p.text, p.text)) if p.kind == "image" else p for p in found]
        config = replace(config, prompt=grammar.format(there))
    return config


def _find(file: Input, folder: Path) -> tuple[Path, State]:
    """Where the file is now and what became of it; one that has its old bytes is preferred wherever it lies."""
    written: list[str | Path] = [file.path, *([folder / file.near] if file.near else []), folder / Path(file.path).name]
    places = [place for path in written if (place := paths.existing(path))]
    there = [path for path in places if path.is_file()]
    for path in there:
        if files.sha256(path) == file.sha256:
            return path, "unchanged"
    return (there[0], "changed") if there else (Path(file.path), "missing")


def _with_paths(value: Any, moved: Mapping[str, str], key: str = "") -> Any:
    """Plugin options that name a moved file (whole strings equal to its path) name its new place."""
    if isinstance(value, Mapping):
        return {k: _with_paths(v, moved, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_with_paths(item, moved) for item in value]
    return moved.get(value, value) if isinstance(value, str) and key != "prompt" else value
