"""The contract of a generator: from params to pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from pixgen.frame import Params, Size
from pixgen.streams import Streams


class Generator(ABC):
    """Turns params into pictures, differentiably. Functional: it keeps no params of its own.

    Subclasses are dataclasses of their options (see `pixgen.registry.register`).
    """

    defaults: ClassVar[dict[str, Any]] = {}
    """Config that suits this generator (`{"optimizer": {"type": "SGD", "lr": 3.0}}`), merged over pixgen's own
    defaults and under everything the user says."""

    factor: int = 1
    """Both sides of a picture must be multiples of this; the engine rounds and says so."""

    def prepare(self, device: torch.device) -> None:  # noqa: B027 (optional by design)
        """Load weights, if any. Called once before anything else."""

    @abstractmethod
    def init(self, size: Size, streams: Streams) -> Params:
        """Random first params of ONE picture: every tensor's first dimension is 1."""

    @abstractmethod
    def decode(self, params: Params) -> Tensor:
        """Params -> float32 (B, 3 or 4, H, W) in [0, 1]; a fourth channel is alpha."""

    @abstractmethod
    def encode(self, images: Tensor) -> Params:
        """float32 (B, 3, H, W) in [0, 1] -> params whose decode is as near as the generator can come."""

    def project_(self, params: Params) -> None:  # noqa: B027 (optional by design)
        """Bring params back to where they are valid, in place, after each optimiser step (under no_grad)."""

    def resize(self, params: Params, size: Size) -> Params:
        """Params of the same pictures at another size. By default: decode, resize, encode."""
        images = self.decode(params)[:, :3].clamp(0, 1)
        images = torch.nn.functional.interpolate(images, size=size, mode="bicubic", antialias=True)
        return self.encode(images.clamp(0, 1))
