"""Pixray's losses and filters as pixgen's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pixgen.compat import pixray_counterparts as counterparts
from pixgen.compat.pixray_conversion import Conversion, files_of
from pixgen.compat.pixray_run import Weighted
from pixgen.io import palettes


def losses(to: Conversion) -> None:
    run, found = to.run, dict[str, Any]()
    for name in ("init_weight", "init_weight_dist", "init_weight_cos"):
        if run[name]:
            found["init"] = {"type": "init", "weight": float(run[name])}
            if name in run.said:
                to.near[name] = counterparts.COUNTERPARTS[name].note
    if run["init_weight_pix"] and run["init_image"]:
        path = files_of(str(run["init_image"]), to.folder)[0]
        found["init_pixels"] = {"type": "image", "path": path, "weight": float(run["init_weight_pix"])}
    for path in files_of(str(run["image_labels"]), to.folder) if run["image_labels"] else []:
        found[f"label{len(found)}"] = {"type": "image", "path": path, "weight": float(run["image_label_weight"])}
        to.near["image_labels"] = counterparts.COUNTERPARTS["image_labels"].note
    for number, seed in enumerate(run["noise_prompt_seeds"]):
        weights = run["noise_prompt_weights"]
        if number < len(weights):  # seeds alone did nothing
            noise = {"type": "random_target", "seed": max(0, int(seed)), "weight": float(weights[number])}
            found[f"noise{number}"] = noise
    for each in run.losses:
        made = _one_loss(to, each)
        if made:
            found[each.text] = made
    if found:
        to.settings["losses"] = found


def _one_loss(to: Conversion, loss: Weighted) -> dict[str, Any] | None:
    make = _LOSSES.get(loss.text)
    made = make(to) if make else None
    if made is None:
        to.lost.setdefault(f"custom_loss {loss.text}", counterparts.LOSSES[loss.text].note)
        return None
    return {**made, "weight": loss.weight * made["weight"]}


def _palette_loss(to: Conversion) -> dict[str, Any] | None:
    if not to.run["palette"]:
        to.lost["custom_loss palette"] = "no palette is set"
        return None
    rows = (palettes.parse(str(to.run["palette"])) * 255).round().int().tolist()
    colours = ["#{:02x}{:02x}{:02x}".format(*row) for row in rows]
    return {"type": "palette", "colours": colours, "weight": to.run["palette_weight"] / 10}


def _smoothness(to: Conversion) -> dict[str, Any]:
    run = to.run
    blur = {"blur": float(run["smoothness_gaussian_std"])} if run["smoothness_gaussian_kernel"] > 0 else {}
    kind = run["smoothness_type"] if run["smoothness_type"] in ("default", "clipped", "log") else "default"
    return {"type": "smoothness", "kind": kind, **blur, "weight": float(run["smoothness_weight"])}


def _edge(to: Conversion) -> dict[str, Any]:
    run = to.run
    sides = {}
    if run["edge_margins"]:
        shares = (max(0.0, min(100.0, float(side))) / 100 for side in run["edge_margins"])
        sides = dict(zip(("left", "right", "top", "bottom"), shares, strict=True))
    for name in ("edge_input_image", "edge_mask_image"):
        if run[name]:
            to.lost[name] = counterparts.COUNTERPARTS[name].note
    thickness = max(0.01, min(0.5, run["edge_thickness"] / 100))
    made = {"type": "frame", "colour": _colour(to, run["edge_color"]), "thickness": thickness, **sides}
    return {**made, "everywhere": float(run["global_color_weight"]), "weight": float(run["edge_color_weight"])}


def _style(to: Conversion) -> dict[str, Any] | None:
    if not to.run["style_file"]:
        to.lost["custom_loss style"] = "style_file names no picture"
        return None
    path = files_of(str(to.run["style_file"]), to.folder)[0]
    return {"type": "style", "path": path, "method": "relaxed", "weight": 1.0}


_LOSSES: Mapping[str, Callable[[Conversion], dict[str, Any] | None]] = {
    "palette": _palette_loss,
    "saturation": lambda to: {"type": "colourfulness", "weight": to.run["saturation_weight"] / 10},
    "symmetry": lambda to: {"type": "symmetry", "weight": float(to.run["symmetry_weight"])},
    "smoothness": _smoothness,
    "edge": _edge,
    "style": _style,
}


def _colour(to: Conversion, text: Any) -> str:
    """A colour's name, `#rrggbb`, or three numbers from 0 to 1 -> `#rrggbb`; white where it is none of these."""
    from PIL import ImageColor

    numbers = re.findall(r"[0-9.]+", str(text))
    try:
        if re.fullmatch(r"[\[(]?\s*[0-9.]+(\s*[,+ ]\s*[0-9.]+){2}\s*[\])]?", str(text)):
            scale = 1.0 if max(map(float, numbers)) > 1 else 255.0  # before 2022 they were 0 to 255
            return "#" + "".join(f"{max(0, min(255, round(float(n) * scale))):02x}" for n in numbers)
        return "#{:02x}{:02x}{:02x}".format(*ImageColor.getrgb(str(text))[:3])
    except ValueError:
        to.near["edge_color"] = f"{text!r} is no colour that is known here; white is taken"
        return "#ffffff"


_TILED: Mapping[str, dict[str, Any]] = {
    "shift": {"shift": 0.5},
    "horizontal": {"down": False},
    "vertical": {"across": False},
}
"""Pixray's types of wallpaper as options of `tile`."""


def filters(to: Conversion) -> None:
    found: dict[str, Any] = {}
    for each in to.run.filters:
        if each.text == "lookup" and to.drawer in ("pixel", "fast_pixel") and to.run["palette"]:
            continue  # the generator itself has the palette
        if each.text == "lookup":
            to.lost["filters lookup"] = counterparts.FILTERS["lookup"].note
        else:
            kind = to.run["wallpaper_type"] if each.text == "wallpaper" else None
            found[each.text] = {"type": "tile", **_TILED.get(str(kind), {})}
    if found:
        to.settings["filters"] = found
