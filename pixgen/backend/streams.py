"""Random numbers addressed by position: (seed of the picture, name of the stream, step)."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch


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

    @contextlib.contextmanager
    def at(self, name: str, step: int = 0) -> Iterator[None]:
        """Make torch's default CPU generator this stream inside the block, and put it back after.

        For libraries that take no generator (kornia drops `generator=` silently). `torch.manual_seed`
        would reseed CUDA as well, and nothing would put that back.
        """
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(_mix(self.seed, name, step))
            yield
