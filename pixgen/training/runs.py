"""What every training shares: where it computes, checkpoints that survive a kill, averaged weights, lines of log."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from pixgen.backend import hardware
from pixgen.errors import PixgenError, UsageError, reason
from pixgen.io import files, interrupts, terminal
from pixgen.networks import store
from pixgen.networks.clip import TinyCLIP
from pixgen.networks.pair import load_perceptor
from pixgen.training import monitor
from pixgen.training.data.drawings import load_sprites
from pixgen.training.options import RunOptions

Network = TypeVar("Network", bound=nn.Module)


def prepare_device(options: RunOptions) -> torch.device:
    """Set torch's seed and threads; the device to compute on. Raises UsageError for a device that is not here."""
    device = torch.device(hardware.device(options.device))
    torch.manual_seed(options.seed)
    if options.threads:
        torch.set_num_threads(hardware.threads(options.threads))
    return device


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 for what is computed inside, where the processor has it; else float32 (`backend.hardware`)."""
    fast = hardware.precision("auto", str(device)) == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint under a temporary name, then move it into place.

    Raises PixgenError where the disk is full or refuses: the checkpoint before stays. Raises KeyboardInterrupt, once
    it is written, where somebody has asked to stop (`stoppable`).
    """
    with writing(path), files.replacing(path, sole=True) as temporary:
        torch.save(state, temporary)
    monitor.checkpoint(path.parent)
    raise_if_stop_requested()


def require_same_inputs(
    options: RunOptions, *names: str, earlier: Mapping[str, Any] | None = None, **more: str | int
) -> None:
    """Note in the run folder what it learns from; a run that has begun resumes with the same inputs only.

    names: of options that the run depends on. more: what else it depends on, by name. The sprites always belong to it.
    earlier: the inputs of runs that were begun before these inputs were noted.
    Raises UsageError where the run was begun with other inputs, there are no sprites, or a run would begin among files
    that no training wrote.
    """
    _require_own_folder(options.run)
    load_sprites(options.cache)  # nothing is begun without
    stamp = options.cache / "made-from.txt"
    drawings = {"drawings": stamp.read_text()[:8]} if stamp.exists() else {}
    inputs: dict[str, Any] = {name: getattr(options, name) for name in names} | more | drawings
    path = options.run / "learns-from.json"
    known: dict[str, Any] = {**(earlier or {}), **json.loads(path.read_text())} if path.exists() else {}
    for name, value in inputs.items():
        if known.get(name, value) != value:
            raise UsageError(
                f"{options.run} was begun with {name} {known[name]}, and now it is {value}: delete {options.run} to "
                "start over, or give another --runs"
            )
    files.write(path, json.dumps(known | inputs).encode(), overwrite=True)


def _require_own_folder(run: Path) -> None:
    """Raise UsageError where a run that begins would replace files of the same names that are somebody else's."""
    if any((run / name).exists() for name in ("learns-from.json", "checkpoint.pt")):
        return  # what is there a training of pixgen wrote
    written = ("log.jsonl", "losses.png", "samples", "words.json", "tokenizer.json")
    there = sorted(path.name for path in run.iterdir()) if run.is_dir() else []
    if taken := [name for name in there if name in written or name.endswith(".safetensors")]:
        raise UsageError(
            f"{run} holds {', '.join(taken[:3])}, of no training of pixgen; give another folder with --runs"
        )


def require_unfinished(options: RunOptions, restart: Path | None, count: str) -> None:
    """Raises UsageError where the weights to begin from have seen as much as is wanted in all: call before any work.

    restart: those weights. count: the option that says how much, and its name in the weights' metadata.
    """
    if restart is None or (options.run / "checkpoint.pt").exists():
        return
    seen, wanted = store.count(restart, count), getattr(options, count)
    if seen >= wanted:
        raise UsageError(f"{restart} has seen {seen:,} already, and {wanted:,} are wanted in all; give --{count} more")


def warmup_cosine(lr: float, progress: float, steps: int, least: float) -> float:
    """The learning rate at a share `progress` of a run: warms up over 100 steps, falls as a cosine to `least` of `lr`.

    steps: since the warm-up began.
    """
    falling = least + (1 - least) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return lr * min(1.0, (steps + 1) / 100) * falling


def checkpoint_due(saved: float, every: float) -> bool:
    """Whether it is time for a checkpoint.

    saved: `time.time()` of the last one. every: seconds between two; at once where somebody asked to stop.
    """
    return _stop.asked or time.time() - saved > every


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state that `save_atomically` wrote, on the CPU, or None when there is none yet.

    Raises PixgenError where it cannot be read.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # torch has many, and its advice is to run what the file holds
        raise PixgenError(
            f"{path} is damaged or not a checkpoint of a training; delete {path.parent} to start over"
        ) from error
    return state


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write `path` into a PixgenError."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch has an error of its own
        raise PixgenError(f"cannot write to {path}: {reason(error).lower()}; {store.KEPT}") from error


def mark_not_started() -> None:
    """There is nothing to save yet: until a training begins to step, Ctrl-C ends it at once."""
    _stop.training = False


def raise_if_stop_requested() -> None:
    """Raises KeyboardInterrupt where somebody asked to stop and the training has not ended yet."""
    if _stop.asked:
        raise KeyboardInterrupt


class _Stop:
    asked = False
    training = False
    """Whether a training has begun to step; what comes before is cheap to make again, or saved as it is made."""


_stop = _Stop()


@contextlib.contextmanager
def stoppable(say: Any = terminal.write) -> Iterator[None]:
    """Ctrl-C makes a training write a checkpoint and end with KeyboardInterrupt; a second one ends it at once."""

    def ask() -> None:
        if not _stop.training:
            raise KeyboardInterrupt
        _stop.asked = True
        say("stopping at the next step, with a checkpoint; Ctrl-C again stops at once")

    _stop.asked = _stop.training = False
    try:
        with interrupts.asking(ask):
            yield
    finally:
        _stop.asked = _stop.training = False


def load_clip(path: Path) -> TinyCLIP:
    """The frozen network of a perceptor's file. Raises PixgenError where the file is no such thing."""
    network: TinyCLIP = load_perceptor(path).model
    return network


class WeightAverage(Generic[Network]):
    """Exponential moving average of a network's weights: what is measured and shipped."""

    def __init__(self, model: Network, decay: float = 0.998) -> None:
        self.model: Network = copy.deepcopy(model)
        self.model.eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))  # the first steps count for little
        now = model.state_dict(keep_vars=True).values()
        for mine, theirs in zip(self.model.state_dict().values(), now, strict=True):
            frozen = isinstance(theirs, nn.Parameter) and not theirs.requires_grad
            if mine.dtype.is_floating_point and not frozen:
                mine.lerp_(theirs, 1 - decay)
            else:  # to the bit: a mean of two negative zeros is a positive one
                mine.copy_(theirs)


class TrainingLog:
    """One JSON line a report, appended to `path` and shown. `total`: what the first value of a line counts up to."""

    def __init__(self, path: Path, total: int | None = None) -> None:
        self.path, self.total, self.began = path, total, time.time()
        _stop.training = True  # its first step is near, and then there is something to keep

    def write(self, **values: Any) -> None:
        line = json.dumps({"seconds": round(time.time() - self.began, 1), **values})
        with self.path.open("a") as file:
            file.write(line + "\n")
        monitor.show(line, values, self.total)
