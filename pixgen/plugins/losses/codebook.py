"""A loss that keeps the latent of a VQGAN in tune with its codebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from pixgen.contracts import Frame, Loss, Reads, Session
from pixgen.errors import UsageError
from pixgen.registry import register


@register("loss", "codebook")
@dataclass
class Codebook(Loss):
    """Mean squared distance of the latent to the codes it is decoded with, or to zero; for generator vqgan."""

    reads: ClassVar[Reads] = "params"

    to: Literal["nearest", "zero"] = "nearest"
    """`nearest`: to the nearest codes, the commitment term of VQ-VAE (arXiv 1711.00937). `zero`: to zeros, the
    regulariser of VQGAN+CLIP's z+quantize method, whose weight falls in steps."""

    _generator: Any = field(init=False, repr=False, compare=False, default=None)

    def prepare(self, session: Session) -> None:
        """Raises UsageError for a generator without a latent and a codebook."""
        generator: Any = session.generator
        network = getattr(generator, "network", None)
        if not hasattr(network, "quantize") or getattr(generator, "codes", "") != "nearest":
            raise UsageError(
                "loss codebook needs the latent of a VQGAN: generator.type=vqgan with generator.codes=nearest"
            )
        self._generator = generator

    def __call__(self, frame: Frame) -> Tensor:
        latent = frame.params["latent"]
        target = torch.zeros_like(latent)
        if self.to == "nearest":
            quantize = self._generator.network.quantize
            with torch.no_grad():
                target = self._generator.network.codes(quantize.nearest(latent)).to(latent)
        return (latent - target).square().flatten(1).mean(1)
