"""The command line of `pixgen` as one click group: the commands of the table, and drawing for everything else."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from pixgen.cli import typos
from pixgen.cli.commands import COMMANDS
from pixgen.cli.options import CONTEXT, MARKED


class CommandLine(click.Group):
    """Imports a command when it is called for. A first word that names no command is a prompt, and is drawn."""

    def __init__(self) -> None:
        super().__init__("pixgen", context_settings=CONTEXT)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load(cmd_name) if cmd_name in COMMANDS else None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The group's context for a command or its own help, else the context of drawing.

        Raises UsageError where the first word looks like a mistyped command.
        """
        if not args or args[0] in COMMANDS or args[0] in CONTEXT["help_option_names"]:
            return super().make_context(info_name, args, parent, **extra)
        if not extra.get("resilient_parsing"):  # a shell that asks for completions wants no questions
            typos.require_prompt(args, COMMANDS)
        marked = "--" in args
        if _marks_a_word(args):
            del args[0]
        context = load("draw").make_context(info_name, args, parent, **{**CONTEXT, **extra})
        context.meta[MARKED] = marked
        return context

    def invoke(self, ctx: click.Context) -> Any:
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)]
        return names + load("draw").shell_complete(ctx, incomplete)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help of drawing, and the commands."""
        draw = load("draw")
        draw.format_usage(ctx, formatter)
        draw.format_help_text(ctx, formatter)
        draw.format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        draw.format_epilog(ctx, formatter)


def options_of(arguments: Sequence[str]) -> Sequence[str]:
    """The words among which the options are: up to a `--` that ends them."""
    found = arguments[1:] if _marks_a_word(arguments) else arguments
    return found[: found.index("--")] if "--" in found else found


def _marks_a_word(arguments: Sequence[str]) -> bool:
    """Whether a `--` at the beginning marks the next word as the prompt, and does not end the options."""
    return len(arguments) > 1 and arguments[0] == "--" and not arguments[1].startswith("-")


def load(name: str) -> click.Command:
    """The command `name` of `pixgen/cli/name.py`; a hyphen is an underscore there."""
    module = name.replace("-", "_")
    command: click.Command = getattr(importlib.import_module(f"pixgen.cli.{module}"), module)
    return command
