"""`pixgen morph`: a video from one picture to another."""

from __future__ import annotations

import click

from pixgen.cli import desktop, editing, options, saving
from pixgen.cli.progress import Bar, can_preview

EPILOG = """\b
Examples:
  pixgen morph cat.png dog.png
  pixgen morph cat.png dog.png -n 48 --steps 0 -o cat-dog.mp4
"""


@click.command(epilog=EPILOG)
@click.argument("first", metavar="A")
@click.argument("last", metavar="B")
@click.option(
    "-n",
    "--frames",
    metavar="N",
    type=options.WholeRange(2, 2000),
    default=16,
    show_default=True,
    help="Number of frames, A and B included.",
)
@options.output
@options.steps(default=8, least=0)
@editing.first_frame
@options.seed
@options.model
@options.watching
@options.allow_large
@options.results
def morph(
    first: str,
    last: str,
    frames: int,
    output: str | None,
    steps: int,
    first_frame: bool,
    seed: int | None,
    model: str | None,
    preview: bool,
    open_it: bool,
    allow_large: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Morph picture A into picture B: a video of all frames, and a strip of some of them.

    Frames interpolate spherically between the codes of A and B. --steps optimises each frame towards the spherical
    interpolation of their CLIP embeddings. The output may also be named by its video, as NAME.mp4.
    """
    preview = can_preview(preview, quiet)
    ends = [editing.picture(word) for word in (first, last)]
    if output is not None and output.lower().endswith(".mp4"):
        output = output[:-4] + ".png"
    target = editing.target(output, f"{ends[0].stem} to {ends[1].stem}")
    from pixgen.editing import picture_files
    from pixgen.networks.pair import PAIR_SIDE

    loaded = editing.load_pair(model)
    saving.require_saveable([(target, (PAIR_SIDE, PAIR_SIDE * min(frames, picture_files.STRIP)))])
    bar = Bar("morphing", (frames - 2) * steps, quiet, preview)
    with editing.drawn(bar) as (callback, request):
        made = picture_files.morph(
            loaded, ends[0], ends[1], frames=frames, seed=seed, steps=steps, first_frame=first_frame,
            allow_large=allow_large, callback=callback,
        )  # fmt: skip
        bar.show_picture(made.strip.image)
    path = editing.save(made.strip, target, overwrite, as_json, quiet, video=lambda: made.video)
    if open_it and not request:
        desktop.open_first([path])
    return request.exit_code
