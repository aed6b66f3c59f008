"""VQGAN checkpoints of several programs, brought to taming's names and to one description of their architecture."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from pixgen.errors import PixgenError, UsageError
from pixgen.io import schema
from pixgen.io.yaml_files import load_yaml
from pixgen.models import checkpoints
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


LEVELS = 8
"""Halvings of a picture's side, at most: a code for 128x128 pixels."""


@dataclass(frozen=True)
class Convolutions:
    """taming's `ddconfig`: what its encoder and decoder are built from. Names and defaults are taming's."""

    ch: int
    num_res_blocks: int
    attn_resolutions: list[int]
    resolution: int
    z_channels: int
    ch_mult: list[int] = field(default_factory=lambda: [1, 2, 4, 8])
    in_channels: int = 3
    out_ch: int = 3
    dropout: float = 0.0
    resamp_with_conv: bool = True
    double_z: bool = True

    def __post_init__(self) -> None:
        schema.require_between(
            self, ch=(1, 2048), ch_mult=(1, 64), num_res_blocks=(0, 32), attn_resolutions=(0, 65_536),
            resolution=(1, 65_536), z_channels=(1, 8192), in_channels=(3, 3), out_ch=(3, 3),
        )  # fmt: skip
        if not 1 <= len(self.ch_mult) <= LEVELS:
            raise ValueError(f"ch_mult has {len(self.ch_mult)} levels; it must have 1 to {LEVELS}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout:g}; it must be at least 0 and less than 1")


@dataclass(frozen=True)
class Architecture:
    """What a VQGAN is built from.

    n_embed, embed_dim: number of codes, and their dimensions. quantizer: how the nearest code is found.
    group: how many channels are normalised together; None for taming's 32 groups.
    token_codes: how many codes, from the first on, a token decoder models; None for all of them.
    """

    ddconfig: Convolutions
    n_embed: int
    embed_dim: int
    quantizer: Literal["vq", "gumbel", "unit"]
    group: int | None = None
    token_codes: int | None = None

    def __post_init__(self) -> None:
        schema.require_between(self, n_embed=(1, 1_048_576), embed_dim=(1, 8192))
        if self.group is not None:
            schema.require_between(self, group=(1, 8192))
        if self.token_codes is not None:
            schema.require_between(self, token_codes=(1, self.n_embed))


def checked(values: Any, where: str) -> Architecture:
    """An architecture from plain data: of a file's metadata, a YAML file, or the zoo. `where`: the place it is from.

    What else stands beside `ddconfig`, or in it, is left out, as taming does. Raises UsageError that names the place
    and the key for what is missing, of another type, or larger than any VQGAN.
    """
    ddconfig = values.get("ddconfig") if isinstance(values, Mapping) else None
    if not isinstance(ddconfig, Mapping):
        shown = "missing" if ddconfig is None else f"{str(ddconfig)[:40]!r} ({type(ddconfig).__name__})"
        raise UsageError(f"{where}: ddconfig is {shown}; it must be 'name: value' lines, as taming's configs have them")
    built: Architecture = schema.build(
        Architecture, {**_known(Architecture, values), "ddconfig": _known(Convolutions, ddconfig)}, where
    )
    return built


def _known(cls: type, values: Mapping[Any, Any]) -> dict[str, Any]:
    names = [each.name for each in dataclasses.fields(cls)]
    return {name: values[name] for name in names if name in values}


