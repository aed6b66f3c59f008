"""Trainings run as the command line runs them: to their end, or killed on the way."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pixgen.networks.clip import TinyConfig
from pixgen.networks.vqgan import TINY
from pixgen.training import clip, judge, prior, runs, tokens, vqgan

TINY_CLIP = TinyConfig(
    side=32, dim=16, stem=4, widths=(8, 8, 8), residuals=1, text_width=12, text_depth=1, vocabulary=300
)
NARROW = {**TINY, "ddconfig": {**TINY["ddconfig"], "ch_mult": [1, 1, 1, 1]}}
SIZES: dict[str, Any] = {
    "clip": clip.Sizes(batch=4, captions=200, sides=((0.0, 32),), network=TINY_CLIP),
    "vqgan": vqgan.Sizes(batch=2, clustered=8, validation=(1, 32), network=NARROW),
    "tokens": tokens.Sizes(batch=4, scenes=4, chunk=1, validation=4, report_every=2),
    "prior": prior.Sizes(batch=8),
    "judge": judge.Sizes(batch=4, sides=((0.0, 16), (0.5, 24))),
}
"""Small ones, by training."""


class Killed(Exception):
    pass


def options(training: ModuleType, run: Path, **values: Any) -> Any:
    """Options of a training in the folder `run`, with small sizes and a checkpoint at every step."""
    sizes = SIZES[training.__name__.rpartition(".")[2]]
    return training.Options(**{"run": run, "sizes": sizes, "save_every": -1.0, **values})


def train(training: ModuleType, run: Path, **values: Any) -> dict[str, Any]:
    """Run a training in the folder `run`; its last checkpoint."""
    training.main(options(training, run, **values))
    checkpoint = runs.load_checkpoint(run / "checkpoint.pt")
    assert checkpoint is not None
    return checkpoint


def kill_after(checkpoints: int, training: ModuleType, run: Path, **values: Any) -> None:
    """The same, stopped as a kill would right after this many checkpoints."""
    save, left = runs.save_atomically, checkpoints

    def saving(state: dict[str, Any], path: Path) -> None:
        nonlocal left
        save(state, path)
        left -= 1
        if not left:
            raise Killed

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Killed):
        patched.setattr(runs, "save_atomically", saving)
        train(training, run, **values)
