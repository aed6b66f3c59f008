"""Trainings run as the command line runs them: to their end, or killed on the way."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pixgen.training import runs


class Killed(Exception):
    pass


def train(training: ModuleType, run: Path, *arguments: object) -> dict[str, Any]:
    """Run a training in the folder `run`; its last checkpoint."""
    training.main([str(run), *map(str, arguments)])
    checkpoint = runs.load_checkpoint(run / "checkpoint.pt")
    assert checkpoint is not None
    return checkpoint


def kill_after(checkpoints: int, training: ModuleType, run: Path, *arguments: object) -> None:
    """The same, stopped as a kill would right after this many checkpoints."""
    save, left = runs.save_atomically, checkpoints

    def saving(state: dict[str, Any], path: Path) -> None:
        nonlocal left
        save(state, path)
        left -= 1
        if not left:
            raise Killed

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Killed):
        patched.setattr(training, "save_atomically", saving)
        train(training, run, *arguments)
