"""The latent of a VQGAN, quantised straight-through at every decode (Crowson et al. 2022, arXiv 2204.08583)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size, at_least_float32, clamp
from pixgen.contracts import STORED_WHEN_SET, Generator, Params
from pixgen.io import paths
from pixgen.models import cache, zoo
from pixgen.models.zoo import is_path
from pixgen.networks import vqgan
from pixgen.registry import register

OWN = 6.0
"""Of the logits of a picture that is encoded, at temperature 1: that of its own code; the code nearest to that has -1.
With it `soft` shows the picture, and codes nearby can still take over."""

LOWEST = -100.0
"""Of a logit below the largest of its place."""


@register("generator", "vqgan")
@dataclass
class VQGAN(Generator):
    """Optimises the latent of a VQGAN: params are {"latent": float32 (B, C, H/f, W/f)}.

    With `codes` other than `nearest`, params are {"logits": float32 (B, codes, H/f, W/f)}, those of every code of the
    codebook at every place.
    """

    model: str = zoo.EMBEDDED
    """`pixgen-tiny`, a name of `pixgen models list`, or the path of a checkpoint (.safetensors, .ckpt, .pt)."""
    config: Path | None = None
    """For a user-provided checkpoint: the YAML file that taming trained it with."""
    checkpointing: bool = False
    """Gradient checkpointing of the decoder: less memory, about a third more time."""
    init_from: Literal["codes", "noise", "gradient"] = "codes"
    """Random start: random `codes` everywhere, or the codes of white `noise` or of a random colour `gradient`."""
    codes: Literal["nearest", "soft", "gumbel", "multinomial"] = field(default="nearest", metadata=STORED_WHEN_SET)
    """What is optimised: a latent, decoded with its `nearest` codes; or logits of all codes, decoded with the `soft`
    mean of codes, or with one code a place, drawn by `gumbel` noise or `multinomial`, and softmax gradients."""
    temperature: float = field(default=1.0, metadata=STORED_WHEN_SET)
    """Of the softmax over logits at the first step, 0.01 to 100. Lower: fewer codes share a place."""
    final_temperature: float | None = field(default=None, metadata=STORED_WHEN_SET)
    """The temperature that it reaches by the last step, in equal ratios; null: it stays."""
    in_codebook: bool = field(default=True, metadata=STORED_WHEN_SET)
    """Bring a latent back into the codebook's range after every step. False leaves that to a loss, as `codebook`."""

    _network: vqgan.VQModel | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        for name in ("temperature", "final_temperature"):
            value = getattr(self, name)
            if value is not None and not 0.01 <= value <= 100:
                raise ValueError(f"{name} is {value:g}; it must be from 0.01 to 100")

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
            return self.of_codes(indices.to(codebook.device))
        if self.init_from == "noise":
            images = torch.rand(1, 3, *size, generator=random)
        else:
            corners = torch.rand(1, 3, 2, 2, generator=random)
            images = F.interpolate(corners, size=size, mode="bilinear", align_corners=True)
        return self.encode(images.to(codebook.device))

    def decode(self, params: Params) -> Tensor:
        codes = self._mixed(params) if "logits" in params else self.network.quantize(params["latent"])[0]
        return clamp(self.network.decode(codes.contiguous(memory_format=torch.channels_last)))

    @torch.no_grad()
    def encode(self, images: Tensor) -> Params:
        """The quantised latent: where the optimiser begins, decoding gives what the codes can show."""
        codes, indices = self.network.quantize(self.network.encode(images))
        return {"latent": codes.contiguous()} if self.codes == "nearest" else self.of_codes(indices)

    @torch.no_grad()
    def of_codes(self, indices: Tensor) -> Params:
        """Indices of codes, int64 (B, H/f, W/f), as params: their latent, or logits that fall with the distance."""
        codes = self.network.codes(indices)
        if self.codes == "nearest":
            return {"latent": codes.contiguous()}
        codebook = self.network.quantize.codebook
        # A code's logits are the same wherever it stands: they are computed once for each.
        used, place = indices.unique(return_inverse=True)
        distances = torch.cdist(codebook[used], codebook).square()
        logits = -distances / distances.topk(2, largest=False).values[:, 1:].clamp(min=1e-12)
        logits.scatter_(1, used[:, None], OWN)
        logits *= self._coldest
        return {"logits": logits.clamp(min=LOWEST)[place].movedim(-1, 1).contiguous()}

    @property
    def _coldest(self) -> float:
        return self.temperature if self.final_temperature is None else self.final_temperature

    def sampled(self, params: Params, progress: float, step: int, streams: Sequence[Streams]) -> Params:
        """Logits with Gumbel noise and the temperature of this step."""
        if "logits" not in params:
            return params
        logits, ratio = params["logits"], math.log(self._coldest / self.temperature)
        found = {
            **params,
            "temperature": logits.new_full((len(logits),), self.temperature * math.exp(progress * ratio)),
        }
        if self.codes != "soft":
            uniform = [torch.rand(logits.shape[1:], generator=s.generator("codes", step)) for s in streams]
            found["gumbel"] = -torch.log(-torch.log(torch.stack(uniform).clamp(1e-20, 1 - 1e-7))).to(logits)
        return found

    def _mixed(self, params: Params) -> Tensor:
        """The codes of logits: (B, C, h, w), with the gradient of the softmax.

        The largest of logits with Gumbel noise is drawn from their softmax (Maddison et al. 2017, arXiv 1611.00712):
        `gumbel` keeps the noise in the softmax of the gradient too (Jang et al. 2017, arXiv 1611.01144).
        """
        logits = at_least_float32(params["logits"])
        temperature = params["temperature"].view(-1, 1, 1, 1) if "temperature" in params else self._coldest
        codebook = self.network.quantize.codebook.detach().to(logits.dtype)
        noise = params.get("gumbel", torch.zeros_like(logits))
        scaled = (logits + noise if self.codes == "gumbel" else logits) / temperature
        soft = torch.einsum("bkhw,kc->bchw", scaled.softmax(1), codebook)
        if self.network.quantize.kind == "unit":
            soft = F.normalize(soft, dim=1)
        if self.codes == "soft":
            return soft
        drawn = scaled if self.codes == "gumbel" else scaled + noise
        hard = F.embedding(drawn.argmax(1), codebook).movedim(-1, 1)
        return soft + (hard - soft).detach()

    @torch.no_grad()
    def project_(self, params: Params) -> None:
        """Unit codes: back to the sphere. Others: into each channel's range in the codebook. Logits: to at most 0."""
        if "logits" in params:
            logits = params["logits"]
            logits.sub_(logits.amax(1, keepdim=True)).clamp_(min=LOWEST)
            return
        if not self.in_codebook:
            return
        latent = params["latent"]
        if self.network.quantize.kind == "unit":
            latent.copy_(F.normalize(latent, dim=1))
        else:
            low, high = self.network.quantize.codebook.aminmax(dim=0)
            latent.clamp_(low[:, None, None], high[:, None, None])
