"""Variations and edits of a picture, with previews while they are made.

The library calls back at every step; here the work runs in a thread of its own, and what is to be seen comes out of
an iterator.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pixgen.editing import picture_files
from pixgen.editing.picture_files import Altered
from pixgen.editing.refine import Callback
from pixgen.errors import UsageError
from pixgen.loop.engine import Step
from pixgen.networks.pair import Pair
from pixgen.ui import notes as warnings
from pixgen.ui import previews

MOST_VARIATIONS = 24


@dataclass(frozen=True)
class Alteration:
    """What to do to a picture. text: empty for variations, else what an edit makes of it.

    before: what the picture shows now. mask: where it may change. strength: None for the default.
    """

    picture: Path
    text: str = ""
    before: str = ""
    mask: Path | None = None
    strength: float | None = None
    steps: int = 40
    seed: int | None = None
    count: int = 6

    @property
    def name(self) -> str:
        """What the files are named after."""
        return self.text or f"{self.picture.stem} variation"

    @property
    def planned(self) -> int:
        """Steps of the loop in all."""
        return self.steps if self.text else self.steps * self.count

    def require_sense(self) -> None:
        """Raise UsageError for what cannot be done, before anything is loaded."""
        if len(self.text) > 1000 or len(self.before) > 1000:
            raise UsageError("a text of more than 1,000 characters; describe the picture in a sentence")
        if not self.text and not 1 <= self.count <= MOST_VARIATIONS:
            raise UsageError(f"{self.count} variations; it must be 1 to {MOST_VARIATIONS}")
        if self.text and not self.before and self.mask is None:
            raise UsageError("say what the picture shows now, or paint over what may change")

    def made(self, pair: Pair, callback: Callback) -> Iterator[Altered]:
        """The pictures, one after another. Raises what `picture_files` raises."""
        if self.text:
            yield picture_files.edit(
                pair, self.picture, self.text, self.before or None, strength=self.strength, mask=self.mask,
                seed=self.seed, steps=self.steps, first_frame=True, callback=callback,
            )  # fmt: skip
            return
        strength = 0.75 if self.strength is None else self.strength
        yield from picture_files.vary(
            pair, self.picture, count=self.count, strength=strength, seed=self.seed, steps=self.steps,
            first_frame=True, callback=callback,
        )  # fmt: skip


@dataclass(frozen=True)
class Advance:
    """So many steps are done; preview: a JPEG of what they gave."""

    done: int
    preview: bytes


class Work(Iterator[Advance | Altered]):
    """The pictures of an alteration as they are finished, and its progress between them.

    stopping: where it is set, what is reached is the last picture. notes: warnings are appended.
    """

    def __init__(self, asked: Alteration, pair: Pair, stopping: threading.Event, notes: list[str]) -> None:
        self._asked, self._pair, self._stopping, self._notes = asked, pair, stopping, notes
        self._found: queue.SimpleQueue[Advance | Altered | BaseException | None] = queue.SimpleQueue()
        self._pace = previews.Pace()
        self._done = 0
        threading.Thread(target=self._work, daemon=True).start()

    def __next__(self) -> Advance | Altered:
        found = self._found.get()
        if found is None:
            raise StopIteration
        if isinstance(found, BaseException):
            raise found
        return found

    def _work(self) -> None:
        try:
            with warnings.collected(self._notes):
                for altered in self._asked.made(self._pair, self._step):
                    self._found.put(altered)
                    if self._stopping.is_set():
                        break
        except Exception as error:
            self._found.put(error)
        else:
            self._found.put(None)

    def _step(self, step: Step) -> bool:
        self._done += 1
        if self._pace.due():
            with self._pace.showing():
                self._found.put(Advance(self._done, previews.jpeg(step.images())))
        return not self._stopping.is_set()
