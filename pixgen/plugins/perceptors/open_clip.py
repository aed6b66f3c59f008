"""CLIPs of open_clip: OpenAI, LAION, DataComp, SigLIP 2, MobileCLIP, the robust FARE and all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.contracts import Perceptor
from pixgen.errors import UsageError
from pixgen.io import paths, pictures, shell
from pixgen.models import cache, clips, zoo
from pixgen.models.zoo import is_path
from pixgen.networks import long_texts
from pixgen.registry import register


@register("perceptor", "open_clip")
@dataclass
class OpenCLIP(Perceptor):
    """A CLIP built by open_clip from downloaded weights, or from a weights file.

    Where the run computes in half precision the image tower's frozen weights are cast once, not at every call; the
    float32 ones are kept for what is computed in float32 before and after.
    Raises UsageError for a model that is unknown or not downloaded, PixgenError for weights that cannot be used.
    """

    model: str = "ViT-B-32/openai"
    """A name of `pixgen models list`, any ARCHITECTURE/PRETRAINED of open_clip's, or OpenAI's own name (ViT-B/32)."""
    path: Path | None = None
    """User-provided weights for the architecture of `model`, instead of the downloaded ones."""
    checkpointing: bool = False
    """Gradient checkpointing of the image tower: less memory, about a third more time."""

    _built: clips.Built | None = field(init=False, repr=False, compare=False, default=None)
    _architecture: Mapping[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)
    _weights: Path | None = field(init=False, repr=False, compare=False, default=None)
    _tokenizer: Path | None = field(init=False, repr=False, compare=False, default=None)
    _made_tokenizer: clips.Tokenize | None = field(init=False, repr=False, compare=False, default=None)
    _dtype: torch.dtype = field(init=False, repr=False, compare=False, default=torch.float32)
    _exact: list[Tensor] = field(init=False, repr=False, compare=False, default_factory=list)

    def prepare(self, device: torch.device) -> None:
        if self._built is None:
            self._find()
            self._use(clips.build(self._architecture, self._weights))
        built = self._network
        self.device = device
        built.model.to(device, memory_format=torch.channels_last)
        if self.checkpointing:
            built.model.visual.set_grad_checkpointing(True)
        self._mean = torch.tensor(built.mean, device=device)[:, None, None]
        self._std = torch.tensor(built.std, device=device)[:, None, None]

    def random(self, architecture: Mapping[str, Any]) -> OpenCLIP:
        """Look with random weights (tests, benchmarks) instead of loading any. Returns self."""
        self._architecture = architecture
        self._use(clips.build(architecture, None))
        return self

    def whole(self, image: Tensor) -> Tensor:
        square = np.array(clips.whole(pictures.to_image(image), self._network), dtype=np.float32) / 255
        return torch.from_numpy(square).movedim(-1, 0)[None].to(image.device)

    def encode_image(self, images: Tensor) -> Tensor:
        network = self._network.model
        self._cast(images.device)
        normal = (images - self._mean) / self._std
        with torch.autocast(images.device.type, enabled=False):
            # In the tower's own precision throughout: there is nothing left for autocast to cast.
            features = network.encode_image(normal.to(self._dtype))
        return F.normalize(features.float(), dim=-1)

    @torch.no_grad()
    def encode_text(self, texts: list[str]) -> Tensor:
        return long_texts.encode(texts, self.pieces, self._encode_at_once)

    def pieces(self, text: str) -> list[str]:
        tokenize = self._tokenize()
        return long_texts.split(text, lambda part: clips.fits(tokenize, part))

    def release_text(self) -> None:
        """Free the text tower, half a small CLIP's memory; a text that comes later loads it again for a moment."""
        if self._weights is not None:
            network = self._network.model
            for name in _TEXT:
                if getattr(network, name, None) is not None:
                    setattr(network, name, None)

    def _encode_at_once(self, texts: list[str]) -> Tensor:
        network = self._network.model
        if _text_tower(network) is None:
            network = clips.build(self._architecture, self._weights).model.to(self.device)  # it was released
        tokens = self._tokenize()(texts).to(self.device)
        with torch.autocast(self.device.type, enabled=False):
            return F.normalize(network.encode_text(tokens).float(), dim=-1)

    def _tokenize(self) -> clips.Tokenize:
        if self._made_tokenizer is None:
            self._made_tokenizer = clips.tokenizer(self._architecture, self._tokenizer)
        return self._made_tokenizer

    @property
    def _network(self) -> clips.Built:
        if self._built is None:
            raise RuntimeError("perceptor.open_clip used before prepare()")
        return self._built

    def _use(self, built: clips.Built) -> None:
        self._built, self.input_size, self.dim, self._exact = built, built.side, built.dim, []
        self.logit_scale = built.logit_scale

    def _find(self) -> None:
        if is_path(self.model):
            raise UsageError(
                f"perceptors.*.model {self.model!r} is a file; say its architecture and the file: "
                f"model=ViT-B-32/mine {shell.quote(f'path={self.model}')}"
            )
        if self.path is not None:
            self._architecture, self._weights = _architecture(self.model), paths.home(self.path)
            beside = self._weights.with_name("tokenizer.json")
            self._tokenizer = beside if beside.is_file() else None
            return
        entry = zoo.get(self.model, "clip")
        self._architecture, self._weights = entry.architecture, cache.weights(entry)
        self._tokenizer = cache.companion(entry, "tokenizer.json")

    def _cast(self, device: torch.device) -> None:
        """Bring the image tower to the precision that the run computes in."""
        wanted = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32
        if wanted == self._dtype:
            return
        tower = self._network.model.visual
        tensors = [*tower.parameters(), *tower.buffers()]
        self._exact = self._exact or [tensor.data.cpu() for tensor in tensors]
        for tensor, exact in zip(tensors, self._exact, strict=True):
            tensor.data = exact.to(device, wanted if exact.is_floating_point() else exact.dtype)
        self._dtype = wanted


_TEXT = ("transformer", "token_embedding", "positional_embedding", "ln_final", "text_projection", "text", "attn_mask")
"""Where open_clip's CLIP and CustomTextCLIP keep their text towers."""


def _text_tower(network: Any) -> Any:
    return getattr(network, "text", None) or getattr(network, "transformer", None)


def _architecture(model: str) -> dict[str, Any]:
    """The architecture for user-provided weights: that of the zoo's entry `model`, or open_clip's of that name."""
    entry = zoo.find(model)
    if entry is not None and entry.kind == "clip":
        return entry.architecture
    name, _, pretrained = model.partition("/")
    known = clips.known(name, pretrained)
    # A fine-tuned CLIP keeps the activation of what it began from, so a name may say it: ViT-B-32-quickgelu/mine.
    return known.architecture if known else {"name": name, "pretrained": pretrained, "quick_gelu": False}
