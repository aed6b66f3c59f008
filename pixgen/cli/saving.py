"""Where a drawing goes: its pictures to files, their paths or records to standard output."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pixgen.cli.console import result, result_json, say
from pixgen.cli.progress import Bar
from pixgen.errors import PixgenError, reason
from pixgen.io import files, interrupts, naming

if TYPE_CHECKING:
    from pixgen.io.metadata import Metadata
    from pixgen.loop.drawing import Drawing


class Sink:
    """Saves a drawing's pictures and tells where they are."""

    def __init__(
        self,
        drawing: Drawing,
        output: str | None,
        index: int,
        overwrite: bool,
        as_json: bool,
        quiet: bool,
        presets: Sequence[str] = (),
        suffix: str = ".png",
    ) -> None:
        self.drawing, self.index = drawing, index
        self.overwrite, self.as_json, self.quiet = overwrite, as_json, quiet
        self.template = ""
        """What a list had in place of the prompt, where the picture that is drawn again came from one."""
        self.began = time.perf_counter()
        self.saved: list[Path] = []
        """Where the pictures are."""
        # The date of the start, even where midnight passes.
        self.targets = [
            naming.output_path(output, text, fields=_fields(about, presets), vector=True, suffix=suffix)
            for text, about in zip(drawing.texts(), drawing.metadata(), strict=True)
        ]
        if overwrite and "[seed]" not in (output or ""):
            self.targets = [naming.nth(path, index + i) for i, path in enumerate(self.targets)]
        self._require_room()

    @interrupts.held()
    def save(self) -> None:
        """Save what is reached and print a path or a record for each picture."""
        from pixgen.io import output_files

        failures: list[str] = []
        drawn = self.drawing.metadata(), self.drawing.losses, self._documents(failures)
        for image, target, about, losses, svg in zip(self.drawing.images(), self.targets, *drawn, strict=True):
            about = dataclasses.replace(about, template=self.template)
            target = target if svg or not _is_vector(target) else target.with_suffix(".png")
            path, problem = output_files.save(svg or image, target, about, overwrite=self.overwrite)
            self.saved.append(path)
            if problem:
                failures.append(saved_elsewhere(problem, path))
            seconds = round(time.perf_counter() - self.began, 2)
            record = {
                "path": str(path),
                "prompt": about.prompt,
                "seed": about.seed,
                "size": f"{image.width}x{image.height}",
                "steps_done": about.steps_done,
                "steps_planned": about.steps_planned,
                "losses": {name: history[-1] for name, history in losses.items()},
                "seconds": seconds,
            }
            if not self.quiet:
                say(f"seed {about.seed}, {about.steps_done} of {about.steps_planned} steps, {seconds} s")
            result_json(record) if self.as_json else result(path)
        raise_failures(failures)

    def _documents(self, failures: list[str]) -> list[str | None]:
        """The SVG document of each picture that is saved as one; where that fails, why joins `failures`."""
        if not any(map(_is_vector, self.targets)):
            return [None] * len(self.targets)
        from pixgen.io import metadata

        try:
            found = self.drawing.vector().documents()
            for text, about in zip(found, self.drawing.metadata(), strict=True):
                metadata.encode(text, naming.VECTOR_SUFFIX, about)
        except Exception as error:  # of a plugin: whatever it is, the picture is worth more than its format
            failures.append(f"cannot save as {naming.VECTOR_SUFFIX}: {reason(error)}; saved as .png")
            return [None] * len(self.targets)
        return [text if _is_vector(target) else None for text, target in zip(found, self.targets, strict=True)]

    def _require_room(self) -> None:
        """What would keep a picture from being saved should be known of before it is drawn."""
        from PIL import Image

        from pixgen.io import metadata

        found = self.drawing.metadata()
        require_saveable([(target, about.size) for target, about in zip(self.targets, found, strict=True)])
        for target, about in zip(self.targets, found, strict=True):
            empty = "<svg></svg>" if _is_vector(target) else Image.new("RGB", (1, 1))
            metadata.encode(empty, target.suffix, about)


def _is_vector(path: Path) -> bool:
    return path.suffix.lower() == naming.VECTOR_SUFFIX


def require_saveable(targets: Sequence[tuple[Path, tuple[int, int]]]) -> None:
    """Raise PixgenError for pictures, each a path and its (height, width), that could not be saved.

    That is a format that takes no picture so large or that Pillow lacks, a folder that cannot be written, a full disk.
    """
    from pixgen.io import output_files

    pixels: dict[Path, int] = {}
    for path, size in targets:
        output_files.require_format(path.suffix, size)
        pixels[path.parent] = pixels.get(path.parent, 0) + size[0] * size[1]
    for folder, many in pixels.items():
        files.check_writable(folder)
        output_files.require_room(folder, many)


def saved_elsewhere(problem: str, path: Path) -> str:
    """The line about a picture that could not be saved where it should."""
    return f"{problem}; it is saved as {path}"


def raise_failures(failures: Sequence[str]) -> None:
    """Raise PixgenError with the first of these lines, if there are any, once all is saved."""
    if failures:
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        raise PixgenError(failures[0] + more)


def _fields(about: Metadata, presets: Sequence[str]) -> dict[str, str]:
    """What a pattern of names can say of a picture beside its prompt and the date."""
    height, width = about.size
    return {"seed": str(about.seed), "preset": "-".join(presets), "size": f"{width}x{height}"}


def draw_to(sink: Sink, bar: Bar, until: int | None = None) -> int:
    """Draw to the end, to step `until`, or to where Ctrl-C or an error stops it; save what was reached.

    The exit code: 0, or that of the interrupt.
    """
    drawing = sink.drawing
    try:
        with bar:
            for step in drawing:
                bar.show(drawing.done, float(step.total.mean()))
                bar.preview(step.images)
                if drawing.done == until:
                    break
    except KeyboardInterrupt as interrupt:
        if drawing.done:
            say(f"stopped after {drawing.done} of {drawing.steps} steps; keeping the picture reached so far")
            sink.save()
        else:
            say("stopped before the first step: there is no picture yet")
        return interrupts.exit_code(interrupt)
    except Exception:  # whatever it was, half an hour's picture is not its price
        if drawing.done:
            sink.save()
        raise
    sink.save()
    return 0
