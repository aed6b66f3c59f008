"""Blind tests: prompts that were fixed before any picture, drawn, shuffled, and named by somebody else.

    python benchmarks/blind_tests.py draw twenty_prompts_vqgan_bank     what is not drawn yet, and the sheet
    python benchmarks/blind_tests.py report twenty_prompts_vqgan_bank   the page of the docs, from answers.csv
    python benchmarks/blind_tests.py nearest twenty_prompts_vqgan_bank --cache CACHE     docs/nearest.webp

The sheet has numbers only; its key lies beside it. `answers.csv`, in the same folder, has a line a picture,
`number,said,right`: what was said of it by somebody who saw only the sheet, and then, with the key at hand, whether
that names what was asked for (yes or no). `report` ends with exit code 3 where there are no answers yet.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drawings import ROOT, Drawing, draw, folder
from PIL import ImageFont

from pixgen.evaluation import nearest, prompt_lists
from pixgen.io.sheet import Sheet

UNNAMED = 3
"""Exit code of a report without answers."""
SHUFFLE = 20
TILE, LABEL = 256, 28


@dataclass(frozen=True)
class BlindTest:
    """One list of prompts and how it is drawn, seed 0.

    title: of its page. settings: over the defaults. picture: the sheet in the docs. columns: of the sheet.
    """

    title: str
    settings: Mapping[str, object]
    picture: str
    columns: int = 5

    def prompts(self) -> list[str]:
        """The twenty; of two things, those of the model card's 200."""
        if self.picture.startswith("two_things"):
            return [row.prompt for row in prompt_lists.read(200) if row.kind == "two"]
        return (ROOT / "docs" / "twenty_prompts.txt").read_text().splitlines()

    def drawings(self, to: Path) -> list[Drawing]:
        """Its pictures, in the order of the prompts."""
        return [
            Drawing(to / f"{i + 1:02}.png", prompt, 0, settings=self.settings)
            for i, prompt in enumerate(self.prompts())
        ]


_TWENTY = "The twenty prompts, drawn by"
TESTS = {
    "twenty_prompts_multires": BlindTest(
        f"{_TWENTY} `multires`", {"generator": "multires", "start": "random"}, "twenty_prompts_multires.png"
    ),
    "twenty_prompts_vqgan": BlindTest(f"{_TWENTY} `vqgan`", {"start": "random"}, "twenty_prompts_vqgan.png"),
    "twenty_prompts_vqgan_bank": BlindTest(f"{_TWENTY} `vqgan` from `bank`", {}, "twenty_prompts_vqgan_bank.png"),
    "two_things": BlindTest("Two things in one picture", {}, "two_things.webp", columns=6),
}


def order(count: int) -> list[int]:
    """order(n)[k] is the prompt whose picture stands at number k + 1 of the sheet."""
    return random.Random(SHUFFLE).sample(range(count), count)


def sheet(test: BlindTest, to: Path) -> Path:
    """The pictures in shuffled order under plain numbers, and `key.json` beside them."""
    drawings = test.drawings(to)
    page = Sheet(test.columns, -(-len(drawings) // test.columns), TILE, over=LABEL, font=ImageFont.load_default(20))
    for place, index in enumerate(order(len(drawings))):
        row, column = divmod(place, test.columns)
        page.paste(column, row, drawings[index].path)
        x, y = page.corner(column, row)
        page.write((x + 6, y - LABEL + 2), str(place + 1))
    path = page.save(to / f"sheet{Path(test.picture).suffix}")
    key = {str(place + 1): drawings[index].prompt for place, index in enumerate(order(len(drawings)))}
    (to / "key.json").write_text(json.dumps(key, indent=1, ensure_ascii=False) + "\n")
    return path


def report(test: BlindTest, to: Path) -> Path:
    """What was said beside what was asked for, as a page of the docs with the sheet. Needs answers.csv in the folder.

    Raises SystemExit where a picture has no answer.
    """
    key, answers = json.loads((to / "key.json").read_text()), to / "answers.csv"
    with answers.open(newline="") as file:
        said = {row["number"]: row for row in csv.DictReader(file)}
    if missing := key.keys() - said.keys():
        raise SystemExit(f"{answers}: no answer for {', '.join(sorted(missing, key=int))}")
    right = [number for number in key if said[number]["right"].strip().lower() in ("yes", "y", "1", "true")]
    lines = [
        f"# {test.title}",
        "",
        f"Seed 0, default settings, shuffled, named by somebody who had not seen the prompts: "
        f"**{len(right)} of {len(key)}** rightly.",
        "",
        f"![the shuffled pictures]({test.picture})",
        "",
        "| picture | prompt | what was said | rightly |",
        "|---|---|---|---|",
        *(
            f"| {number} | {prompt} | {said[number]['said']} | {'yes' if number in right else 'no'} |"
            for number, prompt in key.items()
        ),
    ]
    page = (ROOT / "docs" / test.picture).with_suffix(".md")
    page.write_text("\n".join([*lines, *_remarks(page)]) + "\n")
    shutil.copyfile(to / f"sheet{Path(test.picture).suffix}", ROOT / "docs" / test.picture)
    return page


def _remarks(page: Path) -> list[str]:
    """What somebody wrote under the table."""
    lines = page.read_text().splitlines() if page.is_file() else []
    rows = [number for number, line in enumerate(lines) if line.startswith("|")]
    return lines[rows[-1] + 1 :] if rows else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["draw", "report", "nearest"])
    parser.add_argument("test", choices=TESTS)
    parser.add_argument("--cache", type=Path, help="folder of the sprites, for `nearest`")
    options = parser.parse_args()
    test, to = TESTS[options.test], folder(options.test)
    if options.action != "report":
        draw(test.drawings(to))
    if options.action == "draw":
        print(sheet(test, to))
    elif options.action == "nearest":
        if options.cache is None:
            parser.error("nearest needs --cache FOLDER")
        pictures = [str(one.path) for one in test.drawings(to)]
        nearest.main([*pictures, "--cache", str(options.cache), "--out", str(ROOT / "docs" / "nearest.webp")])
    elif not (to / "answers.csv").is_file():
        print(f"show {sheet(test, to)} to somebody and write what is said into {to / 'answers.csv'}", file=sys.stderr)
        sys.exit(UNNAMED)
    else:
        print(report(test, to))


if __name__ == "__main__":
    main()
