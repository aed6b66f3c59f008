"""Style and content of another picture, by features of the VQGAN's encoder: no VGG is needed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.tensors import Size, norms
from pixgen.contracts import Frame, Loss, Reads, Session
from pixgen.io.pictures import Fitted
from pixgen.networks import vqgan
from pixgen.registry import register

LARGEST_SIDE = 256
"""Pictures are looked at no larger: brush strokes of a larger one are those of the smaller one's style picture too."""

POINTS = 1024
"""Feature vectors of a level that are matched with each other for `relaxed` and `sliced`."""


class _Encoder:
    """The levels of a VQGAN's encoder: what its residual blocks give, fine to coarse."""

    def __init__(self, session: Session) -> None:
        network = getattr(session.generator, "network", None)
        self._network = network if isinstance(network, vqgan.VQModel) else vqgan.load()
        self._network.to(session.device)

    def __call__(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [0, 1] -> features of each level, (B, C, h, w)."""
        encoder: Any = self._network.encoder
        weight = next(encoder.parameters())
        hidden = encoder.conv_in(images.to(weight.dtype) * 2 - 1)
        levels = []
        for place, level in enumerate(encoder.down):
            for block in level.block:
                hidden = block(hidden, None)
            levels.append(hidden.to(images.dtype))
            if place < len(encoder.down) - 1:
                hidden = level.downsample(hidden)
        return levels


def _small(images: Tensor) -> Tensor:
    """At most LARGEST_SIDE pixels a side."""
    scale = min(1.0, LARGEST_SIDE / max(images.shape[2:]))
    if scale == 1:
        return images
    return F.interpolate(images, scale_factor=scale, mode="bilinear", antialias=True)


@register("loss", "style")
@dataclass
class Style(Loss):
    """Distance of the picture's style to that of another one: what its patches look like, wherever they lie.

    gram: of the features' Gram matrices (Gatys et al. 2016). sliced: of the features' distributions, projected on
    random directions (Heitz et al. 2021). relaxed: each feature of one picture to the nearest of the other, by cosine
    (the relaxed earth mover's distance of STROTSS, Kolkin et al. 2019).
    """

    reads: ClassVar[Reads] = "images"
    path: Path
    """The picture that has the style."""
    method: Literal["gram", "sliced", "relaxed"] = "gram"
    """How distributions of features are compared."""

    _style: list[Tensor] = field(init=False, repr=False, compare=False, default_factory=list)
    _encoder: _Encoder | None = field(init=False, repr=False, compare=False, default=None)

    def prepare(self, session: Session) -> None:
        """Read the picture and its features. Raises UsageError if it is missing or not a picture."""
        self._encoder = _Encoder(session)
        picture = Fitted(self.path)((LARGEST_SIDE, LARGEST_SIDE)).to(session.device)
        with torch.no_grad():
            self._style = self._encoder(picture)

    def __call__(self, frame: Frame) -> Tensor:
        assert self._encoder is not None
        compare = {"gram": _gram_distance, "sliced": _sliced_distance, "relaxed": _relaxed_distance}[self.method]
        found = self._encoder(_small(frame.images))
        distances = [compare(here, there.to(here)) for here, there in zip(found, self._style, strict=True)]
        return torch.stack(distances).mean(0)


@register("loss", "content")
@dataclass
class Content(Loss):
    """Distance of the coarse features to those of another picture, or of the start: the same things at their places."""

    reads: ClassVar[Reads] = "images"
    path: Path | None = None
    """The picture that has the content; by default the first picture of the run itself."""

    _target: Fitted | None = field(init=False, repr=False, compare=False, default=None)
    _features: dict[Size, Tensor] = field(init=False, repr=False, compare=False, default_factory=dict)
    _encoder: _Encoder | None = field(init=False, repr=False, compare=False, default=None)

    def prepare(self, session: Session) -> None:
        """Read the picture, if there is one. Raises UsageError if it is missing or not a picture."""
        self._encoder, self._features = _Encoder(session), {}
        self._target = Fitted(self.path) if self.path is not None else None

    def __call__(self, frame: Frame) -> Tensor:
        assert self._encoder is not None
        size = (frame.images.shape[2], frame.images.shape[3])
        if size not in self._features:
            # Without a picture: what is first seen at this size.
            picture = frame.images.detach() if self._target is None else self._target(size).to(frame.images)
            with torch.no_grad():
                self._features[size] = self._encoder(_small(picture))[-1]
        there = self._features[size]
        here = self._encoder(_small(frame.images))[-1]
        return (here - there).square().flatten(1).mean(1) / there.square().flatten(1).mean(1).clamp(min=1e-8)


def _gram_distance(here: Tensor, there: Tensor) -> Tensor:
    one, other = _gram(here), _gram(there)
    return norms(one - other).square() / norms(other).square().clamp(min=1e-12)


def _gram(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def _points(features: Tensor) -> Tensor:
    """(B, C, h, w) -> feature vectors on a regular grid, (B, N, C) with N at most POINTS."""
    side = math.isqrt(POINTS)
    height, width = (min(side, n) for n in features.shape[2:])
    rows = torch.linspace(0, features.shape[2] - 1, height, device=features.device).round().long()
    columns = torch.linspace(0, features.shape[3] - 1, width, device=features.device).round().long()
    return features[:, :, rows][:, :, :, columns].flatten(2).transpose(1, 2)


def _sliced_distance(here: Tensor, there: Tensor) -> Tensor:
    channels = here.shape[1]
    # The same directions at every step, so that the loss is a function of the picture alone.
    axes = torch.randn(channels, channels, generator=torch.Generator().manual_seed(channels), dtype=torch.float64)
    axes = F.normalize(axes, dim=0).to(here)
    one = (_points(here) @ axes).sort(1).values
    other = (_points(there) @ axes).sort(1).values
    if other.shape[1] != one.shape[1]:
        other = F.interpolate(other.transpose(1, 2), size=one.shape[1], mode="linear").transpose(1, 2)
    return (one - other).square().mean((1, 2)) / other.square().mean((1, 2)).clamp(min=1e-12)


def _relaxed_distance(here: Tensor, there: Tensor) -> Tensor:
    one, other = F.normalize(_points(here), dim=2), F.normalize(_points(there), dim=2)
    cost = 1 - one @ other.expand(len(one), -1, -1).transpose(1, 2)
    return torch.maximum(cost.amin(2).mean(1), cost.amin(1).mean(1))
