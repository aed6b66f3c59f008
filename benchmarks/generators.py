"""Every generator twice: from a random start, and from the bank's picture, and all of it on one sheet.

    python benchmarks/generators.py                          what is not drawn yet, and the sheet
    python benchmarks/generators.py strokes shapes           these alone, and the sheet
    python benchmarks/generators.py pixel --to /tmp/g steps=2        a trial

`benchmarks/generators.yaml` has an entry a generator, with prompt, seed and settings. A picture that is there stays,
as long as it was drawn with the same settings and weights as it would be now; a run that was stopped resumes.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from drawings import ROOT, Drawing, draw, folder
from PIL import ImageFont

from pixgen.io.sheet import Sheet
from pixgen.settings import layers

ENTRIES = Path(__file__).with_suffix(".yaml")
PICTURES = ROOT / "docs" / "generators"
WAYS = ("random", "bank")
PAIRS, TILE, LABEL = 3, 192, 26


def entries() -> dict[str, dict[str, Any]]:
    """The YAML file's entries by the generator's name."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(ENTRIES.read_text())
    return found


def pictures(to: Path, names: Sequence[str], overrides: Mapping[str, object]) -> list[Drawing]:
    """Two pictures for each of these generators, NAME-random.webp and NAME-bank.webp."""
    found = []
    for name, entry in entries().items():
        for way in WAYS if name in names else ():
            settings: dict[str, object] = {"start": {"type": way}}
            if "preset" not in entry or way != "bank":
                settings["generator"] = {"type": name}
            for more in (entry.get("settings", {}), entry.get(way, {}), overrides):
                settings = merged(settings, more)
            preset = entry.get("preset", "") if way == "bank" else ""
            found.append(Drawing(to / f"{name}-{way}.webp", entry["prompt"], entry["seed"], preset, settings=settings))
    return found


def merged(under: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """Both, with the values of `over` winning inside mappings too."""
    made = dict(under)
    for key, value in over.items():
        below = made.get(key)
        made[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return made


def sheet(to: Path) -> Path:
    """The pictures that are there, two a generator with its name under them, as one WebP."""
    drawn = [name for name in entries() if all((to / f"{name}-{way}.webp").is_file() for way in WAYS)]
    page = Sheet(2 * PAIRS, -(-len(drawn) // PAIRS), TILE, gap=4, under=LABEL, font=ImageFont.load_default(15))
    for place, name in enumerate(drawn):
        row, pair = divmod(place, PAIRS)
        for column, way in enumerate(WAYS, start=2 * pair):
            page.paste(column, row, to / f"{name}-{way}.webp")
            x, y = page.corner(column, row)
            page.write((x + TILE // 2, y + TILE + LABEL // 2), f"{name}, {way}", anchor="mm")
    return page.save(to / "sheet.webp", quality=85)


def main() -> None:
    known = list(entries())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, help="the pictures' folder, for a trial  [default: docs/generators]")
    parser.add_argument(
        "words", nargs="*", metavar="NAME|KEY=VALUE", help="generators to draw, and settings over all, for a trial"
    )
    options = parser.parse_args()
    names = [word for word in options.words if "=" not in word]
    if unknown := [name for name in names if name not in known]:
        parser.error(f"{ENTRIES.name} has no {', '.join(unknown)} (it has {', '.join(known)})")
    overrides: dict[str, object] = {}
    for layer in layers.parse_assignments(word for word in options.words if "=" in word):
        overrides = merged(overrides, layer.values)
    if overrides and options.to is None:
        parser.error("settings are for a trial: give its folder, --to FOLDER")
    at = options.to or folder("generators")
    asked = pictures(at, names or known, overrides)
    draw(asked)
    if options.to is None:
        PICTURES.mkdir(exist_ok=True)
        for one in asked:
            shutil.copyfile(one.path, PICTURES / one.path.name)
    print(sheet(options.to or PICTURES))


if __name__ == "__main__":
    main()
