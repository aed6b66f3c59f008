"""The open drawings that everything is learnt from: the same subjects by six hands.

`fetch` gets the pinned packages, `rasterise` turns every drawing that `subjects.csv` names into one sprite,
and `load_sprites` opens them. `subjects.csv` is the single table of what can be drawn, corrected by hand.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import multiprocessing
import os
import shutil
import subprocess
import tarfile
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pixgen.errors import PixgenError

SIDE = 192
HELD_OUT = "emojione"
"""The hand that no shipped model ever saw: accuracy on it is the honest one."""


@dataclass(frozen=True)
class DrawingSet:
    """One hand: an npm package of SVG drawings, pinned."""

    hand: str
    version: str
    sha256: str
    licence: str
    credit: str

    @property
    def package(self) -> str:
        return f"@iconify-json/{self.hand}"

    @property
    def tarball(self) -> str:
        return f"iconify-json-{self.hand}-{self.version}.tgz"


SETS = (
    DrawingSet("noto", "1.2.9", "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad", "Apache-2.0", "Noto Emoji, Google"),
    DrawingSet("noto-v1", "1.2.5", "2bf62c26c2c2884aa99e90aec942cdaee17a5921f05690694f4978ad4b017c37", "Apache-2.0", "Noto Emoji (v1), Google"),
    DrawingSet("fluent-emoji-flat", "1.2.6", "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175", "MIT", "Fluent Emoji, Microsoft"),
    DrawingSet("fluent-emoji", "1.2.7", "8044210dbf11e016d4de85f15d01a243423bd832457e7e2491df1b751c0e272b", "MIT", "Fluent Emoji, Microsoft"),
    DrawingSet("fxemoji", "1.2.2", "f3e72b3c59d05e1db03b7e308d55c0d05bd7ba3f625a90da1b79313c12858eef", "Apache-2.0", "Firefox OS Emoji, Mozilla"),
    DrawingSet("emojione", "1.2.3", "26a14f44284407e8bcde91799388dca2bfd91dbcd55a97f425524a1c5b73610e", "CC-BY-4.0", "EmojiOne / EmojiTwo"),
)
TONES = ("light", "medium", "dark")


@dataclass(frozen=True)
class Subject:
    """What can be asked for. `en` and `pt` are names without article, the usual one first; `pt_gender` is m or f."""

    group: str
    kind: str
    rank: int
    en: tuple[str, ...]
    pt: tuple[str, ...]
    pt_gender: str


@dataclass(frozen=True)
class Drawing:
    """One drawing by one hand. age, sex, role, hair and tone are empty where they do not apply."""

    hand: str
    name: str
    group: str
    age: str
    sex: str
    role: str
    hair: str
    tone: str
    colour: str


def table() -> list[dict[str, str]]:
    """The rows of subjects.csv, by rank."""
    text = (Path(__file__).parent / "subjects.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def load_subjects() -> dict[str, Subject]:
    """Every subject by its group's name, the most useful first."""
    subjects: dict[str, Subject] = {}
    for row in table():
        gender, _, names = row["pt"].partition(":")
        subject = Subject(
            row["group"], row["kind"], int(row["rank"]), tuple(row["en"].split("|")), tuple(names.split("|")), gender
        )
        subjects.setdefault(row["group"], subject)
    return subjects


