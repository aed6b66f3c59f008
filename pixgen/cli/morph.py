"""`pixgen morph`: one picture becomes another."""

from __future__ import annotations

import click

from pixgen.cli import editing
from pixgen.cli import options as words
from pixgen.cli.progress import Bar
from pixgen.io import files

EPILOG = """\b
Examples:
  pixgen morph cat.png dog.png
  pixgen morph cat.png dog.png -n 48 --steps 0 -o cat-dog.mp4
"""


@click.command(context_settings=words.CONTEXT, epilog=EPILOG)
@click.argument("first", metavar="A")
@click.argument("last", metavar="B")
@click.option("-n", "--frames", metavar="N", type=click.IntRange(2, 2000), default=16, help="[default: 16]")
@click.option("-o", "--output", metavar="PATH", help="A file (.png, .jpg, .webp or .mp4) or a folder.")
@click.option("--steps", metavar="N", type=click.IntRange(0), default=8, help="Of the loop, a frame.  [default: 8]")
@editing.common_options
def morph(
    first: str,
    last: str,
    frames: int,
    output: str | None,
    steps: int,
    seed: int | None,
    model: str,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Turn picture A into picture B: a strip of some frames, and a video of all beside it.

    Frames go along the arc between the two pictures' codes, and the loop pulls each to the arc between what they show.
    """
    ends = [editing.picture(word) for word in (first, last)]
    if output is not None and output.lower().endswith(".mp4"):
        output = output[:-4] + ".png"
    target = editing.target(output, f"{ends[0].stem} to {ends[1].stem}")
    from pixgen.editing import picture_files
    from pixgen.networks import pair

    loaded = pair.load(model)
    files.check_writable(target.parent)
    with Bar("morphing", (frames - 2) * steps, quiet) as bar:
        made = picture_files.morph(
            loaded, ends[0], ends[1], frames=frames, seed=seed, steps=steps, callback=editing.steps_shown(bar)
        )  # fmt: skip
    path = editing.save(made.strip, target, overwrite, as_json, quiet)
    click.echo(files.write(path.with_suffix(".mp4"), made.video, overwrite=overwrite), err=as_json)
    return 0
