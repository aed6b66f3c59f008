"""The latent of an autoencoder of diffusers: of Stable Diffusion's, of a VQ model, or of a tiny one (TAESD)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size, at_least_float32, clamp
from pixgen.contracts import Generator, Params
from pixgen.models import diffusers_files
from pixgen.registry import register

KINDS = ("AutoencoderKL", "VQModel", "AutoencoderTiny")


@register("generator", "vae")
@dataclass
class VAE(Generator):
    """Params are {"latent": float32 (B, C, H/f, W/f)}, scaled as a diffusion model sees it, to a deviation of about 1.

    Needs the extra `diffusers`. A VQ model quantises the latent at every decode. Weights are read from safetensors.
    """

    defaults: ClassVar[dict[str, Any]] = {"optimizer": {"type": "Adam", "lr": 0.05}}

    model: str
    """A folder of diffusers (an autoencoder's, or that of a pipeline with a `vae`), or the name OWNER/MODEL of one that
    is in Hugging Face's cache."""
    checkpointing: bool = False
    """Gradient checkpointing of the decoder: less memory, about a third more time. A tiny one has none."""

    _network: Any = field(init=False, repr=False, compare=False, default=None)
    _channels: int = field(init=False, repr=False, compare=False, default=4)
    _scaling: tuple[float, float] = field(init=False, repr=False, compare=False, default=(1.0, 0.0))

    def prepare(self, device: torch.device) -> None:
        """Load the weights. Raises UsageError when there are none, PixgenError when they cannot be used."""
        if self._network is None:
            diffusers_files.package("generator vae")
            found = diffusers_files.folder(self.model, "generator.model")
            if not (found / "config.json").is_file() and (found / "vae").is_dir():
                found = found / "vae"
            self.use(diffusers_files.network(found, "generator vae", KINDS))
        if self.checkpointing and getattr(self._network, "_supports_gradient_checkpointing", False):
            self._network.enable_gradient_checkpointing()
        self._network.to(device)

    def files(self) -> list[str]:
        """The weights, for a picture's metadata."""
        found = diffusers_files.folder(self.model, "generator.model")
        return [str(path) for at in (found, found / "vae") for path in sorted(at.glob("*.safetensors"))]

    def use(self, network: Any) -> VAE:
        """Draw with this network instead of loading one (tests). Returns self."""
        self._network = network.eval().requires_grad_(False)
        kind = type(network).__name__
        if kind == "AutoencoderKL":  # the others' latents are as their networks make them
            self._scaling = (float(network.config.scaling_factor), float(network.config.shift_factor or 0.0))
        channels = network.config.decoder_block_out_channels if kind == KINDS[2] else network.config.block_out_channels
        self.factor = 2 ** (len(channels) - 1)
        self._channels = int(network.config.latent_channels)
        return self

    def init(self, size: Size, streams: Streams) -> Params:
        """Gaussian noise, which is how latents are distributed; of a VQ model, random codes."""
        random = streams.generator("init")
        shape = (1, self._channels, size[0] // self.factor, size[1] // self.factor)
        if hasattr(self._network, "quantize"):
            codebook = self._network.quantize.embedding.weight
            places = torch.randint(len(codebook), (1, *shape[2:]), generator=random)
            return {"latent": codebook.detach()[places.to(codebook.device)].movedim(-1, 1).float().contiguous()}
        return {"latent": torch.randn(shape, generator=random)}

    def decode(self, params: Params) -> Tensor:
        scale, shift = self._scaling
        return clamp(at_least_float32(self._network.decode(params["latent"] / scale + shift).sample) * 0.5 + 0.5)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Params:
        encoded = self._network.encode(images * 2 - 1)
        latent = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents
        scale, shift = self._scaling
        return {"latent": (at_least_float32(latent) - shift) * scale}
