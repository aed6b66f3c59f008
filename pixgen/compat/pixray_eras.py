"""Pixray's older spellings, rewritten as its last version has them, and what they tell of a file's age.

Pixray changed its defaults as well as its names, so a file's age decides what the missing settings were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

LAST = date(2022, 5, 29)
"""The last change of Pixray."""

CLIPIT = date(2021, 8, 31)
"""Until then Pixray was clipit."""

OLD_CUTS = date(2022, 1, 26)
"""Before it, qualities had other numbers of cutouts and batches."""

TEXT_OFF = date(2021, 10, 14)
"""Since then `vector_prompts` is "textoff" where nothing is said."""

OVERLAY_OF_START = date(2021, 9, 18)
"""Before it, `overlay_every` alone laid the initial image over the picture."""

IMAGE_LISTS = date(2021, 9, 17)
"""Before it, `image_prompts` was a list with `|`."""

RENAMED: Mapping[str, tuple[str, date]] = {
    "clip_model": ("clip_models", CLIPIT),
    "max_iterations": ("iterations", CLIPIT),
    "cutn": ("num_cuts", CLIPIT),
    "display_freq": ("save_every", CLIPIT),
    "step_size": ("learning_rate", CLIPIT),
    "target_palette": ("palette", date(2021, 11, 27)),
    "color_mapper": ("filters", date(2021, 11, 30)),
    "transparency": ("transparent", date(2022, 3, 31)),
    "alpha_weight": ("transparent_weight", date(2022, 3, 31)),
    "output_dir": ("outdir", LAST),
    "target_ava": ("aesthetic_target", LAST),
    "pixel_odd_check": ("pixel_edge_check", LAST),
}
"""Old name -> new name, and the last day on which the old one was read."""

REWRITTEN: Mapping[str, date] = {
    "use_pixeldraw": date(2021, 9, 10),
    "use_clipdraw": date(2021, 9, 10),
    "enforce_palette_annealing": date(2021, 10, 31),
    "enforce_smoothness": CLIPIT,
    "enforce_smoothness_type": CLIPIT,
    "enforce_saturation": CLIPIT,
    "smoothness": date(2021, 10, 31),
    "saturation": date(2021, 10, 31),
    "fft_use_dwt": date(2021, 11, 30),
    "wallpaper_shift": date(2021, 11, 30),
    "vdiff_init_skip": LAST,
    "aesthetic_weight": LAST,
    "use_edge_color": date(2021, 11, 30),
    "use_global_color": date(2021, 11, 30),
    "target_image_weight": LAST,
}
"""Old settings that became another value of a new one, and the last day on which they were read."""

GONE: Mapping[str, str] = {
    "do_mono": "an experiment with black and white pixels, which Pixray dropped; filters.mono.type=monochrome is near",
    "target_palette_length": "Pixray dropped it; write the number into the palette (`red->blue\\8`)",
    "target_weight_pix": "Pixray dropped it; losses.image.type=image compares pixels",
    "detail_prompts": "an experiment that Pixray dropped",
    "debug": "it only printed more",
}
"""Settings that Pixray itself dropped, and what there is to say."""

OLD_NAMES = frozenset({*RENAMED, *REWRITTEN, *GONE})


@dataclass(frozen=True)
class Era:
    """When a settings file is from, as far as it tells.

    day: the last day that it can be from. clipit: written for Pixray's ancestor.
    """

    day: date = LAST
    clipit: bool = False


def era_of(values: Mapping[str, Any], recent: bool) -> Era:
    """The era that the names of the settings tell. recent: something else in the file says that it is of 2022."""
    days = [
        RENAMED[name][1] if name in RENAMED else REWRITTEN[name] for name in values if name in {*RENAMED, *REWRITTEN}
    ]
    if recent or not days:
        return Era()
    return Era(min(days), clipit=min(days) <= CLIPIT)


def modernise(values: Mapping[str, Any], iterations: int) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings under the names and in the units of Pixray's last version, and what of it is only near.

    iterations: of the run, by which old weights grew. What is said under its new name too stays as it is there.
    """
    new = {name: value for name, value in values.items() if name not in OLD_NAMES}
    changed: dict[str, str] = {}
    losses: list[str] = []
    for name, value in values.items():
        if name in RENAMED:
            new.setdefault(RENAMED[name][0], value)
        elif name in GONE:
            changed[name] = GONE[name]
    if "transparency" in values and "alpha_weight" not in values:
        new.setdefault("transparent_weight", 1.0)  # its default then
    if values.get("use_pixeldraw"):
        new.setdefault("drawer", "pixel")
    if values.get("use_clipdraw"):
        new.setdefault("drawer", "clipdraw")
    if values.get("fft_use_dwt"):
        new.setdefault("fft_use", "dwt")
    if values.get("wallpaper_shift"):
        new.setdefault("wallpaper_type", "shift")
    if "vdiff_init_skip" in values:
        new.setdefault("vdiff_skip", 100 * (1 - values["vdiff_init_skip"]))
        changed["vdiff_init_skip"] = "counted the other way round: vdiff_skip is about 100 * (1 - x)"
    if "target_palette" in values:  # alone, it turned the loss on
        losses.append("palette")
        steps = values.get("enforce_palette_annealing") or 5000
        new.setdefault("palette_weight", 5 * iterations / steps)
        changed["target_palette"] = "its weight grew by step / N; the weight is the one that it had at the end"
    elif "enforce_palette_annealing" in values:
        changed["enforce_palette_annealing"] = "it belongs to target_palette, which is not set"
    for name in ("smoothness", "saturation"):
        if steps := values.get(f"enforce_{name}"):
            losses.append(name)
            new.setdefault(f"{name}_weight", iterations / steps)
            changed[f"enforce_{name}"] = "its weight grew by step / N; the weight is the one that it had at the end"
        if weight := values.get(name):
            losses.append(name)
            # Saturation was divided by 5 then, by 10 later.
            new.setdefault(f"{name}_weight", weight * (2 if name == "saturation" else 1))
    if "enforce_smoothness_type" in values:
        new.setdefault("smoothness_type", values["enforce_smoothness_type"])
    if values.get("use_edge_color") or values.get("use_global_color"):
        losses.append("edge")
    if "aesthetic_weight" in values:
        losses.append(f"aesthetic:{50 * values['aesthetic_weight']:g}")
    if "target_image_weight" in values and new.get("target_images"):
        weight = values["target_image_weight"]
        new["target_images"] = "|".join(f"{each.strip()}:{weight:g}" for each in str(new["target_images"]).split("|"))
        changed["target_image_weight"] = "it weighed a distance of latents then, and one of embeddings now"
    if losses:
        said = new.get("custom_loss") or ""
        already = {each.partition(":")[0].strip() for each in str(said).split(",")}
        more = [loss for loss in losses if loss.partition(":")[0] not in already]
        new["custom_loss"] = ",".join(filter(None, [str(said), *more]))
    return new, changed
