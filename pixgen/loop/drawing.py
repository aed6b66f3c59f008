"""Pictures being drawn: what the command line, `pixgen.generate` and every other caller of the engine share."""

from __future__ import annotations

import logging
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from pixgen import registry
from pixgen.backend import hardware
from pixgen.backend.tensors import Size
from pixgen.errors import UsageError, shown
from pixgen.io import files, paths, pictures
from pixgen.io.image_files import Source
from pixgen.io.metadata import Input, Metadata
from pixgen.io.resources import version
from pixgen.loop.build import Models, build
from pixgen.loop.engine import Diverged, Step
from pixgen.loop.vector import Vector
from pixgen.prompts import grammar, hints
from pixgen.settings import config as configs
from pixgen.settings.config import RenderConfig

if TYPE_CHECKING:
    from PIL.Image import Image

PIECES_SHOWN = 6
"""Of a long text in a warning."""

log = logging.getLogger(__name__)


@runtime_checkable
class FromFiles(Protocol):
    """A plugin that reads files which no option of type Path names; they are part of how a picture was made."""

    def files(self) -> list[str]:
        """Their paths; none where it uses what comes with pixgen."""


def groups(config: RenderConfig, count: int) -> list[list[RenderConfig]]:
    """The configs of `count` pictures, in groups that are drawn together; picture i has seed + i.

    Every `auto` of the config must be resolved. Raises UsageError where a seed becomes too large.
    """
    seed, batch = _seed(config), int(config.batch)
    if seed + count - 1 > configs.MAX_SEED:
        raise UsageError(f"seed {seed} leaves no room for {count} pictures: the largest seed is 2**63 - 1")
    pictures = [replace(config, seed=seed + i) for i in range(count)]
    return [pictures[i : i + batch] for i in range(0, count, batch)]


class Drawing(Iterator[Step]):
    """Some pictures drawn together: iterate for its steps, stop at any, and ask for what was reached.

    configs: one a picture, resolved, alike in all but prompt and seed. models: what earlier drawings loaded; give the
    same to drawings that follow each other, or each loads its own. images: as for `build`.
    Warns (logging) of words that a perceptor never learnt, of a text that it reads in pieces, and of what is nearly a
    weight. Raises what `build` and the engine raise; after
    Diverged, `images` and `metadata` are those of the last good step.
    """

    def __init__(
        self,
        pictures: Sequence[RenderConfig],
        models: Models | None = None,
        images: Mapping[str, Source] | None = None,
    ) -> None:
        self.configs = list(pictures)
        asked = [(config.prompt, _seed(config)) for config in self.configs]
        self.engine = build(self.configs[0], asked, models, images=images)
        self.steps = self.engine.steps
        self.done = 0
        self.losses: list[dict[str, list[float]]] = [{} for _ in self.configs]
        """Of each picture: term id -> its unweighted loss at every step."""
        self._last: Step | None = None
        self._good: Tensor | None = None
        self._inputs = [_inputs(config, images or {}) for config in self.configs]
        self._warn_of_weights()
        self._warn_of_words()

    def __next__(self) -> Step:
        try:
            step = next(self.engine)
        except Diverged as error:
            self._good = error.images
            raise
        self._last, self.done = step, step.index + 1
        for name, values in step.losses.items():
            for history, value in zip(self.losses, values.tolist(), strict=True):
                history.setdefault(name, []).append(value)
        return step

    def set_weight(self, term: str, weight: float) -> None:
        """Weigh a loss so from the next step on; the metadata has the change, so that `again` repeats it.

        Raises UsageError for a loss that there is not, and for a weight that is not finite.
        """
        if term not in self.engine.scene.terms:
            raise UsageError(f"there is no loss {shown(term)} (there are {', '.join(self.engine.scene.terms)})")
        where, progress = f"losses.{term}.weight", self.done / max(self.steps - 1, 1)
        if progress > 1:  # the last step is done
            return
        for i, config in enumerate(self.configs):
            before = config.losses[term]["weight"]
            changed = _changed(before, progress, weight) if self.done else weight
            scheduler = registry.schedule(changed, where)
            losses = {**config.losses, term: {**config.losses[term], "weight": changed}}
            self.configs[i] = replace(config, losses=losses)
        self.engine.scene.terms[term].weight = scheduler

    def images(self) -> list[Image]:
        """The pictures reached as they are saved, 8 bits a channel. Raises RuntimeError before the first step."""
        return [pictures.to_image(image) for image in self.engine.session.generator.finish(self.pixels())]

    def pixels(self) -> Tensor:
        """The pictures reached, float32 (B, 3, H, W) in [0, 1]. Raises RuntimeError before the first step."""
        if self._good is None and self._last is None:
            raise RuntimeError("there is no picture before the first step")
        images = self._last.images() if self._good is None and self._last else self._good
        assert images is not None
        return images.clamp(0, 1)

    def vector(self) -> Vector:
        """The pictures reached, to be had as SVG documents (`pixgen.loop.vector.require` says of which configs).

        Raises RuntimeError before the first step.
        """
        if self._last is None:
            raise RuntimeError("there is no picture before the first step")
        return Vector(self.engine.session.generator, self._last.params, self._last.size)

    def metadata(self) -> list[Metadata]:
        """How each picture was made, as far as it is."""
        size = self._saved_size(self._last.size if self._last else self.configs[0].size)
        return [
            Metadata(
                version=version(),
                prompt=grammar.format(found),
                config=configs.to_dict(config),
                steps_planned=self.steps,
                steps_done=self.done,
                seed=_seed(config),
                size=(size[0], size[1]),
                inputs=read,
                machine=hardware.machine(config.device),
            )
            for config, found, read in zip(self.configs, self.engine.session.prompts, self._inputs, strict=True)
        ]

    def _saved_size(self, size: Size) -> Size:
        """The size in which pictures are saved that the loop draws at `size`."""
        finished = self.engine.session.generator.finish(torch.empty(1, 3, *size, device="meta"))
        return finished.shape[2], finished.shape[3]

    def texts(self) -> list[str]:
        """What each picture shows, in words, for its name: the prompts that pull, without weights."""
        wanted = [[prompt for prompt in found if prompt.weight > 0] for found in self.engine.session.prompts]
        return [" ".join(p.text if p.kind == "text" else Path(p.text).stem for p in found) for found in wanted]

    def _warn_of_weights(self) -> None:
        found = [near for config in self.configs for near in hints.near_weights(config.prompt or "", _seed(config))]
        for written, meant in dict.fromkeys(found):
            log.warning("%r is not how a weight is written; if it is meant as one, write %r", written, meant)

    def _warn_of_words(self) -> None:
        texts = dict.fromkeys(p.text for found in self.engine.session.prompts for p in found if p.kind == "text")
        for name, perceptor in self.engine.session.perceptors.items():
            for text in texts:
                pieces = perceptor.pieces(text)
                if len(pieces) > 1:
                    some = " + ".join(map(repr, pieces[:PIECES_SHOWN])) + " + ..." * (len(pieces) > PIECES_SHOWN)
                    log.warning(
                        "the prompt is longer than perceptor %s reads at once; it reads it in %d pieces: %s",
                        *(name, len(pieces), some),
                    )
                drawn = self.engine.scene.start.known_words(text)
                for word, near in perceptor.unknown_words(text).items():
                    if word in drawn:
                        continue
                    hint = f"the nearest that it knows: {', '.join(near)}" if near else "it knows nothing near"
                    log.warning("perceptor %s never learnt the word %s; %s", name, shown(word), hint)


