"""A CLIP of open_clip's, small enough to build in a blink, and files of it with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from pixgen.models import clips

NAME = "pixgen-small"

CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def register(folder: Path) -> None:
    """Make open_clip know the architecture `pixgen-small`."""
    open_clip = clips.open_clip()
    (folder / f"{NAME}.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(folder / f"{NAME}.json")


def network(quick_gelu: bool = False) -> Any:
    """One with random weights, the same ones every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return clips.build({"name": NAME, "quick_gelu": quick_gelu}, None).model


def weights(folder: Path) -> Path:
    """Its weights in a file."""
    register(folder)
    path = folder / "small.safetensors"
    save_file({name: value.contiguous() for name, value in network().state_dict().items()}, path)
    return path


def network_of(name: str, config: dict[str, Any], folder: Path, quick_gelu: bool) -> Any:
    """Another one, of this config, with random weights."""
    (folder / f"{name}.json").write_text(json.dumps(config))
    clips.open_clip().add_model_config(folder / f"{name}.json")
    return clips.build({"name": name, "quick_gelu": quick_gelu}, None).model
