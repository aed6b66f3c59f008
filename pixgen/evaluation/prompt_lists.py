"""The prompts that measure drawing: fixed lists in two languages, each with what must be found in its picture.

`prompts96.csv` is for tuning; `prompts200.csv`, of other subjects, is drawn once for the model card. Every scene is
there twice, in English and in Brazilian Portuguese. They are data; this makes them again, always the same:

    python -m pixgen.evaluation.prompt_lists
"""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from pixgen.errors import UsageError
from pixgen.io import terminal
from pixgen.scenery.captions import SceneDescription, Thing
from pixgen.scenery.subjects import Subject, load_subjects
from pixgen.scenery.vocabulary import COLOURS, FIELD_PROPS, FIELDS, PLACE_WORDS, STYLE_WORDS
from pixgen.training.data.drawings import Icon
from pixgen.training.data.labels import COLOURLESS
from pixgen.training.data.scenes import Scenes
from pixgen.training.data.sketches import PlacedSprite, Sketch

FOLDER = Path(__file__).parent
LISTS = {96: 1, 200: 2}
"""Prompts in a list: the seed that made it."""
GROUPS = 440
"""Subjects are drawn from so many, by rank, as the perceptor knows them."""
PARTS = {96: (24, 6, 6, 6, 6), 200: (50, 14, 12, 12, 12)}
"""Scenes of a list by KINDS; each is two prompts."""
KINDS = ("plain", "style", "colour", "two", "teacher")


@dataclass(frozen=True)
class PromptRow:
    """A prompt and what its picture must show, empty where the prompt leaves it open.

    number: also the seed. language: en or pt. kind: of KINDS. subjects: groups, `|` between them.
    """

    number: int
    language: str
    kind: str
    prompt: str
    subjects: str
    style: str = ""
    colour: str = ""
    ground: str = ""
    place: str = ""
    sex: str = ""
    age: str = ""

    @property
    def groups(self) -> list[str]:
        return self.subjects.split("|")

    @property
    def answers(self) -> dict[str, str]:
        """The questions of `pixgen.training.data.labels` that the prompt answers."""
        answers = {q: getattr(self, q) for q in ("style", "colour", "ground", "place", "sex", "age")}
        return {question: answer for question, answer in answers.items() if answer}


def read(count: int) -> list[PromptRow]:
    """The list of 96 or of 200 prompts. Raises UsageError for another number."""
    if count not in LISTS:
        raise UsageError(f"there is no list of {count} prompts; there are lists of {' and '.join(map(str, LISTS))}")
    text = (FOLDER / f"prompts{count}.csv").read_text(encoding="utf-8")
    return [PromptRow(**{**row, "number": int(row["number"])}) for row in csv.DictReader(io.StringIO(text))]  # type: ignore[arg-type]


