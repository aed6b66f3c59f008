"""What every training shares: checkpoints that survive a kill, averaged weights, lines of log."""

from __future__ import annotations

import copy
import json
import os
import time
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors import safe_open
from torch import nn

from pixgen.perceptors.tiny import Tiny
from pixgen.perceptors.tiny_model import TinyCLIP

SAVE_EVERY = 240.0
"""Seconds between checkpoints."""

Network = TypeVar("Network", bound=nn.Module)


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint under a temporary name, then move it into place."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state that `save_atomically` wrote, or None when there is none yet."""
    return torch.load(path, weights_only=True) if path.exists() else None


def about(path: Path) -> dict[str, Any]:
    """What a training wrote beside the weights of a shipped file: sizes, vocabulary, how much it has seen."""
    with safe_open(path, framework="pt") as file:
        found: dict[str, Any] = json.loads(file.metadata()["pixgen"])
    return found


def shipped_clip(path: Path) -> TinyCLIP:
    """The frozen network of a perceptor's file. Raises PixgenError where the file is no such thing."""
    perceptor = Tiny(str(path))
    perceptor.prepare(torch.device("cpu"))
    return perceptor.model


class Average(Generic[Network]):
    """Exponential moving average of a network's weights: what is measured and shipped."""

    def __init__(self, model: Network, decay: float = 0.998) -> None:
        self.model: Network = copy.deepcopy(model)
        self.model.eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))  # the first steps count for little
        for mine, theirs in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)


class Log:
    """One JSON line a report, appended to `path` and printed."""

    def __init__(self, path: Path) -> None:
        self.path, self.began = path, time.time()

    def write(self, **values: Any) -> None:
        line = json.dumps({"seconds": round(time.time() - self.began, 1), **values})
        with self.path.open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)
