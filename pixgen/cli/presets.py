"""`pixgen presets`: the presets and what they set."""

from __future__ import annotations

import click

from pixgen.cli import options
from pixgen.cli.console import result, result_json, result_lines

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
            result_json(record) if as_json else result(f"{each:<{width}}  {about}")
        return 0
    values = layers.load_preset(name).values
    if as_json:
        result_json({"name": name, "description": known[name], "settings": values})
        return 0
    import yaml

    result(f"# {known[name]}")
    result_lines(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))
    return 0
