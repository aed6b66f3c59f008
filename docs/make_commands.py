"""Writes docs/commands/: one page a command, from what the command says of itself.

python docs/make_commands.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parent.parent))  # the pages are of this tree, whatever is installed

from pixgen.cli.commands import COMMANDS
from pixgen.cli.group import CommandLine

FOLDER = Path(__file__).parent / "commands"
NOTE = "<!-- written by docs/make_commands.py -->"


def pages() -> dict[str, str]:
    """File name -> text, of every command, of drawing, and of the list of them."""
    whole = CommandLine()
    top = context_of("pixgen", whole, None)
    found = {"draw.md": page("pixgen PROMPT", [top])}
    for name in sorted(COMMANDS):
        command = whole.get_command(top, name)
        assert command is not None
        found[f"{name}.md"] = page(f"pixgen {name}", walk(context_of(name, command, top)))
    lines = [NOTE, "# Commands", "", "| command | |", "|---|---|", "| [pixgen PROMPT](draw.md) | Draw a picture. |"]
    lines += [f"| [pixgen {name}]({name}.md) | {line} |" for name, line in sorted(COMMANDS.items())]
    return {"README.md": "\n".join(lines) + "\n", **found}


def page(title: str, contexts: Iterable[click.Context]) -> str:
    parts = [NOTE, f"# {title}", ""]
    for number, context in enumerate(contexts):
        if number:
            parts += [f"## {context.command_path}", ""]
        parts += ["```text", context.command.get_help(context).rstrip(), "```", ""]
    return "\n".join(parts).rstrip() + "\n"


def walk(context: click.Context) -> Iterator[click.Context]:
    """The context of a command, and those of its subcommands."""
    yield context
    about = context.command
    if isinstance(about, click.Group):
        for name in about.list_commands(context):
            yield from walk(context_of(name, about.commands[name], context))


def context_of(name: str, command: click.Command, parent: click.Context | None) -> click.Context:
    """The context of a command's --help at 100 columns, whatever terminal this runs in."""
    settings = {**command.context_settings, "terminal_width": 100, "max_content_width": 100}
    return click.Context(command, parent=parent, info_name=name, **settings)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        old.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
