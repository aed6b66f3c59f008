"""`pixgen presets`: the presets and what they set."""

from __future__ import annotations

import json

import click

from pixgen.cli import options

EPILOG = """\b
Examples:
  pixgen presets
  pixgen presets watercolor
  pixgen "a lighthouse" -p watercolor -p fine
"""


@click.command(epilog=EPILOG)
@click.argument("name", required=False, shell_complete=options.preset_names)
@options.as_json
@options.debug
def presets(name: str | None, as_json: bool) -> int:
    """List the presets, or show what the preset NAME sets.

    Presets combine, as in `-p ink -p draft`; where two set the same, the later wins.
    """
    from pixgen.settings import layers

    known = layers.presets()
    if name is None:
        width = max(map(len, known), default=0)
        for each, about in known.items():
            record = {"name": each, "description": about, "settings": layers.load_preset(each).values}
            click.echo(json.dumps(record) if as_json else f"{each:<{width}}  {about}")
        return 0
    values = layers.load_preset(name).values
    if as_json:
        click.echo(json.dumps({"name": name, "description": known[name], "settings": values}))
        return 0
    import yaml

    click.echo(f"# {known[name]}\n{yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)}", nl=False)
    return 0
