"""pixgen from Python: `pixgen.generate("a red fox")`, `vary`, `morph` and `edit` for pictures that are there.

`classify`, `search`, `rank` and `describe` say what pictures show.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pixgen.editing import picture_files
from pixgen.errors import UsageError
from pixgen.io import metadata, naming
from pixgen.io.image_files import Source
from pixgen.io.metadata import Metadata
from pixgen.io.yaml_files import Layer
from pixgen.loop import vector
from pixgen.loop.build import Models
from pixgen.loop.drawing import Drawing, groups
from pixgen.loop.engine import Step
from pixgen.loop.vector import Vector
from pixgen.networks import pair
from pixgen.recognition import classify as zero_shot
from pixgen.recognition import clip_models
from pixgen.recognition import describe as describing
from pixgen.recognition import search as finding
from pixgen.recognition.classify import Classified
from pixgen.recognition.describe import Description
from pixgen.recognition.search import Match
from pixgen.settings import config as configs
from pixgen.settings import memory, methods
from pixgen.settings.config import RenderConfig
from pixgen.settings.layers import gather
from pixgen.settings.model_pair import settings as pair_settings

if TYPE_CHECKING:
    from PIL.Image import Image

    from pixgen.editing.operations import Sampling
    from pixgen.editing.picture_files import Altered, Morph
    from pixgen.editing.refine import Callback


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What was made.

    images: one a picture, RGB. losses: of each picture, term id -> its unweighted loss at every step.
    seconds: the whole run's.
    """

    images: list[Image]
    losses: list[dict[str, list[float]]]
    seconds: float
    metadata: list[Metadata]

    _vector: ClassVar[bool] = False
    """Whether they may be saved as SVG."""

    def save(self, path: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Save the pictures with their metadata; gives their paths.

        path: a file (.png, .jpg, .webp), numbered from the second picture on; or a folder. A name that is taken gets
        a number, unless `overwrite`. What `generate` drew with a generator that has vector output may be an .svg.
        Raises UsageError for another kind of file, PixgenError where writing fails.
        """
        targets = [naming.output_path(str(path), about.prompt, vector=self._vector) for about in self.metadata]
        found = self._as(targets[0].suffix) if targets else []
        saved = []
        for index, (picture, target, about) in enumerate(zip(found, targets, self.metadata, strict=True)):
            target = naming.nth(target, index) if overwrite else target
            saved.append(metadata.save(picture, target, about, overwrite=overwrite))
        return saved

    def _as(self, suffix: str) -> Sequence[Image | str]:
        """What is saved in a file of this suffix."""
        return self.images


@dataclass(frozen=True, kw_only=True)
class Result(Pictures):
    """What was drawn of a prompt. config: every setting, resolved; picture i was drawn with its seed + i."""

    config: RenderConfig

    _vector: ClassVar[bool] = True
    vectors: list[Vector] = field(default_factory=list, repr=False)
    """What the SVG documents are made from, of the groups of pictures in order."""

    def svgs(self) -> list[str]:
        """The pictures as SVG documents, without metadata; `save("x.svg")` puts that in.

        Raises UsageError where the generator has no vector output, or a filter changed the pixels.
        """
        vector.require(self.config, "as SVG")
        return [document for group in self.vectors for document in group.documents()]

    def _as(self, suffix: str) -> Sequence[Image | str]:
        return self.svgs() if suffix.lower() == naming.VECTOR_SUFFIX else self.images


def generate(
    prompt: str,
    *,
    count: int = 1,
    preset: str | Sequence[str] = (),
    model: str | Path | None = None,
    config: str | Path | None = None,
    method: str = "loop",
    images: Mapping[str, Source] | None = None,
    callback: Callable[[Step], object] | None = None,
    allow_large: bool = False,
    **options: Any,
) -> Result:
    """Draw `count` pictures of a prompt and give them back; nothing is written.

    options: any setting by its name, `size=(height, width)` or `size="WIDTHxHEIGHT"` (`size=256` is a square),
    `steps=60`, `seed=7`, `generator="multires"`, `losses={"smooth": {"type": "tv", "weight": 0.1}}`, or dotted:
    `**{"optimizer.lr": 0.05}`. preset: one name or several, later ones win. config: a YAML file.
    model: what to draw with, a folder that `pixgen train` ended with, or a name of `pixgen models list`.
    method: "loop", or "dalle1" or "dalle2" alone, with `**{"start.candidates": 16}` and the start's other options.
    images: pictures by name, for the prompts `image:NAME`, each as `vary` takes it: `images={"cat": array}`.
    allow_large: allow what takes more memory than pixgen allows otherwise (16 GB, or what the machine has).
    callback: called with every `Step`; `step.images()` shows what is reached, and where it returns False drawing stops
    with the pictures reached so far. Picture i has seed + i.

    Raises UsageError for a setting or prompt that cannot be, PixgenError where drawing fails.
    """
    began = time.perf_counter()
    if not isinstance(count, int) or count < 1:
        raise UsageError(f"generate(..., count=...): count is {count!r}; it must be a whole number, at least 1")
    presets = [preset] if isinstance(preset, str) else preset
    said = [Layer(_nested(name, value), f"generate(..., {name}=...)") for name, value in options.items()]
    way = Layer(methods.settings(method), f"generate(..., method={method!r})")
    models = [] if model is None else [Layer(pair_settings(str(model)), "generate(..., model=...)")]
    chosen = gather(presets, config, [*models, way, *said, Layer({"prompt": prompt}, "the prompt")])
    resolved = configs.resolve_auto(configs.resolve(chosen))
    memory.require(resolved, min(int(resolved.batch), count), allow_large=allow_large)

    drawn: list[Image] = []
    losses: list[dict[str, list[float]]] = []
    about: list[Metadata] = []
    vectors: list[Vector] = []
    loaded = Models(keep_text_towers=count > 1)
    for group in groups(resolved, count):
        drawing = Drawing(group, loaded, images)
        stopped = False
        for step in drawing:
            stopped = callback is not None and callback(step) is False
            if stopped:
                break
        drawn += drawing.images()
        losses += drawing.losses
        about += drawing.metadata()
        vectors += [drawing.vector()] if drawing.engine.session.generator.has_svg else []
        if stopped:
            break
    seconds = time.perf_counter() - began
    return Result(images=drawn, losses=losses, config=resolved, seconds=seconds, metadata=about, vectors=vectors)


def vary(
    picture: Source,
    *,
    count: int = 6,
    strength: float = 0.75,
    seed: int | None = None,
    steps: int = 0,
    size: int | None = None,
    first_frame: bool = False,
    allow_large: bool = False,
    model: str | Path = "",
    sampling: Sampling | None = None,
    callback: Callback | None = None,
) -> Pictures:
    """Draw `count` pictures of what a picture shows, in its style; picture i has seed + i.

    picture: a path, a PIL picture, the bytes of a file, or a numpy array: uint8, or floats in [0, 1], of HxW, HxWx3
    or HxWx4. first_frame: take the first frame of a file that moves.

    strength: the share that is drawn anew, 0 to 1. steps: of the loop, which ends at `size` x `size` pixels, 256 by
    default; without them the pictures are of 128 x 128. model: the folder of a model pair. callback: called with every
    step; where it returns False, what is reached is the last picture.

    Raises UsageError for a picture or a number that cannot be, PixgenError where a model's file is missing.
    """
    return _pictures(
        picture_files.vary(
            pair.load(model), picture, count=count, strength=strength, seed=seed, steps=steps, size=size,
            first_frame=first_frame, allow_large=allow_large, sampling=sampling, callback=callback,
        )
    )  # fmt: skip


def morph(
    first: Source,
    last: Source,
    *,
    frames: int = 16,
    seed: int | None = None,
    steps: int = 8,
    first_frame: bool = False,
    allow_large: bool = False,
    model: str | Path = "",
    callback: Callback | None = None,
) -> Morph:
    """Turn one picture into another: its `frames`, their `strip` and a `video` (the bytes of an MP4).

    steps: of the loop, for each frame between the two. callback: as `vary` has it. Raises as `vary` does.
    """
    loaded = pair.load(model)
    return picture_files.morph(
        loaded, first, last, frames=frames, seed=seed, steps=steps, first_frame=first_frame, allow_large=allow_large,
        callback=callback,
    )  # fmt: skip


def edit(
    picture: Source,
    text: str,
    before: str | None = None,
    *,
    strength: float | None = None,
    mask: Source | None = None,
    seed: int | None = None,
    steps: int = 40,
    size: int = 256,
    first_frame: bool = False,
    allow_large: bool = False,
    model: str | Path = "",
    sampling: Sampling | None = None,
    callback: Callback | None = None,
) -> Pictures:
    """Change a picture from what `before` says to what `text` says, all of it or inside a mask.

    strength: how much changes, 0 to 1; 0.5 where None, 1 under a mask. mask: a picture, white where it may change;
    everywhere else the result has the picture's own pixels. Pictures are given, and errors raised, as for `vary`.
    """
    return _pictures(
        [
            picture_files.edit(
                pair.load(model), picture, text, before, strength=strength, mask=mask, seed=seed, steps=steps,
                size=size, first_frame=first_frame, allow_large=allow_large, sampling=sampling, callback=callback,
            )
        ]
    )  # fmt: skip


def classify(
    pictures: Source | Sequence[Source],
    labels: str | Sequence[str],
    *,
    clip: str | Sequence[str] = (),
    templates: Sequence[str] = (),
) -> list[Classified]:
    """Which of the labels, a list or `"cat,dog,person"`, fits each picture: `.best`, and `.scores`, which sum to one.

    pictures: paths or Pillow images, one or several. clip: names of CLIPs, whose probabilities are averaged;
    pixgen-tiny by default. templates: with `{}` for the label, in place of those that suit the CLIP.
    Raises UsageError for labels, pictures and CLIPs that cannot be.
    """
    files = [pictures] if isinstance(pictures, str) or not isinstance(pictures, Sequence) else pictures
    names = labels.split(",") if isinstance(labels, str) else labels
    return zero_shot.classify(clip_models.load_all(_names(clip)), files, names, templates=templates)


def search(
    folder: str | Path, text: str | None = None, *, by_image: str | Path | None = None, count: int = 10, clip: str = ""
) -> list[Match]:
    """The `count` pictures in a folder that come nearest to a text or to another picture, the best first.

    The first search makes an index in pixgen's cache, later ones bring it up to date. clip: a CLIP's name, pixgen-tiny
    by default. Raises UsageError for a folder, a text or a picture that cannot be.
    """
    (model,) = clip_models.load_all(_names(clip))
    return finding.search(model, folder, text, by_image=by_image, count=count).matches


def rank(text: str, pictures: Sequence[str | Path], *, clip: str | Sequence[str] = ()) -> list[Match]:
    """Source files by how well they match a text, the best first. clip and what is raised: as in `classify`."""
    return finding.rank(clip_models.load_all(_names(clip)), text, pictures)


def describe(picture: Source, *, portuguese: bool = False, clip: str = "") -> Description:
    """A picture in words: `.prompt` draws it again. clip and what is raised: as in `classify`."""
    (model,) = clip_models.load_all(_names(clip))
    return describing.describe(model, clip_models.opened(picture), portuguese=portuguese)


def _names(clip: str | Sequence[str]) -> Sequence[str]:
    return [clip] if isinstance(clip, str) and clip else [name for name in clip if name]


def _pictures(made: Iterable[Altered]) -> Pictures:
    found = list(made)
    return Pictures(
        images=[one.image for one in found],
        losses=[dict(one.losses) for one in found],
        seconds=sum(one.seconds for one in found),
        metadata=[one.about for one in found],
    )


def _nested(key: str, value: Any) -> Mapping[str, Any]:
    first, _, rest = key.partition(".")
    return {first: _nested(rest, value)} if rest else {first: value}
