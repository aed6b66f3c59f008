"""The figure: the lesson's three prompts, drawn in three ways, on one sheet.

    python benchmarks/three_by_three.py                     what is not drawn yet, and docs/three_by_three.webp
    python benchmarks/three_by_three.py --portuguese        the same prompts in Portuguese
    python benchmarks/three_by_three.py --to /tmp/t steps=4 a trial; settings are the loop's

Fixed seeds and default settings, so that anybody gets the same on the same machine. A picture that is there stays as
long as it was drawn with the same settings and weights as it would be now; a run that was stopped resumes.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping
from pathlib import Path

from drawings import ROOT, Drawing, draw, folder

from pixgen.io.sheet import Sheet, font
from pixgen.settings import layers, methods

ENGLISH = (
    "a closeup watercolor portrait of a young male teacher of literature with a book",
    "a closeup oil portrait of a young female teacher of computer science with a computer",
    "a closeup oil portrait of an old male teacher of mathematics in front of a blackboard",
)
PORTUGUESE = (
    "um retrato em close em aquarela de um professor jovem de literatura com um livro",
    "um retrato em close a óleo de uma professora jovem de informática com um computador",
    "um retrato em close a óleo de um professor idoso de matemática em frente a um quadro-negro",
)
TITLES = {"loop": "VQGAN + CLIP", "dalle1": "DALL-E 1", "dalle2": "DALL-E 2"}
TITLES_PORTUGUESE = {**TITLES, "loop": "VQGAN + CLIP (laço)"}
SEEDS = {"loop": 3, "dalle1": 0, "dalle2": 0}
TILE, LABEL, GAP, LINE = 320, 44, 8, 18


def pictures(to: Path, prompts: tuple[str, ...], settings: Mapping[str, object]) -> list[Drawing]:
    """One picture a prompt and method. settings: the loop's alone."""
    return [
        Drawing(
            picture(to, row, method),
            prompt,
            SEEDS[method],
            method=method,
            settings=settings if method == "loop" else {},
        )
        for row, prompt in enumerate(prompts)
        for method in methods.METHODS
    ]


def picture(to: Path, row: int, method: str) -> Path:
    return to / f"{row + 1}-{method}.png"


def sheet(to: Path, prompts: tuple[str, ...], titles: Mapping[str, str], path: Path) -> Path:
    """A row a prompt with its words over it, a column a method with its name at the top."""
    page = Sheet(len(methods.METHODS), len(prompts), TILE, gap=GAP, over=LABEL, top=LABEL // 2)
    for column, method in enumerate(methods.METHODS):
        middle = page.corner(column, 0)[0] + TILE // 2
        page.write((middle, LABEL // 4 + GAP), titles[method], font=font(17), anchor="mm")
    for row, prompt in enumerate(prompts):
        x, y = page.corner(0, row)
        page.write((x, y - LABEL + GAP), *textwrap.wrap(prompt, 110)[:2], step=LINE, font=font(13))
        for column, method in enumerate(methods.METHODS):
            page.paste(column, row, picture(to, row, method))
    return page.save(path, quality=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the sheet (.webp)  [default: docs/three_by_three[_pt].webp]")
    parser.add_argument("--portuguese", action="store_true", help="the prompts in Portuguese")
    parser.add_argument("--to", type=Path, help="the pictures' folder  [default: outputs/three_by_three[_pt]-HASH]")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="settings of the loop, for a trial")
    options = parser.parse_intermixed_args()
    prompts, titles = (PORTUGUESE, TITLES_PORTUGUESE) if options.portuguese else (ENGLISH, TITLES)
    name = "three_by_three_pt" if options.portuguese else "three_by_three"
    to = options.to or folder(name)
    settings: dict[str, object] = {}
    for layer in layers.parse_assignments(options.settings):
        settings |= layer.values
    draw(pictures(to, prompts, settings))
    print(sheet(to, prompts, titles, options.out or ROOT / "docs" / f"{name}.webp"))


if __name__ == "__main__":
    main()
