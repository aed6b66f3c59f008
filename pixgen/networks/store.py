"""Files of the token decoder and the prior: weights and, in the metadata, everything else that is needed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from pixgen.backend.tensors import unset
from pixgen.errors import PixgenError, UsageError
from pixgen.io import files
from pixgen.models import weights

Network = TypeVar("Network", bound=nn.Module)


def save(model: nn.Module, path: Path, **about: Any) -> None:
    """Write a network with a dataclass `config` in float16; `about` joins its sizes in the metadata.

    Raises PixgenError where the system refuses.
    """
    halved = {name: value.detach().half() for name, value in model.state_dict().items()}
    metadata = {"architecture": dataclasses.asdict(model.config), **about}  # type: ignore[call-overload]
    weights.write(halved, path, {"pixgen": json.dumps(metadata)})


def load(
    path: Path, config: Callable[..., Any], network: Callable[[Any], Network], command: str
) -> tuple[Network, dict[str, Any]]:
    """A network that `save` wrote, float32, frozen, in eval mode; and what was written about it.

    command: what makes such a file, for messages. Raises PixgenError for a file that is missing, damaged or another's.
    """
    if not path.is_file():
        raise PixgenError(f"there is no {path}; make it with `{command}`")
    tensors, metadata = weights.read(path)
    try:
        about = json.loads(metadata["pixgen"])
        with unset():
            model = network(config(**about["architecture"]))
    except (KeyError, TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise PixgenError(f"{path} is no file of this pixgen's `{command}` ({error!r}); make it again") from error
    weights.require_fit(model.state_dict(), tensors, path, f"what `{command}` makes")
    model.load_state_dict({name: value.float() for name, value in tensors.items()}, assign=True)
    return model.eval().requires_grad_(False), about


CODES = ("encoder.", "quant_conv.", "quantize.")
"""What of a VQGAN gives its codes their meaning: another decoder shows the same codes, only better or worse."""


def fingerprint(path: Path) -> str:
    """Sixteen hexadecimal digits that tell a network's file from any other's; a VQGAN's tells what its codes mean.

    Raises PixgenError where there is no such file, or no network in it.
    """
    if path.stem == "vqgan":
        tensors, _ = weights.read(path)
        meaning = hashlib.sha256()
        for name in sorted(name for name in tensors if name.startswith(CODES)):
            meaning.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
        return meaning.hexdigest()[:16]
    try:
        return files.sha256(path)[:16]
    except UsageError as error:
        raise PixgenError(str(error)) from error


def files_in(folder: str, networks: Sequence[str]) -> list[str]:
    """The files of these networks in a folder; none for an empty one, which stands for what comes with pixgen."""
    return [str(Path(folder) / f"{network}.safetensors") for network in networks] if folder else []