def fetch(folder: Path) -> None:
    """Bring every set of `SETS` into `folder`: nothing is downloaded that is there already.

    Raises PixgenError when npm is missing or fails, or when a package is not the one that was pinned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for drawings in SETS:
        tarball = folder / drawings.tarball
        if not tarball.exists():
            if shutil.which("npm") is None:
                raise PixgenError(
                    f"npm is needed to fetch {drawings.package}; install Node.js, or put {drawings.tarball} into {folder}"
                )
            done = subprocess.run(
                ["npm", "pack", f"{drawings.package}@{drawings.version}"], cwd=folder, capture_output=True, text=True
            )
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise PixgenError(f"npm could not fetch {drawings.package}: {last}; or put {tarball.name} into {folder}")
        found = hashlib.sha256(tarball.read_bytes()).hexdigest()
        if found != drawings.sha256:
            raise PixgenError(
                f"{tarball} has sha256 {found[:12]}…, expected {drawings.sha256[:12]}…; delete it and fetch again"
            )


def load_drawings(folder: Path) -> list[tuple[Drawing, str]]:
    """Every drawing of the sets in `folder` that subjects.csv names, with its SVG."""
    found: list[tuple[Drawing, str]] = []
    rows = table()
    for drawings in SETS:
        with tarfile.open(folder / drawings.tarball) as packed:
            member = packed.extractfile("package/icons.json")
            assert member is not None
            icons = json.load(member)
        # One set writes its names without hyphens.
        by_key = {name.replace("-", ""): name for name in (*icons["icons"], *icons.get("aliases", {}))}
        for row in rows:
            names = [row["name"], *filter(None, row["also"].split("|"))]
            name = next((by_key[n.replace("-", "")] for n in names if n.replace("-", "") in by_key), None)
            if name is None:
                continue
            variants = [("", name)]
            if row["kind"] == "person":
                variants += [(tone, f"{name}-{tone}") for tone in TONES if f"{name}-{tone}" in icons["icons"]]
            for tone, variant in variants:
                drawing = Drawing(
                    drawings.hand, row["name"], row["group"], row["person_age"], row["person_sex"], row["role"],
                    row["hair"], tone, row["colours"],
                )  # fmt: skip
                found.append((drawing, _svg(icons, variant)))
    return found


def _svg(icons: dict, name: str) -> str:
    while name not in icons["icons"]:
        name = icons["aliases"][name]["parent"]
    icon = icons["icons"][name]
    width, height = (icon.get(k, icons.get(k, 16)) for k in ("width", "height"))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'{head} viewBox="{box}">{icon["body"]}</svg>'


def sprite(svg: str, side: int = SIDE) -> np.ndarray:
    """One SVG as uint8 (4, side, side), premultiplied RGBA, trimmed to what is drawn and centred."""
    import resvg_py

    picture = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side))))
    picture = picture.convert("RGBA")
    box = picture.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox()
    if box is None:
        raise ValueError("nothing is drawn")
    picture = picture.crop(box).convert("RGBa")
    scale = side / max(picture.size)
    picture = picture.resize([max(1, round(s * scale)) for s in picture.size], Image.Resampling.BICUBIC)
    square = Image.new("RGBa", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return np.asarray(square).transpose(2, 0, 1)


def _try_sprite(svg: str) -> np.ndarray | str:
    try:
        return sprite(svg)
    except Exception as error:  # a broken drawing is named and left out
        return str(error) or type(error).__name__


def rasterise(folder: Path, cache: Path) -> None:
    """Draw everything once: `cache/sprites.npy` uint8 (n, 4, 192, 192) and `cache/index.json`.

    About a minute on two cores. Broken drawings are named in a warning and left out.
    """
    cache.mkdir(parents=True, exist_ok=True)
    drawings = load_drawings(folder)
    with multiprocessing.Pool(2) as pool:
        drawn = pool.map(_try_sprite, [svg for _, svg in drawings], chunksize=64)
    for (drawing, _), result in zip(drawings, drawn, strict=True):
        if isinstance(result, str):
            warnings.warn(f"{drawing.hand}/{drawing.name} was left out: {result}", stacklevel=2)
    kept = [(d, r) for (d, _), r in zip(drawings, drawn, strict=True) if not isinstance(r, str)]
    np.save(cache / "part.npy", np.stack([r for _, r in kept]))
    (cache / "part.json").write_text(json.dumps([asdict(d) for d, _ in kept]))
    os.replace(cache / "part.json", cache / "index.json")
    os.replace(cache / "part.npy", cache / "sprites.npy")


def load_sprites(cache: Path) -> tuple[np.ndarray, list[Drawing]]:
    """The sprites, uint8 (n, 4, 192, 192) premultiplied RGBA, and which drawing each is."""
    index = [Drawing(**entry) for entry in json.loads((cache / "index.json").read_text())]
    return np.load(cache / "sprites.npy", mmap_mode="r"), index


def main() -> None:
    """`python -m pixgen.training.drawings FOLDER CACHE`"""
    import sys

    folder, cache = map(Path, sys.argv[1:3])
    fetch(folder)
    rasterise(folder, cache)
    sprites, index = load_sprites(cache)
    print(f"{len(index)} drawings of {len({d.group for d in index})} subjects by {len({d.hand for d in index})} hands")


if __name__ == "__main__":
    main()
