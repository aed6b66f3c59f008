"""Makes the bank: a few drawings of every subject as codes of the VQGAN, with their embeddings. Nothing is trained.

For each subject the drawings of different icon sets that the perceptor names most surely, each alone on a light ground;
of people also men and women; of each place a few views. A drawing that the perceptor no longer names once the VQGAN
has shown it gives way to the next one.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.errors import UsageError
from pixgen.io import files, resources, terminal
from pixgen.networks import vqgan as vqgan_model
from pixgen.networks.pair import PairPerceptor, load_perceptor
from pixgen.scenery.bank import DRAWING_SIDE, MASK_SIDE, Bank, BankEntry, save_bank
from pixgen.scenery.captions import Thing
from pixgen.scenery.compose import FILL
from pixgen.scenery.places import PLACES
from pixgen.scenery.subjects import Subject
from pixgen.scenery.vocabulary import PLACE_WORDS
from pixgen.training.data.drawings import Icon
from pixgen.training.data.scenes import Scenes
from pixgen.training.options import BaseOptions, Cache, Option, Seed, Subjects, parse

GROUND = 0.95
"""The light grey on which every drawing stands."""
WORDINGS = 4
"""Captions of each language whose mean embedding stands for all."""
VIEWS = 2
"""Pictures of each place."""
NAMED_AMONG = 5
"""A drawing is recognised when its subject is among so many of the nearest."""
CANDIDATES = 16
"""Drawings that are compared at most: some subjects have sixty, in all skin tones."""
BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Options(BaseOptions):
    """Of the bank. Networks that are not given are those next to `out`, or else pixgen's own."""

    out: Annotated[Path, Option("the file to write, bank.safetensors in the folder of its networks", positional=True)]
    cache: Cache
    perceptor: Annotated[Path | None, Option("Weights of the perceptor.", "FILE")] = None
    vqgan: Annotated[Path | None, Option("Weights of the VQGAN.", "FILE")] = None
    subjects: Subjects = 440
    each: Annotated[int, Option("Drawings of a subject; of each sex one less.", minimum=1)] = 3
    seed: Seed = 0


@dataclass
class Candidate:
    """One drawing that may be taken. margin: how much nearer its own subject's captions are than all others'."""

    sprite: int
    drawing: Icon
    margin: float = 0.0


def make(
    cache: Path, perceptor_file: Path, vqgan_file: Path, subjects: int = 440, each: int = 3, seed: int = 0
) -> tuple[Bank, dict[str, float]]:
    """The bank of the `subjects` most useful subjects, `each` drawings of one, and in which share they are recognised.

    Raises UsageError where there are no drawings, PixgenError for weights that cannot be used.
    """
    perceptor = load_perceptor(perceptor_file)
    vqgan = vqgan_model.load(vqgan_file)
    vqgan.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    scenes = Scenes(cache, 1, DRAWING_SIDE, seed, subjects=subjects)
    if not scenes.groups:
        raise UsageError(f"{cache} has no drawing of the first {subjects} subjects; make it with `pixgen train data`")

    captions = torch.cat([_caption_embedding(perceptor, scenes.subjects[group]) for group in scenes.groups])
    chosen: list[Candidate] = []
    for number, group in enumerate(scenes.groups):
        buckets = _buckets(scenes, group)
        wanted = each if len(buckets) == 1 else max(1, each - 1)
        for bucket in buckets:
            _measure(bucket, scenes, perceptor, captions, number)
            chosen += _varied(bucket, wanted)
    shown = _shown(_large(scenes, [c.sprite for c in chosen]), vqgan, perceptor)
    numbers = torch.tensor([scenes.groups.index(c.drawing.group) for c in chosen])
    unnamed = len(_unnamed(shown.images, captions, numbers))
    found = {"drawings": float(len(chosen)), "recognised": round(1 - unnamed / len(chosen), 3)}

    entries = [
        BankEntry(d.group, d.icon_set, d.age, d.sex, captions=row, rgb=_rgb(colour))
        for d, row, colour in zip([c.drawing for c in chosen], numbers.tolist(), shown.colours, strict=True)
    ]
    noise = torch.Generator().manual_seed(seed)
    side = DRAWING_SIDE
    views = [PLACES[name](VIEWS, side, noise).expand(VIEWS, 3, side, side).clamp(0, 1) for name in PLACES]
    full = torch.ones(len(views) * VIEWS, MASK_SIDE, MASK_SIDE, dtype=torch.bool)
    places = _shown((torch.cat(views), full), vqgan, perceptor)
    for i, name in enumerate(PLACES):
        colours = places.colours[i * VIEWS :][:VIEWS]
        entries += [BankEntry("", place=name, captions=len(captions) + i, rgb=_rgb(c)) for c in colours]
    names = [_embedded(perceptor, *PLACE_WORDS[name]) for name in PLACES]
    bank = Bank(
        entries,
        {group: scenes.subjects[group].names() for group in scenes.groups},
        torch.cat((shown.codes, places.codes)),
        torch.cat((shown.masks, places.masks)),
        torch.cat((shown.images, places.images)),
        torch.cat((captions, *names)),
        {"perceptor": files.sha256(perceptor_file), "vqgan": files.sha256(vqgan_file)},
    )
    return bank, found


