"""Whether a picture is unlike what a small CLIP learnt from: photographs, to one that was trained on drawings.

One number of the picture's embedding, a linear discriminant (Fisher 1936) of drawings and photographs, over a
threshold that few drawings pass. It lies in `unlike.safetensors` beside the weights that it was
measured for, and benchmarks/unlike_photographs.py makes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pixgen.io import json_data
from pixgen.models import weights
from pixgen.recognition.clip_models import ClipModel

NAME = "unlike.safetensors"
INSTEAD = "ViT-B-32-openai"
"""The CLIP that knows photographs and is the smallest download."""


@dataclass(frozen=True)
class Detector:
    """direction: float32 (D,). threshold: embeddings whose product with the direction is larger are unlike."""

    direction: Tensor
    threshold: float

    def __call__(self, embeddings: Tensor) -> list[bool]:
        """For embeddings (N, D): whether each picture is unlike what the CLIP learnt from."""
        found: list[bool] = (embeddings @ self.direction > self.threshold).tolist()
        return found


def fit(
    drawings: Tensor, photographs: Tensor, calibration: Tensor, share: float = 0.05, ridge: float = 0.3
) -> Detector:
    """The discriminant of embeddings (N, D) and (P, D), and the threshold that a share of (C, D) other drawings passes.

    ridge: added to the variances, in units of the drawings' own.
    """
    middle, spread = drawings.mean(0), drawings.std(0) + 1e-4
    ours, theirs = (drawings - middle) / spread, (photographs - middle) / spread
    within = ours.T @ ours / len(ours) + 0.5 * (theirs - theirs.mean(0)).T @ (theirs - theirs.mean(0)) / len(theirs)
    direction = torch.linalg.solve(within + ridge * torch.eye(len(within)), theirs.mean(0) - ours.mean(0)) / spread
    return Detector(direction, float((calibration @ direction).quantile(1 - share)))


def save(detector: Detector, path: Path, fingerprint: str, command: str) -> None:
    """Write the file of a detector. fingerprint: of the weights that it is for. command: what measured it."""
    about = {"threshold": detector.threshold, "fingerprint": fingerprint, "command": command}
    weights.write({"direction": detector.direction}, path, {"pixgen": json.dumps(about)})


def load(clip: ClipModel) -> Detector | None:
    """The detector that lies beside a CLIP's weights; None where there is none, or it is for other weights."""
    path = clip.folder / NAME if clip.folder else None
    if path is None or not path.is_file():
        return None
    try:
        tensors, metadata = weights.read_safetensors(path)
        about = json_data.parse(metadata["pixgen"])
        if about["fingerprint"] != clip.fingerprint:
            return None
        return Detector(tensors["direction"].float(), float(about["threshold"]))
    except (weights.Damaged, KeyError, TypeError, ValueError):
        return None  # a warning less is no reason to classify nothing
