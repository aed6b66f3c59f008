"""From a picture file to the page that explains it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor

from pixgen.explanation import figures, patches
from pixgen.explanation.page import PAGE, Page, escaped
from pixgen.explanation.recording import Recording
from pixgen.io import image_files, pictures
from pixgen.io.metadata import Metadata
from pixgen.recognition import describe, maps
from pixgen.recognition.clip_models import ClipModel

READ = 1024
"""Longest side in pixels at which a picture is read."""


@dataclass(frozen=True)
class Subject:
    """What is explained. about: its metadata, None where pixgen did not draw it from a prompt.

    made: what was noted while it was drawn again, None where it was not. why: it was not, though it has metadata.
    prompt: the words to look for; empty to have the picture described. name: of the file.
    """

    name: str
    picture: Tensor
    prompt: str = ""
    about: Metadata | None = None
    made: Recording | None = None
    why: str = ""


def read(path: Path) -> Tensor:
    """A picture file, upright and no longer than READ, float32 (1, 3, H, W) in [0, 1]; of one that moves the first
    frame.

    Raises UsageError where it cannot be read.
    """
    image = image_files.load(path, size=(READ, READ), first_frame=True)
    if max(image.size) > READ:
        scale = READ / max(image.size)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.convert("RGBA" if image.has_transparency_data else "RGB").resize(size, Image.Resampling.LANCZOS)
    return pictures.read(image)


def explain(
    subject: Subject, clip: ClipModel, language: str, shown: Callable[[str], object] = lambda _: None
) -> dict[str, bytes]:
    """The files of an explanation, the page (`PAGE`) last: name -> content. The same subject gives the same bytes.

    language: "en" or "pt". shown: called with the key of each part before it is made.
    """
    page, made = Page(language), subject.made
    picture = made.image if made is not None else subject.picture
    image = figures.shown(picture)
    prompt, lines = subject.prompt, []
    if made is not None and subject.about is not None:
        lines.append(
            page.say(
                "facts", size=f"{picture.shape[3]}x{picture.shape[2]}", seed=subject.about.seed, done=made.steps,
                planned=made.planned, generator=_generator(subject.about),
            )
        )  # fmt: skip
    elif subject.why:
        lines.append(page.say("not_again", why=subject.why))
    else:
        lines.append(page.say("not_ours"))
    if not prompt:
        shown("maps")
        prompt = describe.describe(clip, picture, portuguese=language == "pt").prompt
        lines.append(page.say("described"))
        lines.append(f"<em>{escaped(prompt)}</em>")
    page.head("heading" if made else "heading_maps", image, [subject.prompt] if subject.prompt else [], lines)
    if made is not None:
        shown("frames")
        _frames(page, made)
        _cutouts(page, made)
    shown("maps")
    _maps(page, clip, picture, image, prompt)
    if made is not None and subject.about is not None:
        shown("codes")
        _codes(page, made, _generator(subject.about), image)
    shown("patches")
    logits = patches.realness(picture)
    seen, real = figures.realness(image, logits), f"{float((logits > 0).float().mean()):.0%}"
    page.part("patches", page.say("patches_1", share=real), page.row(330, [("patches.png", seen, "")]))
    return page.files | {PAGE: page.html(f"{subject.name}: {prompt}" if prompt else subject.name)}


def _frames(page: Page, made: Recording) -> None:
    once = made.planned == 1
    found = [
        (f"step-{step:05d}.png", figures.shown(frame, 320), page.say("frame", step=step))
        for step, frame in made.frames.items()
    ]
    page.part("frames", page.say("frames_once" if once else "frames_1", steps=made.steps), page.row(210, found))
    if once:
        return
    charts = [
        (
            f"loss-{number}.png",
            figures.curve(values),
            f"<strong>{escaped(name)}</strong>, "
            + page.say("lowest", first=f"{values[0]:.4g}", last=f"{values[-1]:.4g}"),
        )
        for number, (name, values) in enumerate(made.losses.items(), 1)
    ]
    page.part("losses", page.say("losses_1"), page.row(330, charts))


def _cutouts(page: Page, made: Recording) -> None:
    found = made.cutouts
    if found is None:
        page.part("cutouts", page.say("cutouts_none"))
        return
    said = page.say("cutouts_1", shown=len(found.images), total=found.total, step=found.step)
    row = [("cutouts-where.png", figures.outlines(found), ""), ("cutouts.png", figures.cutouts(found), "")]
    page.part("cutouts", said, page.row(330, row))


def _maps(page: Page, clip: ClipModel, picture: Tensor, image: Image.Image, prompt: str) -> None:
    words = maps.words(prompt)
    if not words:
        page.part("maps", page.say("maps_none"))
        return
    whole = maps.maps(clip, picture, [prompt])
    each = maps.maps(clip, picture, words) if len(words) > 1 else whole[:0]
    captions = [
        page.say("prompt") if each.numel() else escaped(words[0]),
        *(map(escaped, words) if each.numel() else ()),
    ]
    found = [*maps.shares(whole), *maps.shares(each)]
    row = [
        (f"map-{number}.png", figures.heat(image, share), caption)
        for number, (share, caption) in enumerate(zip(found, captions, strict=True))
    ]
    page.part("maps", page.say("maps_1"), page.row(230, row))


def _codes(page: Page, made: Recording, generator: str, image: Image.Image) -> None:
    found = made.codes
    if found is None:
        page.part("codes", page.say("codes_none", generator=generator))
        return
    rows, columns = found.grid.shape
    said = page.say("codes_1", rows=rows, columns=columns, codebook=found.codebook, used=len(found.tiles))
    both = [
        ("codes.png", figures.mosaic(found), page.say("mosaic")),
        ("codes-together.png", image, page.say("together")),
    ]
    single: Sequence[tuple[str, Image.Image, str]] = [
        (f"code-{code}.png", figures.code(found, code), page.say("code", code=code, count=count))
        for code, count in found.most_used()
    ]
    page.part("codes", said, page.row(330, both), page.row(150, single))


def _generator(about: Metadata) -> str:
    options = about.config.get("generator")
    return str(options.get("type", "")) if isinstance(options, dict) else str(options)
