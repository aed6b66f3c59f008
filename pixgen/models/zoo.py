"""The zoo of known checkpoints: a YAML file each in `configs/models`, and user-provided ones in the user's settings.

A file gives the kind of network, its architecture, sources, size, hash and licence, and the loop settings that suit it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixgen.errors import UsageError, did_you_mean, reason
from pixgen.io import paths, resources, untrusted
from pixgen.io.yaml_files import MAX_BYTES, Layer, load_yaml
from pixgen.models.entry import Entry, parse

EMBEDDED = "pixgen-tiny"
"""The pair that ships with pixgen; its networks are not downloaded."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
"""Suffixes of weights files: a model whose name ends so is a path, not a name in the zoo."""


def is_path(model: str) -> bool:
    """Whether `model` is the path of a user-provided file, and not a name in the zoo."""
    looks = model.endswith(SUFFIXES) or model.startswith(("/", "./", "../", "~", ".\\"))
    return looks or paths.existing(model) is not None


def entries() -> list[Entry]:
    """All known checkpoints, sorted by kind and name. Raises UsageError for a file of the user's that is wrong."""
    found = [_load(path) for path in _paths() if _has("files", _text(path))]
    return sorted(found, key=lambda entry: (entry.kind != "vqgan", entry.name.lower()))


def find(name: str) -> Entry | None:
    """The checkpoint of this name or alias, or None."""
    paths = list(_paths())
    for path in paths:
        if path.stem == name and _has("files", _text(path)):
            return _load(path)
    for path in paths:
        text = _text(path)
        if name in text and _has("files", text):
            entry = _load(path)
            if name in entry.aliases:
                return entry
    return None


def get(name: str, kind: str | None = None) -> Entry:
    """The checkpoint of this name or alias; any `ARCHITECTURE/PRETRAINED` of open_clip's counts as one.

    Raises UsageError, with the nearest name, if there is none or it is of another kind.
    """
    entry = find(name) or _from_open_clip(name)
    if entry is None:
        known = [known for each in entries() for known in (each.name, *each.aliases) if kind in (None, each.kind)]
        raise UsageError(
            f"there is no model called {name!r}{did_you_mean(name, known)}; `pixgen models list` names all"
        )
    if kind not in (None, entry.kind):
        raise UsageError(f"model {name} is a {entry.kind}, not a {kind}; `pixgen models list` names all")
    return entry


@dataclass(frozen=True)
class PairEntry:
    """A generator and perceptors that go together, and the settings that suit them.

    profile: for every drawing. starts: over the profile, by the type of the start.
    editing: over the profile, for `vary`, `morph` and `edit`.
    """

    generator: str
    perceptors: list[str]
    profile: Layer
    starts: dict[str, Layer]
    editing: Layer


def pairs() -> Iterator[PairEntry]:
    """Every pair that the files name."""
    for path in _paths():
        if _has("pair", _text(path)):
            layer = load_yaml(path)
            starts = {start: _within(layer, f"starts.{start}") for start in layer.values.get("starts") or {}}
            profile, editing = (_within(layer, part) for part in ("profile", "editing"))
            yield PairEntry(**layer.values["pair"], profile=profile, starts=starts, editing=editing)


def profile(entry: Entry) -> Layer:
    """The loop settings that suit a checkpoint, with their lines where a file has them."""
    path = next((path for path in _paths() if path.stem == entry.name), None)
    if path is None:
        return Layer(entry.profile, f"the profile of model {entry.name}")
    return _within(load_yaml(path), "profile")


def _within(layer: Layer, place: str) -> Layer:
    """The part of a file's settings that lies under `place`, with its lines."""
    values: Any = layer.values
    for key in place.split("."):
        values = values.get(key) or {}
    lines = {key.removeprefix(f"{place}."): line for key, line in layer.lines.items()}
    return Layer(values, layer.source, lines)


def user_folder() -> Path:
    """The folder of user-provided entries."""
    return resources.user_config().parent / "models"


def _load(path: Path) -> Entry:
    entry = parse(path.stem, load_yaml(path).values, str(path))
    untrusted.require_settings_inside(
        entry.profile, [path.parent], f"{path}: profile", "a model's settings name no other files"
    )
    return entry


def _has(key: str, text: str) -> bool:
    """Whether a file has this key, seen without parsing it: most files are of no interest to most questions."""
    return re.search(f"(?m)^{key}:", text) is not None


def _text(path: Path) -> str:
    """A model's file as text. Raises UsageError for a pipe, a device, and what is too large or no UTF-8."""
    try:
        return untrusted.read(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        why = "it is not UTF-8 text"
    except OSError as error:
        why = reason(error).lower()
    except ValueError as error:
        why = str(error)
    raise UsageError(f"{path} describes no model: {why}; mend it, or move it out of that folder")


def _paths() -> Iterator[Path]:
    for folder in (resources.configs() / "models", user_folder()):
        yield from sorted(folder.glob("*.yaml"))


def _from_open_clip(name: str) -> Entry | None:
    """An entry for a model that open_clip knows and the zoo does not; importing it takes seconds, so last."""
    architecture, slash, pretrained = name.partition("/")
    if not slash or not re.fullmatch(r"[\w-]+", pretrained) or "." in architecture or not architecture:
        return None
    from pixgen.models import clips

    return clips.known(architecture, pretrained)
