"""Where a CLIP looks: a map over a picture for each text, and the words of a prompt that are worth one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.isolation import isolated
from pixgen.recognition.clip_models import ClipModel
from pixgen.recognition.describe import LEARNT
from pixgen.scenery.subjects import load_subjects

SIDE, SHORTEST = 192, 64
"""Longest and shortest side in pixels at which a picture is looked at; one that is longer still is squeezed."""
WINDOWS = (1.0, 0.6, 0.35)
"""Sides of the windows, as shares of the picture's shorter side."""
OVERHANG = 0.25
"""Of the picture's shorter side, by which windows may hang over its edge; otherwise few would show what lies there."""
SHARPNESS = 2.0
"""How much more the windows count that fit well, in standard deviations of all windows."""
STEP = 0.25
"""Of a window's side, from one window to the next."""
USUAL = 40
"""Other words, with whose mean every word is compared."""
WORDS = 7
"""Words of a prompt that get a map, at most."""
_ROUNDING = 1e-3
"""Below such a spread of its cosines a picture looks the same everywhere."""
_AT_ONCE = 64
"""Windows that are embedded together."""

_FUNCTION_WORDS = {
    "en": "a an the of and or with in on at by to from for as is are its their over under near into",
    "pt": "um uma uns umas o os as de do da dos das e ou com em no na nos nas por para ao à aos às sobre sob",
}


def maps(clip: ClipModel, picture: Tensor, texts: Sequence[str], *, against: bool = True) -> Tensor:
    """Where in a picture each text is found, float32 (len(texts), h, w); h and w have the picture's shape.

    The CLIP is shown one window after another. A window fits a text by the cosine of the two above that of USUAL other
    words; a place gets the fit of the windows that cover it, those weighing more whose middle is near and which fit
    well. From each map its own mean is taken: what is below zero fits less well than the rest of the picture. Of 12
    words for pictures of two things side by side all had the larger part of their map on the right side; by integrated
    gradients (arXiv 1703.01365) 9, by covering patches (arXiv 1311.2901) 10. Nothing but embeddings is asked of the
    CLIP, so all of them can be shown.

    picture: float32 (1, 3, H, W) in [0, 1].
    against: take from each text half the mean of the others, so that the maps show in what the texts differ.
    """
    scale = SIDE / max(picture.shape[2:])
    height, width = (max(SHORTEST, round(side * scale)) for side in picture.shape[2:])
    image = F.interpolate(picture, size=(height, width), mode="bicubic", antialias=True).clamp(0, 1)
    if not texts:
        return torch.zeros(0, height, width)
    # An empty window may be near to any word; what it has in common with all of them says nothing.
    embeddings = clip.encode_text(texts) - clip.encode_text(_usual()).mean(0)
    if against and len(texts) > 1:
        others = (embeddings.sum(0) - embeddings) / (len(texts) - 1)
        embeddings = embeddings - others / 2
    edge = round(min(height, width) * OVERHANG)
    image = F.pad(image, (edge,) * 4, mode="replicate")
    places = [
        (top, left, side)
        for side in (round(min(height, width) * share) for share in WINDOWS)
        for top in _places(height + 2 * edge, side)
        for left in _places(width + 2 * edge, side)
    ]
    cosines = torch.cat([_embedded(clip, image, places[i : i + _AT_ONCE]) for i in range(0, len(places), _AT_ONCE)]) @ (
        embeddings.T
    )
    standard = (cosines - cosines.mean(0)) / (cosines.std(0) + _ROUNDING)
    sums, weights = torch.zeros(len(texts), *image.shape[2:]), torch.zeros(image.shape[2:])
    for (top, left, side), fits in zip(places, (SHARPNESS * standard).exp(), strict=True):
        weight = _bump(side)
        sums[:, top : top + side, left : left + side] += fits[:, None, None] * weight
        weights[top : top + side, left : left + side] += weight
    found = (sums / weights.clamp(min=1e-6))[:, edge : edge + height, edge : edge + width]
    return found - found.mean((1, 2), keepdim=True)


def shares(found: Tensor) -> Tensor:
    """Maps (N, h, w) as shares of each one's highest value, in [0, 1]; below zero is zero."""
    kept = found.clamp(min=0)
    return kept / kept.flatten(1).amax(1).clamp(min=1e-12)[:, None, None]


def words(prompt: str) -> list[str]:
    """The words of a text in English or Portuguese that say what is shown, in their order, each once, WORDS at most."""
    said = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", prompt)
    idle = " ".join(_FUNCTION_WORDS.values()).split()
    kept = {word.lower(): word for word in reversed(said) if word.lower() not in idle}
    return list(reversed(kept.values()))[:WORDS]


def _usual() -> list[str]:
    """Names of USUAL subjects, from all that captions speak of."""
    names = [subject.en[0] for subject in sorted(load_subjects().values(), key=lambda one: one.rank)[:LEARNT]]
    return names[:: max(1, len(names) // USUAL)]


@torch.no_grad()
def _embedded(clip: ClipModel, image: Tensor, places: Sequence[tuple[int, int, int]]) -> Tensor:
    """Square windows (top, left, side) of an image (1, 3, H, W) -> embeddings, float32 (N, D), unit norm."""
    size = (clip.perceptor.input_size, clip.perceptor.input_size)
    windows = [
        F.interpolate(
            image[:, :, top : top + side, left : left + side], size=size, mode="bilinear", antialias=True
        ).clamp(0, 1)
        for top, left, side in places
    ]
    with isolated(None), torch.no_grad():
        return clip.perceptor.encode_image(torch.cat(windows))


def _places(length: int, side: int) -> list[int]:
    """Where windows of this side begin along a length, the first and the last possible place among them."""
    count = max(2, math.ceil((length - side) / (side * STEP)) + 1)
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def _bump(side: int) -> Tensor:
    """How much each pixel of a window is meant by it, float32 (side, side): most in its middle, nothing at its edge."""
    line = torch.hann_window(side + 2, periodic=False)[1:-1]
    return line[:, None] * line[None]