def _changed(weight: Any, progress: float, level: float) -> dict[str, Any]:
    """A schedule that is `weight` until `progress` and `level` from there on."""
    pieces = weight if isinstance(weight, Mapping) and weight.get("type") == "piecewise" else {"start": weight}
    kept = [
        pair for pair in zip(pieces.get("changes", ()), pieces.get("levels", ()), strict=True) if pair[0] < progress
    ]
    changes, levels = zip(*kept, (progress, level), strict=True)
    return {"type": "piecewise", "start": pieces["start"], "changes": list(changes), "levels": list(levels)}


def _inputs(config: RenderConfig, images: Mapping[str, Source]) -> tuple[Input, ...]:
    """The files that a run reads: image prompts, every plugin option that is a Path, and weights of one's own."""
    prompts = grammar.parse(config.prompt, _seed(config))
    found = [p.text for p in prompts if p.kind == "image" and p.text not in images]
    for name, kind in configs.COMPONENTS.items():
        found += _paths(kind, getattr(config, name))
    for name, kind in configs.TERMS.items():
        for options in getattr(config, name).values():
            found += _paths(kind, options)
    return tuple(Input(path, files.sha256(Path(path))) for path in dict.fromkeys(found))


def _paths(kind: str, options: dict[str, Any]) -> list[str]:
    if kind == "optimizer":
        return []
    plugin = registry.get(kind, options["type"])
    hints = typing.get_type_hints(plugin)
    found = [str(value) for key, value in options.items() if hints.get(key) in (Path, Path | None) and value]
    if issubclass(plugin, FromFiles):
        # One that is missing is the plugin's own to tell of: it knows what makes it.
        own = registry.create(kind, configs.plugin_options(kind, options)).files()
        found += [file for file in own if paths.written(file).is_file()]
    return found


def _seed(config: RenderConfig) -> int:
    if isinstance(config.seed, str):
        raise ValueError("the seed is still auto: call config.resolve_auto first")
    return config.seed
