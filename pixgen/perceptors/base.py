"""The contract of a perceptor: pictures and texts into one space."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Perceptor(ABC):
    """A CLIP-like pair of encoders, frozen. Subclasses are dataclasses of their options."""

    input_size: int
    """Side S of the square cutouts it looks at, in pixels."""

    dim: int
    """Length D of its embeddings."""

    def prepare(self, device: torch.device) -> None:  # noqa: B027 (optional by design)
        """Load weights. Called once before anything else."""

    @abstractmethod
    def encode_image(self, images: Tensor) -> Tensor:
        """float32 (M, 3, S, S) in [0, 1] -> float32 (M, D), unit norm. Normalises colours itself."""

    @abstractmethod
    def encode_text(self, texts: list[str]) -> Tensor:
        """Texts -> float32 (len(texts), D), unit norm."""

    def release_text(self) -> None:  # noqa: B027 (optional by design)
        """All texts of the run are encoded: what only texts need may go. `encode_text` must work afterwards as well."""

    def unknown_words(self, text: str) -> dict[str, list[str]]:
        """Words of `text` that the perceptor never learnt, each with the nearest that it knows."""
        return {}

    def image_target(self, text_embeddings: Tensor) -> Tensor:
        """Where images of these texts lie: text embeddings moved across the modality gap, (M, D), unit norm.

        The identity for perceptors whose gap was not measured.
        """
        return text_embeddings
