"""`pixgen edit`: a picture changed by a text."""

from __future__ import annotations

import click

from pixgen.cli import desktop, editing, options, saving
from pixgen.cli.progress import Bar, can_preview
from pixgen.errors import UsageError
from pixgen.io import image_files

EPILOG = """\b
Examples:
  pixgen edit apple.png "a green apple" --from "a red apple"
  pixgen edit apple.png "a green apple" --from "a red apple" --strength 0.8 -o green.png
  pixgen edit photo.png "a red balloon" --mask mask.png
"""


@click.command(epilog=EPILOG)
@click.argument("picture", metavar="PICTURE")
@click.argument("text", metavar="TEXT")
@click.option("--from", "before", metavar="TEXT", help="Caption of the picture as it is; required without --mask.")
@click.option("--mask", metavar="FILE", help="Mask picture: white may change, black stays bit for bit.")
@options.output
@click.option(
    "--strength",
    metavar="X",
    type=options.Number(),
    show_default="0.5, or 1 with --mask",
    help="Strength of the edit, 0 to 1.",
)
@options.steps(default=40, least=0)
@options.square(default=256)
@editing.first_frame
@options.sampling(candidates=4, guidance=3, most=64)
@options.seed
@options.model
@options.watching
@options.allow_large
@options.results
def edit(
    picture: str,
    text: str,
    before: str | None,
    mask: str | None,
    output: str | None,
    strength: float | None,
    steps: int,
    size: int,
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
    """Edit PICTURE from the caption --from to the caption TEXT.

    The centre square of PICTURE changes where the two captions differ. With --mask the picture is inpainted: it keeps
    its size, and every pixel outside the mask stays as it is, bit for bit.
    """
    preview = can_preview(preview, quiet)
    path, hole = editing.picture(picture), None if mask is None else editing.picture(mask)
    if before is None and hole is None:
        raise UsageError('say what the picture shows now with --from "a red apple", or where it may change with --mask')
    target = editing.target(output, text)
    if hole is not None and target.suffix.lower() in (".jpg", ".jpeg"):
        raise UsageError(f"{target.name}: a JPEG changes every pixel, outside the mask too; save as .png or .webp")
    from pixgen.editing import picture_files

    sampling = editing.sampling(candidates=candidates, temperature=temperature, top_k=top_k, guidance=guidance)
    loaded = editing.load_pair(model)
    saving.require_saveable([(target, image_files.size_of(path) if hole is not None else (size, size))])
    bar = Bar("editing", steps, quiet, preview)
    with editing.drawn(bar) as (callback, request):
        made = picture_files.edit(
            loaded, path, text, before, strength=strength, mask=hole, seed=seed, steps=steps, size=size,
            first_frame=first_frame, allow_large=allow_large, sampling=sampling, callback=callback,
        )  # fmt: skip
        bar.show_picture(made.image)
    path = editing.save(made, target, overwrite, as_json, quiet)
    if open_it and not request:
        desktop.open_first([path])
    return request.exit_code
