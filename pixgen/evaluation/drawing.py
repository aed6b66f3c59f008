"""What drawing is worth: the prompts of a list, drawn, and named by a judge that had no part in the drawing.

A row is one way to draw: the loop from one start, DALL-E's way or DALL-E 2's alone. Every picture is a file of the
run's folder, so that a second call goes on where the first was stopped.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from pixgen import api
from pixgen.errors import UsageError
from pixgen.evaluation.prompt_lists import Asked, sketch
from pixgen.evaluation.statistics import Figure, difference, share
from pixgen.io import files, pictures, resources
from pixgen.loop.engine import Step
from pixgen.models import zoo
from pixgen.settings import layers
from pixgen.training.data.labels import LABELS
from pixgen.training.data.scenes import Scenes
from pixgen.training.judge import Judge

TRUE_VIEWS = 4
"""True scenes of every prompt, whose mean is the most to hope for."""
BOTH_AMONG = 5
"""Two things are found where both are among so many first names."""


MORE = {"bank": ("bank",), "dalle1": ("tokens",), "dalle2": ("tokens", "prior")}
"""What a start or a method draws with, beside the perceptor and the VQGAN."""


@dataclass(frozen=True)
class Row:
    """A way to draw: method loop, dalle1 or dalle2; start: the loop's; settings: KEY=VALUE; folder: the pair's own."""

    method: str
    start: str = ""
    size: str = "128x128"
    settings: tuple[str, ...] = ()
    folder: str = ""

    @property
    def name(self) -> str:
        return "-".join(part for part in (self.method, self.start, self.size) if part)

    @property
    def weights(self) -> dict[str, str]:
        """Of every file that takes part the first digits of its sha256."""
        pair = Path(self.folder) if self.folder else resources.embedded()
        used = ("perceptor", "vqgan", *MORE.get(self.start or self.method, ()))
        return {name: files.sha256(pair / f"{name}.safetensors")[:8] for name in used}


def draw(row: Row, prompts: Sequence[Asked], run: Path, say: Callable[[str], object] = print) -> None:
    """Draw what is not there yet into RUN/ROW/NUMBER.png, seed = number; the loop's starts into NUMBER.start.png.

    Raises UsageError where the folder holds pictures of other settings or weights.
    """
    folder = run / row.name
    folder.mkdir(parents=True, exist_ok=True)
    stamp, wanted = folder / "settings.json", json.dumps({"settings": row.settings, "weights": row.weights})
    if stamp.exists() and stamp.read_text() != wanted:
        raise UsageError(
            f"{folder} holds pictures of other settings or weights ({stamp.read_text()}); give another --out"
        )
    stamp.write_text(wanted)
    for asked in prompts:
        target = folder / f"{asked.number:03d}.png"
        if target.exists():
            continue
        picture, start = _draw(row, asked)
        if row.method == "loop":
            _save(start, target.with_suffix(".start.png"))
        _save(picture, target)  # last: where it is, its start is as well
        say(f"{row.name}: {asked.number} {asked.prompt}")


def _draw(row: Row, asked: Asked) -> tuple[Image.Image, Image.Image]:
    """The picture, and what its loop began from, seen after one step that hardly moved it."""
    first: list[Tensor] = []

    def look(step: Step) -> None:
        if step.index == 0:
            first.append(step.images()[0])

    options: dict[str, Any] = {"size": row.size, "seed": asked.number}
    if row.start:
        options["start.type"] = row.start
    for setting, layer in zip(row.settings, layers.parse_assignments(row.settings), strict=True):
        key = setting.partition("=")[0].strip()
        options[key] = reduce(lambda found, part: found[part], key.split("."), layer.values)
    model = row.folder or zoo.EMBEDDED
    result = api.generate(_escaped(asked.prompt), method=row.method, model=model, callback=look, **options)
    return result.images[0], pictures.to_image(first[0])


def _escaped(prompt: str) -> str:
    return "".join(f"\\{char}" if char in "|:{}\\" else char for char in prompt)


def _save(image: Image.Image, path: Path) -> None:
    with files.replacing(path) as temporary:
        image.save(temporary, "PNG")


# -- judging ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What a judge found in one picture of a prompt. answers: by question, whether the asked one was told."""

    asked: Asked
    ranks: tuple[int, ...]
    """Of every subject that is asked for: how many names come before it."""
    answers: dict[str, bool]

    def named(self, among: int) -> bool:
        """Whether every subject is among so many first names."""
        return max(self.ranks) < among


