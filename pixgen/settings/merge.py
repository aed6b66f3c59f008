"""Layers of settings merged one over another, with a note of which layer set each value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from pixgen import registry
from pixgen.io.schema import join
from pixgen.io.yaml_files import Layer


class Merge:
    """A tree of settings that layers are added to; a later layer wins.

    components: keys of the tree that hold one plugin's options -> its kind. terms: keys that hold several by id, where
    None deletes one -> their kind.
    sources: dotted key of a value -> the layer that set it last. What is missing there is the base's own.
    """

    def __init__(self, base: Any, components: Mapping[str, str], terms: Mapping[str, str]) -> None:
        self.tree: DictConfig = OmegaConf.structured(base)
        self.sources: dict[str, Layer] = {}
        self._components, self._terms = components, terms

    def add(self, layer: Layer) -> Layer:
        """Merge a layer whose short forms are written out (`{"start": {"type": "bank"}}`); the layer as it was merged.

        Options stand in it under the names that they have now (`registry.register`). Raises OptionError where one is
        there under both.
        """
        layer = self._with_current_names(layer)
        values = dict(layer.values)
        for name in self._terms.keys() & values.keys():
            for id, term in values[name].items():
                if term is None:
                    self.tree[name].pop(id, None)
                    self._forget(join(name, id))
                elif id not in self.tree[name]:
                    self.tree[name][id] = {"type": term.get("type", id)}
                    self.sources[join(join(name, id), "type")] = layer
            values[name] = {id: term for id, term in values[name].items() if term is not None}
        self._drop_replaced(self.tree, values)
        merged = OmegaConf.merge(self.tree, _guard(values))
        assert isinstance(merged, DictConfig)
        self.tree = merged
        for key in _leaves(values):
            self._forget(key)
            self.sources[key] = layer
        return layer

    def values(self) -> dict[str, Any]:
        """The merged settings as plain data."""
        found: dict[str, Any] = unguard(OmegaConf.to_container(self.tree))
        return found

    def source(self, key: str) -> Layer | None:
        """The layer that set the value at a dotted key (`stages[0].size`), or a list or mapping around it."""
        while key not in self.sources and key:
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return self.sources.get(key)

    def _with_current_names(self, layer: Layer) -> Layer:
        values, lines = dict(layer.values), dict(layer.lines)
        for name, kind in self._components.items():
            if isinstance(options := values.get(name), Mapping):
                values[name] = _rename(kind, name, options, self.tree.get(name), lines)
        for name, kind in self._terms.items():
            if name in values:
                values[name] = {
                    id: term and _rename(kind, join(name, id), term, self.tree[name].get(id), lines)
                    for id, term in values[name].items()
                }
        return replace(layer, values=values, lines=lines)

    def _drop_replaced(self, tree: DictConfig, values: Mapping[str, Any], where: str = "") -> None:
        """Empty every mapping that gets another type: the old plugin's options mean nothing to the new one."""
        for key, value in values.items():
            old = tree.get(key)
            if isinstance(value, Mapping) and isinstance(old, DictConfig):
                if "type" in value and value["type"] != old.get("type"):
                    tree[key] = {}
                    self._forget(join(where, key))
                else:
                    self._drop_replaced(old, value, join(where, key))
            elif (isinstance(old, DictConfig) and isinstance(value, list | tuple)) or (
                isinstance(old, ListConfig) and isinstance(value, Mapping)
            ):
                tree[key] = None  # a list and a mapping do not merge: the later one stands, and is checked as such
                self._forget(join(where, key))

    def _forget(self, key: str) -> None:
        """Forget what set a value and all beneath it, and what set a single value in the place of one around it."""
        parents = {key[:i] for i, char in enumerate(key) if char == "."}
        self.sources = {
            other: layer
            for other, layer in self.sources.items()
            if other != key and other not in parents and not other.startswith(f"{key}.")
        }


def _rename(
    kind: str, where: str, options: Mapping[str, Any], beneath: Any, lines: dict[str, int]
) -> Mapping[str, Any]:
    """The options of one plugin with those of earlier names renamed, in `lines` as well."""
    name = options.get("type") or (beneath or {}).get("type") or where.rpartition(".")[2]
    if not isinstance(name, str):
        return options  # refused where the plugin is made
    for old, now in registry.earlier_names(kind, name).items():
        if old in options:
            for key in [key for key in lines if re.match(rf"{re.escape(join(where, old))}(?!\w)", key)]:
                lines[join(where, now) + key.removeprefix(join(where, old))] = lines.pop(key)
    return registry.with_current_names(kind, name, options, where)


def unguard(value: Any) -> Any:
    """Undo `_guard`."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, Mapping):
        return {key: unguard(item) for key, item in value.items()}
    return [unguard(item) for item in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """The same with paths as text and tuples as lists, as YAML and JSON have them."""
    return unguard(_guard(value))


def _guard(value: Any) -> Any:
    """Break up what OmegaConf would read as more than text: `${...}` and `???`."""
    if isinstance(value, str):
        return "\0" + value if value == "???" else value.replace("${", "$\0{")
    if isinstance(value, Mapping):
        return {key: _guard(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_guard(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _leaves(values: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """The dotted keys of everything that is no mapping, or an empty one."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, join(where, key))
        elif not isinstance(value, Mapping):
            yield join(where, key)
