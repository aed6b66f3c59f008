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

from gallery import comparable, is_current, weights

import pixgen
from pixgen.io.sheet import Sheet, font
from pixgen.io.yaml_files import Layer
from pixgen.settings import config, layers, methods

ROOT = Path(__file__).parent.parent
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


def draw(folder: Path, prompts: tuple[str, ...], settings: Mapping[str, object]) -> list[Path]:
    """One picture a prompt and method; gives those that were drawn now. settings: the loop's alone."""
    stamp, drawn = weights(), []
    folder.mkdir(parents=True, exist_ok=True)
    for row, prompt in enumerate(prompts):
        for method in methods.METHODS:
            path, own = picture(folder, row, method), settings if method == "loop" else {}
            if is_current(path, wanted(prompt, method, own), stamp):
                continue
            result = pixgen.generate(prompt, method=method, seed=SEEDS[method], **own)
            result.save(path, overwrite=True)
            path.with_suffix(".weights").write_text(stamp + "\n")
            drawn.append(path)
            print(f"{result.seconds:6.1f} s  {method:<7} {prompt}", flush=True)
    return drawn


def picture(folder: Path, row: int, method: str) -> Path:
    return folder / f"{row + 1}-{method}.png"


def wanted(prompt: str, method: str, settings: Mapping[str, object]) -> dict[str, object]:
    """The settings of a picture, but for what the machine decides."""
    said = [Layer({key: value}, "three by three") for key, value in settings.items()]
    asked = Layer({"prompt": prompt, "seed": SEEDS[method]}, "three by three")
    way = Layer(methods.settings(method), "three by three")
    return comparable(config.to_dict(config.resolve(layers.gather([], None, [way, *said, asked]))))


def sheet(folder: Path, prompts: tuple[str, ...], titles: Mapping[str, str], path: Path) -> Path:
    """A row a prompt with its words over it, a column a method with its name at the top."""
    page = Sheet(len(methods.METHODS), len(prompts), TILE, gap=GAP, over=LABEL, top=LABEL // 2)
    for column, method in enumerate(methods.METHODS):
        middle = page.corner(column, 0)[0] + TILE // 2
        page.write((middle, LABEL // 4 + GAP), titles[method], font=font(17), anchor="mm")
    for row, prompt in enumerate(prompts):
        x, y = page.corner(0, row)
        page.write((x, y - LABEL + GAP), *textwrap.wrap(prompt, 110)[:2], step=LINE, font=font(13))
        for column, method in enumerate(methods.METHODS):
            page.paste(column, row, picture(folder, row, method))
    return page.save(path, quality=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the sheet (.webp)  [default: docs/three_by_three[_pt].webp]")
    parser.add_argument("--portuguese", action="store_true", help="the prompts in Portuguese")
    parser.add_argument("--to", type=Path, help="the pictures' folder  [default: outputs/three_by_three[_pt]]")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="settings of the loop, for a trial")
    options = parser.parse_intermixed_args()
    prompts, titles = (PORTUGUESE, TITLES_PORTUGUESE) if options.portuguese else (ENGLISH, TITLES)
    name = "three_by_three_pt" if options.portuguese else "three_by_three"
    folder = options.to or ROOT / "outputs" / name
    settings: dict[str, object] = {}
    for layer in layers.parse_assignments(options.settings):
        settings |= layer.values
    draw(folder, prompts, settings)
    print(sheet(folder, prompts, titles, options.out or ROOT / "docs" / f"{name}.webp"))


if __name__ == "__main__":
    main()
