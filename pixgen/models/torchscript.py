"""Reads the weights out of a TorchScript archive and leaves the program in it alone.

`torch.jit.load` would compile and keep that program, which may do more than multiply matrices. The weights lie in
`data.pkl` as objects with tensors; the unpickler here knows empty objects, tensors and lists of numbers, nothing else.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pixgen.errors import PixgenError

STORAGES = {
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}

_LISTS = {"build_intlist", "build_tensorlist", "build_doublelist", "build_boollist"}


class _Object:
    """A TorchScript object: the attributes that it was saved with."""


def is_archive(archive: zipfile.ZipFile) -> bool:
    """Whether a zip file is TorchScript: only those keep a table of constants."""
    return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read(path: Path) -> dict[str, Tensor]:
    """All tensors of the saved module by their dotted names, as stored. Raises PixgenError for a damaged archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            with archive.open(pickled) as file:
                module = _Unpickler(file, archive, pickled.removesuffix("data.pkl")).load()
            return dict(_tensors(module, ""))
    except pickle.UnpicklingError as error:
        raise PixgenError(f"{path} was not loaded: {error}. Nothing of it was run") from error
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise PixgenError(f"{path} is damaged or cut short ({error}); get it again") from error


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(file)
        self.archive, self.root = archive, root

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "__torch__":
            return _Object
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if module == "torch.jit._pickle" and name in _LISTS:
            return list
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise pickle.UnpicklingError(f"it holds {module}.{name}, which is code, not a weight")

    def persistent_load(self, pid: Any) -> Tensor:
        _, dtype, key, _, count = pid
        data = bytearray(self.archive.read(f"{self.root}data/{key}"))
        return torch.frombuffer(data, dtype=dtype, count=count) if count else torch.empty(0, dtype=dtype)


def _rebuild(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    return storage.as_strided(size, stride, offset)


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, _Object):
        for key, item in vars(value).items():
            yield from _tensors(item, f"{name}.{key}" if name else key)
