"""Writes docs/commands/: one page a command, from what the command says of itself.

python docs/make_commands.py
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parent.parent))  # the pages are of this tree, whatever is installed

from pixgen.cli.commands import COMMANDS

FOLDER = Path(__file__).parent / "commands"
NOTE = "<!-- written by docs/make_commands.py -->"


def pages() -> dict[str, str]:
    """File name -> text, of every command, of drawing, and of the list of them."""
    found = {"draw.md": page("pixgen PROMPT", command("draw"), "pixgen")}
    found |= {f"{name}.md": page(f"pixgen {name}", command(name), f"pixgen {name}") for name in sorted(COMMANDS)}
    lines = [NOTE, "# Commands", "", "| command | |", "|---|---|", "| [pixgen PROMPT](draw.md) | Draws it. |"]
    lines += [f"| [pixgen {name}]({name}.md) | {line} |" for name, line in sorted(COMMANDS.items())]
    return {"README.md": "\n".join(lines) + "\n", **found}


def command(name: str) -> click.Command:
    found: click.Command = getattr(importlib.import_module(f"pixgen.cli.{name}"), name)
    return found


def page(title: str, about: click.Command, path: str) -> str:
    parts = [NOTE, f"# {title}", ""]
    for context in walk(context_of(path, about, None)):
        if context.parent:
            parts += [f"## {context.command_path}", ""]
        parts += ["```text", context.command.get_help(context).rstrip(), "```", ""]
    return "\n".join(parts).rstrip() + "\n"


def walk(context: click.Context) -> Iterator[click.Context]:
    yield context
    about = context.command
    if isinstance(about, click.Group):
        for name in about.list_commands(context):
            yield from walk(context_of(name, about.commands[name], context))


def context_of(path: str, about: click.Command, parent: click.Context | None) -> click.Context:
    """For its --help at 100 columns, whatever terminal this runs in; -h comes from the group, as in use."""
    settings = {**about.context_settings, "terminal_width": 100, "max_content_width": 100}
    return click.Context(about, parent=parent, info_name=path, **settings)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        old.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
