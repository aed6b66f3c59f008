"""`from pixgen import clip`: OpenAI's package of that name, for programs written for it, over open_clip.

`load`, `tokenize` and `available_models` have its signatures, and a loaded model its methods. What departs from it:

- nothing is fetched behind your back: weights are those that `pixgen models pull` brought, or that OpenAI's package
  left in `~/.cache/clip`;
- every model of pixgen's zoo and of open_clip's table loads by its name, and `pixgen-tiny`, which comes with pixgen;
- numbers are float32 on a GPU as well, and `jit` is ignored: there is no program in the weights that would be run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixgen import registry
from pixgen.backend.isolation import isolating
from pixgen.backend.torchvision_ops import ensure_torchvision
from pixgen.errors import UsageError
from pixgen.io import paths
from pixgen.models import cache, clips, zoo

if TYPE_CHECKING:
    from PIL.Image import Image

    from pixgen.contracts import Perceptor

__all__ = ["available_models", "load", "tokenize"]

OPENAI = ("RN50", "RN101", "RN50x4", "RN50x16", "RN50x64", "ViT-B/32", "ViT-B/16", "ViT-L/14", "ViT-L/14@336px")
"""The names of OpenAI's package."""


def available_models() -> list[str]:
    """The names that `load` takes: OpenAI's, the one that comes with pixgen, and ARCHITECTURE/PRETRAINED of the zoo."""
    others = [entry.aliases[0] for entry in zoo.entries() if entry.kind == "clip" and entry.aliases]
    return [*OPENAI, zoo.EMBEDDED, *(name for name in others if name not in OPENAI)]


@isolating
def load(
    name: str,
    device: str | torch.device | None = None,
    jit: bool = False,
    download_root: str | None = None,
) -> tuple[CLIP, Callable[[Image], Tensor]]:
    """A model and what makes its input of a picture: PIL picture -> float32 (3, S, S), normalised.

    name: one of `available_models()`, or the path of a checkpoint of OpenAI's architectures. device: the first GPU if
    there is one. jit: ignored. download_root: a folder in which OpenAI's package keeps its files.
    Raises UsageError for a name that is unknown or a model that is not here, with the command that fetches it.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if name == zoo.EMBEDDED:
        perceptor = registry.create("perceptor", {"type": "tiny"})
        perceptor.prepare(device)
        side, mean, std = perceptor.input_size, (0.0,) * 3, (1.0,) * 3
        return CLIP(_Tiny(perceptor), side).to(device), _transform(side, mean, std)
    built = clips.openai(Path(name)) if zoo.is_path(name) else clips.build(*_find(name, download_root))
    return CLIP(built.model, built.side).to(device), _transform(built.side, built.mean, built.std)


def tokenize(texts: str | list[str], context_length: int = 77, truncate: bool = False) -> Tensor:
    """Texts -> token ids of OpenAI's vocabulary, int64 (len(texts), context_length), padded with 0.

    Raises RuntimeError for a text that is longer, unless `truncate` cuts it.
    """
    texts = [texts] if isinstance(texts, str) else texts
    tokens: Tensor = clips.open_clip().tokenize(texts, context_length)
    if not truncate:
        longer = clips.open_clip().tokenize(texts, context_length + 1)
        for text, row in zip(texts, longer, strict=True):
            if row[-1] != 0:
                raise RuntimeError(f"Input {text} is too long for context length {context_length}")
    return tokens


class CLIP(nn.Module):
    """A loaded model with the methods of OpenAI's; features are as the towers give them, of unit norm or not."""

    def __init__(self, network: Any, side: int) -> None:
        super().__init__()
        self.network = network
        self.visual = self.network.visual
        self.visual.input_resolution = side
        self.context_length = 77
        self.eval().requires_grad_(False)

    @property
    def logit_scale(self) -> Tensor:
        """The logarithm of the temperature."""
        scale: Tensor = self.network.logit_scale
        return scale

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.parameters()).dtype

    def encode_image(self, image: Tensor) -> Tensor:
        """Pictures (B, 3, S, S) as `load`'s transform gives them -> features (B, D)."""
        features: Tensor = self.network.encode_image(image)
        return features

    def encode_text(self, text: Tensor) -> Tensor:
        """Token ids (B, 77) as `tokenize` gives them -> features (B, D)."""
        features: Tensor = self.network.encode_text(text)
        return features

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """(logits of each picture over the texts (B, T), of each text over the pictures (T, B)): scaled cosines."""
        images = F.normalize(self.encode_image(image), dim=-1)
        texts = F.normalize(self.encode_text(text), dim=-1)
        logits = self.logit_scale.exp() * images @ texts.T
        return logits, logits.T


class _Tiny(nn.Module):
    """The embedded perceptor behind OpenAI's tokens: they are read back to words, for its vocabulary is its own."""

    def __init__(self, perceptor: Perceptor) -> None:
        super().__init__()
        self.perceptor = perceptor
        self.visual = nn.Module()
        self.logit_scale = nn.Parameter(torch.tensor(100.0).log())

    def encode_image(self, image: Tensor) -> Tensor:
        return self.perceptor.encode_image(image)

    def encode_text(self, text: Tensor) -> Tensor:
        tokenizer = clips.open_clip().tokenizer.SimpleTokenizer()
        beside = {0, tokenizer.sot_token_id, tokenizer.eot_token_id}
        words = [tokenizer.decode([i for i in row if i not in beside]).strip() for row in text.tolist()]
        return self.perceptor.encode_text(words)


def _find(name: str, download_root: str | None) -> tuple[dict[str, Any], Path]:
    """How to build the model of this name, and where its weights lie."""
    try:
        entry = zoo.get(name, "clip")
    except UsageError as error:
        raise UsageError(f"Model {name} not found; available models = {available_models()}") from error
    for folder in filter(None, (download_root, "~/.cache/clip")):
        left = paths.home(folder) / entry.files[0].name if entry.files else None
        if left is not None and left.is_file() and left.stat().st_size == entry.files[0].bytes:
            return entry.architecture, left
    return entry.architecture, cache.weights(entry)


def _transform(side: int, mean: tuple[float, ...], std: tuple[float, ...]) -> Callable[[Image], Tensor]:
    made = ensure_torchvision().transforms
    resize = made.Resize(side, interpolation=made.InterpolationMode.BICUBIC)
    steps = [resize, made.CenterCrop(side), _rgb, made.ToTensor(), made.Normalize(mean, std)]
    composed: Callable[[Image], Tensor] = made.Compose(steps)
    return composed


def _rgb(image: Image) -> Image:
    return image.convert("RGB")
