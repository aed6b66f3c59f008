"""The latent of a VQGAN, quantised straight-through at every decode (Crowson et al. 2022, arXiv 2204.08583)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size, clamp
from pixgen.contracts import Generator, Params
from pixgen.io import paths
from pixgen.models import cache, zoo
from pixgen.models.zoo import is_path
from pixgen.networks import vqgan
from pixgen.registry import register


@register("generator", "vqgan")
@dataclass
class VQGAN(Generator):
    """Optimises the latent of a VQGAN: params are {"latent": float32 (B, C, H/f, W/f)}."""

    model: str = zoo.EMBEDDED
    """`pixgen-tiny`, a name of `pixgen models list`, or the path of a checkpoint (.safetensors, .ckpt, .pt)."""
    config: Path | None = None
    """For a user-provided checkpoint: the YAML file that taming trained it with."""
    checkpointing: bool = False
    """Gradient checkpointing of the decoder: less memory, about a third more time."""
    init_from: Literal["codes", "noise", "gradient"] = "codes"
    """Random start: random `codes` everywhere, or the codes of white `noise` or of a random colour `gradient`."""

    _network: vqgan.VQModel | None = field(init=False, repr=False, compare=False, default=None)

    def prepare(self, device: torch.device) -> None:
        """Load the weights. Raises UsageError when there are none, PixgenError when they cannot be used."""
        if self._network is None:
            self.use(self._load())
        if self.checkpointing:
            self.network.checkpointing()
        self.network.to(device)

    def files(self) -> list[str]:
        """The user-provided checkpoint, if `model` is one."""
        return [self.model] if is_path(self.model) else []

    def _load(self) -> vqgan.VQModel:
        if self.model == zoo.EMBEDDED:
            return vqgan.load()
        if is_path(self.model):
            return vqgan.load(paths.written(self.model), self.config)
        entry = zoo.get(self.model, "vqgan")
        config = self.config or cache.companion(entry, "model.yaml")
        return vqgan.load(cache.weights(entry), config, entry.architecture or None)

    def use(self, network: vqgan.VQModel) -> VQGAN:
        """Draw with this network instead of loading one (tests, trainings). Returns self."""
        self._network = network.eval().requires_grad_(False)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.factor = network.factor
        return self

    @property
    def network(self) -> vqgan.VQModel:
        """The loaded network; raises RuntimeError before `prepare`."""
        if self._network is None:
            raise RuntimeError("generator.vqgan used before prepare()")
        return self._network

    def init(self, size: Size, streams: Streams) -> Params:
        random = streams.generator("init")
        codebook = self.network.quantize.codebook
        if self.init_from == "codes":
            shape = (1, size[0] // self.factor, size[1] // self.factor)
            indices = torch.randint(len(codebook), shape, generator=random)
            return {"latent": self.network.codes(indices.to(codebook.device)).contiguous()}
        if self.init_from == "noise":
            images = torch.rand(1, 3, *size, generator=random)
        else:
            corners = torch.rand(1, 3, 2, 2, generator=random)
            images = F.interpolate(corners, size=size, mode="bilinear", align_corners=True)
        return self.encode(images.to(codebook.device))

    def decode(self, params: Params) -> Tensor:
        codes, _ = self.network.quantize(params["latent"])
        return clamp(self.network.decode(codes.contiguous(memory_format=torch.channels_last)))

    @torch.no_grad()
    def encode(self, images: Tensor) -> Params:
        """The quantised latent: where the optimiser begins, decoding gives what the codes can show."""
        codes, _ = self.network.quantize(self.network.encode(images))
        return {"latent": codes.contiguous()}

    @torch.no_grad()
    def project_(self, params: Params) -> None:
        """Unit codes: back to the sphere. Others: into each channel's range in the codebook."""
        latent = params["latent"]
        if self.network.quantize.kind == "unit":
            latent.copy_(F.normalize(latent, dim=1))
        else:
            low, high = self.network.quantize.codebook.aminmax(dim=0)
            latent.clamp_(low[:, None, None], high[:, None, None])
