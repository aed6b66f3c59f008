"""`pixgen describe`: pictures as prompts that draw them again."""

from __future__ import annotations

import click

from pixgen.cli import looking, options
from pixgen.cli.console import result
from pixgen.cli.portuguese import is_portuguese

EPILOG = """\b
Examples:
  pixgen describe drawing.png
  pixgen describe drawing.png --language pt
  pixgen "$(pixgen describe drawing.png --quiet)"
"""


@click.command(epilog=EPILOG)
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@options.language
@options.clip
@options.findings
def describe(images: tuple[str, ...], language: str | None, clip: str | None, as_json: bool, quiet: bool) -> int:
    """Describe each IMAGE: subject, colour, style and place, as a prompt that draws it again.

    With --quiet only the prompts are printed, one a line.
    """
    files = looking.pictures(images)
    from pixgen.models import zoo
    from pixgen.recognition import clip_models
    from pixgen.recognition import describe as words

    model = clip_models.load(clip or zoo.EMBEDDED)
    portuguese = is_portuguese() if language is None else language == "pt"
    records = []
    with looking.Count("looking", len(files), quiet) as count:
        for done, file in enumerate(files, 1):
            found = words.describe(model, clip_models.opened(file), portuguese=portuguese)
            records.append((file, found))
            count.show(done)
    if as_json:
        looking.print_list(
            [
                {"file": str(file), "prompt": one.prompt, "score": one.score, "nearest": dict(one.nearest)}
                for file, one in records
            ]
        )
        return 0
    for file, one in records:
        if quiet:
            result(one.prompt)
            continue
        result(file)
        result(f"  {one.prompt}  ({one.score:.3f})")
        for kind, values in one.nearest.items():
            result(f"    {kind:<8} " + ", ".join(f"{word} {score:.3f}" for word, score in values))
    return 0
