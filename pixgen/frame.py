"""What a loss can see: one step of the loop, and the session that the step belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from pixgen.generators.base import Generator
    from pixgen.perceptors.base import Perceptor
    from pixgen.prompts import Prompt
    from pixgen.streams import Streams

Params = dict[str, Tensor]
"""What is optimised. Every tensor's first dimension is B, the pictures of the batch."""

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True)
class View:
    """What one perceptor sees of the pictures in one step (or in one chunk of it).

    perceptor: the perceptor's id in the config.
    cutouts: float32 (B, N, 3, S, S) in [0, 1], or None where only embeddings are at hand.
    matrices: float32 (B, N, 3, 3), cutout pixel coordinates -> image pixel coordinates, both in [-1, 1].
    embeddings: float32 (B, N, D), unit norm.
    """

    perceptor: str
    cutouts: Tensor | None
    matrices: Tensor
    embeddings: Tensor


@dataclass(frozen=True)
class Frame:
    """One step's view, everything in it computed once and shared.

    images: float32 (B, 3, H, W) in [0, 1], after the filters.
    alpha: float32 (B, 1, H, W) in [0, 1], or None where the generator has no transparency.
    view: the perceptor's view, for losses that read cutouts or embeddings; None for the others.
    """

    step: int
    progress: float
    images: Tensor
    params: Params
    alpha: Tensor | None = None
    view: View | None = None


@dataclass
class Session:
    """What stays the same over a run: handed to `prepare` of every plugin before the first step.

    prompts[b] are the prompts of picture b, streams[b] its random streams, size the final (height, width).
    perceptor_weights: weight of each perceptor's id, summing to one.
    phrases: what losses of type `phrase` ask of every picture beside its prompts, a preset's look above all.
    """

    device: torch.device
    size: Size
    generator: Generator
    perceptors: Mapping[str, Perceptor]
    prompts: Sequence[Sequence[Prompt]]
    streams: Sequence[Streams]
    perceptor_weights: Mapping[str, float] = field(default_factory=dict)
    phrases: Sequence[str] = ()
    prepared: bool = False
    """Whether generator and perceptors have been prepared already, for they may have served another run."""
    lasting: bool = False
    """Whether runs with other texts follow and will want the perceptors' text towers."""
    start: Params | None = None
    """The first params after the start (detached), for losses that pull back to them."""
