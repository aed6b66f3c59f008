"""The open drawings that everything is learnt from: the same subjects in six icon sets.

`fetch` gets the pinned packages, `rasterise` turns every drawing that `subjects.csv` names into one sprite,
and `load_sprites` opens them. `subjects.csv` is the single table of what can be drawn, corrected by hand: a row
for each drawing's name, with the group (the subject) that it belongs to.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixgen.errors import PixgenError, UsageError
from pixgen.io import files, terminal
from pixgen.io.terminal import visible
from pixgen.scenery.subjects import table
from pixgen.training.data.sprites import SPRITE_SIDE, each_sprite
from pixgen.training.options import ALL_SUBJECTS

HELD_OUT_ICON_SET = "emojione"
"""The icon set that no shipped model ever saw: accuracy on it is the honest one."""


@dataclass(frozen=True)
class IconSet:
    """An npm package of SVG drawings, pinned."""

    name: str
    version: str
    sha256: str
    licence: str
    credit: str

    @property
    def package(self) -> str:
        return f"@iconify-json/{self.name}"

    @property
    def tarball(self) -> str:
        return f"iconify-json-{self.name}-{self.version}.tgz"


# fmt: off
SETS = (
    IconSet("noto", "1.2.9", "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
               "Apache-2.0", "Noto Emoji, Google"),
    IconSet("noto-v1", "1.2.5", "2bf62c26c2c2884aa99e90aec942cdaee17a5921f05690694f4978ad4b017c37",
               "Apache-2.0", "Noto Emoji (version 1), Google"),
    IconSet("fluent-emoji-flat", "1.2.6", "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
               "MIT", "Fluent Emoji, Microsoft"),
    IconSet("fluent-emoji", "1.2.7", "8044210dbf11e016d4de85f15d01a243423bd832457e7e2491df1b751c0e272b",
               "MIT", "Fluent Emoji, Microsoft"),
    IconSet("fxemoji", "1.2.2", "f3e72b3c59d05e1db03b7e308d55c0d05bd7ba3f625a90da1b79313c12858eef",
               "Apache-2.0", "Firefox OS Emoji, Mozilla"),
    IconSet("emojione", "1.2.3", "26a14f44284407e8bcde91799388dca2bfd91dbcd55a97f425524a1c5b73610e",
               "CC-BY-4.0", "EmojiOne 2.3, EmojiTwo"),
)
# fmt: on

TONES = ("light", "medium", "dark")
_TONED = re.compile(r"-(medium-light|medium-dark|light|medium|dark)-skin-tone")
_TONED_FLUENT = re.compile(r"-(medium-light|medium-dark|light|medium|dark)$")


@dataclass(frozen=True)
class Icon:
    """One drawing of an icon set. age, sex, role, hair, tone and colour are empty where they do not apply."""

    icon_set: str
    name: str
    group: str
    age: str
    sex: str
    role: str
    hair: str
    tone: str
    colour: str


def fetch(folder: Path, sets: Sequence[IconSet] = SETS) -> None:
    """Bring every package of `sets` into `folder`: nothing is downloaded that is there already.

    Raises PixgenError when npm is missing or fails, or when a package is not the one that was pinned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for drawings in sets:
        tarball = folder / drawings.tarball
        if not tarball.exists():
            _npm_pack(drawings, folder)
        found = files.sha256(tarball)
        if found != drawings.sha256:
            raise PixgenError(
                f"{tarball} has sha256 {found[:12]}…, expected {drawings.sha256[:12]}…; delete it and fetch again"
            )


def _npm_pack(drawings: IconSet, folder: Path) -> None:
    pinned = f"{drawings.package}@{drawings.version}"
    by_hand = f"or put {drawings.tarball} into {folder} (on another machine: npm pack {pinned})"
    npm = shutil.which("npm")  # on Windows its name ends otherwise
    if npm is None:
        raise PixgenError(f"npm is needed to fetch {drawings.package}; install Node.js, {by_hand}")
    command = [npm, "pack", pinned]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode or not (folder / drawings.tarball).exists():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PixgenError(f"npm could not fetch {drawings.package}: {last}; try again, {by_hand}")


