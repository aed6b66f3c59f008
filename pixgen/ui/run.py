"""One picture that a window draws: its steps, its weights, and the file that it becomes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pixgen.errors import PixgenError
from pixgen.io import metadata, naming, output_files
from pixgen.loop.build import Models
from pixgen.loop.drawing import Drawing
from pixgen.loop.engine import Step
from pixgen.settings.config import RenderConfig


class Run:
    """A picture being drawn. folder: where it is saved. until: the step to end at, if not the last one.

    seconds: how long it was drawn, over all continuations. path: of the file, once there is one.
    Raises what `Drawing` raises.
    """

    def __init__(
        self, config: RenderConfig, folder: Path, models: Models, *, until: int | None = None, template: str = ""
    ) -> None:
        self.drawing = Drawing([config], models)
        self.last = min(until or self.drawing.steps, self.drawing.steps)
        self.seconds = 0.0
        self.path: Path | None = None
        self._template, self._written = template, b""
        (text,) = self.drawing.texts()
        self._target = naming.output_path(f"{folder}/", text)

    @property
    def is_over(self) -> bool:
        """Whether the last step is done."""
        return self.drawing.done >= self.last

    @property
    def seed(self) -> int:
        """The picture's."""
        return self.drawing.metadata()[0].seed

    def step(self) -> Step | None:
        """Do the next step; None where the last one is done."""
        return None if self.is_over else next(self.drawing, None)

    def weights(self) -> dict[str, float]:
        """Term id -> its weight in the next step."""
        progress = min(self.drawing.done / max(self.drawing.steps - 1, 1), 1.0)
        return {id: term.weight.value(progress) for id, term in self.drawing.engine.scene.terms.items()}

    def save(self) -> Path:
        """Save the picture reached. A file of an earlier step is replaced, as long as nobody changed it.

        Raises PixgenError where nothing can be written.
        """
        (image,), (about,) = self.drawing.images(), self.drawing.metadata()
        about = dataclasses.replace(about, template=self._template)
        own = self.path is not None and _bytes(self.path) == self._written
        if own and metadata.encode_for(image, self._target, about) == self._written:
            assert self.path is not None
            return self.path
        place = self.path if own and self.path is not None else self._target
        self.path, problem = output_files.save(image, place, about, overwrite=own)
        self._written = _bytes(self.path)
        if problem:
            raise PixgenError(f"{problem}; it is saved as {self.path}")
        return self.path


def _bytes(path: Path) -> bytes:
    """The file as it is now; empty where there is none."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
