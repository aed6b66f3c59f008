"""`pixgen import-pixray`: settings of Pixray as a settings file of pixgen's."""

from __future__ import annotations

from pathlib import Path

import click

from pixgen.cli import importing, options
from pixgen.io import paths

EPILOG = """\b
Examples:
  pixgen import-pixray settings.yaml
  pixgen import-pixray old.png -o castle.yaml
  pixgen import-pixray "--drawer pixel --prompts 'a castle at night' --quality better"
"""


@click.command("import-pixray", cls=importing.TakesCommandLine, epilog=EPILOG)
@click.argument("source")
@importing.settings_file
@importing.real_models
@options.as_json
@options.debug
def import_pixray(source: str, output: str | None, real_models: bool, as_json: bool) -> int:
    """Turn settings of Pixray or clipit into a settings file of pixgen's, and say what is lost or only near.

    SOURCE is a settings file, a picture that Pixray saved, or a command line in quotes. Nothing is drawn.
    """
    from pixgen.compat import pixray_import, pixray_reading, pixray_run

    path = paths.existing(source)
    if path is None and not _is_command(source):
        path = paths.written(source)  # a name with a slip in it is refused as a file
    if path is None:
        given, folder, name = pixray_reading.read_command(source), Path(), "pixray"
    else:
        given, folder, name = pixray_reading.read_file(path), path.parent, path.stem
    run = pixray_run.work_out(given, folder)
    return importing.finish(
        pixray_import.convert(run, folder, real_models), name, str(path or "a command line"), output, as_json
    )


def _is_command(text: str) -> bool:
    return any(word.startswith("-") for word in text.split())