def load_drawings(folder: Path, sets: Sequence[IconSet] = SETS, subjects: int = ALL_SUBJECTS) -> list[tuple[Icon, str]]:
    """Every drawing of the packages in `folder` that subjects.csv names, with its SVG.

    A row's `also` column gives other names that a set may know it by; `set/name` there holds for one set alone and
    goes before all others, and `set/-` says that what this set draws under the name is something else.
    People come in up to three skin tones besides the usual one. Raises UsageError when a package is not there.
    """
    found: list[tuple[Icon, str]] = []
    rows = _rows(subjects)
    for drawings in sets:
        icons = _icons(folder / drawings.tarball)
        by_key = _by_key(icons)
        seen: set[str] = set()
        for row in rows:
            key = next((k for k in _keys(row, drawings.name) if (k, "") in by_key), None)
            for tone in ("", *TONES) if row["kind"] == "person" else ("",):
                name = by_key.get((key, tone)) if key else None
                if name is None:
                    continue
                svg = _svg(icons, name)
                if svg in seen:  # some sets draw a woman and a person alike: once is enough
                    continue
                seen.add(svg)
                drawing = Icon(
                    drawings.name, row["name"], row["group"], row["person_age"], row["person_sex"], row["role"],
                    row["hair"], tone, row["colours"],
                )  # fmt: skip
                found.append((drawing, svg))
    return found


def _icons(tarball: Path) -> dict[str, Any]:
    try:
        with tarfile.open(tarball) as packed:
            member = packed.extractfile("package/icons.json")
            if member is None:
                raise KeyError("package/icons.json")
            icons: dict[str, Any] = json.load(member)
            return icons
    except FileNotFoundError:
        raise UsageError(f"{tarball.name} is not in {tarball.parent}; fetch it with `pixgen train data`") from None
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise PixgenError(f"{tarball} holds no package/icons.json ({error}); delete it and fetch again") from None


def _keys(row: dict[str, str], icon_set: str) -> Iterator[str]:
    also = [name for name in row["also"].split("|") if name]
    own = [name.partition("/")[2] for name in also if name.startswith(f"{icon_set}/")]
    names = own if own else [row["name"], *(name for name in also if "/" not in name)]
    return (name.replace("-", "") for name in names if name != "-")


def _by_key(icons: dict[str, Any]) -> dict[tuple[str, str], str]:
    """(name without hyphens, skin tone) → the set's own name. One of the sets writes its names without hyphens."""
    found: dict[tuple[str, str], str] = {}
    for name in (*icons["icons"], *icons.get("aliases", {})):
        base, tone = name, ""
        if toned := _TONED.search(name):
            base, tone = name.replace(toned.group(), "", 1), toned.group(1)
        elif (toned := _TONED_FLUENT.search(name)) and name[: toned.start()] in icons["icons"]:
            base, tone = name[: toned.start()], toned.group(1)
        found.setdefault((base.replace("-", ""), tone), name)
    return found


def _svg(icons: dict[str, Any], name: str) -> str:
    """The whole SVG of an icon. An alias is its parent, perhaps mirrored (no other change occurs in the sets)."""
    mirrored = False
    while name not in icons["icons"]:
        alias = icons["aliases"][name]
        mirrored ^= alias.get("hFlip", False)
        name = alias["parent"]
    icon = icons["icons"][name]
    left, top, width, height = (
        icon.get(k, icons.get(k, usual)) for k, usual in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
    )
    body = icon["body"]
    if mirrored:
        body = f'<g transform="translate({2 * left + width} 0) scale(-1 1)">{body}</g>'
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'{head} viewBox="{left} {top} {width} {height}">{body}</svg>'


def _rows(subjects: int) -> list[dict[str, str]]:
    return [row for row in table() if int(row["rank"]) <= subjects]


