"""A worker: draws groups of pictures and returns them encoded. Keeps its models loaded; writes no files."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import logging
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pixgen.errors import PixgenError
from pixgen.settings.config import RenderConfig


@dataclass(frozen=True)
class Task:
    """Pictures to draw together.

    group: its number in the manifest. configs: one a picture, equal in all but prompt and seed.
    files: where the pictures will be written; paths in their metadata are relative to it.
    templates: what the prompts were expanded from, or None. steps: of a draft; None for the config's own.
    allow_large: draw even where that takes more memory than `settings.memory` allows.
    """

    group: int
    configs: tuple[RenderConfig, ...]
    files: tuple[Path, ...]
    templates: tuple[str | None, ...]
    steps: int | None = None
    allow_large: bool = False


@dataclass(frozen=True)
class Picture:
    """An encoded picture. losses: of the last step, unweighted; total: their weighted sum. steps: that it took."""

    data: bytes
    losses: dict[str, float]
    total: float
    scores: dict[str, float]
    steps: int


@dataclass(frozen=True)
class Stepped:
    """A step of a running group is done. loss: the mean of its pictures."""

    group: int
    done: int
    steps: int
    loss: float


@dataclass(frozen=True)
class Finished:
    """A group is drawn. seconds: in all; begin: until the first step was done; step: each further one.

    memory: the share of the device's memory that it took at most, 0 on a CPU.
    """

    group: int
    pictures: tuple[Picture, ...]
    seconds: float
    begin: float
    step: float
    memory: float = 0.0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A group could not be drawn. kind: `error` (it would fail again), `memory` (fewer together might fit), `died`
    (its worker is gone)."""

    group: int
    kind: Literal["error", "memory", "died"]
    reason: str
    warnings: tuple[str, ...] = ()


Event = Stepped | Finished | Failed


class Artist:
    """Draws task after task with generators and perceptors that are loaded once.

    scores: names of the score plugins to apply. plugins: Python files to load first.
    Raises UsageError for a score or a plugin file that is not there.
    """

    def __init__(self, scores: Sequence[str] = (), plugins: Sequence[str] = ()) -> None:
        from pixgen import registry
        from pixgen.loop.build import Models

        for file in plugins:
            registry.load_file(file)
        self._models = Models(keep_text_towers=True)
        self._scores = {name: registry.create("score", {"type": name}) for name in scores}

    def draw(self, task: Task) -> Generator[Event, None, None]:
        """The events of one task; the last is Finished or Failed. Abandon it at any event to stop."""
        warnings: list[str] = []
        try:
            with _collected(warnings):
                yield from self._draw(task, warnings)
        except Exception as error:
            kind: Literal["error", "memory"] = "memory" if _out_of_memory(error) else "error"
            reason = str(error) if isinstance(error, PixgenError) else f"{type(error).__name__}: {error}"
            failed = Failed(task.group, kind, reason.strip().splitlines()[0][:1000], tuple(warnings))
        else:
            return
        self._free_memory()  # after the except block, whose traceback holds the tensors
        yield failed

    def _draw(self, task: Task, warnings: list[str]) -> Iterator[Event]:
        from pixgen.io import metadata, output_files
        from pixgen.loop.drawing import Drawing
        from pixgen.settings import config
        from pixgen.settings.memory import require

        began = time.perf_counter()
        asked = [config.resolve_auto(one) for one in task.configs]
        require(asked[0], len(asked), allow_large=task.allow_large)
        for one, file in zip(asked, task.files, strict=True):
            output_files.require_format(file.suffix, one.size)
        if task.steps is not None:
            asked = [dataclasses.replace(one, steps=task.steps) for one in asked]
        drawing = Drawing(asked, self._models)
        first, total = 0.0, None
        for step in drawing:
            total = step.total
            first = first or time.perf_counter()
            yield Stepped(task.group, drawing.done, drawing.steps, float(total.mean()))
        each = (time.perf_counter() - first) / max(1, drawing.done - 1) if drawing.done > 1 else first - began
        totals = total.tolist() if total is not None else []
        scores = self._judge(drawing, warnings)
        pictures = []
        finished = zip(drawing.images(), drawing.metadata(), drawing.losses, totals, scores, strict=True)
        for i, (image, about, losses, sum_, judged) in enumerate(finished):
            about = dataclasses.replace(about, template=task.templates[i] or "")
            data = metadata.encode_for(image, task.files[i], about)
            last = {name: history[-1] for name, history in losses.items()}
            pictures.append(Picture(data, last, sum_, judged, drawing.done))
        seconds = time.perf_counter() - began
        memory = _memory(asked[0].device)
        yield Finished(task.group, tuple(pictures), seconds, first - began, each, memory, tuple(warnings))

    def _judge(self, drawing: Any, warnings: list[str]) -> list[dict[str, float]]:
        """Every score's numbers of each picture; a score that cannot judge is told of and left out."""
        found: list[dict[str, float]] = [{} for _ in drawing.configs]
        if not self._scores:
            return found
        from pixgen.loop.scoring import judge

        images = drawing.pixels()
        for name, score in self._scores.items():
            try:
                numbers = judge(drawing.engine.scene, name, score, images)
            except PixgenError as error:
                warnings.append(f"score {name} is left out: {error}")
                continue
            for detail, values in numbers.items():
                for scores, value in zip(found, values.tolist(), strict=True):
                    scores[f"{name}.{detail}" if detail else name] = value
        return found

    def _free_memory(self) -> None:
        import torch

        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _memory(device: str) -> float:
    import torch

    if not device.startswith("cuda"):
        return 0.0
    taken = torch.cuda.max_memory_reserved(device) / torch.cuda.mem_get_info(device)[1]
    torch.cuda.reset_peak_memory_stats(device)
    return taken


def _out_of_memory(error: Exception) -> bool:
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and ("out of memory" in str(error) or "can't allocate memory" in str(error))


@contextlib.contextmanager
def _collected(warnings: list[str]) -> Iterator[None]:
    """Keep the library's warnings for whoever tells the user; a list would tell them a thousand times."""

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            warnings.append(record.getMessage())

    logger, collector = logging.getLogger("pixgen"), Collector(logging.WARNING)
    before, propagated = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [collector], False
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before, propagated
