"""Zero-shot classification as in the CLIP paper (arXiv 2103.00020, 3.1): which label fits a picture best.

Each label is the mean embedding of its templates; the probabilities are the softmax of cosines that are multiplied by
the model's own logit scale. Of several CLIPs the probabilities are averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pixgen.errors import UsageError
from pixgen.io.image_files import Source
from pixgen.recognition import labels as reading
from pixgen.recognition import unlike as foreign
from pixgen.recognition.clip_models import ClipModel, name_of, opened


@dataclass(frozen=True)
class Classified:
    """One picture. file: empty for one that is no file.

    scores: label -> probability; they sum to one. cosines: label -> cosine of the embeddings, the mean over all CLIPs.
    unlike: CLIP -> whether the picture is unlike what that one learnt from, where this was measured.
    """

    file: str
    scores: dict[str, float]
    cosines: dict[str, float]
    unlike: dict[str, bool] = field(default_factory=dict)

    @property
    def best(self) -> str:
        """The label of the largest probability."""
        return max(self.scores, key=self.scores.__getitem__)


def text_embeddings(clip: ClipModel, labels: Sequence[str], templates: Sequence[str] = ()) -> Tensor:
    """The embedding of each label, float32 (M, D), unit norm. templates: none for those that suit the CLIP."""
    language = dict(zip(labels, reading.languages(labels), strict=True))
    own = reading.templates_of(clip.is_tiny)

    def fill(label: str) -> list[str]:
        return [reading.fill(template, label, language[label]) for template in templates or own[language[label]]]

    return clip.encode_templates(labels, fill)


def probabilities(clip: ClipModel, images: Tensor, texts: Tensor) -> Tensor:
    """Embeddings (N, D) and (M, D) -> float32 (N, M); rows sum to one."""
    return (clip.perceptor.logit_scale * images @ texts.T).softmax(1)


def classify(
    clips: Iterable[ClipModel],
    files: Sequence[Source],
    labels: Sequence[str],
    *,
    templates: Sequence[str] = (),
    progress: Callable[[int], object] = lambda done: None,
    broken: Callable[[Source, UsageError], object] | None = None,
) -> list[Classified]:
    """Which of the labels fits each picture.

    clips: used one after the other, so that they need not be in memory together. files: paths, or Pillow images.
    templates: with `{}` for the label; none for those that suit the CLIP and the label's language. progress: called
    with the number of pictures that were looked at. broken: called with a picture that cannot be read and why, which is
    then left out; without it the error is raised.
    Raises UsageError for labels, templates and pictures that cannot be.
    """
    labels, templates = reading.check(labels), reading.check_templates(templates)
    left = list(files)
    unlike: list[dict[str, bool]] = [{} for _ in files]
    found: list[tuple[Tensor, Tensor]] = []
    done = 0
    for clip in clips:
        clip.warn_of_unknown_words(labels)
        texts = text_embeddings(clip, labels, templates)
        rows: list[Tensor] = []
        kept: list[Source] = []
        for picture in left:
            try:
                image = opened(picture)
            except UsageError as error:
                if broken is None:
                    raise
                broken(picture, error)
                continue
            rows.append(clip.encode_image([image]))
            kept.append(picture)
            progress(done := done + 1)
        left = kept
        if not left:
            return []
        images = torch.cat(rows)
        if (detector := foreign.load(clip)) is not None:
            for about, is_unlike in zip(unlike, detector(images), strict=False):
                about[clip.name] = is_unlike
        found.append((probabilities(clip, images, texts), images @ texts.T))
    scores, cosines = (torch.stack(each).mean(0).tolist() for each in zip(*found, strict=True))
    return [
        Classified(
            name_of(picture), dict(zip(labels, shares, strict=True)), dict(zip(labels, near, strict=True)), about
        )
        for picture, shares, near, about in zip(left, scores, cosines, unlike, strict=False)
    ]


def record(one: Classified, matrix: bool = False) -> dict[str, Any]:
    """Plain data, for JSON."""
    about: dict[str, Any] = {"file": one.file, "best": one.best, "scores": one.scores}
    if matrix:
        about["cosines"] = one.cosines
    if one.unlike:
        about["unlike"] = any(one.unlike.values())
    return about
