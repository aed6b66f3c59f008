"""`pixgen again`: draws a picture again from its metadata."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pixgen.cli import desktop, options
from pixgen.cli.console import say
from pixgen.cli.progress import Bar, can_preview
from pixgen.cli.saving import Sink, draw_to
from pixgen.errors import UsageError
from pixgen.io import files, naming, paths

if TYPE_CHECKING:
    from pixgen.io.metadata import Metadata
    from pixgen.settings.config import RenderConfig

EPILOG = """\b
Examples:
  pixgen again outputs/a-lighthouse.png
  pixgen again outputs/a-lighthouse.png steps=400 -o better.png
  pixgen again outputs/*.png seed=3 -o other/
"""


@click.command(epilog=EPILOG)
@click.argument("arguments", nargs=-1, required=True, metavar="PICTURE... [KEY=VALUE]...")
@options.output
@click.option("--finish", is_flag=True, help="Draw an interrupted picture to its planned last step.")
@options.plugins
@options.watching
@options.allow_large
@options.results
def again(
    arguments: tuple[str, ...],
    output: str | None,
    finish: bool,
    plugins: tuple[str, ...],
    preview: bool,
    open_it: bool,
    allow_large: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Draw each PICTURE again from its metadata; KEY=VALUE changes a setting.

    Without changes, a CPU gives the same bytes on the same machine; an SVG becomes an SVG. The files that the
    picture was drawn with must be unchanged, at their old place or next to the picture.
    """
    preview = can_preview(preview, quiet)
    changes = [word for word in arguments if re.match(r"[a-z_]+(\.[\w-]+)*=", word) and not _is_file(word)]
    pictures = [paths.written(word) for word in arguments if word not in changes]
    if not pictures:
        raise UsageError("which picture? As in: pixgen again outputs/a-lighthouse.png")
    from pixgen import registry

    found = [(path, _about(path)) for path in pictures]
    for file in plugins:
        registry.load_file(file)
    # All are checked before the first is drawn.
    configs = [_config(path, about, changes, allow_large) for path, about in found]

    from pixgen.loop import vector
    from pixgen.loop.drawing import Drawing

    suffixes = [_suffix(path) for path in pictures]
    for path, (_, about), config, suffix in zip(pictures, found, configs, suffixes, strict=True):
        name = naming.output_path(output, about.prompt, fields={}, vector=True, suffix=suffix)
        if name.suffix.lower() == naming.VECTOR_SUFFIX:
            vector.require(config, f"{path} as {naming.VECTOR_SUFFIX}")
    files.check_writable(naming.fixed_folder(output, found[0][1].prompt))
    saved: list[Path] = []
    for index, ((path, about), config, suffix) in enumerate(zip(found, configs, suffixes, strict=True)):
        _warn(path, about, config)
        drawing = Drawing([config])
        interrupted = about.steps_done < about.steps_planned == drawing.steps and not finish
        sink = Sink(drawing, output, index, overwrite, as_json, quiet, suffix=suffix)
        if not any(word.startswith("prompt=") for word in changes):
            sink.template = about.template
        title = f"{index + 1}/{len(found)}" if len(found) > 1 else "again"
        until = about.steps_done if interrupted else None
        if until is not None:
            say(f"{path} was stopped after {until} of {about.steps_planned} steps, as this will be; --finish draws all")
        if code := draw_to(sink, Bar(title, until or drawing.steps, quiet, preview), until):
            return code
        saved += sink.saved
    if open_it:
        desktop.open_first(saved)
    return 0


def _about(path: Path) -> Metadata:
    """What a picture says of how it was made; of one that Pixray saved, pixgen's settings for it."""
    from pixgen.compat import pixray_pictures
    from pixgen.io import metadata

    try:
        return metadata.read(path)
    except UsageError:
        if not path.is_file() or (imported := pixray_pictures.imported(path)) is None:
            raise
    say(f"{path} was drawn by Pixray; `pixgen import-pixray` says what differs")
    return pixray_pictures.metadata_of(imported)


def _is_file(word: str) -> bool:
    path = paths.existing(word)
    return path is not None and path.is_file()


def _suffix(path: Path) -> str:
    """Of the picture that is drawn again, where no file name says otherwise."""
    from pixgen.io import svg_files

    return naming.VECTOR_SUFFIX if svg_files.is_svg(path) else ".png"


def _config(path: Path, about: Metadata, changes: Sequence[str], allow_large: bool) -> RenderConfig:
    from pixgen.io.resources import version
    from pixgen.settings import config, memory, replay
    from pixgen.settings.layers import parse_assignments

    try:
        stored = replay.config_of(about, path.parent, str(path))
    except UsageError as error:
        if about.version == version():
            raise
        raise UsageError(f"{error} (drawn by pixgen {about.version}, this is {version()})") from error
    if changes:
        stored = config.resolve(parse_assignments(changes), base=stored)
    resolved = config.resolve_auto(stored)
    try:
        memory.require(resolved, allow_large=allow_large)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    return resolved


def _warn(path: Path, about: Metadata, config: RenderConfig) -> None:
    """Say why the pixels may come out otherwise: another pixgen, another machine, drawn in a group, on a GPU."""
    from pixgen.backend import hardware
    from pixgen.io.resources import version

    if about.version != version():
        say(f"{path} was drawn by pixgen {about.version}, this is {version()}: the picture may differ")
    here = hardware.machine(config.device)
    if about.machine and about.machine != here:
        say(f"{path} was drawn on another machine ({about.machine}; this is {here}): pixels may differ")
    elif config.device != "cpu":
        say(f"{config.device} is not deterministic: the picture will be similar, not identical")
    elif config.batch != 1:
        say(
            f"{path} may have been drawn in a group of up to {config.batch}: the picture will be similar, not identical"
        )
