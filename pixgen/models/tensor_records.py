"""Tensors as a checkpoint's pickle describes them, and how they become tensors: only those that are asked for.

A record says where in a storage the numbers of a tensor lie. Records take no memory, so a file that declares more than
it may become is refused before any is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pixgen.errors import PixgenError
from pixgen.models import limits
from pixgen.models.pickles import Inert, Make, Name

DTYPES = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "ComplexDoubleStorage": torch.complex128,
    "ComplexFloatStorage": torch.complex64,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
    "UntypedStorage": torch.uint8,
}
"""The classes of torch that stand for a type of numbers in a pickle."""

NEWER_DTYPES = {
    str(dtype): dtype
    for dtype in (
        *DTYPES.values(),
        *(torch.uint16, torch.uint32, torch.uint64),
        *(torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz),
    )
}
"""Types that a pickle names themselves, as `torch.uint16`."""


@dataclass(frozen=True)
class StorageRecord:
    """Numbers in one piece. key: their name in the file. count: how many, each of `dtype`."""

    key: str
    dtype: torch.dtype
    count: int


@dataclass(frozen=True)
class TensorRecord:
    """A tensor in a storage. offset, stride: in numbers of `dtype`, as torch counts them."""

    storage: StorageRecord
    dtype: torch.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """What it takes with a place of its own for every number."""
        return math.prod(self.size) * self.dtype.itemsize

    @property
    def end(self) -> int:
        """Bytes of its storage up to its last number; 0 for a tensor without any."""
        if 0 in self.size:
            return 0
        last = sum((many - 1) * step for many, step in zip(self.size, self.stride))
        return (self.offset + last + 1) * self.dtype.itemsize


def storage(persistent_id: Any) -> StorageRecord:
    """The storage that a persistent id names. Raises ValueError where it is none."""
    match persistent_id:
        case ("storage", Name() as kind, str() as key, _, int() as count, *_):
            dtype = DTYPES.get(kind.name.rpartition(".")[2])
            if dtype is not None and 0 <= count < 2**48:
                return StorageRecord(key, dtype, count)
    raise ValueError("its pickle refers to numbers in an unknown way")


def known(name: str) -> Make | None:
    """What a name of torch's stands for in a checkpoint; None for any other."""
    if name in NEWER_DTYPES or name in _PLAIN or (name.startswith("torch.") and name.rpartition(".")[2] in DTYPES):
        return _inert(name)
    return _REBUILT.get(name) or (_inert(name) if name in _NOT_READ else None)


def read(
    records: Mapping[str, TensorRecord], numbers: Callable[[StorageRecord], Tensor], path: Path
) -> dict[str, Tensor]:
    """The tensors of these records, on the CPU, as stored.

    numbers: gives the bytes of a storage, uint8, at least as many as it has; asked once for each.
    Raises PixgenError for tensors that would become larger than the file may, or lie outside of their storage.
    """
    if len(records) > limits.MAX_TENSORS:
        raise PixgenError(f"{path} was not loaded: it has more than {limits.MAX_TENSORS:,} tensors")
    limits.require(path, sum(record.bytes for record in records.values()), "its tensors")
    storages: dict[str, Tensor] = {}
    found = {}
    for name, record in records.items():
        key = record.storage.key
        if key not in storages:
            storages[key] = numbers(record.storage)
        found[name] = _tensor(name, record, storages[key], path)
    return found


def _tensor(name: str, record: TensorRecord, numbers: Tensor, path: Path) -> Tensor:
    declared = record.storage.count * record.storage.dtype.itemsize
    if max(record.end, declared) > len(numbers) or record.end > declared:
        raise PixgenError(f"{path} is damaged: {name} lies outside of its numbers; get it again")
    if record.end == 0:
        return torch.empty(record.size, dtype=record.dtype)
    whole = numbers[: len(numbers) // record.dtype.itemsize * record.dtype.itemsize].view(record.dtype)
    # Offsets count from where the storage begins, which is not where the mapped file begins.
    return whole.as_strided(record.size, record.stride, whole.storage_offset() + record.offset)


def _inert(name: str) -> Make:
    return lambda _: Inert(name)


def _rebuild(arguments: tuple[Any, ...]) -> TensorRecord | Inert:
    """torch._utils._rebuild_tensor_v2 and its older sister: (storage, offset, size, stride, ...)."""
    held, offset, size, stride = arguments[:4]
    # Bits that stand for "negated" or "conjugated": the numbers are not the tensor's.
    if len(arguments) > 6 and arguments[6]:
        return Inert("torch.Tensor with bits")
    return _record(held, held.dtype, offset, size, stride)


def _rebuild_untyped(arguments: tuple[Any, ...]) -> TensorRecord | Inert:
    """torch._utils._rebuild_tensor_v3: (storage, offset, size, stride, gradient, hooks, dtype, bits)."""
    held, offset, size, stride, _, _, dtype = arguments[:7]
    if len(arguments) > 7 and arguments[7]:
        return Inert("torch.Tensor with bits")
    return _record(held, NEWER_DTYPES[dtype.name], offset, size, stride)


def _record(held: Any, dtype: torch.dtype, offset: Any, size: Any, stride: Any) -> TensorRecord:
    size, stride = tuple(size), tuple(stride)
    plain = all(type(number) is int and 0 <= number < 2**48 for number in (offset, *size, *stride))
    if not isinstance(held, StorageRecord) or not plain or len(size) != len(stride) or len(size) > limits.MAX_DEPTH:
        raise ValueError("its pickle describes a tensor in an unknown way")
    return TensorRecord(held, dtype, offset, size, stride)


def _first(arguments: tuple[Any, ...]) -> Any:
    return arguments[0]


def _from_type(arguments: tuple[Any, ...]) -> Any:
    """torch._tensor._rebuild_from_type_v2: (function, class, its arguments, attributes)."""
    function, _, inner, *_ = arguments
    make = _REBUILT.get(function.name) or _inert(function.name)
    return make(inner)


_REBUILT: Mapping[str, Make] = {
    "torch._utils._rebuild_tensor": _rebuild,
    "torch._utils._rebuild_tensor_v2": _rebuild,
    "torch._utils._rebuild_tensor_v3": _rebuild_untyped,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._tensor._rebuild_from_type_v2": _from_type,
}

_NOT_READ = frozenset(
    f"torch._utils.{name}"
    for name in (
        "_rebuild_sparse_tensor",
        "_rebuild_qtensor",
        "_rebuild_nested_tensor",
        "_rebuild_meta_tensor_no_storage",
        "_rebuild_wrapper_subclass",
        "_rebuild_device_tensor_from_numpy",
        "_rebuild_device_tensor_from_cpu_tensor",
    )
)
"""Tensors of other kinds than plain ones."""

_PLAIN = frozenset(
    [
        "torch.Tensor",
        "torch.Size",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.nn.parameter.Buffer",
        "torch.serialization._get_layout",
        "torch.per_tensor_affine",
        "torch.per_channel_affine",
        "torch.per_tensor_symmetric",
        "torch.per_channel_symmetric",
        "torch.per_channel_affine_float_qparams",
        "torch.strided",
        "torch.sparse_coo",
    ]
)
"""Classes and constants that stand beside tensors."""
