"""The gallery: one prompt in every preset, and all of it on one sheet.

    python benchmarks/gallery.py                        what is not drawn yet, the sheet, the README's table
    python benchmarks/gallery.py --steps 2 --to /tmp/g  a trial

Seed 0, so that anybody gets the same on the same machine. A picture that is there stays, as long as it was drawn with
the same settings and weights as it would be now; a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path

from PIL import ImageFont

import pixgen
from pixgen.errors import PixgenError
from pixgen.io import metadata, resources
from pixgen.io.sheet import Sheet
from pixgen.io.yaml_files import Layer
from pixgen.settings import config, layers

ROOT = Path(__file__).parent.parent
GALLERY = ROOT / "docs" / "gallery"
PROMPT = "a red apple on a blue background"
SEED = 0
COLUMNS, TILE, LABEL = 4, 256, 28
BEGIN, END = "<!-- gallery: written by benchmarks/gallery.py -->", "<!-- end of gallery -->"


def draw(folder: Path, overrides: Mapping[str, object]) -> list[str]:
    """One picture a preset, and `plain` without one; gives the names of those that were drawn now."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = weights()
    drawn = []
    for name in names():
        path = folder / f"{name}.webp"
        wanted = settings(name, overrides)
        if is_current(path, wanted, stamp):
            continue
        result = pixgen.generate(PROMPT, preset=presets(name), seed=SEED, **overrides)
        result.save(path, overwrite=True)
        path.with_suffix(".weights").write_text(stamp + "\n")
        drawn.append(name)
        print(f"{result.seconds:6.1f} s  {name}", flush=True)
    return drawn


def names() -> list[str]:
    return ["plain", *layers.preset_names()]


def presets(name: str) -> list[str]:
    return [] if name == "plain" else [name]


def settings(name: str, overrides: Mapping[str, object]) -> dict[str, object]:
    """The settings of a picture of the gallery, but for what the machine decides."""
    said = [Layer({key: value}, "gallery") for key, value in overrides.items()]
    asked = Layer({"prompt": PROMPT, "seed": SEED}, "gallery")
    return comparable(config.to_dict(config.resolve(layers.gather(presets(name), None, [*said, asked]))))


def comparable(values: Mapping[str, object]) -> dict[str, object]:
    resolved = ("device", "precision", "threads", "batch")
    return {key: value for key, value in config.to_dict(config.from_dict(values)).items() if key not in resolved}


def weights() -> str:
    """The sha256 of the models that come with pixgen: other weights, other pictures."""
    digest = hashlib.sha256()
    for path in sorted(resources.embedded().glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current(path: Path, wanted: Mapping[str, object], stamp: str) -> bool:
    beside = path.with_suffix(".weights")
    if not path.is_file() or not beside.is_file() or beside.read_text().strip() != stamp:
        return False
    try:
        about = metadata.read(path)
        return about.steps_done == about.steps_planned and comparable(about.config) == wanted
    except PixgenError:
        return False


def sheet(folder: Path) -> Path:
    """All pictures with their names under them, as one WebP."""
    chosen = names()
    page = Sheet(COLUMNS, -(-len(chosen) // COLUMNS), TILE, under=LABEL, font=ImageFont.load_default(18))
    for place, name in enumerate(chosen):
        row, column = divmod(place, COLUMNS)
        page.paste(column, row, folder / f"{name}.webp")
        x, y = page.corner(column, row)
        page.write((x + TILE // 2, y + TILE + LABEL // 2), name, anchor="mm")
    return page.save(folder / "sheet.webp", quality=85)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, help="of every picture, for a trial")
    parser.add_argument("--to", type=Path, default=GALLERY, help="the folder (the README is written for its own alone)")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="settings over every preset's")
    options = parser.parse_args()
    trial = options.steps is not None or options.settings
    overrides: dict[str, object] = {} if options.steps is None else {"steps": options.steps}
    for layer in layers.parse_assignments(options.settings):
        overrides |= layer.values
    draw(options.to, overrides)
    print(sheet(options.to))
    if options.to == GALLERY and not trial:
        write_into(ROOT / "README.md")


if __name__ == "__main__":
    main()
