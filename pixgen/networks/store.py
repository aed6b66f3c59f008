"""Files of pixgen's own networks: safetensors, with a JSON under `pixgen` in the metadata that says everything else.

    {"architecture": {...}, ...}      what the network is built with, and then facts: what it has seen, how good it is

Files of before keep the architecture beside the facts (the judge's) or the facts under `about` (the VQGAN's); they
stay readable.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from pixgen.backend.tensors import unset
from pixgen.errors import PixgenError, UsageError, shown
from pixgen.io import files, schema
from pixgen.models import weights

Network = TypeVar("Network", bound=nn.Module)

KEPT = "the last checkpoint is kept: make room, and the same command goes on from it"
"""The way out of a training that cannot write."""


def write(tensors: Mapping[str, Tensor], path: Path, about: Mapping[str, Any]) -> None:
    """Write a network's tensors in float16, whole or not at all, with `about` as its metadata.

    Raises PixgenError where the disk is full or refuses.
    """
    halved = {name: value.detach().to("cpu", torch.float16) for name, value in tensors.items()}
    weights.write(halved, path, {"pixgen": json.dumps(about, ensure_ascii=False)}, way_out=KEPT)


def save(model: nn.Module, path: Path, **facts: Any) -> None:
    """Write a network whose `config`, a dataclass or a dict, says how it is built. Raises as `write` does."""
    config: Any = model.config
    architecture = dict(config) if isinstance(config, Mapping) else dataclasses.asdict(config)
    write(model.state_dict(), path, {"architecture": architecture, **facts})


def read(
    path: Path, what: str, missing: str = "install pixgen again", damaged: str = "install pixgen again"
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a network's file, float32, on the CPU, and what it says of itself; nothing for another's file.

    what: the network, for messages. missing, damaged: the way out where there is no such file, or no safetensors in it.
    Raises PixgenError.
    """
    if not path.is_file():
        raise PixgenError(f"{what} weights not found: {path}; {missing}")
    try:
        tensors, metadata = weights.read_safetensors(path)
    except weights.Damaged as error:
        raise PixgenError(f"{path} is damaged: {error}; {damaged}") from error
    numbers = weights.float32(tensors, path)
    for name, tensor in numbers.items():
        if not (tensor.sum().isfinite() or tensor.isfinite().all()):  # the sum is quick, and finite of finite weights
            raise PixgenError(f"{path} is damaged: {shown(name)} has numbers that are not finite; {damaged}")
    return numbers, _about(metadata)


def about(path: Path) -> dict[str, Any]:
    """What a network's file says of itself, from its header alone: its architecture and what it has seen.

    Raises PixgenError where the file is missing, damaged, or not a network's of pixgen.
    """
    try:
        found = _about(weights.metadata(path))
    except weights.Damaged as error:
        raise PixgenError(f"{path} is damaged, or no weights of `pixgen train` ({error})") from error
    if not found:
        raise PixgenError(f"{path} is no file of `pixgen train`: its metadata says nothing of pixgen's")
    return found


def count(path: Path, name: str) -> int:
    """How much a network has seen, as its file says under `name`. Raises PixgenError where it does not say."""
    found = about(path).get(name)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise PixgenError(f"{path} does not say how many {name} it has seen; it is not a file of this training")
    return found


def load(path: Path, config: type, network: Callable[[Any], Network], command: str) -> tuple[Network, dict[str, Any]]:
    """A network that `save` wrote, float32, frozen, in eval mode; and what its file says of it.

    command: what makes such a file, for messages. Raises PixgenError for a file that is missing, damaged or another's.
    """
    if not path.is_file():
        raise PixgenError(f"there is no {path}; make it with `{command}`")
    tensors, about = read(path, path.stem, damaged=f"make it again with `{command}`")
    wrong = f"{path} was not written by this version's `{command}`"
    return build(path, tensors, about.get("architecture"), config, network, wrong, "make it again"), about


def build(
    path: Path,
    tensors: Mapping[str, Tensor],
    architecture: Any,
    config: type,
    network: Callable[[Any], Network],
    wrong: str,
    way_out: str,
) -> Network:
    """A network of this architecture with these weights, both read from `path`; frozen, in eval mode.

    architecture: the fields of the dataclass `config`, which knows the bounds of each. Memory is taken by the weights
    alone, so a file cannot ask for more than it has. wrong, way_out: beginning and end of the message.
    Raises PixgenError where the architecture is none, or the weights do not fit it.
    """
    try:
        if not isinstance(architecture, Mapping):
            raise ValueError("its metadata has no architecture")
        with unset():
            model = network(schema.build(config, architecture, "architecture"))
    except (UsageError, TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise PixgenError(f"{wrong} ({error}); {way_out}") from error
    own = model.state_dict()
    weights.require_fit(own, tensors, path, "its architecture")
    kept = {name: value.to(own[name].dtype) for name, value in tensors.items()}
    model.load_state_dict(kept, assign=True)
    return model.eval().requires_grad_(False)


def _about(metadata: Mapping[str, str]) -> dict[str, Any]:
    found = weights.described(metadata)
    facts = found.pop("about", {})  # of a VQGAN of before 0.1
    return found | facts if isinstance(facts, dict) else found


CODE_TENSORS = ("encoder.", "quant_conv.", "quantize.")
"""What of a VQGAN gives its codes their meaning: another decoder shows the same codes, only better or worse."""
CODEBOOK = "quantize.embedding.weight"


def fingerprint(path: Path) -> str:
    """Sixteen hexadecimal digits that identify a network.

    Of a VQGAN only what gives the token decoder's codes their meaning counts: codes that were added behind them do not.
    Raises PixgenError where there is no such file, or no network in it.
    """
    if path.stem == "vqgan":
        tensors, metadata = weights.read(path)
        architecture = _about(metadata).get("architecture")
        token_codes = architecture.get("token_codes") if isinstance(architecture, Mapping) else None
        token_codes = token_codes if type(token_codes) is int else None
        meaning = hashlib.sha256()
        for name in sorted(name for name in tensors if name.startswith(CODE_TENSORS)):
            counted = tensors[name][:token_codes] if name == CODEBOOK else tensors[name]
            numbers = counted.contiguous().reshape(-1).view(torch.uint8)  # numpy has no bfloat16
            meaning.update(name.encode() + numbers.numpy().tobytes())
        return meaning.hexdigest()[:16]
    try:
        return files.sha256(path)[:16]
    except UsageError as error:
        raise PixgenError(str(error)) from error


def files_in(folder: str, networks: Sequence[str]) -> list[str]:
    """The files of these networks in a folder; none for an empty one, which stands for what comes with pixgen."""
    return [str(Path(folder) / f"{network}.safetensors") for network in networks] if folder else []
