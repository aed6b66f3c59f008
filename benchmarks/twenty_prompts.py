"""The blind test: twenty prompts that were fixed before any picture, drawn, shuffled, and named by somebody else.

    python benchmarks/twenty_prompts.py draw --generator vqgan       draws what is not drawn yet, from a random start
    python benchmarks/twenty_prompts.py draw --start bank            from the bank (add --start to the others too)
    python benchmarks/twenty_prompts.py sheet --generator vqgan      numbers only; the key lies beside it
    python benchmarks/twenty_prompts.py report --generator vqgan answers.csv

`answers.csv` has a line a picture, `number,said,right`: what was said of it by somebody who saw only the sheet,
and then, with the key at hand, whether that names what was asked for (yes or no).
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
from pathlib import Path

import yaml
from PIL import ImageFont

import pixgen
from pixgen.io.sheet import Sheet

ROOT = Path(__file__).parent.parent
PROMPTS = ROOT / "docs" / "twenty_prompts.txt"
SHUFFLE = 20
COLUMNS, TILE, LABEL = 5, 256, 28


def prompts() -> list[str]:
    return PROMPTS.read_text().splitlines()


def order(count: int) -> list[int]:
    """order(n)[k] is the prompt whose picture stands at number k + 1 of the sheet."""
    return random.Random(SHUFFLE).sample(range(count), count)


def picture(folder: Path, index: int) -> Path:
    return folder / f"{index + 1:02}.png"


def draw(folder: Path, generator: str, overrides: dict[str, str]) -> None:
    """One picture a prompt, seed 0, default settings; those that are there already stay."""
    for index, prompt in enumerate(prompts()):
        if picture(folder, index).exists():
            continue
        result = pixgen.generate(prompt, seed=0, **{"generator.type": generator} | overrides)
        result.save(picture(folder, index))
        print(f"{index + 1:>2} {result.seconds:6.1f} s  {prompt}", flush=True)


def sheet(folder: Path) -> Path:
    """The pictures in shuffled order under plain numbers, and `key.json` beside them."""
    wanted = prompts()
    page = Sheet(COLUMNS, -(-len(wanted) // COLUMNS), TILE, over=LABEL, font=ImageFont.load_default(20))
    for place, index in enumerate(order(len(wanted))):
        row, column = divmod(place, COLUMNS)
        page.paste(column, row, picture(folder, index))
        x, y = page.corner(column, row)
        page.write((x + 6, y - LABEL + 2), str(place + 1))
    path = page.save(folder / "sheet.png")
    key = {str(place + 1): wanted[index] for place, index in enumerate(order(len(wanted)))}
    (folder / "key.json").write_text(json.dumps(key, indent=1) + "\n")
    return path


def report(folder: Path, generator: str, answers: Path) -> Path:
    """What was said beside what was asked for, as a page of the docs with the sheet."""
    key = json.loads((folder / "key.json").read_text())
    with answers.open(newline="") as file:
        said = {row["number"]: row for row in csv.DictReader(file)}
    if missing := key.keys() - said.keys():
        raise SystemExit(f"{answers}: no answer for {', '.join(sorted(missing, key=int))}")
    right = [number for number in key if said[number]["right"].strip().lower() in ("yes", "y", "1", "true")]
    lines = [
        f"# The twenty prompts, drawn by `{generator.replace('_', '` from `')}`",
        "",
        f"Seed 0, default settings, shuffled, named by somebody who had not seen the prompts: "
        f"**{len(right)} of {len(key)}** rightly.",
        "",
        f"![the shuffled pictures](twenty_prompts_{generator}.png)",
        "",
        "| picture | prompt | what was said | rightly |",
        "|---|---|---|---|",
        *(
            f"| {number} | {prompt} | {said[number]['said']} | {'yes' if number in right else 'no'} |"
            for number, prompt in key.items()
        ),
    ]
    page = ROOT / "docs" / f"twenty_prompts_{generator}.md"
    page.write_text("\n".join(lines) + "\n")
    shutil.copyfile(folder / "sheet.png", page.with_suffix(".png"))
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["draw", "sheet", "report"])
    parser.add_argument("arguments", nargs="*", help="answers.csv (report) or KEY=VALUE overrides (draw)")
    parser.add_argument("--generator", default="vqgan")
    parser.add_argument("--start", default="random", help="where every picture begins")
    options = parser.parse_intermixed_args()
    name = options.generator if options.start == "random" else f"{options.generator}_{options.start}"
    folder = ROOT / "outputs" / "twenty_prompts" / name
    if options.action == "draw":
        said = {key: yaml.safe_load(value) for key, value in (word.split("=", 1) for word in options.arguments)}
        draw(folder, options.generator, {"start.type": options.start} | said)
    elif options.action == "sheet":
        print(sheet(folder))
    else:
        print(report(folder, name, Path(options.arguments[0])))


if __name__ == "__main__":
    main()
