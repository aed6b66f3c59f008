"""pixgen from Python: `pixgen.generate("a red fox")`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixgen import config as configs
from pixgen import metadata, methods, naming, render
from pixgen.build import Models
from pixgen.config import RenderConfig
from pixgen.engine import Step
from pixgen.errors import UsageError
from pixgen.layers import Layer, gather
from pixgen.metadata import Metadata
from pixgen.models import pair

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Result:
    """What was drawn.

    images: one a picture, RGB. losses: of each picture, term id -> its unweighted loss at every step.
    config: every setting, resolved; picture i was drawn with its seed + i. seconds: the whole run's.
    """

    images: list[Image]
    losses: list[dict[str, list[float]]]
    config: RenderConfig
    seconds: float
    metadata: list[Metadata]

    def save(self, path: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Save the pictures with their metadata; gives their paths.

        path: a file (.png, .jpg, .webp), numbered from the second picture on; or a folder. A name that is taken gets
        a number, unless `overwrite`. Raises UsageError for another kind of file, PixgenError where writing fails.
        """
        saved = []
        for index, (image, about) in enumerate(zip(self.images, self.metadata, strict=True)):
            target = naming.output_path(str(path), about.prompt)
            target = naming.nth(target, index) if overwrite else target
            saved.append(metadata.save(image, target, about, overwrite=overwrite))
        return saved


def generate(
    prompt: str,
    *,
    count: int = 1,
    preset: str | Sequence[str] = (),
    model: str | Path | None = None,
    config: str | Path | None = None,
    method: str = "loop",
    callback: Callable[[Step], object] | None = None,
    **options: Any,
) -> Result:
    """Draw `count` pictures of a prompt and give them back; nothing is written.

    options: any setting by its name, `size=(height, width)` or `size="WIDTHxHEIGHT"`, `steps=60`, `seed=7`,
    `generator="multires"`, `losses={"smooth": {"type": "tv", "weight": 0.1}}`, or dotted:
    `**{"optimizer.lr": 0.05}`. preset: one name or several, later ones win. config: a YAML file.
    model: what to draw with, a folder that `pixgen train` ended with, or a name of `pixgen models list`.
    method: "loop", or "dalle1" or "dalle2" alone, with `**{"start.candidates": 16}` and the start's other options.
    callback: called with every `Step`; `step.images()` shows what is reached. Picture i has seed + i.

    Raises UsageError for a setting or prompt that cannot be, PixgenError where drawing fails.
    """
    began = time.perf_counter()
    if count < 1:
        raise UsageError(f"generate(..., count=...): count is {count}; it must be at least 1")
    presets = [preset] if isinstance(preset, str) else preset
    said = [Layer(_nested(name, value), f"generate(..., {name}=...)") for name, value in options.items()]
    way = Layer(methods.settings(method), f"generate(..., method={method!r})")
    models = [] if model is None else [Layer(pair.settings(str(model)), "generate(..., model=...)")]
    chosen = gather(presets, config, [*models, way, *said, Layer({"prompt": prompt}, "the prompt")])
    resolved = configs.resolve_auto(configs.resolve(chosen))

    images: list[Image] = []
    losses: list[dict[str, list[float]]] = []
    about: list[Metadata] = []
    loaded = Models()
    for group in render.groups(resolved, count):
        drawing = render.Drawing(group, loaded)
        for step in drawing:
            if callback is not None:
                callback(step)
        images += drawing.images()
        losses += drawing.losses
        about += drawing.metadata()
    return Result(images, losses, resolved, time.perf_counter() - began, about)


def _nested(key: str, value: Any) -> Mapping[str, Any]:
    first, _, rest = key.partition(".")
    return {first: _nested(rest, value)} if rest else {first: value}
