"""Accuracy of the networks themselves, on scenes that no training saw: the perceptor, the VQGAN, the judge."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.evaluation.statistics import Figure, mean, share
from pixgen.networks.pair import PairPerceptor, load_perceptor
from pixgen.networks.vqgan import VQModel
from pixgen.scenery.captions import write
from pixgen.scenery.styles import STYLE_NAMES
from pixgen.scenery.vocabulary import COLOURS
from pixgen.training.data.labels import COLOURLESS, LABELS, labels, things
from pixgen.training.data.scenes import Scenes
from pixgen.training.data.sketches import Sketch
from pixgen.training.judge import Judge
from pixgen.training.options import ALL_SUBJECTS
from pixgen.training.reconstruction import distance, slopes

SEED = 90_001
"""No training uses it: scenes of this seed are unseen."""
SUBJECTS = 440
TRIES = 2_000
"""Scenes that are tried for a minimal pair; about one in ten fits."""


@dataclass(frozen=True)
class Attack:
    """An L2 attack on a 64x64 picture in [0, 1]."""

    radius: float = 1.0
    steps: int = 20


def perceptor(path: Path, cache: Path, pictures: int = 512, strength: Attack = Attack()) -> list[Figure]:
    """Zero-shot accuracy on fresh plain drawings of both kinds of icon sets, in both languages and under attack; pairs.

    path: of the weights. pictures: how many drawings. strength: of the attack.
    """
    tiny = load_perceptor(path)
    found = []
    for icon_sets, name in (("seen", "icon sets it knows"), ("held-out", "the icon set it never saw")):
        scenes = Scenes(cache, 64, 64, SEED, SUBJECTS, icon_sets, plain=True)
        if not scenes.groups:
            continue  # a cache of other drawings, in which none are held out
        numbers = torch.tensor([scenes.numbers[group] for group in scenes.groups])
        batches = [scenes[step] for step in range(-(-pictures // 64))]
        images = torch.cat([b.images for b in batches])[:pictures]
        wanted = torch.cat([b.subjects for b in batches])[:pictures]
        names = {
            "English": [f"a {scenes.subjects[g].en[0]}" for g in scenes.groups],
            "Portuguese": [f"{_um(scenes, g)} {scenes.subjects[g].pt[0]}" for g in scenes.groups],
        }
        for language, texts in names.items():
            target = tiny.encode_text(texts)
            hits = _named(tiny, images, target, numbers, wanted)
            where = f"zero-shot over {len(texts)} groups, {name}, {language}"
            found += [share(f"{where}: top-1", hits[0]), share(f"{where}: top-5", hits[1])]
        target = tiny.encode_text(names["English"])
        some = max(1, pictures // 4)
        place = torch.tensor([scenes.groups.index(_group(scenes, n)) for n in wanted[:some].tolist()])
        moved = torch.cat([attack(tiny, *part, target, strength) for part in _parts(images[:some], place)])
        hits = _named(tiny, moved, target, numbers, wanted[:some])
        where = f"the same in English under a {strength.steps}-step L2 attack of radius {strength.radius}, {name}"
        found += [share(f"{where}: top-1", hits[0]), share(f"{where}: top-5", hits[1])]
    for kind, name in PAIRS.items():
        if told_apart := _pair_hits(tiny, cache, kind, pictures):
            found.append(share(f"minimal pairs told apart, {name} (chance 50 %)", told_apart))
    return found


@torch.no_grad()
def _named(
    tiny: PairPerceptor, images: Tensor, target: Tensor, numbers: Tensor, wanted: Tensor
) -> tuple[list[bool], list[bool]]:
    """Of every picture: whether the first name is right, and whether one of the first five is."""
    seen = torch.cat([tiny.encode_image(small(part, tiny.input_size)) for part in images.split(64)])
    best = numbers[(seen @ target.T).topk(min(5, len(numbers))).indices] == wanted[:, None]
    return best[:, 0].tolist(), best.any(1).tolist()


def attack(tiny: PairPerceptor, images: Tensor, place: Tensor, target: Tensor, strength: Attack = Attack()) -> Tensor:
    """Move pictures away from their names by projected gradient (arXiv 1706.06083) of the cross-entropy.

    images: float32 (B, 3, S, S) in [0, 1]; place: int64 (B,), the right row of target (M, D). The radius is in
    proportion to S; every picture stays in [0, 1].
    """
    radius, steps = strength.radius * images.shape[-1] / 64, strength.steps
    shift = torch.zeros_like(images)
    for _ in range(steps):
        shift.requires_grad_()
        logits = 30 * tiny.encode_image(small((images + shift).clamp(0, 1), tiny.input_size)) @ target.T
        (gradient,) = torch.autograd.grad(F.cross_entropy(logits, place, reduction="sum"), shift)
        with torch.no_grad():
            shift = shift + 2.5 * radius / steps * gradient / _length(gradient)
            shift = shift * (radius / _length(shift)).clamp(max=1)
            shift = (images + shift).clamp(0, 1) - images
    return (images + shift.detach()).clamp(0, 1)


def _length(x: Tensor) -> Tensor:
    length: Tensor = x.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
    return length


def small(images: Tensor, side: int) -> Tensor:
    """Whole pictures at side x side."""
    return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)


def _um(scenes: Scenes, group: str) -> str:
    return "uma" if scenes.subjects[group].pt_gender == "f" else "um"


def _group(scenes: Scenes, number: int) -> str:
    return next(group for group in scenes.groups if scenes.numbers[group] == number)


def _parts(images: Tensor, place: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(images.split(32), place.split(32), strict=True)


# -- minimal pairs -------------------------------------------------------------------------------------------


def _other_colour(one: Sketch, rng: random.Random) -> Sketch:
    thing, placed = one.scene.things[0], one.placed[0]
    thing.colour = placed.colour = rng.choice(list(COLOURS))
    two = copy.deepcopy(one)
    colour = rng.choice([c for c in COLOURS if c != thing.colour])
    two.scene.things[0].colour = two.placed[0].colour = colour
    return two


def _other_style(one: Sketch, rng: random.Random) -> Sketch:
    one.scene.style = rng.choice(STYLE_NAMES)
    two = copy.deepcopy(one)
    two.scene.style = rng.choice([s for s in STYLE_NAMES if s != one.scene.style])
    return two


def _other_side(one: Sketch, rng: random.Random) -> Sketch:
    two = copy.deepcopy(one)
    two.scene.relation = {"left": "right", "right": "left"}[str(one.scene.relation)]
    for placed in two.placed:
        placed.x = -placed.x
    return two


PAIRS: dict[str, str] = {"colour": "colour", "style": "style", "side": "left or right"}
_TWINS: dict[str, tuple[Callable[[Sketch], bool], Callable[[Sketch, random.Random], Sketch]]] = {
    "colour": (
        lambda s: s.scene.things[0].subject.kind not in ("person", "face") and s.scene.style not in COLOURLESS,
        _other_colour,
    ),
    "style": (lambda s: True, _other_style),
    "side": (lambda s: s.scene.relation in ("left", "right"), _other_side),
}


def twins(scenes: Scenes, kind: str, rng: random.Random) -> tuple[Sketch, Sketch] | None:
    """Two scenes that differ in one thing: colour, style or side. None where nothing will do: people have no colour."""
    fits, change = _TWINS[kind]
    for _ in range(TRIES):
        one = scenes.sketch(rng)
        alone = kind == "side" or (len(one.placed) == 1 and len(one.scene.things) == 1)
        if alone and fits(one):
            return one, change(one, rng)
    return None


def rendered(scenes: Scenes, sketches: tuple[Sketch, ...], seed: int) -> Tensor:
    """Each by itself from the same draws, so that what differs is what the sketches differ in. (n, 3, S, S)."""
    drawn = [scenes.render([s], random.Random(seed), torch.Generator().manual_seed(seed)) for s in sketches]
    return torch.cat(drawn)


def _pair_hits(tiny: PairPerceptor, cache: Path, kind: str, pictures: int) -> list[bool]:
    """Of every picture of the pairs: whether its caption is nearer to it than its twin's; a third in Portuguese."""
    scenes = Scenes(cache, 2, 64, SEED, SUBJECTS, noise=0.0)  # noise comes after the style, whose draws may be more
    rng = random.Random(f"{SEED}/{kind}")
    images, captions = [], []
    for pair in range(max(1, pictures // 4)):
        pair_captions: list[str] = []
        while len(set(pair_captions)) < 2:  # a caption may leave out what differs
            if (found := twins(scenes, kind, rng)) is None:
                return []
            both, seed = found, rng.getrandbits(32)
            pair_captions = [write(sketch.scene, random.Random(seed), pair % 3 == 2) for sketch in both]
        images.append(rendered(scenes, both, seed))
        captions += pair_captions
    with torch.no_grad():
        seen = torch.cat([tiny.encode_image(small(part, tiny.input_size)) for part in torch.cat(images).split(64)])
    texts = tiny.encode_text(captions)
    return [bool(seen[i] @ texts[i] > seen[i] @ texts[i ^ 1]) for i in range(len(captions))]


# -- the VQGAN and the judge -----------------------------------------------------------------------------------


@torch.no_grad()
def vqgan(model: VQModel, tiny: PairPerceptor | None, cache: Path, pictures: int = 24, side: int = 256) -> list[Figure]:
    """What is left of unseen scenes, without grain, that went through the codes."""
    scenes = Scenes(cache, 8, side, SEED, ALL_SUBJECTS, noise=0.0)
    quality, energy, features, used = [], [], [], set()
    for step in range(-(-pictures // 8)):
        for image in scenes[step].images[: pictures - 8 * step]:
            real = image[None]
            codes, indices = model.quantize(model.encode(real))
            made = model.decode(codes).clamp(0, 1)
            quality.append(float(-10 * (made - real).square().mean().clamp(min=1e-10).log10()))
            before, after = (sum(float(s.square().mean()) for s in slopes(x)) for x in (real, made))
            energy.append((before, after))
            used |= set(indices.flatten().tolist())
            if tiny is not None:
                features.append(distance(made, real, tiny.model)[1]["features"])
    kept = sum(after for _, after in energy) / sum(before for before, _ in energy)
    where = f"unseen scenes at {side}x{side}"
    found = [
        mean(f"VQGAN, PSNR of {where}", quality, "dB"),
        Figure(f"VQGAN, gradient energy kept, {where}", kept, n=len(energy)),
        Figure(f"VQGAN, codes in use in {len(quality)} {where}", len(used) / len(model.quantize.codebook), n=len(used)),
    ]
    return [*found, mean(f"VQGAN, distance on the perceptor's features, {where}", features)] if features else found


def fresh(scenes: Scenes, pictures: int, styled: bool) -> Iterator[tuple[Tensor, list[int], Tensor]]:
    """Unseen scenes of one subject in batches: images, the subjects' numbers, the labels."""
    rng = random.Random(f"{SEED}/{styled}")
    noise = torch.Generator().manual_seed(SEED)
    left = pictures
    while left > 0:
        sketches: list[Sketch] = []
        while len(sketches) < min(64, left):
            sketch = scenes.sketch(rng)
            drawn = [scenes.index[p.sprite] for p in sketch.placed]
            if len(things(sketch.scene, drawn, scenes.numbers)) == 1:
                sketch.scene.style = sketch.scene.style if styled else "drawing"
                sketches.append(sketch)
        numbers = [scenes.numbers[s.scene.things[0].subject.group] for s in sketches]
        shown = torch.tensor([labels(s.scene, scenes.index[s.placed[0].sprite]) for s in sketches])
        yield scenes.render(sketches, rng, noise), numbers, shown
        left -= len(sketches)


def judge(model: Judge, cache: Path, pictures: int = 512) -> list[Figure]:
    """Accuracy of a judge on true unseen scenes: the most that it can find in drawn pictures."""
    found = []
    cases = [("seen", False, "drawings"), ("seen", True, "scenes in all styles")]
    cases.append(("held-out", False, "drawings of the icon set held out"))
    for icon_sets, styled, kind in cases:
        right: dict[str, list[bool]] = {"top-1": [], "top-5": []}
        scenes = Scenes(cache, 64, 64, SEED, SUBJECTS, icon_sets, noise=0.02)
        for images, numbers, shown in fresh(scenes, pictures, styled):
            seen = model.classify(images)
            hits = seen["subject"].topk(5).indices == torch.tensor(numbers)[:, None]
            right["top-1"] += hits[:, 0].tolist()
            right["top-5"] += hits.any(1).tolist()
            for column, question in enumerate(LABELS):
                rows = shown[:, column] >= 0
                hit = seen[question].argmax(1)[rows] == shown[rows, column]
                right.setdefault(question, []).extend(hit.tolist())
        names = ("top-1", "top-5", *(LABELS if styled else ()))
        found += [share(f"judge on true unseen {kind}: {name}", right[name]) for name in names]
    return found