def verdict(asked: Asked, seen: dict[str, Tensor], groups: list[str]) -> Verdict:
    """seen: a judge's probabilities for one picture, each (n,)."""
    order = seen["subject"].argsort(descending=True, stable=True).tolist()
    ranks = tuple(order.index(groups.index(group)) for group in asked.groups)
    told = {q: LABELS[q][int(seen[q].argmax())] == answer for q, answer in asked.answers.items()}
    return Verdict(asked, ranks, told)


def judged(judge: Judge, groups: list[str], prompts: Sequence[Asked], folder: Path, suffix: str) -> list[Verdict]:
    """Verdicts on the pictures that are there, NUMBER + suffix, as whole pictures."""
    found = []
    for asked in prompts:
        path = folder / f"{asked.number:03d}{suffix}"
        if path.exists():
            seen = judge.look(pictures.read(path))
            found.append(verdict(asked, {question: p[0] for question, p in seen.items()}, groups))
    return found


def true_verdicts(judge: Judge, groups: list[str], prompts: Sequence[Asked], scenes: Scenes) -> list[Verdict]:
    """Verdicts on true scenes of the prompts, TRUE_VIEWS each, never drawn before.

    Raises UsageError for a subject that the judge does not know, or that has no drawing.
    """
    if unknown := sorted({group for asked in prompts for group in asked.groups}.difference(groups)):
        raise UsageError(f"the judge was not taught {', '.join(unknown)}; train one with more --subjects")
    found = []
    for asked in prompts:
        rng = random.Random(f"true/{asked.number}/{asked.prompt}")
        views = [sketch(asked, scenes, rng) for _ in range(TRUE_VIEWS)]
        noise = torch.Generator().manual_seed(zlib.crc32(asked.prompt.encode()))
        seen = judge.look(scenes.render(views, rng, noise))
        found += [verdict(asked, {q: p[i] for q, p in seen.items()}, groups) for i in range(TRUE_VIEWS)]
    return found


SINGLE = {"plain": "as they are", "style": "in a style", "colour": "in a colour"}
"""Kinds of prompts that name a single subject."""


def figures(name: str, verdicts: Sequence[Verdict]) -> list[Figure]:
    """Every share that the issue asks for, of the pictures of one row."""
    found = []
    for language, said in (("", ""), ("en", ", English"), ("pt", ", Portuguese")):
        single = [v for v in verdicts if v.asked.kind in SINGLE and language in ("", v.asked.language)]
        for among in (1, 5):
            hits = [v.named(among) for v in single]
            found.append(share(f"{name}: single subjects, top-{among}{said}", hits))
    for kind, said in SINGLE.items():
        found.append(share(f"{name}: subjects {said}, top-5", [v.named(5) for v in verdicts if v.asked.kind == kind]))
    for question in ("style", "colour", "ground"):
        told = [v.answers[question] for v in verdicts if question in v.answers and v.asked.kind in SINGLE]
        found.append(share(f"{name}: {question}", told))
    both = [v.named(BOTH_AMONG) for v in verdicts if v.asked.kind == "two"]
    found.append(share(f"{name}: two things, both among the first {BOTH_AMONG}", both))
    teachers = [v for v in verdicts if v.asked.kind == "teacher"]
    found.append(share(f"{name}: teachers, the teacher among the first 5", [v.ranks[0] < 5 for v in teachers]))
    held = [v.ranks[1] < 5 for v in teachers if len(v.ranks) > 1]
    found.append(share(f"{name}: teachers, what they hold among the first 5", held))
    for question in ("sex", "age", "place", "style"):
        told = [v.answers[question] for v in teachers if question in v.answers]
        found.append(share(f"{name}: teachers, {question}", told))
    return found


def gain(name: str, before: Iterable[Verdict], after: Iterable[Verdict]) -> list[Figure]:
    """What the loop added to its own starts, single subjects, paired by prompt."""
    first = {v.asked.number: v for v in before if v.asked.kind in SINGLE}
    last = {v.asked.number: v for v in after if v.asked.number in first}
    found = []
    for among in (1, 5):
        pairs = [(first[number].named(among), last[number].named(among)) for number in last]
        hits = ([one for one, _ in pairs], [two for _, two in pairs])
        found.append(difference(f"{name}: gain of the loop over its start, top-{among}", *hits))
    return found


def against(drawn: Sequence[Figure], true: Sequence[Figure]) -> list[Figure]:
    """Each share that was drawn, as a share of what the judge reaches on true scenes of the same prompts."""
    found = []
    for mine, best in zip(drawn, true, strict=True):
        if mine.n and best.value > 0:
            low, high = (end / best.value if end is not None else None for end in (mine.low, mine.high))
            what = f"{mine.what}, as a share of true scenes' {best.value:.1%}"
            found.append(Figure(what, mine.value / best.value, low, high, mine.n))
    return found