def mixed(prompts: Sequence[PromptRow]) -> list[PromptRow]:
    """The kinds interleaved, each pair of languages together, so that any first part of the list has all kinds."""
    every, before = Counter(row.kind for row in prompts), Counter[str]()
    places = []
    for row in prompts:
        places.append((before[row.kind] // 2 * 2 + 1) / every[row.kind])
        before[row.kind] += 1
    return [row for _, row in sorted(zip(places, prompts, strict=True), key=lambda pair: pair[0])]


def make(count: int) -> list[PromptRow]:
    """The same list, made again from its seed."""
    everything = load_subjects()
    known = [s for s in everything.values() if s.rank <= GROUPS]
    random.Random(0).shuffle(known)
    # The lists share no subject, so that what was tuned on one is measured on others.
    half = len(known) * 96 // 296
    mine = known[:half] if count == 96 else known[half:]
    rng = random.Random(LISTS[count])
    scenes = [scene for kind, n in zip(KINDS, PARTS[count], strict=True) for scene in _scenes(kind, n, mine, rng)]
    number = 0
    found = []
    for kind, scene in scenes:
        for language in ("en", "pt"):
            found.append(_prompt_row(number, language, kind, scene))
            number += 1
    return found


def _scenes(kind: str, n: int, left: list[Subject], rng: random.Random) -> list[tuple[str, SceneDescription]]:
    """n scenes of a kind; subjects are taken out of `left`."""
    styles = [style for style in STYLE_WORDS if style != "drawing"]
    coloured = [style for style in styles if style not in COLOURLESS]
    if kind == "teacher":
        return [(kind, scene) for scene in _teachers(n, rng, coloured)]
    found = []
    for i in range(n):
        things = [Thing(left.pop()) for _ in range(2 if kind == "two" else 1)]
        scene = SceneDescription(things)
        if kind == "style":
            scene.style = styles[i % len(styles)]
        if kind == "colour":
            paintable = next(s for s in reversed(left) if s.kind not in ("person", "face"))
            left.remove(paintable)
            left.insert(0, things[0].subject)
            scene.things = [Thing(paintable, colour=list(COLOURS)[i % len(COLOURS)])]
            if i % 2:
                scene.ground = rng.choice([c for c in COLOURS if c != scene.things[0].colour])
        found.append((kind, scene))
    return found


def _teachers(n: int, rng: random.Random, styles: list[str]) -> list[SceneDescription]:
    """The three teachers of the first lesson, then others like them."""
    subjects = load_subjects()
    scenes = []
    lesson = [("young", "male", "book", "watercolor"), ("young", "female", "computer", "oil")]
    lesson.append(("old", "male", "blackboard", "oil"))
    for i in range(n):
        if i < len(lesson):
            age, sex, subject, style = lesson[i]
        else:
            age, sex = rng.choice(("young", "old")), rng.choice(("male", "female"))
            subject, style = list(FIELDS)[i % len(FIELDS)], styles[i % len(styles)]
        prop = FIELD_PROPS.get(subject, subject)
        holds = subjects.get(prop)
        thing = Thing(subjects["teacher"], age=age, sex=sex, holds=holds, field=subject)
        place = "blackboard" if subject == "blackboard" else None
        scenes.append(SceneDescription([thing], style=style, place=place, closeup=True))
    return scenes


def _prompt_row(number: int, language: str, kind: str, scene: SceneDescription) -> PromptRow:
    groups = [thing.subject.group for thing in scene.things]
    first = scene.things[0]
    if first.holds:
        groups.append(first.holds.group)
    style = "" if scene.style == "drawing" else scene.style
    prompt = _words(scene, language == "pt")
    return PromptRow(
        number, language, kind, prompt, "|".join(groups), style, first.colour or "", scene.ground or "",
        scene.place or "", first.sex or "", first.age or "",
    )  # fmt: skip


def _words(scene: SceneDescription, portuguese: bool) -> str:
    """The plainest caption: every subject by its first name, everything said once."""
    rng = random.Random(0)
    things = [replace(t, subject=_first(t.subject), holds=t.holds and _first(t.holds)) for t in scene.things]
    said = (" e " if portuguese else " and ").join(thing.said(rng, portuguese) for thing in things)
    if scene.place:
        said += " " + PLACE_WORDS[scene.place][portuguese][0]
    elif scene.ground:
        colour = COLOURS[scene.ground][1]
        said += f" em fundo {colour}" if portuguese else f" on {'an' if scene.ground[0] in 'aeiou' else 'a'} "
        said += "" if portuguese else f"{scene.ground} background"
    if scene.style == "drawing":
        return said
    before, after, antes, depois = (words[0] for words in STYLE_WORDS[scene.style])
    if not scene.closeup:
        return f"{antes} de {said}" if portuguese else f"{before} of {said}"
    short = {"oil": "oil", "pencil": "pencil"}.get(scene.style, after)
    return f"um retrato em close {depois} de {said}" if portuguese else f"a closeup {short} portrait of {said}"


def _first(subject: Subject) -> Subject:
    names = {name: getattr(subject, name)[:1] for name in ("en", "pt", "pt_male", "pt_female")}
    return replace(subject, **names)


def sketch(row: PromptRow, scenes: Scenes, rng: random.Random) -> Sketch:
    """A true scene of a prompt, from the drawings of `scenes`: what a judge reaches on such is the most to hope for.

    Raises UsageError where `scenes` has no drawing of a subject.
    """
    if missing := [group for group in row.groups if group not in scenes.drawings]:
        raise UsageError(f"no drawing of {', '.join(missing)} in this cache; make it with `pixgen train data`")
    style, ground, place = row.style or "drawing", row.ground or None, row.place or None
    scene = SceneDescription([Thing(scenes.subjects[group]) for group in row.groups], style, place, ground)
    scene.things[0].colour = row.colour or None
    chosen = [rng.choice(_drawings(row, scenes, i))[0] for i in range(len(row.groups))]
    first = PlacedSprite(chosen[0], size=rng.uniform(0.7, 0.9), angle=rng.gauss(0, 0.1), colour=row.colour or None)
    if row.kind == "two":
        first.x, first.size = -0.48, 0.46
        return Sketch(scene, [first, PlacedSprite(chosen[1], x=0.48, size=0.46, angle=rng.gauss(0, 0.1))])
    if row.kind == "teacher":
        scene.things = scene.things[:1]
        first.size = rng.uniform(0.9, 1.1)
        first.y, first.angle = first.size - 0.85, 0.0
    props = [PlacedSprite(s, rng.uniform(-0.5, 0.5), rng.uniform(0.45, 0.65), 0.4) for s in chosen[1:]]
    return Sketch(scene, [first, *props])


def _drawings(row: PromptRow, scenes: Scenes, place: int) -> list[tuple[int, Icon]]:
    """Those of the subject at `place`; of a person, those of the sex and age that are asked for."""
    found = scenes.drawings[row.groups[place]]
    if place or not row.sex:
        return found
    if row.age == "old":
        found = scenes.drawings.get(f"old-{'man' if row.sex == 'male' else 'woman'}", found)
    return [(i, drawing) for i, drawing in found if drawing.sex == row.sex] or found


def main() -> None:
    for count in LISTS:
        text = io.StringIO()
        writer = csv.DictWriter(text, [field.name for field in fields(PromptRow)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in make(count))
        (FOLDER / f"prompts{count}.csv").write_text(text.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    terminal.run(main)
