"""One browser window: what it draws, how far that is, and how it is stopped, continued and closed.

All windows share the models; nothing else. Each of the long methods is an iterator of views, and the page shows every
view that it gives. Another thread may call `stop`, `set_weight` and `close` meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pixgen.errors import PixgenError, UsageError, reason
from pixgen.io import files, image_files, naming, output_files
from pixgen.loop.build import Models
from pixgen.loop.engine import Step
from pixgen.networks.pair import Pair
from pixgen.settings.config import RenderConfig
from pixgen.ui import notes as warnings
from pixgen.ui import previews
from pixgen.ui.altering import Advance, Alteration, Work
from pixgen.ui.run import Run

log = logging.getLogger(__name__)

State = Literal["ready", "preparing", "drawing", "stopped", "finished", "failed"]


@dataclass(frozen=True)
class View:
    """What is to be seen of a window at one moment.

    preview: a JPEG; empty where the picture shown stays. files: the pictures that were saved.
    losses: term id -> its unweighted loss at every step. weights: term id -> its weight now.
    problem: why it failed. notes: warnings. can_go_on: whether it is a picture that `go_on` continues.
    """

    state: State = "ready"
    done: int = 0
    steps: int = 0
    preview: bytes = b""
    files: Sequence[Path] = ()
    losses: Mapping[str, Sequence[float]] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    seed: int = 0
    problem: str = ""
    notes: Sequence[str] = ()
    can_go_on: bool = False


class Window:
    """One window. folder: where its pictures go. models: shared with the other windows."""

    def __init__(self, folder: Path, models: Models) -> None:
        self.folder = folder
        self._models = models
        self._run: Run | None = None
        self._busy = threading.Lock()
        self._stopping, self.closed = threading.Event(), False
        self._weights: dict[str, float] = {}

    def draw(self, ask: Callable[[], RenderConfig], *, until: int | None = None, template: str = "") -> Iterator[View]:
        """Draw a new picture, whose settings `ask` gives, and save it. What fails is the last view's problem.

        until: the step to end at, where an interrupted picture is drawn again. template: of its metadata.
        """
        self._begin()
        yield View("preparing")
        notes: list[str] = []
        try:
            with self._busy, warnings.collected(notes):
                self._drop()
                config = ask()
                files.check_writable(self.folder)
                output_files.require_room(self.folder, config.size[0] * config.size[1])
                run = Run(config, self.folder, self._models, until=until, template=template)
                if self.closed:
                    return
                self._run, self._weights = run, {}
        except Exception as error:
            yield View("failed", problem=problem_of(error), notes=notes)
            return
        yield from self._go_on(run, notes)

    def go_on(self) -> Iterator[View]:
        """Continue the picture that was stopped; without one the view is "ready"."""
        self._begin()
        run = self._run
        if run is None:
            yield View("ready")
            return
        yield from self._go_on(run, [])

    def alter(self, ask: Callable[[], Alteration], pair: Callable[[], Pair]) -> Iterator[View]:
        """Make variations or an edit, which `ask` says, with the models that `pair` loads, and save them."""
        stopping = self._begin()
        yield View("preparing")
        notes: list[str] = []
        view, began = View("drawing"), time.perf_counter()
        try:
            asked = ask()
            asked.require_sense()
            files.check_writable(self.folder)
            view = replace(view, steps=asked.planned, notes=notes)
            given = image_files.small(asked.picture, previews.MOST_SIDE)
            given.thumbnail((previews.MOST_SIDE, previews.MOST_SIDE))
            yield replace(view, preview=previews.jpeg_of(given))
            target = naming.output_path(f"{self.folder}/", asked.name)
            for found in Work(asked, pair(), stopping, notes):
                if isinstance(found, Advance):
                    view = replace(view, done=found.done)
                    yield replace(view, preview=found.preview)
                    continue
                path, problem = output_files.save(found.image, target, found.about)
                if problem:
                    notes.append(f"{problem}; it is saved as {path}")
                losses, seconds = found.losses or view.losses, time.perf_counter() - began
                view = replace(
                    view, files=[*view.files, path], losses=losses, seed=found.about.seed, seconds=seconds
                )  # fmt: skip
                yield view
        except Exception as error:
            yield replace(view, state="failed", problem=problem_of(error))
            return
        finally:
            stopping.set()  # where nobody asks for the rest
        stopped = view.done < view.steps
        yield replace(view, state="stopped" if stopped else "finished")

    def stop(self) -> None:
        """Ask the run to end after the step it is in; the picture reached is saved, and `go_on` continues it."""
        self._stopping.set()

    def set_weight(self, term: str, weight: float) -> None:
        """Weigh a loss so from the next step on."""
        self._weights[term] = weight

    def close(self) -> None:
        """End what is drawn after the step it is in, keep the picture reached, and let go of everything."""
        self.closed = True
        self._stopping.set()
        with self._busy:
            self._drop()

    @property
    def is_stopped(self) -> bool:
        """Whether there is a picture that can be continued."""
        return self._run is not None

    def _begin(self) -> threading.Event:
        """What will be set to stop the run that begins now."""
        self._stopping = threading.Event()
        if self.closed:
            self._stopping.set()
        return self._stopping

    def _go_on(self, run: Run, notes: list[str]) -> Iterator[View]:
        pace, began = previews.Pace(), time.perf_counter()
        view = replace(_view_of(run), state="drawing", notes=notes)
        try:
            while (step := self._step(run, notes)) is not None:
                if pace.due():
                    with pace.showing():
                        preview = self._preview(run, step)
                        if preview is not None:
                            yield replace(_view_of(run), state="drawing", preview=preview, notes=notes)
            run.seconds += time.perf_counter() - began
            with self._busy:
                view = self._end(run)
        except Exception as error:
            view = replace(self._save_failed(run), state="failed", problem=problem_of(error))
        yield replace(view, notes=notes)

    def _step(self, run: Run, notes: list[str]) -> Step | None:
        """The next step; None where the run is over, was stopped, or its window was closed."""
        with self._busy, warnings.collected(notes):
            if self._run is not run or self._stopping.is_set():
                return None
            while self._weights:
                run.drawing.set_weight(*self._weights.popitem())
            return run.step()

    def _preview(self, run: Run, step: Step) -> bytes | None:
        with self._busy:
            return previews.jpeg(step.images()) if self._run is run else None

    def _end(self, run: Run) -> View:
        """Save what is reached; a run that is over is let go of."""
        if self._run is not run:  # its window was closed, and saved it
            return _view_of(run)
        if not run.drawing.done:
            self._run = None
            return View("stopped", steps=run.last)
        run.save()
        if run.is_over:
            self._run = None
            return replace(_view_of(run), state="finished")
        return replace(_view_of(run), state="stopped", can_go_on=True)

    def _save_failed(self, run: Run) -> View:
        with self._busy:
            self._run = None
            if run.drawing.done:  # whatever went wrong, half an hour's picture is not its price
                run.save()
            return _view_of(run)

    def _drop(self) -> None:
        """Let go of the run; a picture that was reached and not saved yet is saved."""
        run, self._run = self._run, None
        if run is not None and run.drawing.done:
            try:
                run.save()
            except PixgenError as error:
                log.warning("%s", error)


def problem_of(error: BaseException) -> str:
    """A failure in one line."""
    if isinstance(error, UsageError | PixgenError):
        return str(error)
    log.error("unexpected %s", type(error).__name__, exc_info=error)
    return f"unexpected {type(error).__name__}: {reason(error)}"


def _view_of(run: Run) -> View:
    drawing = run.drawing
    return View(
        state="drawing",
        done=drawing.done,
        steps=run.last,
        files=[run.path] if run.path else [],
        losses={id: list(values) for id, values in drawing.losses[0].items()},
        weights=run.weights(),
        seconds=run.seconds,
        seed=run.seed,
    )
