"""Accuracy of drawing: the prompts of a list, drawn, and classified by a judge that took no part in the drawing.

A setup is one way to draw: the loop from one start, or DALL-E's or DALL-E 2's method alone. Every picture is a file of
the run's folder, so that a second call resumes where the first was stopped.
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
from pixgen.evaluation.prompt_lists import PromptRow, sketch
from pixgen.evaluation.statistics import Figure, difference, share
from pixgen.io import files, pictures, resources, terminal
from pixgen.loop.engine import Step
from pixgen.models import zoo
from pixgen.settings import layers
from pixgen.training.data.labels import LABELS
from pixgen.training.data.scenes import Scenes
from pixgen.training.judge import Judge

TRUE_SCENES = 4
"""True scenes of every prompt, whose mean accuracy is the most to hope for."""
BOTH_AMONG = 5
"""Two things are recognised where both are among the judge's first so many."""


EXTRA_WEIGHTS = {"bank": ("bank",), "dalle1": ("tokens",), "dalle2": ("tokens", "prior")}
"""What a start or a method draws with, besides the perceptor and the VQGAN."""


@dataclass(frozen=True)
class DrawingSetup:
    """One way to draw.

    method: loop, dalle1 or dalle2. start: the loop's, empty for the other methods. size: WxH.
    settings: KEY=VALUE each. folder: of the pair, empty for the embedded one.
    """

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
        used = ("perceptor", "vqgan", *EXTRA_WEIGHTS.get(self.start or self.method, ()))
        return {name: files.sha256(pair / f"{name}.safetensors")[:8] for name in used}


def draw(
    setup: DrawingSetup, prompts: Sequence[PromptRow], run: Path, say: Callable[[str], object] = terminal.write
) -> None:
    """Draw what is missing into RUN/SETUP/NUMBER.png, seed = number; the loop's starts into NUMBER.start.png.

    Raises UsageError where the folder holds pictures of other settings or weights.
    """
    folder = run / setup.name
    folder.mkdir(parents=True, exist_ok=True)
    stamp, wanted = folder / "settings.json", json.dumps({"settings": setup.settings, "weights": setup.weights})
    if stamp.exists() and stamp.read_text() != wanted:
        raise UsageError(
            f"{folder} holds pictures of other settings or weights ({stamp.read_text()}); give another --out"
        )
    stamp.write_text(wanted)
    for row in prompts:
        target = folder / f"{row.number:03d}.png"
        if target.exists():
            continue
        picture, start = _draw(setup, row)
        if setup.method == "loop":
            _save(start, target.with_suffix(".start.png"))
        _save(picture, target)  # last: where it is, its start is as well
        say(f"{setup.name}: {row.number} {row.prompt}")


def _draw(setup: DrawingSetup, row: PromptRow) -> tuple[Image.Image, Image.Image]:
    """The picture, and its start as it is after the first step, which hardly changes it."""
    first: list[Tensor] = []

    def keep_first(step: Step) -> None:
        if step.index == 0:
            first.append(step.images()[0])

    options: dict[str, Any] = {"size": setup.size, "seed": row.number}
    if setup.start:
        options["start.type"] = setup.start
    for setting, layer in zip(setup.settings, layers.parse_assignments(setup.settings), strict=True):
        key = setting.partition("=")[0].strip()
        options[key] = reduce(lambda found, part: found[part], key.split("."), layer.values)
    model = setup.folder or zoo.EMBEDDED
    result = api.generate(_escaped(row.prompt), method=setup.method, model=model, callback=keep_first, **options)
    return result.images[0], pictures.to_image(first[0])


def _escaped(prompt: str) -> str:
    return "".join(f"\\{char}" if char in "|:{}\\" else char for char in prompt)


def _save(image: Image.Image, path: Path) -> None:
    with files.replacing(path) as temporary:
        image.save(temporary, "PNG")


# -- judging ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What a judge found in one picture of a prompt.

    ranks: of every subject of the prompt, 0 for the judge's first choice.
    answers: by question, whether the judge's answer is that of the prompt.
    """

    row: PromptRow
    ranks: tuple[int, ...]
    answers: dict[str, bool]

    def in_top(self, k: int) -> bool:
        """Whether every subject is among the judge's first k."""
        return max(self.ranks) < k


def verdict(row: PromptRow, probabilities: dict[str, Tensor], groups: list[str]) -> Verdict:
    """The verdict from a judge's probabilities for one picture, by question, each (n,)."""
    order = probabilities["subject"].argsort(descending=True, stable=True).tolist()
    ranks = tuple(order.index(groups.index(group)) for group in row.groups)
    right = {q: LABELS[q][int(probabilities[q].argmax())] == answer for q, answer in row.answers.items()}
    return Verdict(row, ranks, right)


