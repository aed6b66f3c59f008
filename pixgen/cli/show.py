"""`pixgen show`: how a picture was made, or the settings of a run and their sources."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixgen.cli import flags, options
from pixgen.cli.console import result, result_json, result_lines
from pixgen.errors import UsageError
from pixgen.io import paths, shell

if TYPE_CHECKING:
    from pixgen.io.yaml_files import Layer

EPILOG = """\b
Examples:
  pixgen show outputs/a-lighthouse.png
  pixgen show config
  pixgen show config -p draft steps=60 --json
  pixgen show config --model runs/pair --sources
"""


@click.command(epilog=EPILOG)
@click.argument("what", metavar="PICTURE|config")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--sources", is_flag=True, help="With config: print each value with the layer that set it.")
@options.run
@options.as_json
@options.debug
def show(
    what: str,
    settings: tuple[str, ...],
    sources: bool,
    seed: int | None,
    size: str | None,
    steps: int | None,
    presets: tuple[str, ...],
    model: str | None,
    config_file: str | None,
    device: str | None,
    plugins: tuple[str, ...],
    init_image: str | None,
    method: str | None,
    candidates: int | None,
    temperature: float | None,
    top_k: int | None,
    guidance: float | None,
    as_json: bool,
) -> int:
    """Show a picture's prompt, settings and files; or, with `config`, the settings that a run would use.

    Layers, later ones winning: default, generator, model, pair, pair's start, your file, preset, YAML, flag.
    A file named config is meant by ./config.
    """
    given = flags.settings(seed, size, steps, device, init_image, model)
    sampling = {"candidates": candidates, "temperature": temperature, "top_k": top_k, "guidance": guidance}
    given |= flags.method(given, method, **sampling)
    if what == "config":
        layers = flags.gather(None, settings, given, presets, config_file, plugins)
        _sources(layers, as_json) if sources else _config(layers, as_json)
        return 0
    if settings or given or presets or config_file or sources:
        again = shell.command("again", [what])
        raise UsageError(f"{what} is shown as it was drawn; settings belong to `pixgen show config` or `{again}`")
    _picture(paths.written(what), as_json)
    return 0


def _config(layers: Sequence[Layer], as_json: bool) -> None:
    from pixgen.settings import config

    values = config.to_dict(config.resolve(layers))
    result_json(values) if as_json else result_lines(_yaml(values))


def _sources(layers: Sequence[Layer], as_json: bool) -> None:
    from pixgen.settings import sources

    found = sources.sources(layers)
    if as_json:
        for each in found:
            result_json(dataclasses.asdict(each))
        return
    rows = [(f"{each.key}: {json.dumps(each.value, ensure_ascii=False)}", each) for each in found]
    width = max(len(text) for text, _ in rows)
    for text, each in rows:
        result(f"{text:<{width}}  {each.layer:<12}  {each.place}".rstrip())


def _picture(path: Path, as_json: bool) -> None:
    from pixgen.io import files, metadata
    from pixgen.settings import replay

    about = metadata.read(path)
    states = replay.states(about, path.parent)
    sha256 = files.sha256(path)
    if as_json:
        result_json({"path": str(path), "sha256": sha256, **json.loads(about.to_json()), "input_states": states})
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
        lines["made by"] = replay.command_of(about) or f"{about.command!r}, which pixgen did not write; do not run it"
    for name, value in lines.items():
        result(f"{name + ':':<10}{value}")
    for file in about.inputs:
        result(f"{'file:':<10}{file.path}, sha256 {file.sha256[:16]}..., {states[file.path]}")
    result("settings:")
    result_lines(_yaml(about.config))


def _yaml(values: Mapping[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(_plain(values), sort_keys=False, allow_unicode=True, width=120)
    return text


def _plain(value: Any) -> Any:
    """The same with every tuple a list, which is all that plain YAML knows."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
