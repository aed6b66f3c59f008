"""`pixgen import-vqgan-clip`: a command line of VQGAN-CLIP as a settings file of pixgen's."""

from __future__ import annotations

import click

from pixgen.cli import importing, options

EPILOG = """\b
Examples:
  pixgen import-vqgan-clip "-p 'a castle in the sky' -s 320 240 -i 300"
  pixgen import-vqgan-clip "python generate.py -p 'a fox | snow:0.5' -ii photo.png" -o fox.yaml
"""


@click.command("import-vqgan-clip", cls=importing.TakesCommandLine, epilog=EPILOG)
@click.argument("line")
@importing.settings_file
@importing.real_models
@options.as_json
@options.debug
def import_vqgan_clip(line: str, output: str | None, real_models: bool, as_json: bool) -> int:
    """Turn a command LINE of VQGAN-CLIP, in quotes, into a settings file, and say what is lost or only near."""
    from pixgen.compat import vqgan_clip

    imported = vqgan_clip.convert(vqgan_clip.read(line), real_models)
    return importing.finish(imported, "vqgan-clip", "a command line", output, as_json)
