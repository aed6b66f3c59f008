"""`pixgen completion`: the words of pixgen, completed by the shell."""

from __future__ import annotations

import importlib
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from pixgen.cli.commands import COMMANDS, COMPLETE
from pixgen.cli.options import CONTEXT

SHELLS = ("bash", "zsh", "fish")

EPILOG = """\b
To have it in every new shell:
  bash:  echo 'eval "$(pixgen completion bash)"' >> ~/.bashrc
  zsh:   echo 'eval "$(pixgen completion zsh)"' >> ~/.zshrc
  fish:  pixgen completion fish > ~/.config/fish/completions/pixgen.fish
"""


@click.command(context_settings=CONTEXT, epilog=EPILOG)
@click.argument("shell", type=click.Choice(SHELLS))
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def completion(shell: str, debug: bool) -> int:
    """Print the lines that make SHELL complete commands, options, presets and plugins."""
    found = get_completion_class(shell)
    assert found is not None
    # What click checks on the way (the version of bash) runs bash; the text needs none.
    maker = found(_Everything(), {}, "pixgen", COMPLETE)
    click.echo(maker.source_template % maker.source_vars())
    return 0


def complete(instruction: str) -> int:
    """Answer the shell, which set `COMPLETE` to `instruction` (`bash_complete`) and the words in its own variables."""
    shell = instruction.partition("_")[0]
    found = get_completion_class(shell)
    if found is None or instruction != f"{shell}_complete":
        return 1
    click.echo(found(_Everything(), {}, "pixgen", COMPLETE).complete())
    return 0


class _Everything(click.Group):
    """The whole command line as click knows such: every command, and the options of drawing where there is none."""

    def __init__(self) -> None:
        draw = _command("draw")
        super().__init__("pixgen", params=[param for param in draw.params if isinstance(param, click.Option)])

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _command(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in COMMANDS:
            return args[0], _command(args[0]), args[1:]
        return "draw", _command("draw"), args  # a prompt

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        options = click.Command.shell_complete(self, ctx, incomplete)
        names = [name for name in sorted(COMMANDS) if name.startswith(incomplete)]
        return [*(CompletionItem(name, help=COMMANDS[name]) for name in names), *options]


def _command(name: str) -> click.Command:
    module: Any = importlib.import_module(f"pixgen.cli.{name}")
    command: click.Command = getattr(module, name)
    return command
