"""What plugins return, checked where the loop takes it: a mistake is told with the plugin that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pixgen.errors import PixgenError

PER_PICTURE = "one number for each picture"
"""What losses and scores return."""


def checked(
    value: Any, where: str, wanted: str, shape: Sequence[int | None], device: torch.device | None = None
) -> Tensor:
    """`value`, where it is a float tensor of this shape on this device (None: on any).

    where: the plugin as settings name it (`losses.warm`). wanted: what it should have returned, in words.
    shape: None for a length that may be any. Raises PixgenError, one line, for anything else.
    """
    lengths = [length if length is not None else "any" for length in shape]
    asked = f"{wanted}, a float tensor of shape ({', '.join(map(str, lengths))}{',' * (len(shape) == 1)})"
    asked += f" on {device}" if device is not None else ""
    if not isinstance(value, Tensor):
        raise PixgenError(f"{where} returned {_in_words(value)}; it must return {asked}")
    found = tuple(value.shape)
    fits = len(found) == len(shape) and all(b in (None, a) for a, b in zip(found, shape, strict=True))
    if not fits:
        what = "a scalar" if not found else f"a tensor of shape {found}"
        raise PixgenError(f"{where} returned {what}; it must return {asked}")
    if not value.is_floating_point():
        raise PixgenError(f"{where} returned a tensor of {value.dtype}; it must return {asked}")
    if device is not None and (value.device.type != device.type or device.index not in (None, value.device.index)):
        raise PixgenError(f"{where} returned a tensor on {value.device}; it must return {asked}")
    return value


def _in_words(value: Any) -> str:
    return "nothing (None)" if value is None else f"a {type(value).__name__}"
