"""Reads other people's weights files without running anything that is in them.

Lightning's checkpoints and plain `torch.save` files go through torch's `weights_only` unpickler, TorchScript archives
(OpenAI's CLIPs) through `pixgen.models.torchscript`, which reads the numbers and never the program beside them.
"""

from __future__ import annotations

import contextlib
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from pixgen.errors import PixgenError, UsageError, reason
from pixgen.io import files
from pixgen.models import torchscript

Format = Literal["safetensors", "zip", "torchscript", "pickle"]

INERT = (
    # ComfyUI-Flowty-LDSR #8, champ #144: lightning keys the state of a callback by its class
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    # open-retina #186: hyper-parameters that were given as OmegaConf's lists and mappings
    "omegaconf.listconfig.ListConfig",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.nodes.AnyNode",
    "typing.Any",
    "builtins.dict",
    "builtins.list",
    "builtins.tuple",
    "builtins.int",
    "builtins.float",
    "builtins.str",
    # the best score so far, which lightning keeps as a number of NumPy's
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "argparse.Namespace",
)
"""Names that real checkpoints hold beside their tensors. Each is read as an empty object: its class is not imported."""


class Damaged(Exception):
    """A file that is no whole safetensors file, or cannot be read. The text says why."""


STATES = ("ema", "model", "state_dict")
"""Where a checkpoint keeps its weights: LlamaGen under `ema` or `model`, lightning under `state_dict`."""


class _Inert(dict[Any, Any]):
    """Stands in for an object that is not a tensor; holds nothing."""

    def __new__(cls, *_: Any, **__: Any) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __setstate__(self, _: Any) -> None:
        pass

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)  # old checkpoints use classes and their objects as keys


def sniff(path: Path) -> Format:
    """What kind of weights file this is, by its content.

    Raises UsageError when there is no such file and PixgenError when it is none of them.
    """
    if not path.is_file():
        raise UsageError(f"weights not found: {path}; give the path of a file that exists")
    with open(path, "rb") as file:
        head = file.read(9)
    if not head:
        raise PixgenError(f"{path} is empty: its download was cut off before it began; get it again")
    if head[:4] == b"PK\3\4":
        try:
            with zipfile.ZipFile(path) as archive:
                return "torchscript" if torchscript.is_archive(archive) else "zip"
        except (zipfile.BadZipFile, OSError) as error:
            raise PixgenError(f"{path} is damaged or cut short ({error}); get it again") from error
    if head[8:] == b"{":
        return "safetensors"
    if head[:1] == b"\x80":
        return "pickle"
    page = " (it is a web page)" if head.lstrip()[:1] == b"<" else ""
    raise PixgenError(f"{path} is not a weights file{page}: neither safetensors nor a torch checkpoint; get it again")


def require_whole(path: Path) -> None:
    """Raise PixgenError unless the file is a weights file that, as far as its format tells, has its end.

    Only an old pickle does not tell.
    """
    if sniff(path) == "safetensors":
        try:
            metadata(path)
        except Damaged as error:
            raise PixgenError(f"{path} is damaged or cut short ({error}); get it again") from error


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The named tensors of a weights file, as they are stored, on the CPU; and a safetensors file's metadata.

    Raises UsageError for a missing file; PixgenError for one that is damaged or holds anything that would run code.
    """
    format = sniff(path)
    if format == "safetensors":
        try:
            return read_safetensors(path)
        except Damaged as error:
            raise PixgenError(f"{path} is damaged or not a weights file: {error}; get it again") from error
    if format == "torchscript":
        return torchscript.read(path), {}
    return state(_unpickle(path, mapped=format == "zip"), path), {}


def state(loaded: Any, path: Path) -> dict[str, Tensor]:
    """The weights in what a checkpoint holds. Raises PixgenError, naming what is there, where there are none."""
    found = loaded
    for key in STATES:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            found = loaded[key]
            break
    tensors = {}
    if isinstance(found, Mapping):
        tensors = {str(name): value.detach() for name, value in found.items() if isinstance(value, Tensor)}
    if not tensors:
        held = ", ".join(map(str, list(loaded)[:6])) if isinstance(loaded, Mapping) else type(loaded).__name__
        raise PixgenError(f"{path} holds no weights; it holds {held or 'nothing'}")
    if all(name.startswith("module.") for name in tensors):  # DistributedDataParallel's prefix
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file, as they are stored, on the CPU. Raises Damaged."""
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, from its header alone. Raises Damaged."""
    with _opened(path) as file:
        return file.metadata() or {}


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise Damaged(reason(error)) from error


def write(
    tensors: Mapping[str, Tensor],
    path: Path,
    metadata: Mapping[str, str] | None = None,
    check: Callable[[Path], None] | None = None,
    way_out: str = "make room or choose another place with -o",
) -> Path:
    """Write a safetensors file, whole or not at all; `check` sees it before it gets its name and may raise.

    Raises PixgenError, one line that ends with `way_out`, where the system refuses.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    # Clones: two names may share their memory, which safetensors refuses.
    plain = {name: value.clone().contiguous() for name, value in tensors.items()}
    try:
        with files.replacing(path, sole=True) as temporary:
            save_file(plain, temporary, metadata=dict(metadata or {}))
            if check is not None:
                check(temporary)
    except (OSError, SafetensorError) as error:
        raise PixgenError(f"cannot write to {path}: {reason(error).lower()}; {way_out}") from error
    return path


def require_fit(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path, what: str) -> None:
    """Raise PixgenError that names the first keys and shapes in which `tensors`, read from `path`, differ."""
    wrong = [
        f"{key} is {tuple(tensors[key].shape)}, not {tuple(value.shape)}"
        for key, value in own.items()
        if key in tensors and tensors[key].shape != value.shape
    ]
    wrong += [f"missing {key}" for key in own if key not in tensors]
    wrong += [f"unexpected {key}" for key in tensors if key not in own]
    if wrong:
        shown = ", ".join(wrong[:8]) + (f" and {len(wrong) - 8} more" if len(wrong) > 8 else "")
        raise PixgenError(f"{path} does not fit {what}: {shown}")


def _unpickle(path: Path, mapped: bool) -> Any:
    inert: list[Any] = [(_Inert, name) for name in INERT] + [(_mapping, "collections.defaultdict")]
    try:
        with torch.serialization.safe_globals(inert):
            # Mapped, a checkpoint's optimizer states and discriminator are never read from disk.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+)|function <?(?:built-in function |function )?([\w.]+)", str(error))
        what = f"it holds {found[1] or found[2]}, which is code, not a weight" if found else reason(error)
        raise PixgenError(
            f"{path} was not loaded: {what}. Nothing of it was run; get the weights as .safetensors, or from their "
            "author"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        raise PixgenError(f"{path} is damaged or cut short ({reason(error)}); get it again") from error


def _mapping(*_: Any) -> dict[Any, Any]:
    return {}
