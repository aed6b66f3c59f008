"""What the commands that alter pictures share: pictures in, results out."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixgen.cli import saving
from pixgen.cli.console import result, result_json, say
from pixgen.cli.progress import Bar
from pixgen.errors import UsageError
from pixgen.io import image_files, interrupts, naming, paths, terminal

if TYPE_CHECKING:
    from pixgen.editing.operations import Sampling
    from pixgen.editing.picture_files import Altered
    from pixgen.loop.engine import Step
    from pixgen.networks.pair import Pair


first_frame = click.option(
    "--first-frame", is_flag=True, help="Take the first frame of a picture that moves, such as a GIF."
)


def picture(word: str) -> Path:
    """The path of a picture file. Raises UsageError where there is none."""
    path = paths.written(word)
    image_files.require_file(path)
    return path


def load_pair(model: str | None) -> Pair:
    """The networks of `--model`, a folder; without one, or for `pixgen-tiny`, those that come with pixgen.

    Raises UsageError where there is no such folder, and for the name of a single model.
    """
    from pixgen.models import zoo
    from pixgen.networks import pair

    if model is None or model == zoo.EMBEDDED:
        return pair.load()
    if zoo.find(model) is not None:
        raise UsageError(f"--model {model} is a single model; a pair is needed: a folder from `pixgen train`")
    return pair.load(model)


def sampling(**chosen: float | None) -> Sampling:
    """How to sample: the options that were given, and the defaults."""
    from pixgen.editing.operations import Sampling

    given: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
    return Sampling(**given)


@contextlib.contextmanager
def drawn(bar: Bar) -> Iterator[tuple[Callable[[Step], bool], interrupts.Request]]:
    """While pictures are made: a callback that shows the steps of all loops as one count, and what Ctrl-C asked.

    After the first Ctrl-C the callback returns False, which ends a loop with the picture reached so far.
    """
    done = 0

    def show(step: Step) -> bool:
        nonlocal done
        done += 1
        bar.show(done, float(step.total.mean()))
        bar.preview(step.images)
        return not request

    with bar, interrupts.asking(lambda: None) as request:
        yield show, request
    if request:
        say("stopped; keeping what is reached so far")


@interrupts.held()
def save(
    made: Altered, target: Path, overwrite: bool, as_json: bool, quiet: bool, video: Callable[[], bytes] | None = None
) -> Path:
    """Save a picture and print its path, or its record; beside it its video, if there is one. Where it is.

    Raises PixgenError, once all is saved, where something had to go to another place.
    """
    from pixgen.io import output_files

    failures: list[str] = []
    path, problem = output_files.save(made.image, target, made.about, overwrite=overwrite)
    if problem:
        failures.append(saving.saved_elsewhere(problem, path))
    about = made.about
    record = {
        "path": str(path),
        "prompt": about.prompt,
        "seed": about.seed,
        "size": f"{made.image.width}x{made.image.height}",
        "steps_done": about.steps_done,
        "steps_planned": about.steps_planned,
        "losses": {name: history[-1] for name, history in made.losses.items()},
        "seconds": round(made.seconds, 2),
    }
    if not quiet:
        say(f"seed {about.seed}, {about.steps_done} of {about.steps_planned} steps, {made.seconds:.2f} s")
    result_json(record) if as_json else result(path)
    if video is not None:
        clip, problem = output_files.write(path.with_suffix(".mp4"), video(), overwrite=overwrite)
        if problem:
            failures.append(saving.saved_elsewhere(problem, clip))
        terminal.write(clip, sys.stderr if as_json else sys.stdout)
    saving.raise_failures(failures)
    return path


def target(output: str | None, name: str, seed: int | None = None) -> Path:
    """The output path (`naming.output_path`); `name` makes the file name where `output` names no file."""
    return naming.output_path(output, name, fields={} if seed is None else {"seed": str(seed)})
