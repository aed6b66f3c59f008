"""Reads the weights out of a TorchScript archive and leaves the program in it alone.

`torch.jit.load` would compile and keep that program, which may do more than multiply matrices. The weights lie in
`data.pkl` as objects with tensors, which `pixgen.models.pickles` reads as plain data.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor

from pixgen.errors import PixgenError
from pixgen.models import archives, limits, pickles, tensor_records
from pixgen.models.pickles import Object
from pixgen.models.tensor_records import TensorRecord

_LISTS = {"build_intlist", "build_tensorlist", "build_doublelist", "build_boollist"}


def is_archive(names: Iterable[str]) -> bool:
    """Whether a zip file with these entries is TorchScript: only those keep a table of constants."""
    return any(name.endswith("/constants.pkl") for name in names)


def read(archive: archives.Archive, pickled: str) -> dict[str, Tensor]:
    """All tensors of the module saved in the entry `pickled`, by their dotted names, as stored.

    Raises what `archives` and `pickles` raise, and PixgenError where its objects cannot be named.
    """
    stream = io.BytesIO(archive.content(pickled, limits.MAX_PICKLE))
    module = pickles.Reader(_known, tensor_records.storage).read(stream)
    root = pickled.removesuffix("data.pkl")
    records = _Names(archive.path).of(module, 0)
    return tensor_records.read(records, lambda each: archive.numbers(f"{root}data/{each.key}"), archive.path)


def _known(name: str) -> pickles.Make | None:
    if name.split(".")[0] == "__torch__":
        return lambda _: Object()
    module, _, function = name.rpartition(".")
    if module == "torch.jit._pickle" and function in _LISTS:
        return lambda arguments: list(arguments[0]) if arguments and isinstance(arguments[0], list | tuple) else []
    if name == "torch.jit._pickle.restore_type_tag":
        return lambda arguments: arguments[0]
    if name == "collections.OrderedDict":
        return lambda _: {}
    return tensor_records.known(name)


class _Names:
    """The tensors of objects by their dotted names. Each object is walked once, however many hold it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[int, dict[str, TensorRecord]] = {}

    def of(self, value: Any, depth: int) -> dict[str, TensorRecord]:
        if not isinstance(value, Object):
            return {}
        if id(value) not in self._found:
            self._found[id(value)] = {}  # an object that holds itself adds nothing
            self._found[id(value)] = self._walk(value, depth)
        return self._found[id(value)]

    def _walk(self, value: Object, depth: int) -> dict[str, TensorRecord]:
        if depth > limits.MAX_DEPTH:
            raise PixgenError(
                f"{self._path} was not loaded: its objects lie deeper than {limits.MAX_DEPTH} in each other"
            )
        found: dict[str, TensorRecord] = {}
        for key, item in value.attributes.items():
            if not isinstance(key, str) or len(key) > limits.MAX_NAME:
                continue
            if isinstance(item, TensorRecord):
                found[key] = item
            else:
                found |= {f"{key}.{name}": record for name, record in self.of(item, depth + 1).items()}
            if len(found) > limits.MAX_TENSORS:
                raise PixgenError(f"{self._path} was not loaded: it has more than {limits.MAX_TENSORS:,} tensors")
        return found
