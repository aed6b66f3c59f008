"""Where each value of a config comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pixgen.io.schema import join
from pixgen.io.yaml_files import Layer
from pixgen.settings import config as configs


@dataclass(frozen=True)
class Sourced:
    """One value of a config and the layer that set it.

    key: dotted, as in `losses.clip.weight` or `stages[0].size`.
    layer: default, or the kind of a `Layer`.
    place: the nearest that is known: `file:line`, a flag, a KEY=VALUE; empty for a default.
    """

    key: str
    value: Any
    layer: str
    place: str


def sources(layers: Iterable[Layer]) -> list[Sourced]:
    """Every value of the config that `layers` make (`config.resolve`), in the config's order. Raises as that does."""
    config, merge = configs.resolve_and_merge(layers)
    found = []
    for key, value in _flat(configs.to_dict(config)):
        layer = merge.source(key)
        # What a stage of a list leaves out is a default; what a term's id implies, its type, is not.
        if layer is None or not (_has(layer.values, key) or key.endswith(".type")):
            found.append(Sourced(key, value, "default", ""))
        else:
            place = layer.place(key) or layer.place(key.rpartition(".")[0]) or layer.source
            found.append(Sourced(key, value, layer.kind, place))
    return found


def _has(values: Any, key: str) -> bool:
    """Whether nested mappings and lists have a dotted key."""
    for part in re.findall(r"[^.\[\]]+", key):
        try:
            values = values[int(part) if isinstance(values, list) else part]
        except (KeyError, IndexError, ValueError, TypeError):
            return False
    return True


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values; a list counts as one value unless it holds mappings."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _flat(item, join(key, name))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for i, item in enumerate(value):
            yield from _flat(item, f"{key}[{i}]")
    else:
        yield key, list(value) if isinstance(value, tuple) else value