# -- which drawings -----------------------------------------------------------------------------------------


def _buckets(scenes: Scenes, group: str) -> list[list[Candidate]]:
    """The group's drawings; of people, men and women apart."""
    found: dict[str, list[Candidate]] = {}
    for sprite, drawing in scenes.drawings[group]:
        sex = drawing.sex if scenes.subjects[group].kind == "person" else ""
        found.setdefault(sex, []).append(Candidate(sprite, drawing))
    rng = random.Random(f"{scenes.seed}/{group}")
    return [rng.sample(found[sex], min(CANDIDATES, len(found[sex]))) for sex in sorted(found)]


def _measure(bucket: list[Candidate], scenes: Scenes, perceptor: PairPerceptor, captions: Tensor, number: int) -> None:
    side = perceptor.input_size
    sprites = torch.from_numpy(scenes.levels[96][[c.sprite for c in bucket]]).float() / 255
    with torch.no_grad():
        images = perceptor.encode_image(on_ground(_framed(sprites, side)))
    margins = _margins(images, captions, torch.full((len(bucket),), number))
    for candidate, value in zip(bucket, margins.tolist(), strict=True):
        candidate.margin = value


def _varied(bucket: list[Candidate], count: int) -> list[Candidate]:
    """Those with the largest margins, icon sets that were not taken yet first."""
    left: list[Candidate] = list(bucket)
    taken: list[Candidate] = []
    toned = any(c.drawing.tone for c in bucket)
    while left and len(taken) < count:
        sets, tones = {c.drawing.icon_set for c in taken}, {c.drawing.tone for c in taken}

        def preference(candidate: Candidate, sets: set[str] = sets, tones: set[str] = tones) -> float:
            drawing = candidate.drawing
            # The usual drawing of a subject: a cat, not one that weeps; and people in the colours that people have.
            usual = drawing.name.removesuffix("-face") == drawing.group or drawing.sex != ""
            yellow = toned and not drawing.tone
            again = 2 * (drawing.icon_set in sets) + 0.3 * (drawing.tone in tones)
            return candidate.margin + 0.7 * usual - 0.6 * yellow - again

        best = max(left, key=preference)
        left.remove(best)
        taken.append(best)
    return taken


def _margins(images: Tensor, captions: Tensor, numbers: Tensor) -> Tensor:
    """How much nearer a picture's own captions are than the nearest others, (N,)."""
    near = images @ captions.T
    own = near.gather(1, numbers[:, None])[:, 0]
    return own - near.scatter(1, numbers[:, None], -1.0).amax(1)


def _unnamed(images: Tensor, captions: Tensor, numbers: Tensor) -> list[int]:
    """Pictures whose subject is not among the first few that the perceptor would name."""
    near = images @ captions.T
    before = (near > near.gather(1, numbers[:, None])).sum(1)
    found: list[int] = (before >= NAMED_AMONG).nonzero().flatten().tolist()
    return found


# -- pictures and codes ------------------------------------------------------------------------------------------


@dataclass
class Shown:
    """Drawings as codes (N, 32, 32), masks, embeddings (N, D) and mean colours (N, 3)."""

    codes: Tensor
    masks: Tensor
    images: Tensor
    colours: Tensor


