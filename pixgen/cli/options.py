"""The options that several commands have, each declared once: its flag, its type, its help.

Those whose default depends on the command are functions of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from pixgen.io import paths
from pixgen.settings.methods import METHODS

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
"""The click settings of the whole command line; subcommands inherit them."""

MARKED = "pixgen.prompt_is_marked"
"""In a context's `meta`: whether `--` marks the prompt, which is then one whatever it looks like."""


class CheckedPath(click.Path):
    """A path that the system can look up (`pixgen.io.paths.written`); the shell completes it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(str(paths.written(value)), param, ctx)


class Whole(click.types.IntParamType):
    """Any whole number; the command itself checks its range."""

    name = "whole number"


class WholeRange(click.IntRange):
    """A whole number in a range; its name is what a message says that a word is not."""

    name = "whole number"


class Number(click.types.FloatParamType):
    """Any number; the command itself checks its range."""

    name = "number"


class FiniteRange(click.FloatRange):
    """A number in a range, which `nan` and `inf` are not."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return found


F = TypeVar("F", bound=Callable[..., Any])


def preset_names(_: click.Context, __: click.Parameter, beginning: str) -> list[CompletionItem]:
    """The presets whose names begin so, with their descriptions, for the shell."""
    from pixgen.settings import layers

    return [CompletionItem(name, help=about) for name, about in layers.presets().items() if name.startswith(beginning)]


def group(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in this order in the help."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


# What to draw, and how
seed = click.option("--seed", metavar="N", type=WholeRange(0), show_default="random", help="Seed of everything random.")
size = click.option(
    "--size",
    metavar="WIDTHxHEIGHT",
    show_default="384x384",
    help="Picture size in pixels, or one number for a square.",
)
presets = click.option(
    "-p",
    "--preset",
    "presets",
    metavar="NAME",
    multiple=True,
    shell_complete=preset_names,
    help="Preset to apply; repeat to combine several.",
)
model = click.option(
    "--model", metavar="PAIR", help="A folder from `pixgen train`, or a name from `pixgen models list`."
)
config_file = click.option(
    "--config", "config_file", metavar="FILE", type=CheckedPath(), help="YAML file with settings."
)
device = click.option("--device", metavar="auto|cpu|cuda|mps", show_default="auto", help="Device to compute on.")
plugins = click.option(
    "--plugin",
    "plugins",
    metavar="FILE.py",
    multiple=True,
    help="Python file with plugins to load; may be repeated.",
)

_CLIP = "CLIP to use, a name from `pixgen models list`"
clip = click.option("--clip", metavar="NAME", show_default="pixgen-tiny", help=f"{_CLIP}.")
clips = click.option(
    "--clip",
    "clips",
    metavar="NAME",
    multiple=True,
    show_default="pixgen-tiny",
    help=f"{_CLIP}.",
)

language = click.option(
    "--language",
    metavar="en|pt",
    type=click.Choice(["en", "pt"]),
    show_default="the locale's",
    help="Language of what is written.",
)

init_image = click.option("--init-image", metavar="FILE", type=CheckedPath(), help="Picture to start from.")
method = click.option(
    "--method",
    metavar="|".join(METHODS),
    show_default="loop",
    help="Optimise, or only sample with DALL-E 1 or 2.",
)

config_layers = group(presets, model, config_file, device, plugins)
"""Where settings come from, beside those that have an option of their own."""


def count(default: int) -> Callable[[F], F]:
    """-n of a command that makes several pictures."""
    text = "Number of pictures; picture i uses seed + i."
    return click.option("-n", "--count", metavar="N", type=WholeRange(1), default=default, show_default=True, help=text)


def steps(default: int | None = None, least: int = 1) -> Callable[[F], F]:
    """--steps. default: None where the settings of the models decide."""
    text = "Optimisation steps; more take longer and refine further."
    return click.option("--steps", metavar="N", type=WholeRange(least), default=default, show_default=True, help=text)


def square(default: int | None) -> Callable[[F], F]:
    """--size of a command that works on a square. default: None where there may be no square, 256 otherwise."""
    text = "Side in pixels of the square that is optimised, from 128."
    return click.option("--size", metavar="N", type=Whole(), default=default, show_default="256", help=text)


def sampling(candidates: int, guidance: float, most: int | None = None) -> Callable[[F], F]:
    """How the token decoder samples. candidates, guidance: the defaults of what samples. most: candidates at most."""
    return group(
        click.option(
            "--candidates",
            metavar="N",
            type=WholeRange(1, most),
            show_default=str(candidates),
            help="Samples to draw; the one most similar by CLIP is kept.",
        ),
        click.option(
            "--temperature",
            metavar="T",
            type=FiniteRange(0),
            show_default="0.9",
            help="Sampling temperature; lower values vary less.",
        ),
        click.option(
            "--top-k",
            metavar="N",
            type=WholeRange(0),
            show_default="64",
            help="Sample each code from the N most likely (0: no limit).",
        ),
        click.option(
            "--guidance",
            metavar="G",
            type=FiniteRange(0),
            show_default=f"{guidance:g}",
            help="Classifier-free guidance scale; 1 turns guidance off, 0 ignores the prompt.",
        ),
    )


run = group(seed, size, steps(), config_layers, init_image, method, sampling(candidates=16, guidance=4))
"""Everything that decides what is drawn of one prompt."""

# Where the results go
output = click.option(
    "-o",
    "--output",
    metavar="PATH",
    show_default="outputs/",
    help="File (.png, .jpg, .webp), folder, or name pattern.",
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace an existing file instead of numbering the new one.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
as_json_list = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
quiet = click.option("--quiet", is_flag=True, help="Print only warnings and errors.")
debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")

preview = click.option("--preview", is_flag=True, help="Show the picture in the terminal as it grows.")
open_it = click.option(
    "--open", "open_it", is_flag=True, help="Open the picture at the end, the first of several, where a desktop is."
)
watching = group(preview, open_it)
"""How a person sees what is drawn."""

allow_large = click.option(
    "--allow-large", is_flag=True, help="Allow what is estimated to need more than 16 GB, or this machine's memory."
)

results = group(overwrite, as_json, quiet, debug)
"""What every command that makes pictures has."""

findings = group(as_json_list, quiet, debug)
"""What every command that looks at pictures has."""
