"""Where a drawing goes: its pictures to files, their paths or records to standard output."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pixgen.cli.console import result, result_json, say
from pixgen.cli.progress import Bar
from pixgen.io import interrupts, naming

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
    ) -> None:
        self.drawing, self.index = drawing, index
        self.overwrite, self.as_json, self.quiet = overwrite, as_json, quiet
        self.template = ""
        """What a list had in place of the prompt, where the picture that is drawn again came from one."""
        self.began = time.perf_counter()
        # The date of the start, even where midnight passes.
        self.targets = [
            naming.output_path(output, text, fields=_fields(about, presets))
            for text, about in zip(drawing.texts(), drawing.metadata(), strict=True)
        ]
        if overwrite and "[seed]" not in (output or ""):
            self.targets = [naming.nth(path, index + i) for i, path in enumerate(self.targets)]
        self._require_room()

    @interrupts.held()
    def save(self) -> None:
        """Save what is reached and print a path or a record for each picture."""
        from pixgen.io import metadata

        pictures = zip(self.drawing.images(), self.targets, self.drawing.metadata(), self.drawing.losses, strict=True)
        for image, target, about, losses in pictures:
            about = dataclasses.replace(about, template=self.template)
            path = metadata.save(image, target, about, overwrite=self.overwrite)
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

    def _require_room(self) -> None:
        """A JPEG that cannot hold its metadata should be known of before it is drawn."""
        from PIL import Image

        from pixgen.io import metadata

        for target, about in zip(self.targets, self.drawing.metadata(), strict=True):
            metadata.encode(Image.new("RGB", (1, 1)), target.suffix, about)


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
