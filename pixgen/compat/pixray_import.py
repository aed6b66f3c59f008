"""From Pixray's settings to pixgen's: a layer of settings, and every setting that was lost or is only near."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pixgen import registry
from pixgen.compat import pixray_counterparts as counterparts
from pixgen.compat import pixray_terms
from pixgen.compat.imported import Imported
from pixgen.compat.pixray_conversion import Conversion, files_of
from pixgen.compat.pixray_eras import OLD_NAMES
from pixgen.compat.pixray_options import BY_FLAG, OPTIONS, is_read_by
from pixgen.compat.pixray_run import Run, Weighted, weighted_list
from pixgen.models import zoo
from pixgen.prompts import grammar
from pixgen.prompts.grammar import Prompt

READS_RATE = ("vqgan", "vdiff", "fast_pixel", "super_resolution")
"""Drawers that obey `learning_rate` and `optimiser`; the others had rates of their own."""

LARGEST_WEIGHT = 1e30


def convert(run: Run, folder: Path = Path(), real_models: bool = False) -> Imported:
    """pixgen's settings for a run of Pixray's. folder: where the pictures that it names lie.

    real_models: the CLIPs and the VQGAN that Pixray used, which must be pulled, instead of pixgen's own networks.
    The prompt is empty where nothing says what to draw, and the note of `prompts` says so.
    """
    conversion = Conversion(run, folder, real_models)
    for part in (_size_and_effort, _models, _generator, _optimizer, _start, pixray_terms.losses, pixray_terms.filters):
        part(conversion)
    prompt = _prompt(conversion)
    _report(conversion)
    return Imported("import-pixray", prompt, conversion.settings, _output(run), conversion.lost, conversion.near)


def _size_and_effort(to: Conversion) -> None:
    width, height = to.run.size
    if to.drawer == "vqgan":  # Pixray floored to whole codes
        width, height = (max(16, side // 16 * 16) for side in (width, height))
    if "wallpaper" in {each.text for each in to.run.filters} and to.run["wallpaper_type"] == "shift":
        to.near["wallpaper_type"] = f"shift drew {width}x{2 * height}: two rows, the second shifted by half"
    to.settings |= {"size": f"{width}x{height}", "steps": to.run.iterations}
    to.settings |= {"cutouts": to.run.num_cuts * to.run.batches, "chunk": to.run.num_cuts}
    if to.run.seed is not None:
        to.settings["seed"] = to.run.seed
    device = str(to.run["cuda_device"])
    if "cuda_device" in to.run.said:
        to.settings["device"] = device


def _models(to: Conversion) -> None:
    if not to.real_models:
        named = ", ".join(to.run.clips)
        to.near["clip_models"] = f"pixgen's own small perceptor instead of {named}; --real-models takes those"
        return
    found, missing = {}, []
    for name in to.run.clips:
        entry = zoo.find(name)
        if entry is None:
            missing.append(name)
        else:
            found[re.sub(r"[^\w-]", "-", name)] = {"type": "open_clip", "model": entry.name}
    if missing:
        to.lost["clip_models"] = f"{', '.join(missing)}: no such CLIP is known to `pixgen models list`"
    if found:
        to.settings["perceptors"] = {"tiny": None, **found}


def _generator(to: Conversion) -> None:
    make = _GENERATORS.get(to.drawer, _instead)
    to.settings["generator"] = make(to)
    if to.real_models or to.drawer != "vqgan":
        to.settings["stages"] = [{"steps": 1, "size": 1}]


def _vqgan(to: Conversion) -> dict[str, Any]:
    if not to.real_models:
        to.near["vqgan_model"] = (
            f"pixgen's own small VQGAN instead of {to.run['vqgan_model']}; --real-models takes that"
        )
        return {"type": "vqgan"}
    name = to.run["vqgan_checkpoint"] or to.run["vqgan_model"]
    entry = zoo.find(str(name))
    if entry is None and not zoo.is_path(str(name)):
        to.lost["vqgan_model"] = f"{name}: no such VQGAN is known to `pixgen models list`; pixgen's own is taken"
        return {"type": "vqgan"}
    config = {"config": to.run["vqgan_config"]} if to.run["vqgan_config"] else {}
    return {"type": "vqgan", "model": entry.name if entry else str(name), **config}


_CELLS = {
    "rect": "square",
    "rectshift": "shifted",
    "hex": "hexagon",
    "tri": "triangle",
    "diamond": "diamond",
    "knit": "knitted",
}


def _pixel(to: Conversion) -> dict[str, Any]:
    assert to.run.grid is not None
    (width, height), (columns, rows) = to.run.size, to.run.grid
    across, down = max(1, round(width / columns)), max(1, round(height / rows))
    made: dict[str, Any] = {"type": "pixel", "pixel_size": down}
    if to.drawer == "pixel" and to.run["pixel_type"] != "rect":
        made["cells"] = _CELLS[str(to.run["pixel_type"])]
    if across != down:
        made["cell_width"] = across
    if (across * columns, down * rows) != (width, height):
        to.near["pixel_size"] = f"{columns}x{rows} cells; pixgen's are {across}x{down} pixels, which is nearly as many"
    if to.run["palette"] and "lookup" in {each.text for each in to.run.filters}:
        made["palette"] = str(to.run["palette"])
    return made


def _fft(to: Conversion) -> dict[str, Any]:
    run = to.run
    if run["fft_use"] not in ("fft", "dwt"):
        to.near["fft_use"] = f"{run['fft_use']} is drawn by pixel"
        return {"type": "pixel"}
    made = {
        "type": run["fft_use"],
        "decay": run["fft_decay"],
        "sharpness": run["fft_sharp"],
        "colours": run["fft_colors"],
    }
    if run["fft_use"] == "dwt":
        known = ("haar", "db2", "sym4", "coif2")
        made["wavelet"] = run["fft_wave"] if run["fft_wave"] in known else "coif2"
        if made["wavelet"] != run["fft_wave"]:
            to.near["fft_wave"] = f"{run['fft_wave']} is not among {', '.join(known)}; coif2 is taken"
    to.settings["optimizer"] = {"type": "Adam", "lr": float(run["fft_lrate"])}
    return made


def _strokes(to: Conversion) -> dict[str, Any]:
    run = to.run
    sketch = to.drawer == "line_sketch"
    widths = sorted(max(0.0005, run[name] / 100) for name in ("min_stroke_width", "max_stroke_width"))
    made = {
        "type": "strokes",
        "number": max(1, min(4096, run["strokes"])),
        "min_width": widths[0],
        "max_width": widths[1],
    }
    if sketch:
        made |= {"sketch": True, "paper": "learnt" if run["allow_paper_color"] else "#ffffff"}
        if "stroke_length" in run.said:
            to.near["stroke_length"] = "segments of a stroke there; generator.length is a share of the picture's side"
    return made


def _instead(to: Conversion) -> dict[str, Any]:
    """A generator in the place of a drawer that has no counterpart."""
    instead = "vqgan" if to.drawer == "vdiff" else "multires"
    to.lost["drawer"] = f"{to.drawer}: {counterparts.DRAWERS[to.drawer].note}; {instead} draws"
    return {"type": instead}


_GENERATORS: Mapping[str, Callable[[Conversion], dict[str, Any]]] = {
    "vqgan": _vqgan,
    "pixel": _pixel,
    "fast_pixel": _pixel,
    "fft": _fft,
    "clipdraw": _strokes,
    "line_sketch": _strokes,
}


def _optimizer(to: Conversion) -> None:
    run = to.run
    if to.drawer not in READS_RATE:  # _fft has set its own
        for name in {"learning_rate", "optimiser"} & run.said:
            to.lost[name] = f"Pixray's drawer {to.drawer} had a rate of its own; so has pixgen's"
        rate = None
    else:
        rate = float(run["learning_rate"])
    kind = str(run["optimiser"])
    if kind not in registry.names("optimizer"):
        to.near["optimiser"] = f"{kind} is not one of torch's; Adam is taken"
        kind = "Adam"
    if not to.real_models and to.drawer == "vqgan":
        if "learning_rate" in run.said:
            to.near["learning_rate"] = f"{rate:g} suited Pixray's VQGAN; pixgen's own network keeps its rate"
        if "optimiser" in run.said:
            to.settings["optimizer"] = {"type": kind}
        return
    if rate is None:
        return
    drops = [drop / max(1, run.iterations) for drop in run.drops]
    schedule = {"type": "step", "start": rate, "drops": [round(drop, 6) for drop in drops], "factor": 0.1}
    to.settings["optimizer"] = {"type": kind, "lr": schedule if drops else rate}


def _start(to: Conversion) -> None:
    run = to.run
    if image := run["init_image"]:
        files = files_of(str(image), to.folder)
        if len(files) > 1:
            to.near["init_image"] = f"{len(files)} files fit the pattern; the first is taken"
        to.settings["start"] = {"type": "image", "path": files[0]}
        to.settings["starts"] = 1
    elif to.real_models:
        noise = {"pixels": "noise", "gradient": "gradient", "snow": "snow", "none": "random"}
        to.settings["start"] = {"type": noise.get(str(run["init_noise"]).lower(), "solid")}
        to.settings["starts"] = 1
    else:
        to.near["init_noise"] = (
            "pixgen's own networks begin at drawings of what is asked for; start=random begins at noise"
        )


def _prompt(to: Conversion) -> str:
    """All prompts of the run in pixgen's grammar; empty where there are none."""
    run = to.run
    prompts = [_written(each) for each in run.prompts]
    prompts += [_written(each) for each in weighted_list(run["labels"])]
    if run["image_prompts"]:
        weight = 1.0 if run["image_prompt_weight"] is None else float(run["image_prompt_weight"])
        files = files_of(str(run["image_prompts"]), to.folder)
        prompts += [Prompt(file, weight, kind="image") for file in files]
    for each in weighted_list(run["target_images"]):
        files = files_of(each.text, to.folder)
        prompts += [Prompt(file, each.weight, each.stop, kind="image") for file in files]
    if not prompts:
        to.near["prompts"] = "nothing says what to draw; write a prompt"
        return ""
    for each in weighted_list(run["vector_prompts"]) if str(run["vector_prompts"]).lower() not in ("none", "0") else ():
        if each.text == "textoff" and not to.real_models:
            if "vector_prompts" in run.said:
                to.near["vector_prompts"] = "pixgen's own perceptor never saw written words, so it draws none"
        elif each.text == "textoff":
            words = {"type": "written_words", "weight": 0.1 * each.weight}
            to.settings.setdefault("losses", {})["written_words"] = words
        else:
            to.lost["vector_prompts"] = f"{each.text}: a direction of Pixray's CLIP, which other networks do not share"
    return grammar.format(prompts)


