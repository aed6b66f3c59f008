"""What a Pixray run would have done: its settings with every default, table and unit worked out."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixgen.compat import pixray_eras
from pixgen.compat.pixray_eras import Era
from pixgen.compat.pixray_options import DRAWERS, FILTERS, LOSSES, OPTIONS
from pixgen.compat.pixray_reading import Given, parse_unit
from pixgen.errors import UsageError, did_you_mean, shown
from pixgen.io import image_files, paths

QUALITIES = ("draft", "normal", "better", "best", "supreme")
_ITERATIONS = dict(zip(QUALITIES, (200, 250, 300, 350, 400)))
_SCALE = dict(zip(QUALITIES, (1, 2, 3, 4, 5)))
_CUTS = dict(zip(QUALITIES, (24, 30, 36, 12, 8)))
_BATCHES = dict(zip(QUALITIES, (1, 1, 1, 2, 4)))
_OLD_CUTS = dict(zip(QUALITIES, (32, 48, 32, 10, 8)))
_OLD_BATCHES = dict(zip(QUALITIES, (1, 1, 2, 8, 12)))
_CLIPIT_ITERATIONS = dict(zip(QUALITIES, (200, 350, 500, 500)))
_CLIPS = {
    "draft": ("ViT-B/16",),
    "normal": ("ViT-B/32", "ViT-B/16"),
    "better": ("RN50", "ViT-B/32", "ViT-B/16"),
    "best": ("RN50x4", "ViT-B/32", "ViT-B/16"),
    "supreme": ("RN50x4", "RN101", "ViT-B/32", "ViT-B/16"),
}
_CLIPIT_CLIPS = {**_CLIPS, "draft": ("ViT-B/32",)}
_SLIP = ("SLIP_VITB16", "SLIP_CC3M", "SLIP_CC12M", "SLIP_VITS16", "SLIP_VITL16")
_EZSIZES = {"small": 1, "medium": 2, "large": 4}
_ASPECTS = {"square": (144, 144), "portrait": (128, 160), "widescreen": (192, 108)}
_CLIPIT_ASPECTS = {**_ASPECTS, "square": (150, 150), "widescreen": (200, 112)}

MAX_SIDE = 16_384

PROMPT_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+|inf)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Weighted:
    """A prompt, a picture or a plugin with Pixray's `:weight[:stop]`."""

    text: str
    weight: float = 1.0
    stop: float = -math.inf


@dataclass(frozen=True)
class Overlay:
    """A picture laid over the result at the steps that leave `offset` when divided by `every`, below `until`."""

    path: str
    every: int
    offset: int
    until: int

    def steps(self) -> list[int]:
        """The iterations at which it is laid over."""
        return [step for step in range(self.until) if step % self.every == self.offset]


@dataclass(frozen=True)
class Run:
    """Pixray's settings, worked out.

    values: every setting under its last name, defaults filled in. said: the names that the file itself sets, as it
    writes them. changed: what was only near in the step from an older Pixray. size, grid: (width, height).
    """

    values: Mapping[str, Any]
    said: frozenset[str]
    era: Era
    changed: Mapping[str, str]
    size: tuple[int, int]
    iterations: int
    num_cuts: int
    batches: int
    clips: tuple[str, ...]
    drops: tuple[int, ...]
    seed: int | None
    prompts: tuple[Weighted, ...]
    losses: tuple[Weighted, ...]
    filters: tuple[Weighted, ...]
    overlay: Overlay | None
    grid: tuple[int, int] | None
    output: str
    outdir: str

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def work_out(given: Given, folder: Path = Path()) -> Run:
    """Everything that Pixray would have worked out of these settings. folder: where the pictures that they name lie.

    Raises UsageError for values that Pixray did not know, and for a picture that is missing where its size is asked.
    """
    era = pixray_eras.era_of(given.values, given.recent)
    quality = _one_of(given, "quality", given.values.get("quality", "normal"), QUALITIES[: 4 if era.clipit else 5])
    iterations = _iterations(given, quality, era)
    new, changed = pixray_eras.modernise(given.values, iterations)
    values = {name: new.get(name, option.default) for name, option in OPTIONS.items()}
    _defaults_of_the_era(values, new, era)
    drawer = _one_of(given, "drawer", values["drawer"], DRAWERS)
    size = _size(given, values, quality, era, folder)
    old = era.day < pixray_eras.OLD_CUTS
    cuts, batches = (_OLD_CUTS, _OLD_BATCHES) if old else (_CUTS, _BATCHES)
    if era.clipit:
        cuts, batches = dict.fromkeys(QUALITIES, 40), dict.fromkeys(QUALITIES, 1)
    output, outdir = _output(values, new)
    return Run(
        values=values,
        said=frozenset(given.values),
        era=era,
        changed={**given.notes, **changed},
        size=size,
        iterations=iterations,
        num_cuts=_count(given, "num_cuts", values["num_cuts"], cuts[quality]),
        batches=_count(given, "batches", values["batches"], batches[quality]),
        clips=_clips(given, values, quality, era),
        drops=_drops(given, values["learning_rate_drops"], iterations),
        seed=_seed(values["seed"]),
        prompts=weighted_list(values["prompts"]),
        losses=_plugins(given, "custom_loss", values["custom_loss"], (*LOSSES, "gaussian")),
        filters=_plugins(given, "filters", values["filters"], FILTERS),
        overlay=_overlay(given, values, new, era, iterations),
        grid=_grid(given, values, size) if drawer in ("pixel", "fast_pixel") else None,
        output=output,
        outdir=outdir,
    )


