"""From a resolved config to an engine: every plugin made, nothing drawn yet."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from pixgen import registry
from pixgen.backend.isolation import isolated
from pixgen.backend.streams import Streams
from pixgen.contracts import Filter, Scheduler, Session, Start
from pixgen.errors import UsageError
from pixgen.io.image_files import Source
from pixgen.loop.engine import Engine
from pixgen.loop.scene import Scene, Stage, Term, prepare
from pixgen.prompts import grammar
from pixgen.prompts.grammar import Prompt
from pixgen.registry import schedule
from pixgen.settings.config import RenderConfig, plugin_options

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}

PromptAndSeed = tuple[str | None, int]
"""Of one picture; the prompt is None where no loss asks for one."""


class Models:
    """Generators and perceptors with their weights, loaded once for runs that follow each other.

    Both are functional: they keep nothing of a run, so the next one may have them.

    keep: how many stay loaded, the last used ones.
    keep_text_towers: more runs follow, so do not free the perceptors' text encoders.
    """

    def __init__(self, keep: int = 8, *, keep_text_towers: bool = False) -> None:
        self._keep, self.keep_text_towers = keep, keep_text_towers
        self._made: OrderedDict[str, Any] = OrderedDict()

    def get(self, kind: str, options: Mapping[str, Any], where: str, device: torch.device) -> Any:
        """The plugin of these options, ready on `device`. Raises what making and preparing it raise."""
        key = self._key(kind, options, device)
        if key not in self._made:
            plugin = registry.create(kind, plugin_options(kind, options), where)
            plugin.prepare(device)
            self.put(kind, options, device, plugin)
        self._made.move_to_end(key)
        return self._made[key]

    def put(self, kind: str, options: Mapping[str, Any], device: torch.device, plugin: Any) -> None:
        """Have `get` give this plugin for these options. It must be prepared."""
        self._made[self._key(kind, options, device)] = plugin
        while len(self._made) > self._keep:
            self._made.popitem(last=False)

    def _key(self, kind: str, options: Mapping[str, Any], device: torch.device) -> str:
        return json.dumps([kind, plugin_options(kind, options), str(device)], sort_keys=True, default=str)


def build(
    config: RenderConfig,
    pictures: Sequence[PromptAndSeed] | None = None,
    models: Models | None = None,
    *,
    start: Start | None = None,
    terms: Mapping[str, Term] | None = None,
    filters: Mapping[str, Filter] | None = None,
    images: Mapping[str, Source] | None = None,
) -> Engine:
    """The engine of a config whose every `auto` is resolved, ready for its first step.

    Arguments as for `assemble`. Raises UsageError for a prompt, a file or weights that cannot be used.
    """
    with isolated(_resolved(config.threads, "threads")):
        models = models or Models()
        scene = assemble(config, pictures, models, start=start, terms=terms, filters=filters, images=images)
        prepare(scene, keep_text_towers=models.keep_text_towers)
        return Engine(scene)


def assemble(
    config: RenderConfig,
    pictures: Sequence[PromptAndSeed] | None,
    models: Models,
    *,
    start: Start | None = None,
    terms: Mapping[str, Term] | None = None,
    filters: Mapping[str, Filter] | None = None,
    images: Mapping[str, Source] | None = None,
) -> Scene:
    """The scene of a config whose every `auto` is resolved; its start and losses are not prepared yet.

    pictures: of the batch; by default the one that the config names.
    models: where generator and perceptors come from.
    start: ready to use, in place of the config's.
    terms: by id, over the config's losses.
    filters: by id, applied after the config's.
    images: pictures by name, for the prompts `image:NAME`.
    Raises UsageError for a prompt, a file or weights that cannot be used.
    """
    device = torch.device(config.device)
    chosen = pictures or [(config.prompt, _resolved(config.seed, "seed"))]
    perceptors = {
        name: models.get("perceptor", options, f"perceptors.{name}", device)
        for name, options in config.perceptors.items()
    }
    if not perceptors:
        raise UsageError("there is no perceptor to judge the picture; set perceptors.tiny.type=tiny")
    losses = {
        name: Term(_plugin("loss", options, f"losses.{name}"), schedule(options["weight"], f"losses.{name}.weight"))
        for name, options in config.losses.items()
    } | dict(terms or {})
    if not losses:
        raise UsageError("there is no loss to lower; set losses.clip.type=clip")
    session = Session(
        device=device,
        generator=models.get("generator", config.generator, "generator", device),
        perceptors=perceptors,
        prompts=[
            () if text is None else _with_images(grammar.parse(text, seed), images or {}) for text, seed in chosen
        ],
        streams=[Streams(seed) for _, seed in chosen],
        perceptor_weights=_shares(config),
        phrases=[
            options["text"]
            for name, options in config.losses.items()
            if options["type"] == "phrase" and _attracts(losses[name].weight)
        ],
    )
    start = start or _plugin("start", config.start, "start")
    optimizer = config.optimizer
    return Scene(
        session=session,
        stages=stages(config, start.min_side),
        start=start,
        cutter=_plugin("cutter", config.cutter, "cutter"),
        terms=losses,
        optimizer=plugin_options("optimizer", optimizer),
        lr=schedule(optimizer["lr"], "optimizer.lr"),
        noise=schedule(config.noise, "noise"),
        filters=_filters(config) | dict(filters or {}),
        cutouts={name: options["cutouts"] for name, options in config.perceptors.items() if options.get("cutouts")},
        chunk=config.chunk,
        starts=config.starts,
        clip_norm=optimizer["clip_norm"],
        average=config.average,
        precision=PRECISIONS[config.precision],
        threads=None if config.threads == "auto" else _resolved(config.threads, "threads"),
    )


def stages(config: RenderConfig, min_side: int) -> list[Stage]:
    """The config's stages in whole steps that add up to `config.steps`, and in pixels; empty ones are left out.

    The last one is never empty, for it has the size asked for. None has a side below `min_side`, unless the picture
    itself has.
    """
    smallest = min(1.0, min_side / min(config.size))
    found, done, share = [], 0, 0.0
    for i, stage in enumerate(config.stages):
        share += stage.steps
        last = i == len(config.stages) - 1
        until = config.steps if last else min(round(config.steps * share), config.steps - 1)
        scale = max(stage.size, smallest)
        size = (round(config.size[0] * scale), round(config.size[1] * scale))
        if until > done:
            found.append(Stage(until - done, size, stage.cutouts or config.cutouts, stage.lr))
        done = max(done, until)
    return found


def _with_images(prompts: Sequence[Prompt], images: Mapping[str, Source]) -> tuple[Prompt, ...]:
    return tuple(replace(p, given=images[p.text]) if p.kind == "image" and p.text in images else p for p in prompts)


def _attracts(weight: Scheduler) -> bool:
    """Whether a loss of this weight is to be lowered, at least at one end of the run."""
    return max(weight.value(0.0), weight.value(1.0)) > 0


def _plugin(kind: str, options: dict[str, Any], where: str) -> Any:
    return registry.create(kind, plugin_options(kind, options), where)


def _filters(config: RenderConfig) -> dict[str, Filter]:
    return {name: _plugin("filter", options, f"filters.{name}") for name, options in config.filters.items()}


def _shares(config: RenderConfig) -> dict[str, float]:
    """The perceptors' weights, summing to one."""
    weights = {name: float(options["weight"]) for name, options in config.perceptors.items()}
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def _resolved(value: int | str, name: str) -> int:
    if isinstance(value, str):
        raise ValueError(f"{name} is still {value!r}: call config.resolve_auto first")
    return value
