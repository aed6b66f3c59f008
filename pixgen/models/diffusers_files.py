"""Models in the folders of diffusers: found by name or path, built without their files' code, safetensors alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from pixgen.backend.torchvision_ops import ensure_torchvision
from pixgen.errors import PixgenError, UsageError, reason
from pixgen.io import json_data, paths
from pixgen.models import weights

INSTALL = 'pip install -c constraints.txt ".[diffusers]"'

MAX_CONFIG = 1_000_000
"""Bytes of a configuration."""

MAX_CHANNELS, MAX_LAYERS = 32_768, 256
"""The largest number and the most layers that a configuration may name, so that what it builds has an end."""


def package(what: str) -> Any:
    """The package diffusers. Raises UsageError, with the line that installs it, where it is missing."""
    ensure_torchvision()
    try:
        import diffusers
    except ImportError:
        raise UsageError(f"{what} needs the package diffusers: {INSTALL}") from None
    return diffusers


def folder(name: str, where: str) -> Path:
    """The folder of a model: a path, or the name OWNER/MODEL of one that is in Hugging Face's cache.

    Nothing is downloaded. Raises UsageError where it is neither.
    """
    path = paths.written(name)
    if path.is_dir():
        return path
    if path.exists():
        raise UsageError(f"{where} is {name!r}, a file; give the folder that holds its config.json")
    if name.count("/") == 1 and not name.startswith(("/", ".", "~")):
        import huggingface_hub

        with contextlib.suppress(Exception):  # whatever keeps it from being found there
            return Path(huggingface_hub.snapshot_download(name, local_files_only=True))
        raise UsageError(
            f"{where} is {name!r}, which is not downloaded; `hf download {name}` gets it, or give a folder"
        )
    raise UsageError(f"{where} is {name!r}, which is not there; give a folder, or a name OWNER/MODEL")


def config(path: Path) -> dict[str, Any]:
    """A JSON file of a model's folder. Raises UsageError where it is missing, PixgenError for what is no mapping."""
    if not path.is_file():
        raise UsageError(f"{path.parent} is not a model of diffusers: it has no {path.name}")
    if path.stat().st_size > MAX_CONFIG:
        raise PixgenError(f"{path} is too large for a configuration")
    try:
        found = json_data.parse(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PixgenError(f"{path} is not JSON ({reason(error)[:100]})") from error
    if not isinstance(found, dict):
        raise PixgenError(f"{path} is not a configuration: it holds no mapping")
    _require_bounded(found, path)
    return found


def network(at: Path, what: str, kinds: tuple[str, ...]) -> Any:
    """The network in a folder of diffusers, of one of these classes, frozen and in eval mode, float32, on the CPU.

    The weights are compared with the configuration before memory is taken for either. Raises UsageError for a folder
    that holds another thing or no safetensors, PixgenError for weights that are damaged or do not fit.
    """
    described = config(at / "config.json")
    kind = described.get("_class_name")
    if kind not in kinds:
        raise UsageError(f"{at} holds {str(kind)[:60]!r}; {what} takes {', '.join(kinds)}")
    files = sorted(at.glob("*.safetensors"))
    if not files:
        raise UsageError(f"{at} has no .safetensors weights, and others are not read: they could run code")
    cls = getattr(package(what), kind)
    with building(at), torch.device("meta"):
        model = cls.from_config(described)
    best = next((f for f in files if f.stem == "diffusion_pytorch_model"), files[0])
    tensors, _ = weights.read(best)
    weights.require_fit(model.state_dict(), tensors, best, str(at / "config.json"))
    model.load_state_dict({name: value.float().clone() for name, value in tensors.items()}, assign=True)
    return model.eval().requires_grad_(False)


@contextlib.contextmanager
def building(at: Path) -> Iterator[None]:
    """Turns what a configuration that makes no sense raises inside diffusers into a PixgenError."""
    try:
        yield
    except (PixgenError, UsageError):
        raise
    except Exception as error:  # whatever its code raises for it
        raise PixgenError(f"{at} is not a model that diffusers can build ({reason(error)[:200]})") from error


def _require_bounded(value: Any, path: Path) -> None:
    level = [value]
    while level:
        for item in level:
            if isinstance(item, list) and len(item) > MAX_LAYERS:
                raise PixgenError(f"{path} has a list of {len(item):,}; {MAX_LAYERS} at most")
            if isinstance(item, int) and abs(item) > MAX_CHANNELS * 8:
                raise PixgenError(f"{path} has the number {str(item)[:30]}, too large for a network")
        level = [
            part
            for item in level
            if isinstance(item, dict | list)
            for part in (item.values() if isinstance(item, dict) else item)
        ]
