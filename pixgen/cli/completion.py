"""`pixgen completion`: lets the shell complete what is typed after `pixgen`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from pixgen.cli.commands import COMPLETE
from pixgen.cli.console import result_lines
from pixgen.cli.group import CommandLine

SHELLS = ("bash", "zsh", "fish")

EPILOG = """\b
To have it in every new shell:
  bash:  echo 'eval "$(pixgen completion bash)"' >> ~/.bashrc
  zsh:   echo 'eval "$(pixgen completion zsh)"' >> ~/.zshrc
  fish:  pixgen completion fish > ~/.config/fish/completions/pixgen.fish
"""


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(SHELLS))
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def completion(shell: str, debug: bool) -> int:
    """Print the lines that make SHELL complete commands, options, presets and plugins."""
    found = get_completion_class(shell)
    assert found is not None
    # What click checks on the way (the version of bash) runs bash; the text needs none.
    maker = found(CommandLine(), {}, "pixgen", COMPLETE)
    result_lines(maker.source_template % maker.source_vars())
    return 0
