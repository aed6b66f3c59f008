"""Other ways to say where embeddings should go: InfoNCE, a direction, written words, a random point, a head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.tensors import spherical_distance
from pixgen.contracts import Frame, Loss, Perceptor, Reads, Session
from pixgen.errors import PixgenError, UsageError
from pixgen.io import paths
from pixgen.models import weights
from pixgen.registry import register


@register("loss", "infonce")
@dataclass
class InfoNCE(Loss):
    """How surely each cutout is told apart from other texts: cross-entropy of the prompt against `negatives`.

    The contrastive loss of CLIP itself (arXiv 1807.03748, eq. 4), which stops pulling once the picture is the clear
    winner. Only the first prompt that pulls counts.
    """

    reads: ClassVar[Reads] = "cutouts"
    negatives: Sequence[str] = ("a drawing", "a photo", "a blurry picture", "an empty ground", "a pattern")
    """What the picture should not be taken for, at least one text."""
    temperature: float = 0.05
    """Divides the cosines, above 0; CLIP's own is 0.01, at which the gradient soon vanishes."""

    _targets: dict[str, Tensor] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not self.negatives:
            raise ValueError("negatives is empty; give at least one text, as in negatives: ['a photo']")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}; it must be above 0")

    def prepare(self, session: Session) -> None:
        """Encode prompts and negatives. Raises UsageError where a picture has no prompt of words that pulls."""
        wanted = []
        for prompts in session.prompts:
            texts = [prompt.text for prompt in prompts if prompt.kind == "text" and prompt.weight > 0]
            if not texts:
                raise UsageError("loss infonce needs a prompt in words with a weight above zero")
            wanted.append(texts[0])
        with torch.no_grad():
            for name, perceptor in session.perceptors.items():
                others = perceptor.encode_text(list(self.negatives))
                rows = [torch.cat([perceptor.encode_text([text]), others]) for text in wanted]
                self._targets[name] = torch.stack(rows)  # (B, 1 + negatives, D)

    def __call__(self, frame: Frame) -> Tensor:
        assert frame.view is not None
        embeddings = frame.view.embeddings
        cosines = embeddings @ self._targets[frame.view.perceptor].to(embeddings).transpose(1, 2)
        return -(cosines / self.temperature).log_softmax(2)[..., 0].mean(1)


@register("loss", "directional")
@dataclass
class Directional(Loss):
    """One minus the cosine of two ways: of the picture from its start, and of the prompt from `source`.

    StyleGAN-NADA (Gal et al. 2022, arXiv 2108.00946, eq. 3). The start is the mean embedding of the first step.
    """

    reads: ClassVar[Reads] = "embeddings"
    source: str = "a drawing"
    """What the start shows, in words; the prompt says what it should become."""

    _ways: dict[str, Tensor] = field(init=False, repr=False, compare=False, default_factory=dict)
    _starts: dict[str, Tensor] = field(init=False, repr=False, compare=False, default_factory=dict)

    def prepare(self, session: Session) -> None:
        """Encode the source and the prompts of words that pull. Raises UsageError where a picture has none."""
        self._starts, self._ways = {}, {}
        with torch.no_grad():
            for name, perceptor in session.perceptors.items():
                source = perceptor.encode_text([self.source])[0]
                self._ways[name] = torch.stack(
                    [F.normalize(_mean_text(prompts, perceptor) - source, dim=0) for prompts in session.prompts]
                )

    def __call__(self, frame: Frame) -> Tensor:
        assert frame.view is not None
        name, mean = frame.view.perceptor, frame.view.embeddings.mean(1)
        if name not in self._starts or len(self._starts[name]) != len(mean):
            # A little is taken from the start, or the first step would have no direction at all.
            self._starts[name] = mean.detach() - 1e-3 * self._ways[name].to(mean).roll(1, dims=1)
        moved = F.normalize(mean - self._starts[name].to(mean), dim=1)
        return 1 - (moved * self._ways[name].to(mean)).sum(1)


def _mean_text(prompts: Sequence[Any], perceptor: Perceptor) -> Tensor:
    pulling = [(prompt.text, prompt.weight) for prompt in prompts if prompt.kind == "text" and prompt.weight > 0]
    if not pulling:
        raise UsageError("loss directional needs a prompt in words with a weight above zero")
    embeddings = perceptor.encode_text([text for text, _ in pulling])
    shares = embeddings.new_tensor([weight for _, weight in pulling])
    return F.normalize((shares[:, None] * embeddings).sum(0), dim=0)


WORDS = ("text", "words", "open", "sale", "title", "hello", "news", "stop", "2021", "page", "read", "name")
"""What is written on the pictures by which `written_words` finds its direction."""


