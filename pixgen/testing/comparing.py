"""Tensors compared: the same bytes, the same numbers, and plugins in another precision."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from pixgen.contracts import Params
from pixgen.testing.subject import Subject

T = TypeVar("T")


def same(a: Params, b: Params) -> bool:
    """Whether both have the same names and bytes."""
    return a.keys() == b.keys() and all(torch.equal(value, b[name]) for name, value in a.items())


def alike(a: Tensor, b: Tensor) -> bool:
    """Whether both agree up to what their precision rounds, seen from the largest number in either."""
    if a.shape != b.shape:
        return False
    exact = a.dtype == b.dtype == torch.float64
    largest = max(float(x.detach().abs().max()) if x.numel() else 0.0 for x in (a, b))
    return float((a.detach() - b.detach()).abs().max() if a.numel() else 0.0) <= (1e-7 if exact else 1e-3) * largest


def distance(a: Tensor, b: Tensor) -> float:
    """Mean absolute difference."""
    return float((a.detach() - b.detach()).abs().mean())


def cast(params: Params, dtype: torch.dtype) -> Params:
    """The params in a precision, with no gradient yet; whole numbers stay."""
    return {name: _cast(value, dtype).detach().clone() for name, value in params.items()}


def converted(plugin: T, dtype: torch.dtype) -> T:
    """A copy of the plugin whose networks and constants are in `dtype`; in float32 the plugin itself."""
    return plugin if dtype == torch.float32 else _converted(plugin, dtype, {}, 0)


def require_float(subject: Subject, value: Any, what: str, shape: tuple[int | None, ...]) -> None:
    """Fail unless `value` is a finite float tensor of this shape (None: any length)."""
    words = ", ".join("any" if length is None else str(length) for length in shape)
    wanted = f"a float tensor of shape ({words}{',' * (len(shape) == 1)})"
    mend = f"return {wanted}"
    subject.require(isinstance(value, Tensor), f"{what} is a {type(value).__name__}", mend)
    found = tuple(value.shape)
    fits = len(found) == len(shape) and all(b in (None, a) for a, b in zip(found, shape, strict=True))
    subject.require(fits, f"{what} has the shape {found}", mend)
    subject.require(value.is_floating_point(), f"{what} is of {value.dtype}", mend)
    subject.require(value.isfinite().all(), f"{what} is not finite", "keep roots, logarithms and divisions off 0")


def require_range(subject: Subject, images: Tensor, what: str) -> None:
    """Fail unless all values lie in [0, 1], up to rounding."""
    low, high = float(images.detach().min()), float(images.detach().max())
    within = low >= -1e-4 and high <= 1 + 1e-4
    mend = "images lie in [0, 1]: end with pixgen.backend.tensors.clamp, whose gradient leads back inside"
    subject.require(within, f"{what} reaches from {low:.3g} to {high:.3g}", mend)


def require_gradients(subject: Subject, grads: Mapping[str, Tensor | None], of: str, mend: str) -> None:
    """Fail unless every gradient is there, finite and not zero for each picture (the first dimension)."""
    for name, grad in grads.items():
        subject.require(grad is not None, f"{of} has no gradient to {name}", mend)
        assert grad is not None
        subject.require(grad.isfinite().all(), f"the gradient of {of} to {name} is not finite", _SLOPE)
        moves = grad.flatten(1).abs().sum(1) > 0
        subject.require(moves.all(), f"the gradient of {of} to {name} is zero", mend)


_SLOPE = "keep roots, logarithms and divisions off 0, where their slope is infinite"


def _cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.is_floating_point() else x


def _converted(value: Any, dtype: torch.dtype, done: dict[int, Any], depth: int) -> Any:
    """Networks are copied whole; around them only what holds tensors is copied."""
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, nn.Module):
        found: Any = copy.deepcopy(value).to(dtype)
    elif isinstance(value, Tensor):
        found = _cast(value.detach(), dtype)
    elif isinstance(value, dict):
        found = {key: _converted(item, dtype, done, depth + 1) for key, item in value.items()}
    elif isinstance(value, list | tuple):
        items = [_converted(item, dtype, done, depth + 1) for item in value]
        named = isinstance(value, tuple) and hasattr(value, "_fields")
        found = type(value)(*items) if named else type(value)(items)
    elif _holds_attributes(value) and depth < 8:
        found = done[id(value)] = copy.copy(value)
        for name, item in vars(value).items():
            object.__setattr__(found, name, _converted(item, dtype, done, depth + 1))
    else:
        found = value
    done[id(value)] = found
    return found


def _holds_attributes(value: Any) -> bool:
    if isinstance(value, type | FunctionType | MethodType | ModuleType):
        return False
    ours = dataclasses.is_dataclass(value) or not type(value).__module__.startswith(("torch", "numpy", "builtins"))
    return ours and hasattr(value, "__dict__")
