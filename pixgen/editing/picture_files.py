"""Variations, morphs and edits of picture files: what the command line and `pixgen.vary` and its like share.

The pictures are read here, and what is made of them says in its metadata how, and of which files.
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
from pixgen.editing import masks, operations
from pixgen.editing.operations import Sampling
from pixgen.editing.refine import Callback, Made
from pixgen.errors import UsageError
from pixgen.io import colour_profiles, files, image_files, pictures, shell, video
from pixgen.io.metadata import Input, Metadata
from pixgen.io.resources import version
from pixgen.networks.pair import PAIR_SIDE
from pixgen.settings import config

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
    picture: Path,
    *,
    count: int = 6,
    strength: float = 0.75,
    seed: int | None = None,
    steps: int = 0,
    size: int | None = None,
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
    size = size or (256 if steps else PAIR_SIDE)
    _require_size(size, pair)
    operations.require_strength(strength)
    image, sampling = pictures.read(picture), sampling or Sampling()
    options = {"strength": strength, "steps": steps, "size": size, **vars(sampling)}
    job = Job("vary", [str(picture)], ["-n", "1"], f"a variation of {picture.stem}", options, [picture])
    _prepare(pair, {picture: image})
    made = operations.vary(
        pair, image, count, strength=strength, seed=first, steps=steps, size=size, sampling=sampling, callback=callback
    )
    return _finish(pair, job, made)


@isolating
def morph(
    pair: Pair,
    first: Path,
    last: Path,
    *,
    frames: int = 16,
    seed: int | None = None,
    steps: int = 8,
    callback: Callback | None = None,
) -> Morph:
    """`variations.morph` of two files. Raises UsageError for a picture or a number that cannot be."""
    _require(2 <= frames <= config.MAX_COUNT, f"{frames} frames", "at least 2, the first and the last")
    _require_steps(steps)
    seed = _seed(seed, 1)
    ends = [pictures.read(path) for path in (first, last)]
    options = {"frames": frames, "steps": steps}
    job = Job("morph", [str(first), str(last)], [], f"from {first.stem} to {last.stem}", options, [first, last])
    _prepare(pair, dict(zip((first, last), ends, strict=True)))
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
    picture: Path,
    text: str,
    before: str | None = None,
    *,
    strength: float | None = None,
    mask: Path | None = None,
    seed: int | None = None,
    steps: int = 40,
    size: int = 256,
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
    seed, image, sampling = _seed(seed, 1), pictures.read(picture), sampling or Sampling()
    changing = None
    if mask is not None:
        changing, resized = masks.read_mask(mask, (image.shape[2], image.shape[3]))
        if resized:
            log.warning("the mask %s is resized to the picture's %dx%d", mask, image.shape[3], image.shape[2])
    options = {"strength": strength, "steps": steps, "size": size, **vars(sampling)}
    flags = ["--from", before] if before is not None else []
    flags += ["--mask", str(mask)] if mask is not None else []
    job = Job("edit", [str(picture), text], flags, text, options, [picture, *([mask] if mask else [])])
    _prepare(pair, {picture: image})
    began = time.perf_counter()
    made = operations.edit(
        pair, image, text, before, strength=strength, mask=changing, seed=seed, steps=steps, size=size,
        sampling=sampling, callback=callback,
    )  # fmt: skip
    (altered,) = _finish(pair, job, iter([made]), began)
    if changing is None:
        return altered
    return Altered(_over(picture, altered.image, changing), altered.about, altered.losses, altered.seconds)


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


def _over(path: Path, made: Image, changing: Tensor) -> Image:
    """`made` where the mask (1, 1, H, W) is not 0, elsewhere the file's own bytes, with its own colour profile."""
    import numpy as np
    from PIL import Image as images

    original = image_files.load(path, in_srgb=False)
    if original.mode.startswith("I;16") or original.mode in ("I", "F"):
        return made  # its bytes were rounded to 8 bits already
    icc_profile = colour_profiles.profile(original)
    if icc_profile is not None:
        made = colour_profiles.from_srgb(made, icc_profile)
    else:  # of CMYK and grey pictures too, whose bytes cannot be kept
        original = image_files.load(path)
    clear = original.has_transparency_data
    before, after = (np.array(image.convert("RGBA" if clear else "RGB")) for image in (original, made))
    share = changing[0, 0].cpu().numpy()[..., None]
    if clear:
        after[..., 3:] = np.maximum(before[..., 3:], (share * 255).round().astype(np.uint8))
    result = images.fromarray(np.where(share > 0, after, before))
    if icc_profile is not None:
        result.info["icc_profile"] = icc_profile  # Pillow writes it into the file
    return result


def _prepare(pair: Pair, given: Mapping[Path, Tensor]) -> None:
    for path, image in given.items():
        if operations.is_unlike(pair, image):
            log.warning(
                "%s is unlike the pictures that this model pair learnt from; the result may not be like it", path
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
