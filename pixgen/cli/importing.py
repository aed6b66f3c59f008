"""What the importers of other programs' settings share: the file they write and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pixgen.cli.console import result, result_json, say
from pixgen.io import files, naming, paths

if TYPE_CHECKING:
    from pixgen.compat.imported import Imported


settings_file = click.option(
    "-o", "--output", metavar="FILE", show_default="NAME-pixgen.yaml", help="Settings file to write."
)
real_models = click.option(
    "--real-models", is_flag=True, help="Use the CLIPs and the VQGAN that are named, which must be pulled."
)


class TakesCommandLine(click.Command):
    """A command one of whose arguments is a whole command line, which may begin with a hyphen."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        lines = [word for word in args if word.startswith("-") and len(word.split()) > 1]
        if lines and "--" not in args:
            args = [*(word for word in args if word not in lines), "--", *lines]
        return super().parse_args(ctx, args)


def finish(imported: Imported, name: str, source: str, output: str | None, as_json: bool) -> int:
    """Write the settings file, name what is lost or near, and print the file's path and the line that draws."""
    from pixgen.io.yaml_files import Layer
    from pixgen.settings import config
    from pixgen.settings.layers import gather

    target = paths.written(output or f"{naming.slug(name)}-pixgen.yaml")
    naming.require_name(target)
    config.resolve(
        gather([], None, [Layer(imported.settings, "the imported settings")])
    )  # what is written can be drawn
    path = files.write(target, imported.to_yaml(source).encode())
    for setting, why in imported.lost.items():
        say(f"lost: {setting}: {why}")
    for setting, why in imported.near.items():
        say(f"near: {setting}: {why}")
    command = imported.command(str(path))
    if as_json:
        record = {"path": str(path), "prompt": imported.prompt, "settings": imported.settings, "command": command}
        result_json({**record, "output": imported.output, "lost": imported.lost, "near": imported.near})
        return 0
    result(path)
    say(f"draw it with: {command}")
    return 0
