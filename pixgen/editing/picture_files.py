"""Variations, morphs and edits of pictures: what the command line and `pixgen.vary` and its like share.

A picture is a path, a Pillow image, an array or the bytes of a file. What is made of it says in its
metadata how, and of which files.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pixgen.backend import hardware
from pixgen.backend.isolation import in_isolation, isolating
from pixgen.editing import masks, operations, refine
from pixgen.editing.operations import Sampling
from pixgen.editing.refine import Callback, Made
from pixgen.errors import UsageError
from pixgen.io import colour_profiles, files, image_files, pictures, shell, video
from pixgen.io.image_files import Source
from pixgen.io.metadata import Input, Metadata
from pixgen.io.resources import version
from pixgen.networks.pair import PAIR_SIDE
from pixgen.settings import config, memory

if TYPE_CHECKING:
    from PIL.Image import Image

    from pixgen.networks.pair import Pair

log = logging.getLogger(__name__)

STRIP = 8
"""Frames of a morph's strip; the video has all of them."""


@dataclass(frozen=True)
class Altered:
    """A finished picture and how it was made. losses: of the loop, term -> its value at every step."""

    image: Image
    about: Metadata
    losses: Mapping[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Morph:
    """All frames of a morph; `strip` is a picture of some of them in a row."""

    frames: list[Image]
    strip: Altered
    pixels: Sequence[Tensor]
    """The frames, float32 (1, 3, 128, 128) in [0, 1] each."""

    @cached_property
    def video(self) -> bytes:
        """An MP4 of all frames, encoded when it is asked for. Raises what `video.encode` raises."""
        return video.encode(self.pixels, comment=self.strip.about.command)


@dataclass(frozen=True)
class Job:
    """What the metadata says of a run, beside the picture. command, arguments, flags: of its command line."""

    command: str
    arguments: Sequence[str]
    flags: Sequence[str]
    prompt: str
    options: Mapping[str, Any]
    files: Sequence[Path]


@isolating
def vary(
    pair: Pair,
    picture: Source,
    *,
    count: int = 6,
    strength: float = 0.75,
    seed: int | None = None,
    steps: int = 0,
    size: int | None = None,
    first_frame: bool = False,
    allow_large: bool = False,
    sampling: Sampling | None = None,
    callback: Callback | None = None,
) -> Iterator[Altered]:
    """`variations.vary` of a file; the first is made when it is asked for, the file is read at once.

    seed: of the first, drawn where None. size: 256 where None and there are steps. Raises UsageError for a picture or a
    number that cannot be, and for a size without steps.
    """
    _require(1 <= count <= config.MAX_COUNT, f"{count} variations", "at least 1")
    first = _seed(seed, count)
    _require_steps(steps)
    if steps == 0 and size not in (None, PAIR_SIDE):
        raise UsageError(
            f"size {size} without steps: variations are of {PAIR_SIDE}x{PAIR_SIDE}; give steps of the loop as well"
        )
    height, width = size_of(size, steps)
    size = max(height, width)
    _require_size(size, pair)
    operations.require_strength(strength)
    _require_memory(size, steps, allow_large)
    picture, sampling = _normal(picture), sampling or Sampling()
    image = pictures.read(picture, size=(size, size), first_frame=first_frame)
    options = {"strength": strength, "steps": steps, "size": size, **vars(sampling)}
    flags = ["-n", "1", *_frame_flag(first_frame)]
    job = Job("vary", [_word(picture)], flags, f"a variation of {_stem(picture)}", options, _paths(picture))
    _prepare(pair, [(picture, image)])
    made = operations.vary(
        pair, image, count, strength=strength, seed=first, steps=steps, size=size, sampling=sampling, callback=callback
    )
    return _finish(pair, job, made)


@isolating
def morph(
    pair: Pair,
    first: Source,
    last: Source,
    *,
    frames: int = 16,
    seed: int | None = None,
    steps: int = 8,
    first_frame: bool = False,
    allow_large: bool = False,
    callback: Callback | None = None,
) -> Morph:
    """`variations.morph` of two files. Raises UsageError for a picture or a number that cannot be."""
    _require(2 <= frames <= config.MAX_COUNT, f"{frames} frames", "at least 2, the first and the last")
    _require_steps(steps)
    seed = _seed(seed, 1)
    memory.require_bytes(
        memory.BASE + frames * memory.FRAME_BYTES, f"a morph of {frames} frames", allow_large=allow_large
    )
    _require_memory(PAIR_SIDE, steps, allow_large)
    given = [_normal(source) for source in (first, last)]
    ends = [pictures.read(source, size=(PAIR_SIDE, PAIR_SIDE), first_frame=first_frame) for source in given]
    options = {"frames": frames, "steps": steps}
    about = f"from {_stem(given[0])} to {_stem(given[1])}"
    job = Job("morph", list(map(_word, given)), _frame_flag(first_frame), about, options, _paths(*given))
    _prepare(pair, list(zip(given, ends, strict=True)))
    began = time.perf_counter()
    made = list(operations.morph(pair, ends[0], ends[1], frames, seed=seed, steps=steps, callback=callback))
    shown = min(len(made), STRIP)  # the callback may have ended it early
    chosen = [made[round(i * (len(made) - 1) / (shown - 1))] for i in range(shown)]
    done, planned = sum(one.steps for one in made), steps * (frames - 2)
    row = Made(torch.cat([one.image for one in chosen], dim=3), made[0].codes, seed, done, planned=planned)
    (strip,) = _finish(pair, job, iter([row]), began)
    return Morph([pictures.to_image(one.image) for one in made], strip, [one.image for one in made])


@isolating
def edit(
    pair: Pair,
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
    sampling: Sampling | None = None,
    callback: Callback | None = None,
) -> Altered:
    """`variations.edit` of a file. strength: 0.5 where None, 1 under a mask.

    With a mask the result has the file's own size, and outside the mask its own pixels as 8-bit RGB, or RGBA where
    it is transparent. Raises UsageError for a picture, a mask, words or a number that cannot be.
    """
    strength = (0.5 if mask is None else 1.0) if strength is None else strength
    operations.require_strength(strength)
    _require_steps(steps)
    _require_size(size, pair)
    for said, name in ((text, "the text"), (before, "--from")):
        _require(said is None or bool(said.strip()), f"{name} is empty", "words that say what is shown")
    seed, sampling = _seed(seed, 1), sampling or Sampling()
    _require_memory(size, steps, allow_large)
    picture, changing = _normal(picture), None
    if mask is None:
        image = pictures.read(picture, size=(size, size), first_frame=first_frame)
    else:
        mask = _normal(mask)
        _require_whole(picture, allow_large)
        image = pictures.read(picture, first_frame=first_frame)
        changing, resized = masks.read_mask(mask, (image.shape[2], image.shape[3]), first_frame=first_frame)
        if resized:
            log.warning("%s is resized to the picture's %dx%d", masks.mask_name(mask), image.shape[3], image.shape[2])
    options = {"strength": strength, "steps": steps, "size": size, **vars(sampling)}
    flags = ["--from", before] if before is not None else []
    flags += ["--mask", _word(mask, "MASK")] if mask is not None else []
    flags += _frame_flag(first_frame)
    job = Job("edit", [_word(picture), text], flags, text, options, _paths(picture, mask))
    _prepare(pair, [(picture, image)])
    began = time.perf_counter()
    made = operations.edit(
        pair, image, text, before, strength=strength, mask=changing, seed=seed, steps=steps, size=size,
        sampling=sampling, callback=callback,
    )  # fmt: skip
    (altered,) = _finish(pair, job, iter([made]), began)
    if changing is None:
        return altered
    return Altered(_over(picture, altered.image, changing, first_frame), altered.about, altered.losses, altered.seconds)


def _finish(pair: Pair, job: Job, made: Iterator[Made], began: float | None = None) -> Iterator[Altered]:
    inputs = tuple(Input(str(path), files.sha256(path)) for path in job.files)
    names = {**job.options, "model": "" if pair.is_embedded else str(pair.folder)}
    began = time.perf_counter() if began is None else began
    for one in in_isolation(made):
        flags = [word for name, value in names.items() if value != "" for word in (f"--{_flag(name)}", f"{value}")]
        image = pictures.to_image(one.image)
        about = Metadata(
            version=version(),
            prompt=job.prompt,
            config=names,
            steps_planned=one.planned or one.steps,
            steps_done=one.steps,
            seed=one.seed,
            size=(image.height, image.width),
            inputs=inputs,
            machine=hardware.machine("cpu"),
            command=shell.command(job.command, job.arguments, [*job.flags, "--seed", str(one.seed), *flags]),
        )
        yield Altered(image, about, one.losses, time.perf_counter() - began)
        began = time.perf_counter()


def _over(picture: Source, made: Image, changing: Tensor, first_frame: bool) -> Image:
    """`made` where the mask (1, 1, H, W) is not 0, elsewhere the file's own bytes, with its own colour profile."""
    import numpy as np
    from PIL import Image as images

    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8:
            return made  # its values were rounded to 8 bits already
        picture = images.fromarray(picture)
    original = image_files.load(picture, first_frame=first_frame, in_srgb=False)
    if original.mode.startswith("I;16") or original.mode in ("I", "F"):
        return made  # its bytes were rounded to 8 bits already
    icc_profile = colour_profiles.profile(original)
    if icc_profile is not None:
        made = colour_profiles.from_srgb(made, icc_profile)
    else:  # of CMYK and grey pictures too, whose bytes cannot be kept
        original = image_files.load(picture, first_frame=first_frame)
    clear = original.has_transparency_data
    before, after = (np.array(image.convert("RGBA" if clear else "RGB")) for image in (original, made))
    share = changing[0, 0].cpu().numpy()[..., None]
    if clear:
        after[..., 3:] = np.maximum(before[..., 3:], (share * 255).round().astype(np.uint8))
    result = images.fromarray(np.where(share > 0, after, before))
    if icc_profile is not None:
        result.info["icc_profile"] = icc_profile  # Pillow writes it into the file
    return result


def size_of(size: int | None, steps: int) -> tuple[int, int]:
    """(height, width) of variations: 256 by default, and 128 without steps."""
    side = size or (256 if steps else PAIR_SIDE)
    return side, side


def _normal(source: Source) -> Source:
    return Path(source) if isinstance(source, str) else source


def _stem(source: Source) -> str:
    return Path(source).stem if image_files.is_path(source) else "a picture"


def _word(source: Source, otherwise: str = "PICTURE") -> str:
    """How a command names a picture; one that is no file cannot be named."""
    return str(source) if image_files.is_path(source) else otherwise


def _paths(*sources: Source) -> list[Path]:
    return [Path(source) for source in sources if image_files.is_path(source)]


def _frame_flag(first_frame: bool) -> list[str]:
    return ["--first-frame"] if first_frame else []


def _require_memory(size: int, steps: int, allow_large: bool) -> None:
    """Raise UsageError where the loop would take too much memory at this size; without steps there is none."""
    if steps:
        memory.require(refine.settings(size), allow_large=allow_large)


def _require_whole(picture: Source, allow_large: bool) -> None:
    """Raise UsageError where a picture that keeps its size under a mask takes too much memory."""
    if not pictures.is_source(picture):
        return  # `pictures.read` says what it must be
    height, width = image_files.size_of(picture)
    need = memory.BASE + height * width * memory.EDITED_PIXEL_BYTES
    memory.require_bytes(need, f"an edit of {width}x{height} under a mask", allow_large=allow_large)


def _prepare(pair: Pair, given: Sequence[tuple[Source, Tensor]]) -> None:
    for source, image in given:
        if operations.is_unlike(pair, image):
            log.warning(
                "%s is unlike the pictures that this model pair learnt from; the result may not be like it",
                source if image_files.is_path(source) else "the picture",
            )


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _seed(seed: int | None, count: int) -> int:
    if seed is None:
        return secrets.randbelow(2**32)
    _require(0 <= seed <= config.MAX_SEED - count + 1, f"seed {seed}", "0 to 2**63 - 1, with room for the count")
    return seed


def _require_size(size: int, pair: Pair) -> None:
    factor = pair.vqgan.factor
    fits = PAIR_SIDE <= size <= config.MAX_SIDE and size % factor == 0
    _require(fits, f"size {size}", f"a multiple of {factor} from {PAIR_SIDE} up")


def _require_steps(steps: int) -> None:
    _require(0 <= steps <= config.MAX_COUNT, f"{steps} steps", "0 or more")


def _require(ok: bool, what: str, wanted: str) -> None:
    if not ok:
        raise UsageError(f"{what}: it must be {wanted}")
