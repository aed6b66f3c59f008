"""`pixgen PROMPT`: draws a picture."""

from __future__ import annotations

import re
from pathlib import Path

import click

from pixgen.cli import desktop, flags, options
from pixgen.cli.console import result
from pixgen.cli.progress import Bar, can_preview
from pixgen.cli.saving import Sink, draw_to
from pixgen.errors import UsageError
from pixgen.io import files, naming, shell
from pixgen.prompts import grammar

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

        result(f"pixgen {version()}")
        context.exit()


@click.command(epilog=EPILOG)
@click.argument("prompt")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@options.output
@options.count(default=1)
@options.run
@options.watching
@options.allow_large
@options.results
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version and exit."
)
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
    plugins: tuple[str, ...],
    init_image: str | None,
    method: str | None,
    candidates: int | None,
    temperature: float | None,
    top_k: int | None,
    guidance: float | None,
    preview: bool,
    open_it: bool,
    allow_large: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Draw PROMPT and print the path of the picture.

    `|` separates prompts, a suffix `:0.5` weights one, `{a|b}` chooses one. Any setting may follow as KEY=VALUE.
    A name pattern may contain [seed], [prompt_words], [date], [preset] and [size]. A name that ends with .svg asks
    for a vector drawing, of a generator that can give one.
    """
    _require_sense(prompt, settings, click.get_current_context().meta.get(options.MARKED, False))
    preview = can_preview(preview, quiet)
    suffix = naming.output_path(output, prompt, fields={}, vector=True).suffix  # a wrong name should not wait for torch
    given = flags.settings(seed, size, steps, device, init_image, model)
    given |= flags.method(given, method, candidates=candidates, temperature=temperature, top_k=top_k, guidance=guidance)
    layers = flags.gather(prompt, settings, given, presets, config_file, plugins)

    from pixgen.io import output_files
    from pixgen.loop import build, vector
    from pixgen.loop.drawing import Drawing, groups
    from pixgen.settings import config as configs
    from pixgen.settings import memory

    config = configs.resolve_auto(configs.resolve(layers))
    memory.require(config, min(int(config.batch), count), allow_large=allow_large)
    output_files.require_format(suffix, config.size)
    if suffix.lower() == naming.VECTOR_SUFFIX:
        vector.require(config, f"--output {output}")
    files.check_writable(naming.fixed_folder(output, prompt))
    saved: list[Path] = []
    index, models = 0, build.Models(keep_text_towers=count > 1)
    for group in groups(config, count):
        drawing = Drawing(group, models)
        sink = Sink(drawing, output, index, overwrite, as_json, quiet, presets)
        title = f"{index + 1}/{count}" if count > 1 else "drawing"
        if code := draw_to(sink, Bar(title, drawing.steps, quiet, preview)):
            return code
        saved += sink.saved
        index += len(group)
    if open_it:
        desktop.open_first(saved)
    return 0


def _require_sense(prompt: str, settings: tuple[str, ...], marked: bool) -> None:
    """Raise UsageError for the mistakes that can be found without torch. marked: by `--`, as a prompt."""
    if not marked and re.fullmatch(r"[a-z_]+(\.\w+)*=\S*", prompt):
        command = shell.draw("a red fox", settings=[prompt])
        raise UsageError(f"{prompt!r} is a setting, not a prompt; write the prompt first: {command}")
    for word in settings:
        if "=" not in word:
            command = shell.draw(" ".join([prompt, *(w for w in settings if "=" not in w)]))
            raise UsageError(f"{word!r} is not KEY=VALUE; a prompt of several words needs quotes: {command}")
    grammar.parse(prompt)
