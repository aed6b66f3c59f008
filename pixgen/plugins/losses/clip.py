"""Losses between the perceptors' embeddings of the picture and those of the prompts: clip, clip_mean, phrase."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.tensors import spherical_distance
from pixgen.contracts import Frame, Loss, Perceptor, Reads, Session
from pixgen.io.pictures import fit, read
from pixgen.prompts.grammar import Prompt, parse
from pixgen.registry import register


@dataclass(frozen=True)
class Targets:
    """The prompts of all pictures in one perceptor's space, padded to the longest list.

    embeddings: (B, P, D), unit norm; weights, stops: (B, P), a padded prompt weighs nothing.
    """

    embeddings: Tensor
    weights: Tensor
    stops: Tensor


@dataclass
class _Prompted(Loss):
    """Shared by all: targets in every perceptor's space, and distances weighted with sign and stop."""

    shift: float = 0.5
    """How far text targets move across the modality gap towards images (0: not at all), where the gap is known."""

    _targets: dict[str, Targets] = field(init=False, repr=False, compare=False, default_factory=dict)

    def prepare(self, session: Session) -> None:
        """Encode every picture's prompts with every perceptor. Raises UsageError for an unreadable image prompt."""
        with torch.no_grad():
            self._targets = {
                name: _encode(session, perceptor, self.shift) for name, perceptor in session.perceptors.items()
            }

    def distances(self, perceptor: str, embeddings: Tensor) -> Tensor:
        """Embeddings (B, N, D) -> the loss of each picture (B,): the mean over N of the prompts' weighed sum."""
        targets = self._targets[perceptor]
        weights, stops = targets.weights.to(embeddings), targets.stops.to(embeddings)[:, None]
        distance = spherical_distance(embeddings[:, :, None], targets.embeddings.to(embeddings)[:, None])  # (B, N, P)
        signed = distance * weights.sign()[:, None]
        # Below its stop a prompt still counts, but has no gradient.
        pulling = torch.where(signed > stops, signed, signed.detach())
        return (pulling * weights.abs()[:, None]).sum(2).mean(1)


@register("loss", "clip")
@dataclass
class Clip(_Prompted):
    """Mean spherical distance of each cutout to the prompts; negative weights push away."""

    reads: ClassVar[Reads] = "cutouts"

    def __call__(self, frame: Frame) -> Tensor:
        assert frame.view is not None
        return self.distances(frame.view.perceptor, frame.view.embeddings)


@register("loss", "clip_mean")
@dataclass
class ClipMean(_Prompted):
    """Spherical distance of the mean embedding of all cutouts to the prompts: together they match, not each alone."""

    reads: ClassVar[Reads] = "embeddings"

    def __call__(self, frame: Frame) -> Tensor:
        assert frame.view is not None
        mean = F.normalize(frame.view.embeddings.mean(1, keepdim=True), dim=-1)
        return self.distances(frame.view.perceptor, mean)


@register("loss", "phrase")
@dataclass
class Phrase(Clip):
    """As `clip`, but with a text of its own instead of the prompts: a style of a preset ("a watercolor painting")."""

    text: str = "a drawing"
    """What every picture should also match, in the grammar of prompts."""

    def prepare(self, session: Session) -> None:
        """Encode the text with every perceptor. Raises UsageError if it is empty."""
        super().prepare(replace(session, prompts=[parse(self.text, s.seed) for s in session.streams]))


def _encode(session: Session, perceptor: Perceptor, shift: float) -> Targets:
    most = max(len(prompts) for prompts in session.prompts)
    shape = (len(session.prompts), most)
    embeddings = torch.zeros(*shape, perceptor.dim, device=session.device)
    weights, stops = torch.zeros(shape), torch.zeros(shape)
    for b, prompts in enumerate(session.prompts):
        for p, prompt in enumerate(prompts):
            embeddings[b, p] = _embed(prompt, session, perceptor, shift)
            weights[b, p], stops[b, p] = prompt.weight, prompt.stop
    return Targets(embeddings, weights.to(session.device), stops.to(session.device))


def _embed(prompt: Prompt, session: Session, perceptor: Perceptor, shift: float) -> Tensor:
    if prompt.kind == "image":
        side = perceptor.input_size
        return perceptor.encode_image(fit(read(prompt.source, size=(side, side)), (side, side)).to(session.device))[0]
    text = perceptor.encode_text([prompt.text])
    return F.normalize(text + shift * perceptor.image_target(text), dim=-1)[0]
