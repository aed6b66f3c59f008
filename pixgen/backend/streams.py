"""Random numbers addressed by position: (seed of the picture, name of the stream, step)."""

from __future__ import annotations

import functools
import hashlib
import inspect
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


def _mix(seed: int, name: str, step: int) -> int:
    digest = hashlib.blake2b(f"{seed}/{name}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1  # torch takes a signed 64-bit seed


class Streams:
    """The random streams of one picture.

    The same (seed, name, step) always gives the same numbers, whatever was drawn before: adding a loss
    shifts no other stream, and resuming needs no saved state. Draw on the CPU, then move.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def generator(self, name: str, step: int = 0) -> torch.Generator:
        """A fresh CPU generator for `torch.rand(..., generator=...)`."""
        return torch.Generator().manual_seed(_mix(self.seed, name, step))


def drawing_from(generator: torch.Generator) -> AbstractContextManager[object]:
    """Make torch's random functions draw from this generator inside the block, in this thread alone.

    For libraries that take no generator (kornia drops `generator=` silently). torch's own generators are neither used
    nor moved. Functions that can take no generator, dropout for one, are left as they are.
    """
    return _Drawn(generator)


class _Drawn(TorchFunctionMode):
    """Gives every random function of torch a generator where the caller gave none. Modes belong to one thread."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if kwargs.get("generator") is None and func in _random():
            kwargs = {**kwargs, "generator": self._generator}
        return func(*args, **kwargs)


@functools.cache
def _random() -> frozenset[Any]:
    """The functions of torch that draw random numbers and take a generator."""
    made = (
        *("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like"),
        *("normal", "bernoulli", "binomial", "multinomial", "poisson"),
    )
    methods = (
        *("bernoulli", "multinomial", "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_"),
        *("random_", "uniform_"),
    )
    initial = [f for f in vars(nn.init).values() if inspect.isfunction(f) and f.__module__ == nn.init.__name__]
    return frozenset(
        [
            *(getattr(torch, name) for name in made),
            *(getattr(Tensor, name) for name in methods),
            *(f for f in initial if "generator" in inspect.signature(f).parameters),
        ]
    )