@torch.no_grad()
def _shown(pictures: tuple[Tensor, Tensor], vqgan: vqgan_model.VQModel, perceptor: PairPerceptor) -> Shown:
    codes, images, colours = [], [], []
    for part, masks in zip(pictures[0].split(BATCH), pictures[1].split(BATCH), strict=True):
        side = perceptor.input_size
        small = F.interpolate(part, size=(side, side), mode="bicubic", antialias=True).clamp(0, 1)
        images.append(perceptor.encode_image(small))
        inside = F.interpolate(masks[:, None].float(), size=(DRAWING_SIDE, DRAWING_SIDE))
        colours.append((part * inside).sum((2, 3)) / inside.sum((2, 3)).clamp(min=1))
        codes.append(vqgan.quantize(vqgan.encode(part))[1])
    return Shown(torch.cat(codes), pictures[1], torch.cat(images), torch.cat(colours))


def _large(scenes: Scenes, sprites: list[int]) -> tuple[Tensor, Tensor]:
    """Each drawing large on a light ground, (N, 3, 256, 256), and its mask, bool (N, 128, 128)."""
    images, masks = [], []
    for begin in range(0, len(sprites), BATCH):
        cut = torch.from_numpy(scenes.sprites[sprites[begin : begin + BATCH]]).float() / 255
        framed = _framed(cut, DRAWING_SIDE)
        images.append(on_ground(framed))
        masks.append(F.avg_pool2d(framed[:, 3:], DRAWING_SIDE // MASK_SIDE)[:, 0] > 0.5)
    return torch.cat(images), torch.cat(masks)


def _framed(sprites: Tensor, side: int) -> Tensor:
    """Premultiplied RGBA (N, 4, s, s) -> (N, 4, side, side), in the middle, filling FILL of it."""
    inner = round(side * FILL / 2) * 2
    small = F.interpolate(sprites, size=(inner, inner), mode="bicubic", antialias=True).clamp(0, 1)
    before = (side - inner) // 2
    return F.pad(small, (before, side - inner - before, before, side - inner - before))


def on_ground(sprites: Tensor) -> Tensor:
    """Premultiplied RGBA, float32 (N, 4, S, S) in [0, 1], on the light grey: (N, 3, S, S)."""
    return (sprites[:, :3] + GROUND * (1 - sprites[:, 3:])).clamp(0, 1)


def _rgb(colour: Tensor) -> tuple[float, float, float]:
    r, g, b = (round(float(c), 3) for c in colour)
    return r, g, b


# -- in words -----------------------------------------------------------------------------------------------


def _caption_embedding(perceptor: PairPerceptor, subject: Subject) -> Tensor:
    """(1, D): the mean embedding of a subject's captions, in English and Portuguese."""
    rng = random.Random(subject.group)
    english, portuguese = (
        [Thing(subject).said(rng, portuguese) for _ in range(WORDINGS)] for portuguese in (False, True)
    )
    return _embedded(perceptor, english, portuguese)


def _embedded(perceptor: PairPerceptor, english: list[str], portuguese: list[str]) -> Tensor:
    means = [F.normalize(perceptor.encode_text(texts).mean(0), dim=-1) for texts in (english, portuguese)]
    return F.normalize(means[0] + means[1], dim=-1)[None]


def main(options: Options) -> None:
    """Make the bank and write it.

    Raises UsageError where there are no drawings, PixgenError for weights that cannot be used.
    """
    shipped = resources.embedded()
    networks = {name: options.out.with_name(f"{name}.safetensors") for name in ("perceptor", "vqgan")}
    perceptor, vqgan = (
        getattr(options, name) or (near if near.exists() else shipped / near.name) for name, near in networks.items()
    )
    began = time.time()
    bank, found = make(options.cache, perceptor, vqgan, options.subjects, options.each, options.seed)
    save_bank(bank, options.out)
    size = options.out.stat().st_size
    seconds = round(time.time() - began, 1)
    terminal.write(json.dumps({**found, "entries": len(bank.entries), "bytes": size, "seconds": seconds}))


if __name__ == "__main__":
    terminal.run(lambda: main(parse(Options)))
