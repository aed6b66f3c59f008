"""The gallery: one prompt in every preset, and all of it on one sheet.

    python benchmarks/gallery.py                        what is not drawn yet, the sheet, the README's table, the page
    python benchmarks/gallery.py --steps 2 --to /tmp/g  a trial

Seed 0, so that anybody gets the same on the same machine. A picture that is there stays, as long as it was drawn with
the same settings and weights as it would be now; a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path

from drawings import ROOT, Drawing, draw, folder
from PIL import ImageFont

from pixgen.io.sheet import Sheet
from pixgen.settings import layers

GALLERY = ROOT / "docs" / "gallery"
PROMPT = "a red apple on a blue background"
SEED = 0
COLUMNS, TILE, LABEL = 4, 256, 28
BEGIN, END = "<!-- gallery: written by benchmarks/gallery.py -->", "<!-- end of gallery -->"

OTHERS = [
    (
        "Three teachers in three ways",
        "By the loop, by DALL-E 1's way and by DALL-E 2's: `python benchmarks/three_by_three.py`.",
        "three_by_three.webp",
    ),
    (
        "Described and drawn again",
        "Pictures, and what was drawn of their descriptions: [how](../recognition.md#describe).",
        "described.webp",
    ),
    ("What the models learnt from", "Scenes that a program composes, with their captions.", "scenes.webp"),
]
"""Title, text and picture in docs/ of what else the gallery page shows."""


def pictures(to: Path, settings: Mapping[str, object]) -> list[Drawing]:
    """One picture a preset, and `plain` without one."""
    return [
        Drawing(to / f"{name}.webp", PROMPT, SEED, "" if name == "plain" else name, settings=settings)
        for name in names()
    ]


def names() -> list[str]:
    return ["plain", *layers.preset_names()]


def sheet(to: Path) -> Path:
    """All pictures with their names under them, as one WebP."""
    chosen = names()
    page = Sheet(COLUMNS, -(-len(chosen) // COLUMNS), TILE, under=LABEL, font=ImageFont.load_default(18))
    for place, name in enumerate(chosen):
        row, column = divmod(place, COLUMNS)
        page.paste(column, row, to / f"{name}.webp")
        x, y = page.corner(column, row)
        page.write((x + TILE // 2, y + TILE + LABEL // 2), name, anchor="mm")
    return page.save(to / "sheet.webp", quality=85)


def table() -> str:
    """The README's section: the sheet, and a line a preset."""
    about = layers.presets()
    lines = [
        BEGIN,
        "",
        f'![every preset: "{PROMPT}", seed {SEED}](docs/gallery/sheet.webp)',
        "",
        "| preset | what it looks like |",
        "|---|---|",
        *(f"| [{name}](docs/gallery/{name}.webp) | {about[name]} |" for name in layers.preset_names()),
        "",
        END,
    ]
    return "\n".join(lines)


def write_into(readme: Path) -> None:
    """Replace the section between the two marks, or put it before the section on Python."""
    text = readme.read_text()
    if BEGIN in text:
        text = text[: text.index(BEGIN)] + table() + text[text.index(END) + len(END) :]
    else:
        text = text.replace("## From Python\n", f"## Presets\n\n{table()}\n\n## From Python\n", 1)
    readme.write_text(text)


def page() -> str:
    """docs/gallery/README.md: every preset with its picture, and the other pictures of the documentation."""
    about = {"plain": "Without a preset", **layers.presets()}
    lines = [
        BEGIN,
        "# Gallery",
        "",
        f'"{PROMPT}" in every preset, seed {SEED}: `pixgen "{PROMPT}" --seed {SEED} -p NAME`.',
        "",
    ]
    for name in names():
        lines += [f"## {name}", "", f"{about[name]}.", "", f"![{name}]({name}.webp)", ""]
    for title, text, picture in OTHERS:
        lines += [f"## {title}", "", text, "", f"![{title}](../{picture})", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, help="of every picture, for a trial")
    parser.add_argument("--to", type=Path, help="the pictures' folder, for a trial  [default: docs/gallery]")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="settings over every preset's, for a trial")
    options = parser.parse_args()
    overrides: dict[str, object] = {} if options.steps is None else {"steps": options.steps}
    for layer in layers.parse_assignments(options.settings):
        overrides |= layer.values
    if overrides and options.to is None:
        parser.error("settings are for a trial: give its folder, --to FOLDER")
    at = options.to or folder("gallery")
    draw(pictures(at, overrides))
    made = sheet(at)
    if options.to is None:
        for path in sorted(at.glob("*.webp")):
            shutil.copyfile(path, GALLERY / path.name)
        made = GALLERY / made.name
        write_into(ROOT / "README.md")
        (GALLERY / "README.md").write_text(page())
    print(made)


if __name__ == "__main__":
    main()
