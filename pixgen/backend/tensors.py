"""Small differentiable functions that several plugins share."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Size = tuple[int, int]
"""(height, width) in pixels."""


class _Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        clamped = x.clamp(low, high)
        ctx.save_for_backward(x - clamped)
        return clamped

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (beyond,), (grad,) = ctx.saved_tensors, grads
        # Descent moves against the gradient: outside the range it passes only where it leads back inside.
        return grad * (grad * beyond >= 0), None, None


def clamp(x: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Clamp whose gradient is the identity inside, and outside passes only what pushes back.

    `Tensor.clamp` has no gradient outside, where an optimised picture would stay for ever.
    """
    clamped: Tensor = _Clamp.apply(x, low, high)  # type: ignore[no-untyped-call]
    return clamped


def norms(x: Tensor) -> Tensor:
    """The Euclidean norm of each picture's part of a tensor: (B, ...) -> (B,)."""
    norm: Tensor = x.flatten(1).norm(dim=1)
    return norm


def spherical_distance(a: Tensor, b: Tensor) -> Tensor:
    """2 asin(|a - b| / 2)^2 of unit vectors, half the squared angle: (..., D) and (..., D) -> (...) in [0, pi^2 / 2].

    Crowson et al. 2022 (arXiv 2204.08583). Kept off opposite vectors, where asin has no finite slope.
    """
    half = (a - b).norm(dim=-1) / 2
    return 2 * torch.asin(half.clamp(max=1 - 1e-6)).square()


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """(B, C, H, W) through a Gaussian, sigma in pixels; separable, borders reflected as far as the picture reaches."""
    for dim in (3, 2):
        radius = max(1, min(math.ceil(2.5 * sigma), x.shape[dim] - 1))
        offsets = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
        kernel = torch.exp(-0.5 * (offsets / max(sigma, 1e-3)) ** 2)
        weight = (kernel / kernel.sum()).repeat(x.shape[1], 1, 1)
        weight = weight[:, :, None, :] if dim == 3 else weight[:, :, :, None]
        sides = (radius, radius, 0, 0) if dim == 3 else (0, 0, radius, radius)
        x = F.conv2d(F.pad(x, sides, "reflect"), weight, groups=x.shape[1])
    return x


def at_least_float32(x: Tensor) -> Tensor:
    """Half precisions become float32; float32 and float64 stay."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def autocast(device: torch.device, dtype: torch.dtype | None) -> contextlib.AbstractContextManager[Any]:
    """Compute matrix products and convolutions in `dtype` inside the block; None leaves everything as it is."""
    return contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype)


_SHAPE_STAYS = (Tensor.normal_, Tensor.uniform_, Tensor.mul, Tensor.__mul__, Tensor.log)
"""What initialisations compute from a tensor, or a tensor and a number."""


class _Unset(TorchFunctionMode):
    """Passes over every initialisation: on the meta device torch's own would import its compiler, two seconds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        if func in _SHAPE_STAYS:
            return args[0]
        if func is torch.randn:
            return torch.empty(*args, **kwargs)
        return func(*args, **kwargs)


@contextlib.contextmanager
def unset() -> Iterator[None]:
    """Networks built inside have parameters without memory, into which weights are put as they are read."""
    with torch.device("meta"), _Unset():
        yield