@register("loss", "written_words")
@dataclass
class WrittenWords(Loss):
    """How far embeddings point to written words, which CLIP likes to draw; minimised, it keeps them out.

    Pixray's `textoff`, for whatever perceptor is used: the direction is the mean embedding of words on plain grounds
    minus that of the grounds alone.
    """

    reads: ClassVar[Reads] = "cutouts"

    _directions: dict[str, Tensor] = field(init=False, repr=False, compare=False, default_factory=dict)

    def prepare(self, session: Session) -> None:
        """Render the words and look at them with every perceptor."""
        with torch.no_grad():
            for name, perceptor in session.perceptors.items():
                side = perceptor.input_size
                written, plain = (
                    torch.stack([_written(word, number, side, ink) for number, word in enumerate(WORDS)])
                    for ink in (True, False)
                )
                mean = [perceptor.encode_image(images.to(session.device)).mean(0) for images in (written, plain)]
                self._directions[name] = F.normalize(mean[0] - mean[1], dim=0)

    def __call__(self, frame: Frame) -> Tensor:
        assert frame.view is not None
        embeddings = frame.view.embeddings
        return (embeddings @ self._directions[frame.view.perceptor].to(embeddings)).mean(1)


def _written(word: str, number: int, side: int, ink: bool) -> Tensor:
    """A word on a plain ground, float32 (3, side, side) in [0, 1]; without ink, the ground alone."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    grounds = ("white", "#e8e0d0", "#d03030", "#2050a0", "black", "#f0d050")
    ground = grounds[number % len(grounds)]
    image = Image.new("RGB", (256, 256), ground)
    if ink:
        colour = "white" if ground in ("black", "#d03030", "#2050a0") else "black"
        font = ImageFont.load_default(220 / max(3, len(word)) * 1.6)
        ImageDraw.Draw(image).text((128, 70 + 30 * (number % 5)), word, colour, font, anchor="mm")
    values = np.asarray(image.resize((side, side), Image.Resampling.LANCZOS), dtype=np.float32) / 255
    return torch.from_numpy(values).movedim(-1, 0)


@register("loss", "random_target")
@dataclass
class RandomTarget(Loss):
    """Spherical distance to a random point among the embeddings, which has no name (Pixray's noise prompts)."""

    reads: ClassVar[Reads] = "cutouts"
    seed: int = 0
    """Which point, at least 0; the same for every picture."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must be at least 0")

    def __call__(self, frame: Frame) -> Tensor:
        assert frame.view is not None
        embeddings = frame.view.embeddings
        random = torch.Generator().manual_seed(self.seed)
        point = F.normalize(torch.randn(embeddings.shape[-1], generator=random, dtype=torch.float64), dim=0)
        return spherical_distance(embeddings, point.to(embeddings)).mean(1)


@register("loss", "head")
@dataclass
class Head(Loss):
    """Squared distance of a linear head on the embeddings to a target: the public aesthetic scores are such heads.

    The file holds a weight of (1, D) and a bias, as LAION's aesthetic heads on CLIP embeddings do. It must belong to
    the perceptor that is used.
    """

    reads: ClassVar[Reads] = "cutouts"
    path: Path
    """Weights of the head: .safetensors, .pt or .pth."""
    target: float = 10.0
    """The score that is aimed at, finite; those heads give about 1 to 10."""
    perceptor: str = ""
    """Id of the perceptor that the head belongs to; by default every one whose embeddings fit."""

    _weight: Tensor | None = field(init=False, repr=False, compare=False, default=None)
    _bias: float = field(init=False, repr=False, compare=False, default=0.0)
    _fitting: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        if not math.isfinite(self.target):
            raise ValueError(f"target is {self.target}; it must be a finite number")

    def prepare(self, session: Session) -> None:
        """Read the head. Raises UsageError where it fits no perceptor, PixgenError where the file is no such head."""
        path = paths.written(self.path)
        tensors = weights.float32(weights.read(path)[0], path)
        rows = [value for name, value in tensors.items() if name.endswith("weight") and value.ndim == 2]
        if len(rows) != 1 or rows[0].shape[0] != 1:
            raise PixgenError(f"{path} is not a linear head: it must hold one weight of (1, D) and a bias")
        bias = [value for name, value in tensors.items() if name.endswith("bias") and value.numel() == 1]
        self._weight, self._bias = rows[0][0], float(bias[0]) if bias else 0.0
        asked = {self.perceptor} if self.perceptor else set(session.perceptors)
        fitting = [
            id for id, perceptor in session.perceptors.items() if id in asked and perceptor.dim == rows[0].shape[1]
        ]
        if not fitting:
            sizes = ", ".join(f"{id} {perceptor.dim}" for id, perceptor in session.perceptors.items())
            raise UsageError(
                f"{path} reads embeddings of {rows[0].shape[1]} numbers, and no perceptor has them ({sizes})"
            )
        self._fitting = frozenset(fitting)

    def __call__(self, frame: Frame) -> Tensor:
        assert frame.view is not None and self._weight is not None
        embeddings = frame.view.embeddings
        if frame.view.perceptor not in self._fitting:
            return embeddings.sum((1, 2)) * 0
        scores = embeddings @ self._weight.to(embeddings) + self._bias
        return (scores - self.target).square().mean(1)