def rasterise(
    folder: Path,
    cache: Path,
    side: int = SPRITE_SIDE,
    sets: Sequence[IconSet] = SETS,
    processes: int = 2,
    subjects: int = ALL_SUBJECTS,
) -> bool:
    """Draw everything once: `cache/sprites.npy` uint8 (n, 4, side, side) and `cache/index.json`.

    A few minutes on two cores and 1.3 GB of disk for all `subjects`, less for the first few by rank. Broken drawings
    are named in a warning and left out.
    Returns False, and does nothing, when the cache was made from the same packages and rows of the table.
    """
    cache.mkdir(parents=True, exist_ok=True)
    words = ("en", "pt", "rank", "hands")  # to correct these is no reason to draw again
    rows = [[value for column, value in row.items() if column not in words] for row in _rows(subjects)]
    source = json.dumps([side, [s.sha256 for s in sets], rows])
    stamp, wanted = cache / "made-from.txt", hashlib.sha256(source.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted and (cache / "sprites.npy").exists():
        return False
    drawings = load_drawings(folder, sets, subjects)
    with files.replacing(cache / "sprites.npy", sole=True) as temporary:
        kept = _draw(drawings, temporary, side, processes)
        stamp.unlink(missing_ok=True)
        with files.replacing(cache / "index.json", sole=True) as index:
            index.write_text(json.dumps([asdict(icon) for icon in kept]))
    stamp.write_text(wanted)
    return True


def _draw(drawings: Sequence[tuple[Icon, str]], path: Path, side: int, processes: int) -> list[Icon]:
    """Sprites of the drawings into a .npy file, with empty places at its end for broken ones; which drawing each is.

    Straight to the disk, one after the other: all of them would not fit a small machine's memory.
    """
    kept: list[Icon] = []
    sprites = np.lib.format.open_memmap(path, "w+", np.uint8, (len(drawings), 4, side, side))
    with each_sprite((svg for _, svg in drawings), side, processes) as drawn:
        for (drawing, _), result in zip(drawings, drawn, strict=True):
            if isinstance(result, str):
                warnings.warn(visible(f"{drawing.icon_set}/{drawing.name} was left out: {result}"), stacklevel=3)
            else:
                sprites[len(kept)] = result
                kept.append(drawing)
    sprites.flush()
    return kept


_EARLIER = {"hand": "icon_set"}


def load_sprites(cache: Path) -> tuple[np.ndarray, list[Icon]]:
    """The sprites, a memory-mapped uint8 (n, 4, side, side) of premultiplied RGBA, and which drawing each is.

    Drawings of the set that is held out are among them (`icon.icon_set == HELD_OUT_ICON_SET`). In caches of earlier
    versions the set is called `hand`.
    Raises UsageError when there is no cache.
    """
    try:
        entries = json.loads((cache / "index.json").read_text())
        index = [Icon(**{_EARLIER.get(name, name): value for name, value in entry.items()}) for entry in entries]
        sprites = np.load(cache / "sprites.npy", mmap_mode="r")
    except FileNotFoundError:
        raise UsageError(f"no drawings in {cache}; make them with `pixgen train data`") from None
    return sprites[: len(index)], index  # behind the last are empty places where drawings were left out


def make(folder: Path, cache: Path, subjects: int = ALL_SUBJECTS) -> None:
    """Fetch the icon sets into `folder` and draw the first `subjects` by rank into `cache`.

    Raises as `fetch` and `load_drawings` do.
    """
    fetch(folder)
    rasterise(folder, cache, subjects=subjects)
    _, index = load_sprites(cache)
    sets, groups = len({icon.icon_set for icon in index}), len({icon.group for icon in index})
    terminal.write(f"{len(index)} drawings of {groups} subjects in {sets} icon sets", sys.stderr)


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m pixgen.training.data.drawings FOLDER CACHE`"""
    import argparse

    parser = argparse.ArgumentParser(description="Fetch the drawings into FOLDER and rasterise them into CACHE.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--subjects", type=int, default=ALL_SUBJECTS, help="only so many, the most useful first")
    options = parser.parse_args(argv)
    make(options.folder, options.cache, options.subjects)


if __name__ == "__main__":
    terminal.run(main)