def verdicts_on(
    judge: Judge, groups: list[str], prompts: Sequence[PromptRow], folder: Path, suffix: str
) -> list[Verdict]:
    """Verdicts on the pictures that exist, NUMBER + suffix, each as a whole."""
    found = []
    for row in prompts:
        path = folder / f"{row.number:03d}{suffix}"
        if path.exists():
            seen = judge.classify(pictures.read(path))
            found.append(verdict(row, {question: p[0] for question, p in seen.items()}, groups))
    return found


def true_verdicts(judge: Judge, groups: list[str], prompts: Sequence[PromptRow], scenes: Scenes) -> list[Verdict]:
    """Verdicts on true scenes of the prompts, TRUE_SCENES each, which no training saw.

    Raises UsageError for a subject that the judge does not know, or that has no drawing.
    """
    if unknown := sorted({group for row in prompts for group in row.groups}.difference(groups)):
        raise UsageError(f"the judge did not learn {', '.join(unknown)}; train one with more --subjects")
    found = []
    for row in prompts:
        rng = random.Random(f"true/{row.number}/{row.prompt}")
        sketches = [sketch(row, scenes, rng) for _ in range(TRUE_SCENES)]
        noise = torch.Generator().manual_seed(zlib.crc32(row.prompt.encode()))
        seen = judge.classify(scenes.render(sketches, rng, noise))
        found += [verdict(row, {q: p[i] for q, p in seen.items()}, groups) for i in range(TRUE_SCENES)]
    return found


SINGLE = {"plain": "as they are", "style": "in a style", "colour": "in a colour"}
"""Kinds of prompts that name a single subject."""


def figures(name: str, verdicts: Sequence[Verdict]) -> list[Figure]:
    """Accuracies of one setup, by kind of prompt and by question."""
    found = []
    for language, suffix in (("", ""), ("en", ", English"), ("pt", ", Portuguese")):
        single = [v for v in verdicts if v.row.kind in SINGLE and language in ("", v.row.language)]
        for among in (1, 5):
            hits = [v.in_top(among) for v in single]
            found.append(share(f"{name}: single subjects, top-{among}{suffix}", hits))
    for kind, name_of_kind in SINGLE.items():
        found.append(
            share(f"{name}: subjects {name_of_kind}, top-5", [v.in_top(5) for v in verdicts if v.row.kind == kind])
        )
    for question in ("style", "colour", "ground"):
        right = [v.answers[question] for v in verdicts if question in v.answers and v.row.kind in SINGLE]
        found.append(share(f"{name}: {question}", right))
    both = [v.in_top(BOTH_AMONG) for v in verdicts if v.row.kind == "two"]
    found.append(share(f"{name}: two things, both among the first {BOTH_AMONG}", both))
    teachers = [v for v in verdicts if v.row.kind == "teacher"]
    found.append(share(f"{name}: teachers, the teacher among the first 5", [v.ranks[0] < 5 for v in teachers]))
    held = [v.ranks[1] < 5 for v in teachers if len(v.ranks) > 1]
    found.append(share(f"{name}: teachers, what they hold among the first 5", held))
    for question in ("sex", "age", "place", "style"):
        right = [v.answers[question] for v in teachers if question in v.answers]
        found.append(share(f"{name}: teachers, {question}", right))
    return found


def gain(name: str, before: Iterable[Verdict], after: Iterable[Verdict]) -> list[Figure]:
    """What the loop gains over its own starts, single subjects, paired by prompt."""
    first = {v.row.number: v for v in before if v.row.kind in SINGLE}
    last = {v.row.number: v for v in after if v.row.number in first}
    found = []
    for among in (1, 5):
        pairs = [(first[number].in_top(among), last[number].in_top(among)) for number in last]
        hits = ([one for one, _ in pairs], [two for _, two in pairs])
        found.append(difference(f"{name}: gain of the loop over its start, top-{among}", *hits))
    return found


def relative_to(drawn: Sequence[Figure], true: Sequence[Figure]) -> list[Figure]:
    """Each accuracy on drawn pictures, as a share of the judge's on true scenes of the same prompts."""
    found = []
    for mine, best in zip(drawn, true, strict=True):
        if mine.n and best.value > 0:
            low, high = (end / best.value if end is not None else None for end in (mine.low, mine.high))
            what = f"{mine.what}, as a share of true scenes' {best.value:.1%}"
            found.append(Figure(what, mine.value / best.value, low, high, mine.n))
    return found
