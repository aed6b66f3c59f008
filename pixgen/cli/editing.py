"""What the commands that alter pictures share: their options, and where the results go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pixgen.cli.console import say
from pixgen.cli.progress import Bar
from pixgen.errors import UsageError
from pixgen.io import naming

if TYPE_CHECKING:
    from pixgen.editing.operations import Sampling
    from pixgen.editing.picture_files import Altered
    from pixgen.loop.engine import Step

Command = TypeVar("Command", bound=Callable[..., Any])


def picture(word: str) -> Path:
    """A picture file that is there. Raises UsageError where none is."""
    path = Path(word).expanduser()
    if not path.is_file():
        raise UsageError(f"there is no picture {word!r}")
    return path


def sampling_options(command: Command) -> Command:
    """How the decoder draws."""
    for option in (
        click.option("--guidance", metavar="X", type=click.FloatRange(0), help="1 as learnt; more is closer to it."),
        click.option("--top-k", metavar="N", type=click.IntRange(0), help="Only the likeliest N codes; 0 is all."),
        click.option("--temperature", metavar="X", type=click.FloatRange(0), help="More is bolder."),
        click.option("--candidates", metavar="N", type=click.IntRange(1, 64), help="The best of N is kept."),
    ):
        command = option(command)
    return command


def common_options(command: Command) -> Command:
    """Those that every command has."""
    for option in (
        click.option("--debug", is_flag=True, help="Show the traceback of an error."),
        click.option("--quiet", is_flag=True, help="Say nothing but warnings and errors."),
        click.option("--json", "as_json", is_flag=True, help="One JSON record a picture on standard output."),
        click.option("--overwrite", is_flag=True, help="Write over a picture of the same name."),
        click.option("--model", metavar="FOLDER", default="", help="Of a model pair.  [default: the embedded one]"),
        click.option("--seed", metavar="N", type=click.IntRange(0), help="Fixes everything random.  [default: drawn]"),
    ):
        command = option(command)
    return command


def sampling(**chosen: float | None) -> Sampling:
    """The options that were given over the defaults."""
    from pixgen.editing.operations import Sampling

    given: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
    return Sampling(**given)


def steps_shown(bar: Bar) -> Callable[[Step], None]:
    """Counts the steps of all loops of a command and shows them."""
    done = 0

    def show(step: Step) -> None:
        nonlocal done
        done += 1
        bar.show(done, float(step.total.mean()))

    return show


def save(made: Altered, target: Path, overwrite: bool, as_json: bool, quiet: bool) -> Path:
    """Save a picture and print its path, or its record."""
    from pixgen.io import metadata

    path = metadata.save(made.image, target, made.about, overwrite=overwrite)
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
    click.echo(json.dumps(record) if as_json else path)
    return path


def target(output: str | None, name: str, seed: int | None = None) -> Path:
    """Where a picture goes (`naming.output_path`); `name` is what it is called unless a file was named."""
    return naming.output_path(output, name, fields={} if seed is None else {"seed": str(seed)})
