"""`pixgen rank`: pictures by how well they match a text."""

from __future__ import annotations

import click

from pixgen.cli import looking, options

EPILOG = """\b
Examples:
  pixgen rank "a red fox" fox-1.png fox-2.png fox-3.png
  pixgen rank "uma raposa vermelha" outputs/ --json
"""


@click.command(epilog=EPILOG)
@click.argument("text", metavar="PROMPT")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@options.clips
@options.findings
def rank(text: str, images: tuple[str, ...], clips: tuple[str, ...], as_json: bool, quiet: bool) -> int:
    """Order each IMAGE by how well it matches PROMPT, the best first. A folder stands for all pictures in it.

    The score is the cosine of the embeddings, at most 1; that of several CLIPs is their mean.
    """
    files = looking.pictures(images)
    from pixgen.recognition import clip_models
    from pixgen.recognition import search as finding

    with looking.Count("looking", len(files) * max(1, len(set(clips))), quiet) as count:
        matches = finding.rank(clip_models.load_all(clips), text, files, progress=count.show)
    looking.print_matches(matches, as_json)
    return 0
