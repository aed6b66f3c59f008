"""The detector of foreign pictures: what it learns, and that it is used with no other weights than its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from pixgen.recognition import unlike
from pixgen.recognition.clip_models import ClipModel


def clouds() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    drawings, others = (torch.randn(400, 8, generator=rng) for _ in range(2))
    return drawings, torch.randn(60, 8, generator=rng) + torch.eye(8)[0] * 4, others


def test_it_tells_two_clouds_apart_with_the_false_alarms_that_were_asked_for() -> None:
    drawings, photographs, others = clouds()
    detector = unlike.fit(drawings, photographs, others, share=0.05)
    assert sum(detector(photographs)) >= 57
    assert sum(detector(others)) == 20


def test_it_is_kept_beside_the_weights_that_it_was_measured_for(tiny: ClipModel, tmp_path: Path) -> None:
    drawings, photographs, others = clouds()
    detector = unlike.fit(drawings, photographs, others)
    clip = replace(tiny, folder=tmp_path)
    assert unlike.load(clip) is None
    unlike.save(detector, tmp_path / unlike.NAME, clip.fingerprint, "a command")
    found = unlike.load(clip)
    assert found is not None and found.threshold == detector.threshold
    torch.testing.assert_close(found.direction, detector.direction)
    assert unlike.load(replace(clip, fingerprint="other weights")) is None
    assert unlike.load(replace(clip, folder=None)) is None
    (tmp_path / unlike.NAME).write_bytes(b"damaged")
    assert unlike.load(clip) is None


def test_the_shipped_one_belongs_to_the_shipped_weights(tiny: ClipModel) -> None:
    detector = unlike.load(tiny)
    assert detector is not None and detector.direction.shape == (tiny.perceptor.dim,)
