"""`pixgen explain`: how a picture came, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pixgen.cli import desktop, editing, looking, options
from pixgen.cli.console import result, result_json, say
from pixgen.cli.portuguese import is_portuguese
from pixgen.cli.progress import Bar
from pixgen.errors import UsageError
from pixgen.io import naming, paths

if TYPE_CHECKING:
    from pixgen.explanation.explain import Subject
    from pixgen.io.metadata import Metadata
    from pixgen.settings.config import RenderConfig

EPILOG = """\b
Examples:
  pixgen explain outputs/a-lighthouse.png --open
  pixgen explain photo.jpg --prompt "a dog on a beach"
  pixgen explain outputs/a-lighthouse.png --language pt -o lesson/
"""

NAMES = 200
"""Bytes of a picture's name that its folder is called by."""


@click.command(epilog=EPILOG)
@click.argument("picture", metavar="PICTURE")
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    type=options.CheckedPath(),
    show_default="outputs/NAME-explained",
    help="Folder of the page and its pictures.",
)
@click.option("--prompt", metavar="TEXT", help="Words to look for, instead of the picture's own.")
@options.language
@options.clip
@options.plugins
@click.option("--open", "open_it", is_flag=True, help="Open the page at the end, where a desktop is.")
@options.allow_large
@options.results
def explain(
    picture: str,
    output: str | None,
    prompt: str | None,
    language: str | None,
    clip: str | None,
    plugins: tuple[str, ...],
    open_it: bool,
    allow_large: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Explain how PICTURE came: a page with its steps, losses, cutouts and codes, and what CLIP sees where.

    A picture of pixgen's is drawn again from its metadata. Of any other the page shows what the networks see in it:
    the words of --prompt, or those by which `pixgen describe` describes it.
    """
    path = editing.picture(picture)
    if prompt is not None and not prompt.strip():
        raise UsageError('--prompt is empty; give words to look for, as in --prompt "a red fox"')
    wanted = _folder(path, output)
    from pixgen.explanation import explain as explaining
    from pixgen.explanation import folder as folders
    from pixgen.models import zoo
    from pixgen.recognition import clip_models

    place = folders.place(wanted, overwrite)
    model = clip_models.load(clip or zoo.EMBEDDED)
    subject = _subject(path, prompt, plugins, allow_large, quiet)
    model.warn_of_unknown_words([subject.prompt])
    portuguese = is_portuguese() if language is None else language == "pt"
    with looking.Count("explaining", 4, quiet) as count:
        parts: list[str] = []

        def shown(part: str) -> None:
            parts.append(part)
            count.show(len(parts))

        found = explaining.explain(subject, model, "pt" if portuguese else "en", shown)
    page = folders.write(found, place)
    if as_json:
        result_json({"path": str(page), "prompt": subject.prompt, "drawn_again": subject.made is not None})
    else:
        result(page)
    if open_it:
        desktop.open_first([page])
    return 0


def _folder(path: Path, output: str | None) -> Path:
    """Where the page goes. Raises UsageError for the name of a file."""
    if output is None:
        return Path("outputs") / f"{naming.slug(path.stem, NAMES)}-explained"
    folder = paths.written(output)
    if folder.suffix.lower() in (".html", ".htm", *naming.PICTURE_SUFFIXES):
        raise UsageError(f"an explanation is a folder with a page and pictures; {output!r} (-o) looks like a file")
    return folder


def _subject(path: Path, prompt: str | None, plugins: tuple[str, ...], allow_large: bool, quiet: bool) -> Subject:
    """The picture, drawn again where its metadata tell how."""
    from pixgen import registry
    from pixgen.explanation import explain as explaining
    from pixgen.explanation import recording
    from pixgen.io import metadata
    from pixgen.prompts import grammar

    image = explaining.read(path)
    about = metadata.find(path)
    if about is None:
        return explaining.Subject(path.name, image, prompt or "")
    for file in plugins:
        registry.load_file(file)
    said, why = prompt or "", ""
    config: RenderConfig | None = None
    try:
        config = _config(path, about, allow_large)
        wanted = [one.text for one in grammar.parse(about.prompt, about.seed) if one.kind == "text" and one.weight > 0]
        said = said or " ".join(wanted)
    except UsageError as error:
        why = str(error)
    if config is None:
        say(f"{path} is not drawn again: {why}")
        return explaining.Subject(path.name, image, said, why=why)
    steps = about.steps_done if 0 < about.steps_done < about.steps_planned else None
    with Bar("again", steps or about.steps_planned, quiet) as bar:
        made = recording.record(config, steps, shown=lambda done, step: bar.show(done, float(step.total.mean())))
    return explaining.Subject(path.name, image, said, about, made)


def _config(path: Path, about: Metadata, allow_large: bool) -> RenderConfig:
    """The settings of a picture, resolved. Raises UsageError where it cannot be drawn again."""
    from pixgen.settings import config, memory, replay

    resolved = config.resolve_auto(replay.config_of(about, path.parent, str(path)))
    memory.require(resolved, allow_large=allow_large)
    return resolved
