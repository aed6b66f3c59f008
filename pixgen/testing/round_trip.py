"""A plugin under check in a small run: its settings come back from a picture's metadata, and draw the same bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pixgen import registry
from pixgen.contracts import Generator
from pixgen.io.metadata import Metadata
from pixgen.io.yaml_files import Layer
from pixgen.loop.build import Models
from pixgen.loop.drawing import Drawing
from pixgen.settings import config as configs
from pixgen.settings import replay
from pixgen.settings.config import RenderConfig
from pixgen.testing import toys  # noqa: F401 (registers them)
from pixgen.testing.subject import Subject, checking

SMALL: Mapping[str, Any] = {
    "prompt": "a fox",
    "seed": 3,
    "size": "48x32",
    "steps": 2,
    "device": "cpu",
    "precision": "float32",
    "threads": 1,
    "batch": 1,
    "cutouts": 4,
    "starts": 1,
    "stages": [{"steps": 1, "size": 1}],
    "perceptors": {"tiny": None, "toy": {"type": "toy"}},
    "start": {"type": "random"},
}
"""Two steps of toys."""


_PLAIN = "give it a type that YAML and JSON have: bool, int, float, str, Path, or lists and mappings of these"


def check_round_trip(subject: Subject, values: Mapping[str, Any], generator: Any = None) -> None:
    """Fail unless a run with the plugin is stored in its metadata whole, and `again` draws the same bytes from them.

    values: where the plugin stands in a config, as `{"losses": {"it": {...}}}`, over SMALL and a toy generator.
    generator: a prepared instance to draw with in place of the config's.
    """
    config = _config(subject, values)
    models = Models()
    if generator is not None:
        models.put("generator", config.generator, torch.device("cpu"), generator)
    elif subject.given is not None and subject.kind == "perceptor":
        models.put("perceptor", config.perceptors["it"], torch.device("cpu"), subject.given)
    with subject.calling("drawing two steps"):
        drawing = Drawing([config], models)
        pixels = _drawn(drawing)
    with subject.calling("storing its settings in a picture"):
        stored = Metadata.from_json(drawing.metadata()[0].to_json())
        replayed = replay.config_of(stored, Path(), "the picture")
    subject.require(
        replayed == config,
        "its settings change on their way through a picture's metadata",
        "use plain types in options",
    )
    if subject.given is None:
        _require_same_options(subject, replayed)
    with subject.calling("drawing again"):
        again = _drawn(Drawing([replayed], models))
    subject.require(
        torch.equal(pixels, again),
        "drawn again from its metadata, a picture has other bytes",
        "keep nothing of a run in the plugin, and draw random numbers from the Streams alone",
    )


def generator_settings(generator: Generator | None) -> dict[str, Any]:
    """Where a caller's own generator stands in a config; nothing where there is none."""
    if generator is None:
        return {}
    with checking("generator", generator, None) as subject:
        return {"generator": {"type": subject.name, **subject.options}}


def _config(subject: Subject, values: Mapping[str, Any]) -> RenderConfig:
    for name, value in subject.options.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            subject.fail(f"its option {name} holds a {type(value).__name__}, which no picture can store", _PLAIN)
    merged = dict(SMALL) | {"generator": {"type": "toy"}, "losses": {"clip": {"type": "clip"}}}
    for key, value in values.items():
        merged[key] = _over(merged.get(key, {}), value) if key in configs.TERMS else value
    with subject.calling("taking its settings from a config"):
        return configs.resolve([Layer(merged, "the check")])


def _over(terms: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    return {**terms, **{name: {**terms.get(name, {}), **options} for name, options in more.items()}}


def _drawn(drawing: Drawing) -> Tensor:
    for _ in drawing:
        pass
    return drawing.pixels()


def _require_same_options(subject: Subject, replayed: RenderConfig) -> None:
    slot: Any = None
    for name, kind in configs.COMPONENTS.items():
        if kind == subject.kind:
            slot = getattr(replayed, name)
    for name, kind in configs.TERMS.items():
        if kind == subject.kind:
            slot = getattr(replayed, name)["it"]
    if subject.kind == "scheduler":
        slot = replayed.losses["clip"]["weight"]
    if slot is None or not dataclasses.is_dataclass(registry.get(subject.kind, subject.name)):
        return
    made = registry.create(subject.kind, configs.plugin_options(subject.kind, slot), str(subject))
    for option in registry.options(subject.kind, subject.name):
        before, now = getattr(subject.make(), option.name), getattr(made, option.name)
        subject.require(
            before == now,
            f"its option {option.name} was {before!r} and comes back from metadata as {now!r}",
            _PLAIN,
        )
