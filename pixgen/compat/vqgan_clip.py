"""Command lines of the VQGAN-CLIP script (nerdyrodent/VQGAN-CLIP, generate.py) as settings of pixgen."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixgen import registry
from pixgen.compat import command_lines
from pixgen.compat.imported import Imported
from pixgen.errors import UsageError, did_you_mean, shown
from pixgen.models import zoo
from pixgen.prompts import grammar
from pixgen.prompts.grammar import Prompt

SWITCH = -1
"""The count of a flag without a value."""


@dataclass(frozen=True)
class Flag:
    """A flag of the script.

    names: without hyphens, the short one first. kind: of its value.
    count: how many values; 0 for any number, SWITCH for none.
    pixgen: its counterpart, as Markdown; empty where there is none. note: what differs, or why not.
    """

    names: tuple[str, ...]
    kind: type
    default: Any
    pixgen: str
    note: str = ""
    count: int = 1


FLAGS: Sequence[Flag] = (
    Flag(("p", "prompts"), str, None, "the prompt", "`^` between scenes of a story: the first scene is taken"),
    Flag(("ip", "image_prompts"), str, None, '`"image:photo.png :0.5"` in the prompt', "", 1),
    Flag(("i", "iterations"), int, 500, "`--steps`"),
    Flag(("se", "save_every"), int, 50, "", "the picture is saved at the end, or at Ctrl-C"),
    Flag(("s", "size"), int, [512, 512], "`--size WIDTHxHEIGHT`", "sides are rounded to whole codes", 2),
    Flag(("ii", "init_image"), str, None, "`--init-image`"),
    Flag(("in", "init_noise"), str, None, "`start`", "see the starts in docs/generators.md"),
    Flag(("iw", "init_weight"), float, 0.0, "`losses.init.type=init`", "the script pulled to zero, not to the picture"),
    Flag(("m", "clip_model"), str, "ViT-B/32", "`perceptors.NAME.model`", "with `--real-models`"),
    Flag(("conf", "vqgan_config"), str, "checkpoints/vqgan_imagenet_f16_16384.yaml", "`generator.config`"),
    Flag(("ckpt", "vqgan_checkpoint"), str, "checkpoints/vqgan_imagenet_f16_16384.ckpt", "`generator.model`"),
    Flag(("nps", "noise_prompt_seeds"), int, [], "", "a random direction names nothing", 0),
    Flag(("npw", "noise_prompt_weights"), float, [], "", "belongs to `-nps`", 0),
    Flag(("lr", "learning_rate"), float, 0.1, "`optimizer.lr`", "with `--real-models`"),
    Flag(("cutm", "cut_method"), str, "latest", "`cutter`", "one cutter draws crops, maps and colours of them all"),
    Flag(("cuts", "num_cuts"), int, 32, "`cutouts`"),
    Flag(("cutp", "cut_power"), float, 1.0, "`cutter.size_power`"),
    Flag(("sd", "seed"), int, None, "`--seed`", "the same number, another picture"),
    Flag(("opt", "optimiser"), str, "Adam", "`optimizer.type`", "DiffGrad and AdamP become Adam"),
    Flag(("o", "output"), str, "output.png", "`-o`"),
    Flag(("vid", "video"), bool, False, "", "a video of the run does not exist yet", SWITCH),
    Flag(("zvid", "zoom_video"), bool, False, "", "a zoom video does not exist yet", SWITCH),
    Flag(("zs", "zoom_start"), int, 0, "", "belongs to `-zvid`"),
    Flag(("zse", "zoom_frequency"), int, 10, "", "belongs to `-zvid`"),
    Flag(("zsc", "zoom_scale"), float, 0.99, "", "belongs to `-zvid`"),
    Flag(("zsx", "zoom_shift_x"), int, 0, "", "belongs to `-zvid`"),
    Flag(("zsy", "zoom_shift_y"), int, 0, "", "belongs to `-zvid`"),
    Flag(("cpe", "change_prompt_every"), int, 0, "", "a prompt that changes over the run does not exist yet"),
    Flag(("vl", "video_length"), float, 10.0, "", "belongs to `-vid`"),
    Flag(("ofps", "output_video_fps"), float, 0.0, "", "belongs to `-vid`"),
    Flag(("ifps", "input_video_fps"), float, 15.0, "", "belongs to `-vid`"),
    Flag(("d", "deterministic"), bool, False, "always on a CPU", "", SWITCH),
    Flag(("aug", "augments"), str, [], "`cutter`", "one cutter draws crops, maps and colours of them all", 0),
    Flag(("vsd", "video_style_dir"), str, None, "", "a sequence of pictures in, one out, does not exist yet"),
    Flag(("cd", "cuda_device"), str, "cuda:0", "`--device`"),
)
"""Every flag of the script."""

BY_NAME: Mapping[str, Flag] = {name: flag for flag in FLAGS for name in flag.names}


def read(line: str) -> dict[str, Any]:
    """A command line, with or without `python generate.py` before it -> the flags that it gives, by long name.

    Raises UsageError for an unclosed quote, unknown flags (all of them are named), and values of the wrong type.
    """
    found: dict[str, Any] = {}
    unknown: list[str] = []
    for name, given in command_lines.part(line, _most).flags:
        flag = BY_NAME.get(name.lstrip("-"))
        if flag is None:
            unknown.append(name)
        else:
            found[flag.names[1]] = True if flag.count == SWITCH else _values(flag, given)
    if unknown:
        listed = ", ".join(f"{shown(name)}{did_you_mean(name.lstrip('-'), BY_NAME)}" for name in unknown)
        raise UsageError(f"{command_lines.SOURCE}: VQGAN-CLIP has no such flag: {listed}")
    return found


def convert(given: Mapping[str, Any], real_models: bool = False) -> Imported:
    """pixgen's settings for what `read` gives.

    real_models: the CLIP and the VQGAN that are named, which must be pulled, instead of pixgen's own networks.
    """
    said = dict(given)
    value = {flag.names[1]: said.get(flag.names[1], flag.default) for flag in FLAGS}
    lost = {f"-{flag.names[0]}": flag.note for flag in FLAGS if flag.names[1] in said and not flag.pixgen}
    near = {f"-{flag.names[0]}": flag.note for flag in FLAGS if flag.names[1] in said and flag.pixgen and flag.note}
    width, height = value["size"]
    cutouts = int(value["num_cuts"])
    settings: dict[str, Any] = {"size": f"{width}x{height}", "steps": value["iterations"]}
    settings |= {"cutouts": cutouts, "chunk": min(16, cutouts)}
    if value["seed"] is not None:
        settings["seed"] = value["seed"]
    if "cuda_device" in said:
        settings["device"] = "cpu" if value["cuda_device"] == "cpu" else value["cuda_device"]
    if real_models:
        _real(value, settings, lost)
    else:
        near["-m"] = (
            f"pixgen's own small perceptor and VQGAN instead of {value['clip_model']}; --real-models takes that"
        )
        near.pop("-lr", None)
        if "learning_rate" in said:
            near["-lr"] = "it suited the script's VQGAN; pixgen's own network keeps its rate"
    if value["init_image"]:
        settings |= {"start": {"type": "image", "path": value["init_image"]}, "starts": 1}
    if value["init_weight"]:
        settings["losses"] = {"init": {"type": "init", "weight": value["init_weight"]}}
    if "cut_power" in said:
        settings["cutter"] = {"size_power": value["cut_power"]}
    prompt = _prompt(value, near)
    return Imported("import-vqgan-clip", prompt, settings, str(value["output"]), lost, near)


def _real(value: Mapping[str, Any], settings: dict[str, Any], lost: dict[str, str]) -> None:
    entry = zoo.find(str(value["clip_model"]))
    if entry is None:
        lost["-m"] = f"{value['clip_model']}: no such CLIP is known to `pixgen models list`"
    else:
        id = re.sub(r"[^\w-]", "-", str(value["clip_model"]))
        settings["perceptors"] = {"tiny": None, id: {"type": "open_clip", "model": entry.name}}
    # The script's names of files are those of the zoo.
    checkpoint = str(value["vqgan_checkpoint"])
    named = zoo.find(Path(checkpoint).stem)
    settings["generator"] = {"type": "vqgan", "model": named.name if named else checkpoint}
    if named is None:
        settings["generator"]["config"] = str(value["vqgan_config"])
    kind = value["optimiser"] if value["optimiser"] in registry.names("optimizer") else "Adam"
    settings["optimizer"] = {"type": kind, "lr": value["learning_rate"]}
    settings["stages"] = [{"steps": 1, "size": 1}]
    settings |= {"start": {"type": "random"}, "starts": 1}


def _prompt(value: Mapping[str, Any], near: dict[str, str]) -> str:
    scenes = str(value["prompts"] or "").split("^")
    if len(scenes) > 1:
        near["-p"] = f"a story of {len(scenes)} scenes; the first is taken"
    else:
        near.pop("-p", None)
    prompts = [_one(part) for part in scenes[0].split("|") if part.strip()]
    for part in str(value["image_prompts"] or "").split("|"):
        if part.strip():
            one = _one(part)
            prompts.append(Prompt(one.text, one.weight, one.stop, kind="image"))
    if not prompts:
        near["-p"] = "nothing says what to draw; write a prompt"
    return grammar.format(prompts) if prompts else ""


def _one(part: str) -> Prompt:
    """`text:weight:stop`, numbers taken from the right."""
    match = re.fullmatch(
        r"(.*?)(?::([+-]?[\d.]+(?:e[+-]?\d+)?))?(?::([+-]?[\d.]+(?:e[+-]?\d+)?))?", part.strip(), re.DOTALL
    )
    assert match is not None  # the text alone always fits
    try:
        weight, stop = (float(number) if number else None for number in match.groups()[1:])
    except ValueError:
        return Prompt(part.strip())
    if not match[1].strip():
        return Prompt(part.strip())
    return Prompt(match[1].strip(), 1.0 if weight is None else weight, -math.inf if stop is None else stop)


def _most(name: str) -> int | None:
    """How many values a flag takes."""
    flag = BY_NAME.get(name)
    if flag is None:
        return 1
    return {0: None, SWITCH: 0}.get(flag.count, flag.count)


def _values(flag: Flag, words: list[str]) -> Any:
    name = f"{command_lines.SOURCE}: -{flag.names[0]}"
    if flag.count > 0 and len(words) != flag.count:
        raise UsageError(f"{name} has {len(words)} values; it takes {flag.count}")
    try:
        found = [flag.kind(word) for word in words]
    except ValueError:
        wanted = "whole numbers" if flag.kind is int else "numbers"
        raise UsageError(f"{name} is {shown(' '.join(words))}; it must be {wanted}") from None
    return found[0] if flag.count == 1 else found
