"""`pixgen classify`: which of some labels fits each picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pixgen.cli import looking, options
from pixgen.cli.console import result, say
from pixgen.errors import UsageError

if TYPE_CHECKING:
    from pixgen.io.image_files import Source
    from pixgen.recognition.classify import Classified

EPILOG = """\b
Examples:
  pixgen classify drawing.png --labels "cat,dog,person"
  pixgen classify drawings/ --labels "gato,cachorro,pessoa" --matrix
  pixgen classify photo.jpg --labels-file labels.txt --clip ViT-B-32-openai --template "a photo of a {}"
"""


@click.command(epilog=EPILOG)
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("--labels", metavar="LIST", help="Labels with commas between them, in English or Portuguese.")
@click.option("--labels-file", metavar="FILE", type=options.CheckedPath(), help="File with a label on each line.")
@click.option(
    "--template",
    "templates",
    metavar="TEXT",
    multiple=True,
    help="Template of the label, `{}`; repeat to average several.",
)
@options.clips
@click.option("--matrix", is_flag=True, help="Print the cosine of every picture and label as well.")
@click.option(
    "--figure", metavar="FILE", type=options.CheckedPath(), help="Draw that matrix, with the pictures, into FILE."
)
@options.findings
def classify(
    images: tuple[str, ...],
    labels: str | None,
    labels_file: str | None,
    templates: tuple[str, ...],
    clips: tuple[str, ...],
    matrix: bool,
    figure: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Say which label fits each IMAGE, with probabilities. A folder stands for all pictures in it.

    Labels are put into the templates of their language, and the embeddings of these are averaged. The
    probabilities of several CLIPs are averaged.
    """
    files = looking.pictures(images)
    target = looking.output_file(figure, "--figure")
    from pixgen.recognition import classify as zero_shot
    from pixgen.recognition import clip_models
    from pixgen.recognition import labels as reading

    names = reading.read(labels, labels_file)
    reading.check_templates(templates)
    broken: list[Source] = []

    def skip(picture: Source, error: UsageError) -> None:
        if len(files) == 1:
            raise error
        broken.append(picture)
        say(str(error))

    with looking.Count("looking", len(files) * max(1, len(set(clips))), quiet) as count:
        found = zero_shot.classify(
            clip_models.load_all(clips), files, names, templates=templates, progress=count.show, broken=skip
        )
    for one in found:
        _say_unlike(one)
    if as_json:
        looking.print_list([zero_shot.record(one, matrix) for one in found])
    else:
        for number, one in enumerate(found):
            _print_table(one, first=number == 0)
        if matrix and found:
            _print_matrix(found)
    if target is not None and found:
        from pixgen.recognition.matrix import figure as drawn

        shown = {str(file) for file in broken}
        path = drawn(found, [file for file in files if str(file) not in shown]).save(target)
        if not quiet:
            say(f"the matrix is drawn in {path}")
    return 1 if broken else 0


def _print_table(one: Classified, first: bool) -> None:
    width = max(map(len, one.scores))
    if not first:
        result("")
    result(one.file)
    for label, share in sorted(one.scores.items(), key=lambda item: -item[1]):
        result(f"  {label:<{width}}  {share:7.2%}  {looking.bar(share)}".rstrip())


def _print_matrix(found: list[Classified]) -> None:
    labels = list(found[0].cosines)
    first = max(len(Path(one.file).name) for one in found)
    widths = [max(6, len(label)) for label in labels]
    result("")
    result("  ".join([" " * first, *(f"{label:>{w}}" for label, w in zip(labels, widths, strict=True))]))
    for one in found:
        cells = (f"{value:>{w}.3f}" for value, w in zip(one.cosines.values(), widths, strict=True))
        result("  ".join([f"{Path(one.file).name:<{first}}", *cells]))


def _say_unlike(one: Classified) -> None:
    from pixgen.recognition.unlike import INSTEAD

    for name, is_unlike in one.unlike.items():
        if is_unlike:
            say(
                f"{one.file} is unlike the drawings that {name} learnt from; do not trust the result. One that knows "
                f"photographs: `pixgen models pull {INSTEAD}`, then --clip {INSTEAD}"
            )
