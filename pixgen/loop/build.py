"""From a resolved config to an engine: every plugin made, nothing drawn yet."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.contracts import Scheduler, Session, Start
from pixgen.errors import UsageError
from pixgen.loop.backward import Term
from pixgen.loop.engine import Engine, Scene, Stage
from pixgen.prompts import grammar
from pixgen.registry import schedule
from pixgen.settings.config import RenderConfig, plugin_options

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Models:
    """Generators and perceptors with their weights, loaded once for runs that follow each other.

    Both are functional: they keep nothing of a run, so the next one may have them. `keep` bounds how many stay.
    lasting: whether there is a next one, so that a perceptor had better keep what only texts need.
    """

    def __init__(self, keep: int = 8, *, lasting: bool = False) -> None:
        self._keep, self.lasting = keep, lasting
        self._made: OrderedDict[str, Any] = OrderedDict()

    def get(self, kind: str, options: dict[str, Any], where: str, device: torch.device) -> Any:
        """The plugin of these options, ready on `device`. Raises what making and preparing it raise."""
        own = plugin_options(kind, options)
        key = json.dumps([kind, own, str(device)], sort_keys=True, default=str)
        if key not in self._made:
            plugin = registry.create(kind, own, where)
            plugin.prepare(device)
            self._made[key] = plugin
        self._made.move_to_end(key)
        while len(self._made) > self._keep:
            self._made.popitem(last=False)
        return self._made[key]


def build(
    config: RenderConfig, pictures: Sequence[tuple[str, int]] | None = None, models: Models | None = None
) -> Engine:
    """The engine of a config whose every `auto` is resolved.

    pictures: (prompt, seed) of each picture of the batch; by default the config's own one.
    models: what earlier runs loaded; by default everything is loaded anew.
    Sets torch's number of threads. Raises UsageError for a prompt, a file or weights that cannot be used.
    """
    torch.set_num_threads(_resolved(config.threads, "threads"))
    models, device = models or Models(), torch.device(config.device)
    chosen = pictures or [(config.prompt, _resolved(config.seed, "seed"))]
    looks = {
        name: models.get("perceptor", options, f"perceptors.{name}", device)
        for name, options in config.perceptors.items()
    }
    if not looks:
        raise UsageError("there is no perceptor to judge the picture; set perceptors.tiny.type=tiny")
    if not config.losses:
        raise UsageError("there is no loss to lower; set losses.clip.type=clip")
    terms = {
        name: Term(
            _plugin("loss", options, f"losses.{name}"),
            schedule(options.get("weight", 1.0), f"losses.{name}.weight"),
        )
        for name, options in config.losses.items()
    }
    session = Session(
        device=device,
        size=config.size,
        generator=models.get("generator", config.generator, "generator", device),
        perceptors=looks,
        prompts=[grammar.parse(text, seed) for text, seed in chosen],
        streams=[Streams(seed) for _, seed in chosen],
        perceptor_weights=_shares(config),
        phrases=[
            loss["text"]
            for name, loss in config.losses.items()
            if loss["type"] == "phrase" and _attracts(terms[name].weight)
        ],
        prepared=True,
        lasting=models.lasting,
    )
    optimizer = config.optimizer
    scene = Scene(
        session=session,
        stages=stages(config),
        start=_plugin("start", config.start, "start"),
        cutter=_plugin("cutter", config.cutter, "cutter"),
        terms=terms,
        optimizer=plugin_options("optimizer", optimizer),
        lr=schedule(optimizer["lr"], "optimizer.lr"),
        noise=schedule(config.noise, "noise"),
        filters=[_plugin("filter", options, f"filters.{name}") for name, options in config.filters.items()],
        cutouts={name: options["cutouts"] for name, options in config.perceptors.items() if options.get("cutouts")},
        chunk=config.chunk,
        starts=config.starts,
        clip_norm=optimizer.get("clip_norm"),
        average=config.average,
        precision=PRECISIONS[config.precision],
    )
    return Engine(scene)


def stages(config: RenderConfig) -> list[Stage]:
    """The config's stages in whole steps that add up to `config.steps`, and in pixels; empty ones are left out.

    The last one is never empty, for it has the size asked for. None is smaller than the start can begin at.
    """
    start: type[Start] = registry.get("start", config.start["type"])
    least = min(1.0, start.least / min(config.size))
    found, done, share = [], 0, 0.0
    for i, stage in enumerate(config.stages):
        share += stage.steps
        last = i == len(config.stages) - 1
        until = config.steps if last else min(round(config.steps * share), config.steps - 1)
        scale = max(stage.size, least)
        size = (round(config.size[0] * scale), round(config.size[1] * scale))
        if until > done:
            lr = 1.0 if stage.lr is None else stage.lr
            found.append(Stage(until - done, size, stage.cutouts or config.cutouts, lr))
        done = max(done, until)
    return found


def _attracts(weight: Scheduler) -> bool:
    """Whether a loss of this weight is to be lowered, at least at one end of the run."""
    return max(weight.value(0.0), weight.value(1.0)) > 0


def _plugin(kind: str, options: dict[str, Any], where: str) -> Any:
    return registry.create(kind, plugin_options(kind, options), where)


def _shares(config: RenderConfig) -> dict[str, float]:
    """The perceptors' weights, summing to one."""
    weights = {name: float(options.get("weight") or 1.0) for name, options in config.perceptors.items()}
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def _resolved(value: int | str, name: str) -> int:
    if isinstance(value, str):
        raise ValueError(f"{name} is still {value!r}: call config.resolve_auto first")
    return value
