"""Where settings come from: presets, the user's own file, and `key=value` words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pixgen.errors import UsageError, did_you_mean, shown
from pixgen.io import resources
from pixgen.io.schema import MAX_DEPTH
from pixgen.io.yaml_files import Layer, load_yaml, parse_value


def load_preset(name: str) -> Layer:
    """The preset called `name` as a layer, without its description."""
    folder = resources.presets()
    known = preset_names()
    if name not in known:
        hint = did_you_mean(name, known) or f"; there are {', '.join(known) or 'none'}"
        raise UsageError(f"there is no preset called {shown(name)}{hint} (`pixgen presets` lists all)")
    layer = load_yaml(folder / f"{name}.yaml")
    values = {key: value for key, value in layer.values.items() if key != "description"}
    return Layer(values, layer.source, layer.lines, "preset")


def preset_names() -> list[str]:
    """The names of all presets, sorted."""
    return sorted(file.stem for file in resources.presets().glob("*.yaml"))


def presets() -> dict[str, str]:
    """Every preset and its one line of description, sorted by name."""
    folder = resources.presets()
    return {name: str(load_yaml(folder / f"{name}.yaml").values.get("description", "")) for name in preset_names()}


def load_user() -> list[Layer]:
    """The models that the user chose as the default, and the user's own settings, as far as there are any."""
    files = (resources.user_models(), resources.user_config())
    return [replace(load_yaml(path), kind="your file") for path in files if path.is_file()]


def gather(presets: Iterable[str], file: str | Path | None, said: Iterable[Layer]) -> list[Layer]:
    """All layers in the order in which later ones win: the user's file, presets, a YAML file, what was said."""
    chosen = [load_preset(name) for name in presets]
    return [*load_user(), *chosen, *([replace(load_yaml(file), kind="YAML")] if file else []), *said]


def parse_assignments(words: Iterable[str]) -> list[Layer]:
    """`losses.warm.weight=0.3` words, one layer each. The value is YAML; one that is not YAML is plain text."""
    return [_assignment(word) for word in words]


def _assignment(word: str) -> Layer:
    key, equals, text = word.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise UsageError(f"{shown(word)} is not KEY=VALUE; write key=value, as in losses.clip.weight=2")
    if len(parts) > MAX_DEPTH:
        raise UsageError(f"{shown(word)} has a key of {len(parts):,} parts; a setting has six at most")
    value: Any = text if parts == ["prompt"] else parse_value(text)
    for part in reversed(parts):
        value = {part: value}
    return Layer(value, f"argument {shown(word)}", kind="flag")
