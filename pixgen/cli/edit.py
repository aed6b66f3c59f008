"""`pixgen edit`: a picture changed by words."""

from __future__ import annotations

import click

from pixgen.cli import editing
from pixgen.cli import options as words
from pixgen.cli.progress import Bar
from pixgen.errors import UsageError
from pixgen.io import files

EPILOG = """\b
Examples:
  pixgen edit apple.png "a green apple" --from "a red apple"
  pixgen edit apple.png "a green apple" --from "a red apple" --strength 0.8 -o green.png
  pixgen edit photo.png "a red balloon" --mask mask.png
"""


@click.command(context_settings=words.CONTEXT, epilog=EPILOG)
@click.argument("picture", metavar="PICTURE")
@click.argument("text", metavar="TEXT")
@click.option("--from", "before", metavar="TEXT", help="What the picture shows now; needed without --mask.")
@click.option("--mask", metavar="FILE", help="A picture: white may change, black stays to the bit.")
@click.option("-o", "--output", metavar="PATH", help="A file (.png, .jpg, .webp) or a folder.")
@click.option("--strength", metavar="X", type=float, help="How much changes, 0 to 1.  [default: 0.5; with --mask 1]")
@click.option("--steps", metavar="N", type=click.IntRange(0), default=40, help="Of the loop.  [default: 40]")
@click.option("--size", metavar="N", type=int, default=256, help="Of the side that is worked on.  [default: 256]")
@editing.sampling_options
@editing.common_options
def edit(
    picture: str,
    text: str,
    before: str | None,
    mask: str | None,
    output: str | None,
    strength: float | None,
    steps: int,
    size: int,
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
    """Change PICTURE from what --from says to what TEXT says.

    The picture's middle square is changed where the difference of the two texts looks. With --mask the picture keeps
    its size, and every pixel outside the mask stays as it is, to the bit.
    """
    path, hole = editing.picture(picture), None if mask is None else editing.picture(mask)
    if before is None and hole is None:
        raise UsageError('say what the picture shows now: --from "a red apple" (or where it may change: --mask)')
    target = editing.target(output, text)
    if hole is not None and target.suffix.lower() in (".jpg", ".jpeg"):
        raise UsageError(f"{target.name}: a JPEG changes every pixel, outside the mask too; save as .png or .webp")
    from pixgen.editing import picture_files
    from pixgen.networks import pair

    sampling = editing.sampling(candidates=candidates, temperature=temperature, top_k=top_k, guidance=guidance)
    loaded = pair.load(model)
    files.check_writable(target.parent)
    with Bar("editing", steps, quiet) as bar:
        made = picture_files.edit(
            loaded, path, text, before, strength=strength, mask=hole, seed=seed, steps=steps, size=size,
            sampling=sampling, callback=editing.steps_shown(bar),
        )  # fmt: skip
    editing.save(made, target, overwrite, as_json, quiet)
    return 0
