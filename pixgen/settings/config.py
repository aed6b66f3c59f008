"""The settings of one run: one dataclass tree, how its layers merge, and how it is stored."""

from __future__ import annotations

import dataclasses
import math
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixgen import registry
from pixgen.backend import hardware
from pixgen.errors import UsageError, shown
from pixgen.io import schema
from pixgen.io.schema import OptionError, join
from pixgen.io.yaml_files import Layer
from pixgen.settings import model_pair, profiles
from pixgen.settings.merge import Merge, plain

COMPONENTS = {"generator": "generator", "start": "start", "cutter": "cutter", "optimizer": "optimizer"}
"""Fields that hold one plugin's options, and its kind."""

TERMS = {"perceptors": "perceptor", "filters": "filter", "losses": "loss"}
"""Fields that hold several plugins' options by id, and their kind."""

OPTIMIZER: Mapping[str, Any] = {"type": "Adam", "lr": 0.1, "clip_norm": None}
"""The default optimiser; another one begins with its learning rate."""

PRECISIONS = ("auto", "float32", "bfloat16", "float16")

WEIGHT = 1.0
"""The default weight of a loss or a perceptor."""

MAX_SEED = 2**63 - 1
MAX_SIDE = 16_384
MAX_COUNT = 1_000_000

_COUNTS = ("steps", "starts", "cutouts", "chunk", "threads", "batch")


@dataclass
class StageConfig:
    """A part of the run: a fraction of the steps at a fraction of the size. `lr` multiplies the run's."""

    steps: float = 1.0
    size: float = 1.0
    cutouts: int | None = None
    lr: float = 1.0


@dataclass
class RenderConfig:
    """Everything that decides a picture. `auto` stands only until `resolve_auto`.

    A schedule is a number or `{"type": "cosine", ...}` (see `pixgen.plugins.schedulers`).
    """

    prompt: str = ""
    """What to draw, in the grammar of `pixgen.prompts.grammar`."""
    seed: int | str = "auto"
    """Fixes everything random; `auto` draws one."""
    size: tuple[int, int] = (256, 256)
    """(height, width) in pixels; written WIDTHxHEIGHT, or one number for a square."""
    steps: int = 110
    """Steps in all stages together."""
    device: str = "auto"
    """cpu, cuda, cuda:N or mps."""
    precision: str = "auto"
    """float32, bfloat16 or float16, of the perceptor and the generator."""
    threads: int | str = "auto"
    """Processor cores to use."""
    batch: int | str = "auto"
    """Pictures drawn together."""
    generator: dict[str, Any] = field(default_factory=lambda: {"type": "vqgan"})
    start: dict[str, Any] = field(default_factory=lambda: {"type": "random"})
    starts: int = 8
    """How many starts are tried; the best is optimised."""
    perceptors: dict[str, dict[str, Any]] = field(default_factory=lambda: {"tiny": {"type": "tiny"}})
    """By id; each may have a `weight` and `cutouts` of its own."""
    cutter: dict[str, Any] = field(default_factory=lambda: {"type": "warp"})
    cutouts: int = 16
    """Cutouts a step for each perceptor."""
    chunk: int = 16
    """Cutouts held in memory at a time."""
    filters: dict[str, dict[str, Any]] = field(default_factory=dict)
    losses: dict[str, dict[str, Any]] = field(default_factory=lambda: {"clip": {"type": "clip"}})
    """By id; each has a `weight`, a schedule."""
    optimizer: dict[str, Any] = field(default_factory=lambda: dict(OPTIMIZER))
    """`lr` is a schedule; `clip_norm` bounds each picture's gradient."""
    stages: list[StageConfig] = field(
        default_factory=lambda: [StageConfig(8 / 11, 0.5, cutouts=16), StageConfig(3 / 11, 1.0, cutouts=12)]
    )
    """From coarse to fine."""
    average: float = 0.95
    """Decay of the running average of params; 0 shows the params themselves."""
    noise: Any = field(default_factory=lambda: {"type": "linear", "start": 0.1, "end": 0.0, "until": 0.667})
    """Standard deviation of the noise added to params while looking: a schedule."""


def resolve(layers: Iterable[Layer], base: RenderConfig | None = None) -> RenderConfig:
    """Merge what was said, later layers winning, over pixgen's defaults, the generator's and the model pair's.

    With `base` (a stored config) the layers go over that alone. The options of every plugin come out checked and
    complete. Raises UsageError that names the key, where it was said, and the nearest right name.
    """
    return resolve_and_merge(layers, base)[0]


def resolve_and_merge(layers: Iterable[Layer], base: RenderConfig | None = None) -> tuple[RenderConfig, Merge]:
    """The config of `resolve`, and the merge that it came from, which knows the layer of each value."""
    given = list(layers)
    beneath = [] if base else _defaults(given)
    stack = [*beneath, *given]
    merge = Merge(base or RenderConfig(), COMPONENTS, TERMS)
    try:
        for i, layer in enumerate(stack):
            stack[i] = merge.add(_normal(layer))
        config: RenderConfig = schema.build(RenderConfig, merge.values(), "config")
        return _complete(config), merge
    except OptionError as error:
        place = _place(error.key, stack)
        raise UsageError(f"{place}: {error}" if place else str(error)) from error


