"""`pixgen search`: the pictures of a folder that match a text or another picture."""

from __future__ import annotations

import click

from pixgen.cli import looking, options
from pixgen.cli.console import say
from pixgen.errors import UsageError

EPILOG = """\b
Examples:
  pixgen search drawings/ "a dog on a beach"
  pixgen search drawings/ "um cachorro na praia" -k 20 --sheet found.png
  pixgen search drawings/ --by-image dog.png --json
"""


@click.command(epilog=EPILOG)
@click.argument("folder", metavar="FOLDER")
@click.argument("text", metavar="[TEXT]", required=False)
@click.option(
    "--by-image", metavar="FILE", type=options.CheckedPath(), help="Find what looks like this picture instead."
)
@click.option(
    "-k",
    "--top",
    "top",
    metavar="N",
    type=options.WholeRange(1),
    default=10,
    show_default=True,
    help="Pictures to find.",
)
@options.clip
@click.option("--sheet", metavar="FILE", type=options.CheckedPath(), help="Save the pictures found as a contact sheet.")
@options.findings
def search(
    folder: str,
    text: str | None,
    by_image: str | None,
    top: int,
    clip: str | None,
    sheet: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Find the pictures in FOLDER, and the folders in it, that match TEXT best, the best first.

    The first search looks at every picture and keeps an index in pixgen's cache; later ones look at what
    is new or changed. The score is the cosine of the embeddings, at most 1.
    """
    if (text is None) == (by_image is None):
        raise UsageError('say what to look for: a text, as in "a dog on a beach", or --by-image FILE; not both')
    if by_image is not None:
        looking.pictures([by_image])
    target = looking.output_file(sheet, "--sheet")
    from pixgen.models import zoo
    from pixgen.recognition import clip_models
    from pixgen.recognition import search as finding

    with looking.Count("indexing", None, quiet) as count:
        found = finding.search(
            clip_models.load(clip or zoo.EMBEDDED), folder, text, by_image=by_image, count=top, progress=count.show
        )
    looking.say_broken(found.broken)
    looking.print_matches(found.matches, as_json)
    if target is not None:
        path = finding.sheet(found.matches).save(target)
        if not quiet:
            say(f"the {len(found.matches)} pictures found are in {path}")
    return 0