def weighted_list(text: str | None) -> tuple[Weighted, ...]:
    """`a castle:2 | blue:-0.5:0.1` -> its parts; numbers are taken from the right, as Pixray does."""
    return tuple(_weighted(part.strip()) for part in str(text or "").split("|") if part.strip())


def iterations_of(value: Any, iterations: int, where: str) -> int:
    """A unit (`10`, `10%`) as whole iterations, cut off as Pixray does: 29 % of 100 is 28."""
    number, unit = parse_unit(value, where)
    return int(number / 100 * iterations) if unit == "%" else int(number)


def _weighted(text: str) -> Weighted:
    words, numbers = text, list[float]()
    while len(numbers) < 2:
        rest, colon, tail = words.rpartition(":")
        if not colon or not rest.strip() or not PROMPT_NUMBER.fullmatch(tail.strip()):
            break
        words, numbers = rest, [float(tail), *numbers]
    return Weighted(words.strip(), *numbers)


def _one_of(given: Given, name: str, value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        hint = did_you_mean(str(value), known) or f"; there are {', '.join(known)}"
        raise UsageError(f"{given.source}: {name} is {shown(value)}, which Pixray did not know{hint}")
    return str(value)


def _count(given: Given, name: str, value: int | None, default: int) -> int:
    number = default if value is None else value
    if number < 1:
        raise UsageError(f"{given.source}: {name} is {number}; it must be at least 1")
    return number


def _iterations(given: Given, quality: str, era: Era) -> int:
    said = given.values.get("iterations", given.values.get("max_iterations"))
    return _count(given, "iterations", said, (_CLIPIT_ITERATIONS if era.clipit else _ITERATIONS)[quality])


def _defaults_of_the_era(values: dict[str, Any], new: Mapping[str, Any], era: Era) -> None:
    if era.day < pixray_eras.TEXT_OFF and "vector_prompts" not in new:
        values["vector_prompts"] = ""
    if era.day < pixray_eras.IMAGE_LISTS and "|" in str(values["image_prompts"]):
        values["image_prompts"] = "{" + ",".join(p.strip() for p in values["image_prompts"].split("|")) + "}"
    if values["drawer"] == "line_sketch":
        defaults = {"strokes": 24, "min_stroke_width": 0.5, "max_stroke_width": 2.0}
    else:
        defaults = {"strokes": 1024, "min_stroke_width": 1.0, "max_stroke_width": 5.0}
    for name, default in defaults.items():
        values[name] = default if values[name] is None else values[name]


def _size(given: Given, values: Mapping[str, Any], quality: str, era: Era, folder: Path) -> tuple[int, int]:
    """(width, height): size over scale over ezsize over quality."""
    if values["size"] is not None:
        width, height = values["size"]
        return _sides(given, int(width), int(height))
    if values["scale"] is not None:
        scale = values["scale"]
    elif values["ezsize"] is not None:
        scale = _EZSIZES[_one_of(given, "ezsize", values["ezsize"], tuple(_EZSIZES))]
    else:
        scale = _SCALE[quality]
    aspect = _one_of(given, "aspect", values["aspect"], (*_ASPECTS, "retain"))
    if aspect != "retain":
        width, height = (_CLIPIT_ASPECTS if era.clipit else _ASPECTS)[aspect]
        return _sides(given, int(scale * width), int(scale * height))
    if not values["init_image"]:
        raise UsageError(f"{given.source}: aspect is 'retain', which needs an init_image")
    across, down = image_files.size_of(folder / paths.written(values["init_image"]))
    return _sides(given, int(144 * scale), int(144 * (down / across) * scale))


def _sides(given: Given, width: int, height: int) -> tuple[int, int]:
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise UsageError(f"{given.source}: the size is {width}x{height}; sides are 1 to {MAX_SIDE:,} pixels")
    return width, height


def _clips(given: Given, values: Mapping[str, Any], quality: str, era: Era) -> tuple[str, ...]:
    if values["clip_models"]:
        return tuple(name.strip() for name in str(values["clip_models"]).split(",") if name.strip())
    kind = _one_of(given, "perceptors", values["perceptors"], ("clip", "slip", "mixed"))
    clips = (_CLIPIT_CLIPS if era.clipit else _CLIPS)[quality]
    if kind == "slip":
        return _SLIP[: QUALITIES.index(quality) + 1]
    if kind == "mixed" and "ViT-B/32" in clips:
        return (*(name for name in clips if name != "ViT-B/32"), "SLIP_VITB16")
    return clips


def _drops(given: Given, shares: Any, iterations: int) -> tuple[int, ...]:
    return tuple(int(share / 100 * (iterations - 1)) for share in shares or ())


def _seed(value: Any) -> int | None:
    """A whole number or digits as they are; other text by its SHA-512, as Pixray made a number of it."""
    if value is None or value == "":
        return None
    text = str(value)
    if re.fullmatch(r"[0-9]+", text):
        return int(text)
    return int.from_bytes(hashlib.sha512(text.encode()).digest(), "big") % 2**32


def _plugins(given: Given, name: str, text: str | None, known: tuple[str, ...]) -> tuple[Weighted, ...]:
    found = [_weighted(part.strip()) for part in str(text or "").split(",") if part.strip()]
    for each in found:
        _one_of(given, name, each.text, known)
    return tuple(found)


def _overlay(
    given: Given, values: Mapping[str, Any], new: Mapping[str, Any], era: Era, iterations: int
) -> Overlay | None:
    image = values["overlay_image"]
    if not image and era.day < pixray_eras.OVERLAY_OF_START and "overlay_every" in new:
        image = values["init_image"]  # what was laid over then
    if not image:
        return None
    places = {
        name: iterations_of(values[f"overlay_{name}"], iterations, f"{given.source}: overlay_{name}")
        for name in ("every", "offset")
    }
    until = values["overlay_until"]
    end = iterations if until is None else iterations_of(until, iterations, f"{given.source}: overlay_until")
    return Overlay(image, **places, until=min(end, iterations)) if places["every"] > 0 else None


def _grid(given: Given, values: Mapping[str, Any], size: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of the pixel drawers' cells."""
    width, height = size
    kind = _one_of(given, "pixel_type", values["pixel_type"], ("rect", "rectshift", "hex", "tri", "diamond", "knit"))
    simple = values["drawer"] == "fast_pixel"
    if values["pixel_size"] is not None:
        columns, rows = (int(each) for each in values["pixel_size"])
    else:
        columns, rows = (40, 40) if width == height else (40, 50) if width < height else (80, 45)
        if values["pixel_iso_check"] and not simple:
            columns = int(1.414 * columns) if kind == "tri" else columns
            rows = int(1.414 * rows) if kind == "hex" else 2 * rows if kind == "diamond" else rows
    scale = values["pixel_scale"]
    if scale is not None and scale > 0:
        columns, rows = int(columns / scale), int(rows / scale)
    if columns < 1 or rows < 1:
        raise UsageError(f"{given.source}: pixel_size and pixel_scale leave {columns}x{rows} cells")
    columns, rows = min(columns, width), min(rows, height)
    if values["pixel_edge_check"] and not simple:
        if kind in ("hex", "rectshift", "diamond"):  # every other row is shifted: symmetric with an odd number
            columns, rows = columns + (columns % 2 == 0), rows + (rows % 2 == 0)
        elif kind == "tri":
            columns, rows = columns + (columns % 2 == 0), rows + rows % 2
    return columns, rows


def _output(values: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, str]:
    """The file's name and its folder; before 1.8 `output` was a path."""
    folder, slash, name = re.sub(r"\\", "/", str(values["output"])).rpartition("/")
    outdir = folder if slash and "outdir" not in new else str(values["outdir"])
    stem = name.rpartition(".")[0] or name or "output"
    return f"{stem}.png", outdir
