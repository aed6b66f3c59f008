"""`pixgen show`: how a picture was made, or what a run would use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pixgen.cli import flags, options
from pixgen.errors import UsageError

EPILOG = """\b
Examples:
  pixgen show outputs/a-lighthouse.png
  pixgen show config
  pixgen show config -p draft steps=60 --json
"""


@click.command(epilog=EPILOG)
@click.argument("what", metavar="PICTURE|config")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@options.presets
@options.config_file
@options.plugins
@options.as_json
@options.debug
def show(
    what: str,
    settings: tuple[str, ...],
    presets: tuple[str, ...],
    config_file: str | None,
    plugins: tuple[str, ...],
    as_json: bool,
) -> int:
    """Show a picture's prompt, settings and files, or with `config` the settings that a run would use.

    A file that is called config is meant by ./config.
    """
    if what == "config":
        from pixgen.settings import config

        values = config.to_dict(flags.resolve(None, settings, {}, presets, config_file, plugins))
        click.echo(json.dumps(values) if as_json else _yaml(values), nl=as_json)
        return 0
    if settings or presets or config_file:
        raise UsageError(f"{what} is shown as it is; settings belong to `pixgen show config` or `pixgen again {what}`")
    _picture(Path(what).expanduser(), as_json)
    return 0


def _picture(path: Path, as_json: bool) -> None:
    from pixgen.io import files, metadata
    from pixgen.settings import replay

    about = metadata.read(path)
    states = replay.states(about, path.parent)
    sha256 = files.sha256(path)
    if as_json:
        record = {"path": str(path), "sha256": sha256, **json.loads(about.to_json()), "input_states": states}
        click.echo(json.dumps(record))
        return
    height, width = about.size
    steps = f"{about.steps_done}"
    if about.steps_done < about.steps_planned:
        steps += f" of {about.steps_planned} planned"
    lines = {
        "picture": path,
        "sha256": sha256,
        "prompt": about.prompt,
        "seed": about.seed,
        "size": f"{width}x{height}",
        "steps": steps,
        "drawn by": f"pixgen {about.version}" + (f" on {about.machine}" if about.machine else ""),
    }
    if about.command:
        lines["made by"] = about.command
    for name, value in lines.items():
        click.echo(f"{name + ':':<10}{value}")
    for file in about.inputs:
        click.echo(f"{'file:':<10}{file.path}, sha256 {file.sha256[:16]}..., {states[file.path]}")
    click.echo(f"settings:\n{_yaml(about.config)}", nl=False)


def _yaml(values: Mapping[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(_plain(values), sort_keys=False, allow_unicode=True, width=120)
    return text


def _plain(value: Any) -> Any:
    """The same with every tuple a list, which is all that plain YAML knows."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