def resolve_auto(config: RenderConfig) -> RenderConfig:
    """The same config with every `auto` replaced by what this machine has. Imports torch."""
    device = hardware.device(config.device)
    return dataclasses.replace(
        config,
        device=device,
        precision=hardware.precision(config.precision, device),
        threads=hardware.threads(config.threads),
        batch=hardware.batch(config.batch, device),
        seed=secrets.randbelow(2**32) if config.seed == "auto" else config.seed,
    )


def plugin_options(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the plugin itself gets of `options`: all but what belongs to the loop (a loss's weight, the lr)."""
    return {key: value for key, value in options.items() if key not in registry.LOOP_OPTIONS.get(kind, ())}


def to_dict(config: RenderConfig) -> dict[str, Any]:
    """Plain data for JSON or YAML that `from_dict` reads back to an equal config."""
    return {**dataclasses.asdict(config), "size": format_size(config.size)}


def from_dict(values: Mapping[str, Any], source: str = "the stored config") -> RenderConfig:
    """A config as `to_dict` gave it. Raises UsageError for anything else."""
    # Nothing that was deleted or replaced may come back from the defaults.
    return resolve([Layer(values, source)], base=RenderConfig(perceptors={}, losses={}, noise=0.0))


def parse_size(text: str) -> tuple[int, int]:
    """`WIDTHxHEIGHT`, or one number for a square -> (height, width). Raises ValueError."""
    match = re.fullmatch(r"\s*([0-9]{1,6})\s*(?:[xX×]\s*([0-9]{1,6})\s*)?", text)
    if match is None:
        raise ValueError(f"{text!r} is not a size; write WIDTHxHEIGHT in pixels, as in 256x192")
    return int(match[2] or match[1]), int(match[1])


def format_size(size: Sequence[int]) -> str:
    """(height, width) -> `WIDTHxHEIGHT`."""
    return f"{size[1]}x{size[0]}"


def _place(key: str, stack: Sequence[Layer]) -> str | None:
    """Where `key` was said last; what nobody said (a term's type) came about where the mapping around it was."""
    while key:
        for layer in reversed(stack):
            if place := layer.place(key):
                return place
        key = key.rpartition(".")[0]
    return None


def _defaults(given: Sequence[Layer]) -> list[Layer]:
    """The generator's defaults and the model pair's profile; which they are is read from the layers that were given."""
    merge = Merge(RenderConfig(), COMPONENTS, TERMS)
    try:
        for layer in given:
            merge.add(_normal(layer))
        chosen = merge.values()
        name = chosen["generator"].get("type", "")
        generator: Any = registry.get("generator", name)
    except UsageError:
        return []  # the merge that follows meets the same mistake and says where it is
    own = Layer(generator.defaults, f"the defaults of generator {name}", kind="generator")
    beneath = [own, *profiles.layers(chosen["generator"], chosen["perceptors"].values(), _start(given))]
    return beneath + _start_of_the_pair(str(chosen["generator"].get("model", "")), [*beneath, *given])


def _start(stack: Sequence[Layer]) -> str | None:
    """The type of the start that was said last."""
    said = [_written_out(layer.values["start"], "start") for layer in stack if "start" in layer.values]
    return next((str(start["type"]) for start in reversed(said) if start.get("type")), None)


def _start_of_the_pair(model: str, stack: Sequence[Layer]) -> list[Layer]:
    """Where the generator is a file of somebody's own pair, a start that reads weights looks into the same folder."""
    folder = model_pair.folder_of(model)
    if folder is None:
        return []
    start = _start(stack) or "random"
    if start not in registry.names("start"):
        return []  # the merge that follows says so
    reads = any(option.name == "folder" for option in registry.options("start", start))
    values = {"start": {"type": start, "folder": str(folder)}}
    return [Layer(values, "the generator's folder", kind="pair")] if reads else []


def _normal(layer: Layer) -> Layer:
    """A layer with its short forms written out, checked against the tree."""
    normal = dict(layer.values)
    for name, value in normal.items():
        if name == "size" and not isinstance(value, tuple):  # a list in a file would hide which side is which
            try:
                normal[name] = parse_size(str(value))
            except ValueError as error:
                raise OptionError(name, str(error)) from None
        elif name in COMPONENTS:
            normal[name] = _written_out(value, name)
        elif name in TERMS and isinstance(value, Mapping):
            normal[name] = {id: _written_out(term, join(name, id)) for id, term in value.items()}
    kept = {
        name: {id: term for id, term in value.items() if term is not None}
        if name in TERMS and isinstance(value, Mapping)
        else value
        for name, value in normal.items()
    }
    schema.check(RenderConfig, kept)
    return dataclasses.replace(layer, values=normal)


def _written_out(value: Any, where: str) -> Any:
    if isinstance(value, str):
        return {"type": value}
    if isinstance(value, Mapping) and not isinstance(value.get("type", ""), str):
        place = join(where, "type")
        raise OptionError(place, f"{place} is {shown(value['type'])}; it must be the name of a plugin")
    return value


def _complete(config: RenderConfig) -> RenderConfig:
    """Check every value and write the plugins' own defaults out, so that a stored config says all."""
    _check_numbers(config)
    _check_stages(config.stages)
    changes: dict[str, Any] = {}
    for name, kind in COMPONENTS.items():
        changes[name] = _complete_plugin(kind, getattr(config, name), name)
    for name, kind in TERMS.items():
        terms = getattr(config, name)
        changes[name] = {id: _complete_plugin(kind, term, join(name, id)) for id, term in terms.items()}
    _check_schedule(config.noise, "noise")
    return dataclasses.replace(config, **changes)


def _complete_plugin(kind: str, options: dict[str, Any], where: str) -> dict[str, Any]:
    own = plugin_options(kind, options)
    for key in registry.LOOP_OPTIONS.get(kind, ()):
        _check_loop_option(kind, key, options.get(key), where)
    # A weight or a rate that is null is left at its default.
    options = {key: value for key, value in options.items() if value is not None or key not in ("weight", "lr")}
    if kind == "optimizer":
        from pixgen.settings import optimizers  # imports torch, which a config alone does not need

        optimizers.check(own, where)
        return {key: OPTIMIZER[key] for key in registry.LOOP_OPTIONS["optimizer"]} | options
    plugin = registry.create(kind, own, where)
    weight = {"weight": WEIGHT} if kind in ("loss", "perceptor") else {}
    return {"type": own["type"], **weight, **_plain_defaults(plugin), **options}


def _plain_defaults(plugin: Any) -> dict[str, Any]:
    defaults = {}
    for option in dataclasses.fields(plugin):
        if option.metadata.get("stored_when_set"):
            continue
        value = option.default_factory() if callable(option.default_factory) else option.default
        if option.init and isinstance(value, bool | int | float | str | list | tuple | dict | None | Path):
            defaults[option.name] = plain(value)
    return defaults


def _check_loop_option(kind: str, key: str, value: Any, where: str) -> None:
    place = join(where, key)
    if value is None:
        return
    if key == "cutouts":
        _check_count(value, place)
    elif key == "clip_norm":
        # Pictures of version 0.1 may say that nothing is bound with an infinite one.
        _require(value == math.inf or schema.coerce(value, float, place) > 0, place, value, "above zero, or null")
    elif kind == "perceptor":
        _require(schema.coerce(value, float, place) > 0, place, value, "above zero")
    else:
        _check_schedule(value, place)


def _check_schedule(value: Any, where: str) -> None:
    if not isinstance(value, Mapping):
        schema.coerce(value, float, where)
    from pixgen.registry import schedule

    schedule(value, where)


def _check_numbers(config: RenderConfig) -> None:
    for name in _COUNTS:
        value = getattr(config, name)
        if not (value == "auto" and name in ("threads", "batch")):
            _check_count(value, name)
    seed = config.seed
    fits = isinstance(seed, int) and 0 <= seed <= MAX_SEED
    _require(fits or seed == "auto", "seed", shown(seed), "auto or 0 to 2**63 - 1")
    for side in config.size:
        _require(8 <= side <= MAX_SIDE, "size", format_size(config.size), f"8 to {MAX_SIDE} pixels a side")
    _require(0 <= config.average < 1, "average", config.average, "at least 0 and below 1")
    _require(config.precision in PRECISIONS, "precision", config.precision, f"one of {', '.join(PRECISIONS)}")
    known = re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", config.device)
    _require(known is not None, "device", config.device, "auto, cpu, cuda, cuda:N or mps")


def _check_count(value: Any, where: str) -> None:
    number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_COUNT
    _require(number, where, value, f"a whole number from 1 to {MAX_COUNT:,}")


def _check_stages(stages: Sequence[StageConfig]) -> None:
    for i, stage in enumerate(stages):
        for name in ("steps", "size"):
            share = getattr(stage, name)
            _require(0 < share <= 1, f"stages[{i}].{name}", share, "a fraction above 0 and at most 1")
        if stage.cutouts is not None:
            _check_count(stage.cutouts, f"stages[{i}].cutouts")
        _require(0 <= stage.lr < math.inf, f"stages[{i}].lr", stage.lr, "a factor of at least 0")
    steps = sum(stage.steps for stage in stages)
    _require(abs(steps - 1) < 1e-3, "stages", f"{steps:.4g} of the steps", "all the steps, adding up to 1")
    _require(stages[-1].size == 1, f"stages[{len(stages) - 1}].size", stages[-1].size, "1 in the last stage")


def _require(ok: bool, key: str, value: Any, wanted: str) -> None:
    if not ok:
        raise OptionError(key, f"{key} is {value}; it must be {wanted}")
