"""VQGAN checkpoints of several programs, brought to taming's names and to one description of their architecture."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from pixgen.errors import UsageError
from pixgen.io.yaml_files import load_yaml
from pixgen.models import weights as files

QUANTIZERS = {
    "taming.models.vqgan.VQModel": "vq",
    "taming.models.vqgan.VQNoDiscModel": "vq",
    "taming.models.vqgan.GumbelVQ": "gumbel",
    # latent-diffusion's first stages are taming's networks
    "ldm.models.autoencoder.VQModel": "vq",
    "ldm.models.autoencoder.VQModelInterface": "vq",
}
"""The classes that a config of taming's may name, and how each finds its codes."""

_BESIDE = ("loss.", "colorize", "model_ema.", "quantize.codebook_used")
"""What checkpoints hold that drawing does not need: losses, discriminators, averages, statistics."""


def read(
    path: Path, config: Path | None = None, architecture: Mapping[str, Any] | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights under taming's names, as stored, and their architecture (see `VQModel` of the vqgan generator).

    The architecture is what the file itself says (written by pixgen), else `architecture`, else that of `config`, a
    YAML file of taming's, else that of a YAML file of the same name beside the weights.
    Raises UsageError for a file or a config that is missing or unknown, PixgenError for a damaged one.
    """
    tensors, metadata = files.read(path)
    described = _described(metadata)
    if described is None:
        beside = path.with_suffix(".yaml")
        config = config or (beside if beside.is_file() and architecture is None else None)
        if config is not None:
            described = from_config(config)
        elif architecture is not None:
            described = dict(architecture)
        else:
            raise UsageError(
                f"{path} is not a VQGAN of known architecture; give generator.config=FILE.yaml, the config that it "
                f"was trained with, or put that beside it as {beside.name}"
            )
    return normal(tensors), described


def from_config(path: Path) -> dict[str, Any]:
    """The architecture in a config of taming's (VQModel, GumbelVQ, or the first stage of a Net2NetTransformer).

    Raises UsageError that names what is missing or unknown.
    """
    values: Any = load_yaml(path).values
    stage = values.get("model", values)
    if isinstance(stage, Mapping) and str(stage.get("target")).endswith("Net2NetTransformer"):
        stage = (stage.get("params") or {}).get("first_stage_config")
    if not isinstance(stage, Mapping) or "target" not in stage:
        raise UsageError(f"{path} is not the config of a VQGAN: it has no model.target, as taming's have")
    target = str(stage["target"])
    if target not in QUANTIZERS:
        raise UsageError(
            f"{path}: model.target {target} is not a VQGAN that pixgen knows; it knows {', '.join(QUANTIZERS)}"
        )
    params = stage.get("params") or {}
    missing = [key for key in ("ddconfig", "n_embed", "embed_dim") if key not in params]
    if missing:
        raise UsageError(f"{path}: model.params has no {', '.join(missing)}")
    return {
        "ddconfig": dict(params["ddconfig"]),
        "n_embed": params["n_embed"],
        "embed_dim": params["embed_dim"],
        "quantizer": QUANTIZERS[target],
    }


def normal(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that drawing needs, under taming's names."""
    prefix = "first_stage_model."  # of a Net2NetTransformer, which has a transformer beside it
    stage = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    kept = {name: value for name, value in (stage or tensors).items() if not name.startswith(_BESIDE)}
    if any(name.startswith("encoder.conv_blocks.") for name in kept):
        return _from_llamagen(kept)
    return kept


def _from_llamagen(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """LlamaGen's names (tokenizer/tokenizer_image/vq_model.py) to taming's; the numbers are the same."""
    levels = 1 + max(int(m[1]) for name in tensors if (m := re.match(r"encoder\.conv_blocks\.(\d+)\.", name)))
    middle = {"0": "block_1", "1": "attn_1", "2": "block_2"}
    converted = {}
    for name, value in tensors.items():
        if match := re.match(r"(encoder|decoder)\.mid\.(\d)\.(.+)", name):
            name = f"{match[1]}.mid.{middle[match[2]]}.{match[3]}"
        elif match := re.match(r"encoder\.conv_blocks\.(\d+)\.(.+)", name):
            name = f"encoder.down.{match[1]}.{_block(match[2])}"
        elif match := re.match(r"decoder\.conv_blocks\.(\d+)\.(.+)", name):
            # LlamaGen counts the decoder's levels as it runs through them, taming from the largest picture.
            name = f"decoder.up.{levels - 1 - int(match[1])}.{_block(match[2])}"
        converted[name] = value
    return converted


def _block(name: str) -> str:
    return re.sub(r"^res\.", "block.", name)


def _described(metadata: Mapping[str, str]) -> dict[str, Any] | None:
    try:
        described = json.loads(metadata["pixgen"])
    except (KeyError, ValueError):
        return None
    # Files of before 0.1 keep their architecture beside what they say of their training.
    built = described.get("architecture", described) if isinstance(described, dict) else {}
    if not isinstance(built, dict) or "ddconfig" not in built:
        return None
    return {name: value for name, value in built.items() if name != "about"}


def described(path: Path) -> dict[str, Any] | None:
    """The architecture that a file written by pixgen says itself, from its header alone; None for any other file."""
    if not path.is_file() or files.sniff(path) != "safetensors":
        return None
    try:
        return _described(files.metadata(path))
    except files.Damaged:
        return None


def write(
    tensors: Mapping[str, Tensor],
    architecture: Mapping[str, Any],
    path: Path,
    check: Callable[[Path], None] | None = None,
) -> Path:
    """One safetensors file that says itself how its network is built; as `weights.write`."""
    return files.write(tensors, path, {"pixgen": json.dumps({"architecture": dict(architecture)})}, check)
