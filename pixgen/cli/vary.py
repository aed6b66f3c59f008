"""`pixgen vary`: variations of a picture."""

from __future__ import annotations

from pathlib import Path

import click

from pixgen.cli import desktop, editing, options, saving
from pixgen.cli.progress import Bar, can_preview
from pixgen.io import naming

EPILOG = """\b
Examples:
  pixgen vary photo.png
  pixgen vary outputs/a-red-fox.png -n 3 --strength 0.9 --seed 7
  pixgen vary fox.png --steps 30 -o foxes/
"""


@click.command(epilog=EPILOG)
@click.argument("picture", metavar="PICTURE")
@options.count(default=6)
@options.output
@click.option(
    "--strength",
    metavar="X",
    type=options.Number(),
    default=0.75,
    show_default=True,
    help="Share of codes to resample, 0 to 1.",
)
@options.steps(default=0, least=0)
@options.square(default=None)
@editing.first_frame
@options.sampling(candidates=4, guidance=3, most=64)
@options.seed
@options.model
@options.watching
@options.allow_large
@options.results
def vary(
    picture: str,
    count: int,
    output: str | None,
    strength: float,
    steps: int,
    size: int | None,
    first_frame: bool,
    candidates: int | None,
    temperature: float | None,
    top_k: int | None,
    guidance: float | None,
    seed: int | None,
    model: str | None,
    preview: bool,
    open_it: bool,
    allow_large: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Draw variations of PICTURE with the same content and style.

    The centre square of PICTURE is encoded; --strength is the share of its codes that is sampled again, and at 1
    nothing is kept. Without --steps the variations are 128x128.
    """
    preview = can_preview(preview, quiet)
    path = editing.picture(picture)
    name = f"{path.stem} variation"
    editing.target(output, name)  # a wrong name should not wait for torch
    from pixgen.editing import picture_files

    sampling = editing.sampling(candidates=candidates, temperature=temperature, top_k=top_k, guidance=guidance)
    saving.require_saveable([(editing.target(output, name, seed), picture_files.size_of(size, steps))] * count)
    bar = Bar("varying", count * steps, quiet, preview)
    saved: list[Path] = []
    with editing.drawn(bar) as (callback, request):
        found = picture_files.vary(
            editing.load_pair(model), path, count=count, strength=strength, seed=seed, steps=steps, size=size,
            first_frame=first_frame, allow_large=allow_large, sampling=sampling, callback=callback,
        )  # fmt: skip
        for i, made in enumerate(found):
            target = editing.target(output, name, made.about.seed)
            numbered = overwrite and "[seed]" not in (output or "")
            bar.show_picture(made.image)
            place = naming.nth(target, i) if numbered else target
            saved.append(editing.save(made, place, overwrite, as_json, quiet))
            if request:
                break
    if open_it and not request:
        desktop.open_first(saved)
    return request.exit_code