def _written(prompt: Weighted) -> Prompt:
    weight = max(-LARGEST_WEIGHT, min(LARGEST_WEIGHT, prompt.weight))
    return Prompt(prompt.text, weight, prompt.stop if abs(prompt.stop) < LARGEST_WEIGHT else -math.inf)


BELONGS_TO: Mapping[str, str] = {
    "image_prompt_weight": "image_prompts",
    "image_label_weight": "image_labels",
    "noise_prompt_weights": "noise_prompt_seeds",
    "noise_prompt_seeds": "noise_prompt_weights",
    "init_weight_pix": "init_image",
    "spot_file": "spot_prompts",
    "overlay_alpha": "overlay_image",
    "overlay_every": "overlay_image",
    "overlay_offset": "overlay_image",
    "overlay_until": "overlay_image",
    "animation_alpha": "animation_dir",
}
"""Settings that did nothing without another."""

OF_THE_MODELS = ("clip_models", "perceptors", "vqgan_model", "vqgan_config", "vqgan_checkpoint", "learning_rate_drops")
"""Settings of networks that pixgen's own take the place of."""


def _report(to: Conversion) -> None:
    """Note what the file says that none of the parts above had an answer for."""
    run, chosen = to.run, to.chosen()
    to.near = {**run.changed, **to.near}
    for name, other in BELONGS_TO.items():
        if name in run.said and not run[other] and not (name == "overlay_every" and run.overlay):
            to.lost[name] = f"it belongs to {other}, which is not set"
    if "cut_pow" in run.said:
        to.lost["cut_pow"] = counterparts.COUNTERPARTS["cut_pow"].note
    if run["palette"] and chosen.isdisjoint({"loss palette", "filter lookup"}):
        to.lost["palette"] = "Pixray read it with loss palette or filter lookup alone, and neither is chosen"
    for name in OF_THE_MODELS if not to.real_models else ():
        if name in run.said and name not in to.near and is_read_by(OPTIONS[name], chosen):
            to.near[name] = "it is of Pixray's networks; pixgen's own are taken, with what suits them"
    for name in sorted(run.said - OLD_NAMES):
        option = BY_FLAG.get(name)
        if option is None or {option.name} & {*to.lost, *to.near}:
            continue
        counterpart = counterparts.COUNTERPARTS[option.name]
        if not is_read_by(option, chosen):
            to.lost[option.name] = f"Pixray read it with {option.owner} alone, which is not chosen"
        elif not counterpart.pixgen and run[option.name] != OPTIONS[option.name].default:
            to.lost[option.name] = counterpart.note


def _output(run: Run) -> str:
    folder = re.sub(r"_?%SEQ%", "", run.outdir).replace("%DATE%", "[date]").rstrip("/")
    folder = re.sub(r"%[A-Z]+%", "", folder)
    return f"{folder}/{run.output}" if folder else run.output
