"""From prompt to picture, to words, to picture: what `pixgen describe` finds in pictures that pixgen drew.

    python benchmarks/describe_again.py                  # draws what is missing, and prints the shares
    python benchmarks/describe_again.py --sheet          # and writes docs/described.webp from the first four

The prompts are the English ones of `prompts96.csv` that name one subject. A share counts the pictures whose description
names the subject, the style, the place, the ground or the colour that the prompt asked for, where it asked for one.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from drawings import ROOT, Drawing, draw, folder

from pixgen.evaluation import prompt_lists
from pixgen.evaluation.prompt_lists import PromptRow
from pixgen.evaluation.statistics import mean, share, table
from pixgen.io import pictures
from pixgen.io.sheet import Sheet, font
from pixgen.recognition import clip_models
from pixgen.recognition import describe as describing
from pixgen.recognition.describe import Description
from pixgen.scenery.subjects import load_subjects

DOCS = ROOT / "docs"
COLUMNS, TILE, LETTERS = 4, 256, 34


def prompts(limit: int) -> list[PromptRow]:
    rows = [row for row in prompt_lists.read(96) if row.language == "en" and len(row.groups) == 1]
    return prompt_lists.mixed(rows)[:limit]


def drawn(prompt: str, seed: int, name: str) -> Path:
    one = Drawing(folder("described") / name, prompt, seed)
    draw([one])
    return one.path


def hits(row: PromptRow, found: Description) -> dict[str, bool]:
    """Of what the prompt asks for: whether the description says it."""
    subjects = load_subjects()
    words = found.words
    asked = {"style": row.style, "place": row.place, "ground": row.ground, "colour": row.colour}
    said = {kind: getattr(words, kind) == wanted for kind, wanted in asked.items() if wanted and wanted != "drawing"}
    return {"subject": words.subject in subjects[row.subjects].en, **said}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure descriptions of pictures that pixgen drew.")
    parser.add_argument("--prompts", type=int, default=5)
    parser.add_argument("--sheet", action="store_true", help="write docs/described.webp")
    options = parser.parse_args()
    clip = clip_models.load()
    found: dict[str, list[bool]] = defaultdict(list)
    near: list[float] = []
    pairs: list[tuple[str, str, Path, Path]] = []
    for row in prompts(options.prompts):
        first = drawn(row.prompt, row.number, f"{row.number:03}.png")
        image = pictures.read(first)
        description = describing.describe(clip, image)
        for kind, hit in hits(row, description).items():
            found[kind].append(hit)
        second = drawn(description.prompt, row.number, f"{row.number:03}-again.png")
        again = pictures.read(second)
        near.append(float(clip.encode_image([image])[0] @ clip.encode_image([again])[0]))
        pairs.append((row.prompt, description.prompt, first, second))
        print(f"{row.prompt}  ->  {description.prompt}  ({near[-1]:.2f})", flush=True)
    figures = [share(f"{kind} found again", each) for kind, each in found.items()]
    figures.append(mean("cosine of the picture and that of its description", near))
    print("| measure | figure (95 % interval) | n |\n|---|---|---|\n" + table(figures), end="")
    if options.sheet:
        print(sheet(pairs[:COLUMNS]).save(DOCS / "described.webp", quality=85))


def sheet(pairs: list[tuple[str, str, Path, Path]]) -> Sheet:
    """Above what was drawn of a prompt, below what was drawn of its description."""
    rows = -(-len(pairs) // COLUMNS)
    made = Sheet(COLUMNS, 2 * rows, TILE, gap=8, under=40)
    for place, (*words, first, second) in enumerate(pairs):
        row, column = divmod(place, COLUMNS)
        for line, (text, path) in enumerate(zip(words, (first, second), strict=True)):
            made.paste(column, 2 * row + line, path)
            x, y = made.corner(column, 2 * row + line)
            made.write((x, y + TILE + 4), *_wrapped(text), font=font(13), step=17)
    return made


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, LETTERS)[:2]


if __name__ == "__main__":
    main()
