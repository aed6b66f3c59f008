"""Every plugin that comes with pixgen keeps the contract of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from pixgen import registry
from pixgen.io import resources
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.plugins.generators.vqgan import VQGAN
from pixgen.testing import CHECKS
from tests.models import small
from tests.networks.toys import pair


def picture(folder: Path) -> dict[str, Any]:
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "p.png")
    return {"path": folder / "p.png"}


def dalle(folder: Path) -> dict[str, Any]:
    return {"folder": str(pair(folder)), "candidates": 2}


def head(folder: Path) -> dict[str, Any]:
    save_file({"weight": torch.linspace(-1, 1, 32)[None], "bias": torch.tensor([5.0])}, folder / "head.safetensors")
    return {"path": folder / "head.safetensors"}


OPTIONS: Mapping[str, Callable[[Path], Mapping[str, Any]]] = {
    "generator.strokes": lambda _: {"number": 20},
    "generator.shapes": lambda _: {"number": 10},
    "scheduler.constant": lambda _: {"level": 2.0},
    "scheduler.warmup": lambda _: {"then": {"type": "cosine"}},
    "loss.codebook": lambda _: {"to": "zero"},  # random starts are codes already
    "loss.content": picture,
    "loss.head": head,
    "loss.histogram": picture,
    "loss.image": picture,
    "loss.style": picture,
    "start.image": picture,
    "start.dalle1": dalle,
    "start.dalle2": dalle,
    "perceptor.open_clip": lambda folder: {"model": f"{small.NAME}/mine", "path": small.weights(folder)},
}
"""What some need beside their defaults; a folder for their files is given."""

WRONG: Mapping[str, list[dict[str, Any]]] = {
    "generator.pixel": [{"pixel_size": 0}, {"colours": 1}, {"palette": "bleu"}, {"dither": 0.5}, {"cells": "round"}],
    "generator.strokes": [{"number": 0}, {"min_width": 0.2}, {"paper": "papyrus"}],
    "generator.shapes": [{"number": 0}, {"corners": 2}, {"palette": ["#12"]}],
    "generator.multires": [{"octaves": 0}, {"octave_gain": 0}],
    "generator.fft": [{"decay": -1}, {"sharpness": 2}, {"colours": 0}],
    "generator.dwt": [{"decay": 5}, {"wavelet": "db3"}],
    "generator.vqgan": [{"codes": "hard"}, {"temperature": 0}, {"final_temperature": 0}],
    "cutter.shift": [{"reach": 0.5}, {"noise": 2}],
    "loss.codebook": [{"to": "far"}],
    "filter.monochrome": [{"dark": "black"}, {"weights": [0, 0, 0]}, {"weights": [1, 2]}],
    "filter.pixelate": [{"across": 1}],
    "filter.posterize": [{"levels": 1}],
    "filter.kaleidoscope": [{"sectors": 0}],
    "filter.mirror": [{"axis": "diagonal"}],
    "filter.tile": [{"shift": 2}, {"across": False, "down": False}, {"across": False, "shift": 0.5}],
    "filter.wallpaper": [{"across": 0}, {"group": "p5"}, {"group": "p6m", "down": 2}],
    "loss.frame": [{"thickness": 0}, {"colour": "white"}, {"left": 2}],
    "loss.infonce": [{"negatives": []}, {"temperature": 0}],
    "loss.random_target": [{"seed": -1}],
    "loss.smoothness": [{"clip": 0}, {"blur": -1}, {"kind": "clip"}],
    "loss.fade": [{"across": 0}],
    "loss.palette": [{"colours": []}, {"colours": ["red"]}],
    "loss.symmetry": [{"axis": "diagonal"}],
    "scheduler.constant": [{"level": float("nan")}],
    "scheduler.linear": [{"begin": 0.5, "until": 0.5}, {"until": 1.5}],
    "scheduler.exponential": [{"end": 0}],
    "scheduler.step": [{"drops": [1.5]}],
    "scheduler.warmup": [{"then": {"type": "none"}}, {"until": 0}],
    "cutter.warp": [{"min_size": 0}, {"min_size": 2.0, "max_size": 1.0}, {"rotation": 361}],
    "start.bank": [{"top": 0}, {"noise": -1}],
    "start.image": [{"noise": -0.1}],
    "start.noise": [{"cell": 0}, {"contrast": 2.0}],
    "start.snow": [{"cell": 0}, {"white": -1.0}],
    "start.gradient": [{"colours": "bleu"}],
    "start.solid": [{"colour": "bleu"}],
    "score.held_out": [{"cutouts": 0}],
    "optimizer.Adam": [{"eps": -1}, {"betas": [0.9]}, {"none": 1}],
}
"""Options that must be refused."""

ELSE: Mapping[str, Callable[[], Mapping[str, Any]]] = {
    "perceptor.open_clip": lambda: {"dtype": torch.float32},
    "loss.codebook": lambda: {"generator": VQGAN().use(VQModel(TINY)), "dtype": torch.float32},
}
"""What else a check takes; open_clip's networks and a VQGAN compute in float32."""

ELSEWHERE = {"generator.vae"}
"""Those that need an extra: their own tests check them."""

SLOW = {"generator.vqgan", "start.bank", "start.dalle1", "start.dalle2", "perceptor.open_clip", "perceptor.tiny"}
"""Those that take most of a second or more."""

EMBEDDED = {"generator.vqgan", "start.bank", "perceptor.tiny"}
"""Those that need the weights that come with pixgen."""


def plugins() -> list[Any]:
    """Those of pixgen and of torch; other tests register some of their own."""
    weights = pytest.mark.skipif(
        not list(resources.embedded().glob("*.safetensors")), reason="the models are not in this checkout"
    )
    found = []
    for kind in registry.KINDS:
        for name in registry.names(kind):
            if registry.get(kind, name).__module__.partition(".")[0] in ("pixgen", "torch"):
                full = f"{kind}.{name}"
                if full in ELSEWHERE:
                    continue
                marks = [pytest.mark.slow] * (full in SLOW) + [weights] * (full in EMBEDDED)
                found.append(pytest.param(kind, name, marks=marks, id=full))
    return found


@pytest.mark.parametrize(("kind", "name"), plugins())
def test_every_plugin_keeps_its_contract(kind: str, name: str, tmp_path: Path) -> None:
    full = f"{kind}.{name}"
    options = OPTIONS[full](tmp_path) if full in OPTIONS else {}
    CHECKS[kind](name, options, wrong=WRONG.get(full, []), **(ELSE[full]() if full in ELSE else {}))


def test_what_is_said_of_a_plugin_here_is_said_of_one_that_is_there() -> None:
    there = {f"{kind}.{name}" for kind in registry.KINDS for name in registry.names(kind)}
    assert {*OPTIONS, *WRONG, *ELSE, *SLOW, *EMBEDDED} <= there