def read(
    path: Path, config: Path | None = None, architecture: Mapping[str, Any] | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights under taming's names, as stored, and their checked architecture as plain data (see `Architecture`).

    The architecture is what the file itself says (written by pixgen), else `architecture`, else that of `config`, a
    YAML file of taming's, else that of a YAML file of the same name beside the weights.
    Raises UsageError for a file or a config that is missing, unknown, or says otherwise than the file itself;
    PixgenError for a damaged one.
    """
    tensors, metadata = files.read(path)
    described = _described(metadata, path)
    if described is not None and config is not None:
        _require_same(described, from_config(config), path, config)
    if described is None:
        beside = path.with_suffix(".yaml")
        config = config or (beside if beside.is_file() and architecture is None else None)
        if config is not None:
            described = from_config(config)
        elif architecture is not None:
            described = dict(architecture)
            checked(described, f"the architecture of {path}")
        else:
            raise UsageError(
                f"{path} is not a VQGAN of known architecture; give generator.config=FILE.yaml, the config that it "
                f"was trained with, or put that beside it as {beside.name}"
            )
    return normal(tensors, path), described


def _require_same(said: Mapping[str, Any], given: Mapping[str, Any], path: Path, config: Path) -> None:
    """Raise UsageError where a config says otherwise than a file that says itself how it is built."""
    ours, theirs = (dataclasses.asdict(checked(each, "")) for each in (said, given))
    pairs = [(name, ours["ddconfig"][name], theirs["ddconfig"][name]) for name in ours["ddconfig"]]
    pairs += [(name, ours[name], theirs[name]) for name in ("n_embed", "embed_dim", "quantizer")]
    wrong = [f"{name} {mine}, not {other}" for name, mine, other in pairs if mine != other]
    if wrong:
        raise UsageError(
            f"{path} says itself how it is built, and {config} says otherwise: the file has {', '.join(wrong[:4])}; "
            "leave the config out"
        )


def from_config(path: Path) -> dict[str, Any]:
    """The architecture in a config of taming's (VQModel, GumbelVQ, or the first stage of a Net2NetTransformer).

    Raises UsageError that names what is missing or unknown.
    """
    values: Any = load_yaml(path).values
    stage = values.get("model", values)
    if isinstance(stage, Mapping) and str(stage.get("target")).endswith("Net2NetTransformer"):
        stage = _mapping(stage.get("params")).get("first_stage_config")
    if not isinstance(stage, Mapping) or "target" not in stage:
        raise UsageError(f"{path} is not the config of a VQGAN: it has no model.target, as taming's have")
    target = str(stage["target"])
    if target not in QUANTIZERS:
        raise UsageError(
            f"{path}: model.target {target[:80]} is not a VQGAN that pixgen knows; it knows {', '.join(QUANTIZERS)}"
        )
    params = _mapping(stage.get("params"))
    missing = [key for key in ("ddconfig", "n_embed", "embed_dim") if key not in params]
    if missing:
        raise UsageError(f"{path}: model.params has no {', '.join(missing)}")
    described = {
        "ddconfig": params["ddconfig"],
        "n_embed": params["n_embed"],
        "embed_dim": params["embed_dim"],
        "quantizer": QUANTIZERS[target],
    }
    checked(described, f"{path}: model.params")
    return described | {"ddconfig": dict(params["ddconfig"])}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


LANDMARK = "encoder.conv_in.weight"
"""A weight that every VQGAN has, taming's and LlamaGen's, which shows what programs put before its names."""


def normal(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The weights that drawing needs, under taming's names. Raises PixgenError for a file of several VQGANs."""
    stage = checkpoints.without_prefix(tensors, LANDMARK, path)  # a Net2NetTransformer has a transformer beside it
    kept = {name: value for name, value in stage.items() if not name.startswith(_BESIDE)}
    if any(name.startswith("encoder.conv_blocks.") for name in kept):
        return _from_llamagen(kept)
    return kept


def _from_llamagen(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """LlamaGen's names (tokenizer/tokenizer_image/vq_model.py) to taming's; the numbers are the same."""
    found = (re.match(r"encoder\.conv_blocks\.([0-9])\.", name) for name in tensors)
    levels = 1 + max((int(match[1]) for match in found if match), default=0)
    middle = {"0": "block_1", "1": "attn_1", "2": "block_2"}
    converted = {}
    for name, value in tensors.items():
        if match := re.match(r"(encoder|decoder)\.mid\.([012])\.(.+)", name):
            name = f"{match[1]}.mid.{middle[match[2]]}.{match[3]}"
        elif match := re.match(r"encoder\.conv_blocks\.([0-9])\.(.+)", name):
            name = f"encoder.down.{match[1]}.{_block(match[2])}"
        elif match := re.match(r"decoder\.conv_blocks\.([0-9])\.(.+)", name):
            # LlamaGen counts the decoder's levels as it runs through them, taming from the largest picture.
            name = f"decoder.up.{levels - 1 - int(match[1])}.{_block(match[2])}"
        converted[name] = value
    return converted


def _block(name: str) -> str:
    return re.sub(r"^res\.", "block.", name)


def _described(metadata: Mapping[str, str], path: Path) -> dict[str, Any] | None:
    said = files.described(metadata)
    # Files of before 0.1 keep their architecture beside what they say of their training.
    built = said.get("architecture", said)
    if not isinstance(built, dict) or "ddconfig" not in built:
        return None
    try:
        checked(built, "architecture")
    except UsageError as error:
        raise PixgenError(f"{path} is not a VQGAN that pixgen can build: {error}") from error
    return {name: value for name, value in built.items() if name != "about"}


def described(path: Path) -> dict[str, Any] | None:
    """The architecture that a file written by pixgen says itself, from its header alone; None for any other file.

    Raises PixgenError for one that no VQGAN has.
    """
    if not path.is_file() or files.sniff(path) != "safetensors":
        return None
    try:
        metadata = files.metadata(path)
    except files.Damaged:
        return None
    return _described(metadata, path)


def write(
    tensors: Mapping[str, Tensor],
    architecture: Mapping[str, Any],
    path: Path,
    check: Callable[[Path], None] | None = None,
) -> Path:
    """One safetensors file that says itself how its network is built; as `weights.write`."""
    return files.write(tensors, path, {"pixgen": json.dumps({"architecture": dict(architecture)})}, check)
