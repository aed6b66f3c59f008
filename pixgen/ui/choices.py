"""What was chosen on the page, turned into the settings of one picture."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pixgen import registry
from pixgen.errors import UsageError, shown
from pixgen.io.yaml_files import Layer
from pixgen.prompts import grammar
from pixgen.settings import config as configs
from pixgen.settings import memory, methods
from pixgen.settings.config import RenderConfig
from pixgen.settings.layers import gather, parse_assignments

MOST_SETTINGS = 200
"""Lines of KEY=VALUE."""


@dataclass(frozen=True)
class Choices:
    """One filled-in form. What is empty is left to presets and models.

    size: WIDTHxHEIGHT, or one number. steps, seed: as they were typed. start: a picture to start from.
    losses: the names of losses that are added with their default options.
    weights: term id -> weight; those of terms that the settings do not have are left out.
    more: KEY=VALUE, one a line.
    """

    prompt: str = ""
    presets: Sequence[str] = ()
    generator: str = ""
    method: str = "loop"
    size: str = ""
    steps: str = ""
    seed: str = ""
    start: Path | None = None
    losses: Sequence[str] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    more: str = ""

    def config(self) -> RenderConfig:
        """The settings, resolved for this machine. Raises UsageError for what cannot be drawn."""
        grammar.parse(self.prompt)
        resolved = configs.resolve_auto(self._resolved())
        memory.require(resolved)
        return resolved

    def terms(self) -> dict[str, float]:
        """The losses of these choices, id -> weight at the start of the run. Raises UsageError as `config` does."""
        config = replace(self, weights={}, prompt=self.prompt if self.prompt.strip() else "a picture")._resolved()
        return weights_at_start(config)

    def _resolved(self) -> RenderConfig:
        layers = gather(self.presets, None, self._layers())
        config = configs.resolve(layers)
        there = weights_at_start(config)
        # A schedule stays one unless its slider was moved.
        moved = {id: weight for id, weight in self.weights.items() if id in there and there[id] != weight}
        if not moved:
            return config
        values = {"losses": {id: {"weight": weight} for id, weight in moved.items()}}
        return configs.resolve([*layers, Layer(values, "the weights of the losses")])

    def _layers(self) -> list[Layer]:
        """What was chosen, in the order in which later ones win."""
        found = [Layer(methods.settings(self.method), "the method")] if self.method != "loop" else []
        if self.generator:
            found.append(Layer({"generator": self.generator}, "the generator"))
        if self.start is not None:
            if self.method != "loop":
                raise UsageError(f"method {self.method} samples without a start picture; take method loop, or none")
            start = {"start": {"type": "image", "path": str(self.start)}, "starts": 1}
            found.append(Layer(start, "the start picture"))
        numbers = {"steps": self.steps if self.method == "loop" else "", "seed": self.seed}
        plain: dict[str, Any] = {key: whole_number(text, key) for key, text in numbers.items() if text.strip()}
        if self.size.strip():
            plain["size"] = self.size.strip()
        found += [Layer({key: value}, f"the {key}") for key, value in plain.items()]
        if self.losses:
            found.append(Layer({"losses": {name: {"type": name} for name in self.losses}}, "the losses"))
        lines = [line.strip() for line in self.more.splitlines() if line.strip()]
        if len(lines) > MOST_SETTINGS:
            raise UsageError(f"there are {len(lines):,} settings; the most is {MOST_SETTINGS}")
        return [*found, *parse_assignments(lines), Layer({"prompt": self.prompt}, "the prompt")]


def whole_number(text: str, name: str) -> int:
    """A whole number as it was typed. Raises UsageError that names it for anything else."""
    if not re.fullmatch(r"\s*[0-9]{1,19}\s*", text):
        raise UsageError(f"{name} is {shown(text)}; it must be a whole number")
    return int(text)


def weights_at_start(config: RenderConfig) -> dict[str, float]:
    """Term id -> its weight at the beginning of the run."""
    return {id: registry.schedule(term["weight"]).value(0.0) for id, term in config.losses.items()}


def losses() -> list[str]:
    """The losses that can be added by their names alone: all their options have defaults that do something."""
    found = []
    for name in registry.names("loss"):
        try:
            registry.create("loss", {"type": name})
        except UsageError:
            continue
        found.append(name)
    return found


def generators() -> list[str]:
    """The generators that need no options, by name."""
    found = []
    for name in registry.names("generator"):
        try:
            configs.resolve([Layer({"generator": name, "prompt": "a picture"}, "the generator")])
        except UsageError:
            continue
        found.append(name)
    return found
