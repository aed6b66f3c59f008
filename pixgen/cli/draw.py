"""`pixgen PROMPT`: draws it."""

from __future__ import annotations

import re

import click

from pixgen.cli import options as words
from pixgen.cli.commands import COMMANDS
from pixgen.cli.console import INTERRUPTED
from pixgen.cli.progress import Bar
from pixgen.cli.saving import Sink, draw_to
from pixgen.errors import UsageError
from pixgen.io import files, naming
from pixgen.prompts import grammar
from pixgen.settings.methods import METHODS

EPILOG = """\b
Examples:
  pixgen "a watercolor portrait of a teacher"
  pixgen "a fox | in the snow :0.5 | text :-0.3" --size 256x192 -n 4
  pixgen "a lighthouse" generator.type=multires optimizer.lr=0.05
  pixgen "a red fox" --method dalle2 --candidates 32
"""


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from pixgen.io.resources import version

        click.echo(f"pixgen {version()}")
        context.exit()


def _epilog() -> str:
    lines = [f"  {name:<10} {line}" for name, line in COMMANDS.items()]
    return "\n".join([EPILOG, *(["\b", "Commands:", *lines] if lines else [])])


@click.command(
    context_settings=words.CONTEXT,
    epilog=_epilog(),
    no_args_is_help=True,
)
@click.argument("prompt")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-o", "--output", metavar="PATH", help="A file (.png, .jpg, .webp), a folder, or a pattern.")
@click.option("-n", "--count", metavar="N", type=click.IntRange(1), default=1, help="Pictures; picture i has seed + i.")
@click.option("--seed", metavar="N", type=click.IntRange(0), help="Fixes everything random.  [default: drawn]")
@click.option("--size", metavar="WIDTHxHEIGHT", help="In pixels; one number is a square.  [default: 256x256]")
@click.option("--steps", metavar="N", type=click.IntRange(1), help="More take longer and look better.")
@click.option(
    "-p",
    "--preset",
    "presets",
    metavar="NAME",
    multiple=True,
    shell_complete=words.preset_names,
    help="A named look; several are merged.",
)
@click.option("--model", metavar="PAIR", help="Models to draw with: a folder of `pixgen train`, or a name.")
@click.option("--config", "config_file", metavar="FILE", type=click.Path(), help="A YAML file of settings.")
@click.option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.  [default: auto]")
@click.option("--init-image", metavar="FILE", type=click.Path(), help="A picture to begin from.")
@click.option("--method", metavar="|".join(METHODS), help="The loop, or DALL-E's ways alone.  [default: loop]")
@click.option(
    "--candidates", metavar="N", type=click.IntRange(1), help="DALL-E: so many, ranked by CLIP.  [default: 16]"
)
@click.option(
    "--temperature", metavar="T", type=click.FloatRange(0), help="DALL-E: less is less various.  [default: 0.9]"
)
@click.option("--top-k", metavar="N", type=click.IntRange(0), help="DALL-E: of the N likeliest codes.  [default: 64]")
@click.option(
    "--guidance", metavar="G", type=click.FloatRange(0), help="DALL-E: how literally to take it.  [default: 4]"
)
@click.option("--plugin", "plugins", metavar="FILE.py", multiple=True, help="Run this file and use its plugins.")
@click.option("--overwrite", is_flag=True, help="Write over a picture of the same name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON record a picture on standard output.")
@click.option("--quiet", is_flag=True, help="Say nothing but warnings and errors.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show it and exit.")
def draw(
    prompt: str,
    settings: tuple[str, ...],
    output: str | None,
    count: int,
    seed: int | None,
    size: str | None,
    steps: int | None,
    presets: tuple[str, ...],
    model: str | None,
    config_file: str | None,
    device: str | None,
    init_image: str | None,
    method: str | None,
    candidates: int | None,
    temperature: float | None,
    top_k: int | None,
    guidance: float | None,
    plugins: tuple[str, ...],
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Draw what PROMPT says, and print the path of the picture.

    `|` separates prompts, a tail `:0.5` weighs one, `{a|b}` chooses. Any setting may follow as KEY=VALUE.
    A pattern names files by [seed], [prompt_words], [date], [preset] and [size]; the default is outputs/.
    """
    _require_sense(prompt, settings)
    naming.output_path(output, prompt, fields={})  # a wrong name should not wait for torch
    said = words.flags(seed, size, steps, device, init_image, model)
    said |= words.method(said, method, candidates=candidates, temperature=temperature, top_k=top_k, guidance=guidance)
    typed = words.resolve(prompt, settings, said, presets, config_file, plugins)

    from pixgen.loop import build
    from pixgen.loop.drawing import Drawing, groups
    from pixgen.settings import config as configs

    config = configs.resolve_auto(typed)
    files.check_writable(naming.fixed_folder(output, prompt))
    index, models = 0, build.Models(lasting=count > 1)
    for group in groups(config, count):
        drawing = Drawing(group, models)
        sink = Sink(drawing, output, index, overwrite, as_json, quiet, presets)
        title = f"{index + 1}/{count}" if count > 1 else "drawing"
        finished = draw_to(sink, Bar(title, drawing.steps, quiet))
        if not finished:
            return INTERRUPTED
        index += len(group)
    return 0


def _require_sense(prompt: str, settings: tuple[str, ...]) -> None:
    """Find the mistakes that need no torch to be found."""
    if re.fullmatch(r"[a-z_]+(\.\w+)*=\S*", prompt):
        raise UsageError(f'{prompt!r} is a setting, not a prompt; write the prompt first: pixgen "a red fox" {prompt}')
    for word in settings:
        if "=" not in word:
            whole = " ".join([prompt, *(w for w in settings if "=" not in w)])
            raise UsageError(f'{word!r} is no KEY=VALUE; a prompt of several words needs quotes: pixgen "{whole}"')
    grammar.parse(prompt)
