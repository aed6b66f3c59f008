"""A user's own pictures in place of the open drawings: a folder becomes a cache that every training reads.

A picture with transparent parts becomes a sprite, placed into scenes like any other; an opaque one is a whole picture.
Captions are the files' names, or those of `captions.csv` in the folder: `file,caption` and perhaps `caption_pt`. The
folder may be somebody else's: what its table names and its links lead to stays within it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pixgen.errors import PixgenError, UsageError, reason
from pixgen.io import files, image_files, untrusted
from pixgen.scenery.subjects import USER_SUBJECTS, Subject
from pixgen.scenery.vocabulary import COLOURS
from pixgen.training.data import svg_files
from pixgen.training.data.drawings import Icon
from pixgen.training.data.sprites import SPRITE_SIDE, trimmed

USER_SET = "own"
"""The icon set that a user's pictures stand as."""
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".svg")
CAPTIONS = "captions.csv"
MOST_CAPTION_BYTES = 64_000_000
MINIMUM = 8
"""The fewest pictures that can be told apart, and so learnt from."""

_ARTICLE = re.compile(r"^(?:a|an|the|um|uma|o|a)\s+(?=\S)", re.IGNORECASE)
_NO_CAPTION = re.compile(
    r"(?:img|dscn?|dscf|dcim|image|imagem|photo|foto|picture|pict|pic|screenshot|captura|scan|untitled|unnamed|file|"
    r"download|whatsapp image|copy|[a-z])?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Captioned:
    """One picture of the user's: its file, and what it shows in English and in Portuguese."""

    path: Path
    en: str
    pt: str


def captioned(folder: Path) -> tuple[list[Captioned], list[str]]:
    """The pictures of a folder with their captions, sorted by name; and why others were left out, a line each.

    Raises UsageError where there is no such folder, no picture in it, or no caption.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {str(folder)!r} (--drawings)")
    there = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    pictures = [path for path in there if untrusted.is_inside(path, folder)]
    if not pictures:
        raise UsageError(f"{folder} holds no pictures ({', '.join(ENDINGS)}); put at least {MINIMUM} there")
    table = folder / CAPTIONS
    linked = [f"{path.name} is a link that leads out of {folder}" for path in there if path not in pictures]
    found = list(_from_table(table)) if table.is_file() else [*map(_from_name, pictures), *linked]
    kept = [each for each in found if isinstance(each, Captioned)]
    left_out = [each for each in found if isinstance(each, str)]
    if not kept:
        raise UsageError(
            f"no captions: of the {len(pictures)} pictures in {folder} none says what it shows ({left_out[0]}); call "
            f"them what they show (red-apple-2.png), or write {table} with the columns file,caption"
        )
    return kept, left_out


def _from_name(path: Path) -> Captioned | str:
    words = re.sub(r"[\W_]+", " ", re.sub(r"\d+", " ", path.stem)).strip()
    if _NO_CAPTION.fullmatch(words):
        return f"{path.name} has no caption: its name does not say what it shows"
    return Captioned(path, _bare(words), _bare(words))


def _from_table(table: Path) -> Iterator[Captioned | str]:
    untrusted.path(table.parent, table.name, str(table.parent))
    try:
        rows = csv.DictReader(io.StringIO(untrusted.read(table, MOST_CAPTION_BYTES).decode("utf-8-sig")))
        columns = rows.fieldnames or []
        listed = list(enumerate(rows, 2))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table} is not a CSV in UTF-8: {error}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {table}: {reason(error)}") from error
    if missing := {"file", "caption"} - set(columns):
        there = ", ".join(columns) or "nothing"
        raise UsageError(f"{table}:1 has no column {' and '.join(sorted(missing))}; its first line says {there}")
    for line, row in listed:
        name, caption = (row["file"] or "").strip(), (row["caption"] or "").strip()
        try:
            path = untrusted.path(table.parent, name, f"{table.name}:{line}")
        except UsageError as error:
            yield str(error)
            continue
        if not path.is_file():
            yield f"{table.name}:{line}: there is no file {name!r}"
        elif not caption:
            yield f"{table.name}:{line}: {name} has no caption"
        else:
            yield Captioned(path, _bare(caption), _bare((row.get("caption_pt") or "").strip() or caption))


def _bare(caption: str) -> str:
    """Without its article, which the captions of scenes add: "a red apple" -> "red apple"."""
    return _ARTICLE.sub("", " ".join(caption.split()))


def names_colour(subject: Subject) -> bool:
    """Whether a caption names a colour, in either language; then its picture has no other."""
    words = set(" ".join((*subject.en, *subject.pt)).lower().split())
    return any({name, *named[1:]} & words for name, named in COLOURS.items())


def picture(path: Path, svgs: svg_files.Renderer, side: int = SPRITE_SIDE) -> tuple[np.ndarray, bool]:
    """One file as uint8 (4, side, side), premultiplied RGBA, and whether it is a whole (opaque) picture.

    svgs: what draws a file that is an SVG.
    Raises ValueError, with the reason, where it cannot be read or shows nothing.
    """
    try:
        if path.suffix.lower() == ".svg":
            image = svgs(svg_files.read(path), side * 4 // 3)
        else:
            image = image_files.load(path, first_frame=True).convert("RGBA")
    except UsageError as error:
        raise ValueError(str(error).removeprefix(f"{image_files.name_of(path)} ")) from error
    except Exception as error:  # of two libraries, each with errors of its own
        raise ValueError(reason(error)) from error
    if np.asarray(image.getchannel("A")).min() < 250:
        return trimmed(image, side), False
    return np.array(ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC)).transpose(2, 0, 1), True


def rasterise(folder: Path, cache: Path, side: int = SPRITE_SIDE) -> tuple[int, list[str]]:
    """Make `cache` from the pictures of `folder`: how many there are, and why others were left out, a line each.

    Raises UsageError where fewer than MINIMUM can be used, or all have the same caption; PixgenError where the cache
    was made from other pictures.
    """
    found, left_out = captioned(folder)
    stamp, wanted = cache / "made-from.txt", _fingerprint(found, side)
    index = cache / "index.json"
    if index.exists():
        if stamp.exists() and stamp.read_text() == wanted:
            return len(json.loads(index.read_text())), left_out
        raise PixgenError(f"{cache} was made from other pictures; choose another folder with --runs")
    sprites: list[np.ndarray] = []
    kept: list[Captioned] = []
    whole: dict[str, bool] = {}
    with svg_files.Renderer() as svgs:
        for each in found:
            try:
                drawn, opaque = picture(each.path, svgs, side)
            except ValueError as error:
                left_out.append(f"{each.path.name}: {error}")
                continue
            sprites.append(drawn)
            kept.append(each)
            whole[each.en] = whole.get(each.en, False) or opaque
    _require_enough(folder, kept, left_out)
    subjects: dict[str, Subject] = {}
    for each in kept:
        kind = "picture" if whole[each.en] else "thing"
        subjects.setdefault(each.en, Subject(each.en, kind, len(subjects) + 1, (each.en,), (each.pt,), "m"))
    icons = [Icon(USER_SET, e.path.name, e.en, "", "", "", "", "", "") for e in kept]
    with files.replacing(cache / "sprites.npy", sole=True) as temporary, temporary.open("wb") as file:
        np.save(file, np.stack(sprites))
    (cache / USER_SUBJECTS).write_text(json.dumps([asdict(s) for s in subjects.values()], ensure_ascii=False))
    stamp.write_text(wanted)
    with files.replacing(index, sole=True) as temporary:  # last: where it is, all of the cache is
        temporary.write_text(json.dumps([asdict(icon) for icon in icons], ensure_ascii=False))
    return len(kept), left_out


def _require_enough(folder: Path, kept: list[Captioned], left_out: list[str]) -> None:
    if len(kept) < MINIMUM:
        why = f" ({len(left_out)} left out: {'; '.join(left_out[:3])})" if left_out else ""
        number = f"{len(kept)} picture{'s' * (len(kept) != 1)}"
        raise UsageError(f"{folder} gives {number} to learn from{why}; at least {MINIMUM} are needed")
    if len({each.en for each in kept}) < 2:
        raise UsageError(f"all pictures in {folder} are called {kept[0].en!r}; two captions at least must differ")


def _fingerprint(found: list[Captioned], side: int) -> str:
    listed = [(e.path.name, files.sha256(e.path), e.en, e.pt) for e in found]
    return hashlib.sha256(json.dumps([side, listed]).encode()).hexdigest()
