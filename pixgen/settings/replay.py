"""A picture's metadata, turned into a run that draws the same picture once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pixgen.errors import UsageError
from pixgen.io import files
from pixgen.io.metadata import Input, Metadata
from pixgen.prompts import grammar
from pixgen.settings import config as configs
from pixgen.settings.config import RenderConfig

State = Literal["unchanged", "changed", "missing"]


def states(about: Metadata, folder: Path) -> dict[str, State]:
    """What became of each file that the run of a picture in `folder` read: its path as it was given -> its state."""
    return {file.path: _find(file, folder)[1] for file in about.inputs}


def config_of(about: Metadata, folder: Path, source: str) -> RenderConfig:
    """The config of a picture in `folder`, its files where they are now; `source` names it in messages.

    A file counts by its sha256, at the path that was given or where it lay beside the picture. Raises UsageError for
    one that is missing or has changed, for settings that this pixgen does not have, and for a picture that another
    command made.
    """
    if about.command:
        raise UsageError(f"{source} was not drawn from a prompt alone; this command makes it again: {about.command}")
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
    config = configs.from_dict(_with_paths(dict(about.config), moved), source)
    found = grammar.parse(config.prompt, about.seed)
    if any(prompt.kind == "image" and prompt.text in moved for prompt in found):
        there = [replace(p, text=moved.get(p.text, p.text)) if p.kind == "image" else p for p in found]
        config = replace(config, prompt=grammar.format(there))
    return config


def _find(file: Input, folder: Path) -> tuple[Path, State]:
    """Where the file is now and what became of it; one that has its old bytes is preferred wherever it lies."""
    places = [Path(file.path).expanduser(), *([folder / file.near] if file.near else []), folder / Path(file.path).name]
    there = [path for path in places if path.is_file()]
    for path in there:
        if files.sha256(path) == file.sha256:
            return path, "unchanged"
    return (there[0], "changed") if there else (places[0], "missing")


def _with_paths(value: Any, moved: Mapping[str, str], key: str = "") -> Any:
    """Plugin options that name a moved file (whole strings equal to its path) name its new place."""
    if isinstance(value, Mapping):
        return {k: _with_paths(v, moved, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_with_paths(item, moved) for item in value]
    return moved.get(value, value) if isinstance(value, str) and key != "prompt" else value
