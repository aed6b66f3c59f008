"""`pixgen vary`: more pictures like one that there is."""

from __future__ import annotations

import click

from pixgen.cli import editing
from pixgen.cli import options as words
from pixgen.cli.progress import Bar
from pixgen.io import files, naming

EPILOG = """\b
Examples:
  pixgen vary photo.png
  pixgen vary outputs/a-red-fox.png -n 3 --strength 0.9 --seed 7
  pixgen vary fox.png --steps 30 -o foxes/
"""


@click.command(context_settings=words.CONTEXT, epilog=EPILOG)
@click.argument("picture", metavar="PICTURE")
@click.option("-n", "--count", metavar="N", type=click.IntRange(1), default=6, help="How many.  [default: 6]")
@click.option("-o", "--output", metavar="PATH", help="A file (.png, .jpg, .webp), a folder, or a pattern.")
@click.option("--strength", metavar="X", type=float, default=0.75, help="Share drawn anew, 0 to 1.  [default: 0.75]")
@click.option("--steps", metavar="N", type=click.IntRange(0), default=0, help="Of the loop, after it.  [default: 0]")
@click.option("--size", metavar="N", type=int, help="Of a side, from 128, where there are steps.  [default: 256]")
@editing.sampling_options
@editing.common_options
def vary(
    picture: str,
    count: int,
    output: str | None,
    strength: float,
    steps: int,
    size: int | None,
    candidates: int | None,
    temperature: float | None,
    top_k: int | None,
    guidance: float | None,
    seed: int | None,
    model: str,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Draw more pictures of what PICTURE shows, in its style; picture i has seed + i.

    Any picture will do; its middle square is looked at. A part of it is kept and the rest drawn anew after what the
    whole shows: --strength says how much, and at 1 nothing is kept. Without --steps the pictures are of 128x128.
    """
    path = editing.picture(picture)
    name = f"{path.stem} variation"
    editing.target(output, name)  # a wrong name should not wait for torch
    from pixgen.editing import picture_files
    from pixgen.networks import pair

    sampling = editing.sampling(candidates=candidates, temperature=temperature, top_k=top_k, guidance=guidance)
    with Bar("varying", count * steps, quiet) as bar:
        found = picture_files.vary(
            pair.load(model), path, count=count, strength=strength, seed=seed, steps=steps, size=size,
            sampling=sampling, callback=editing.steps_shown(bar),
        )  # fmt: skip
        files.check_writable(naming.fixed_folder(output, name))
        for i, made in enumerate(found):
            target = editing.target(output, name, made.about.seed)
            numbered = overwrite and "[seed]" not in (output or "")
            editing.save(made, naming.nth(target, i) if numbered else target, overwrite, as_json, quiet)
    return 0
