"""`pixgen PROMPT`: draws it."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixgen import files, naming, prompts
from pixgen.cli.main import COMMANDS, INTERRUPTED, say
from pixgen.cli.progress import Bar
from pixgen.errors import UsageError

if TYPE_CHECKING:
    from pixgen.config import RenderConfig
    from pixgen.render import Drawing

EPILOG = """\b
Examples:
  pixgen "a watercolor portrait of a teacher"
  pixgen "a fox | in the snow :0.5 | text :-0.3" --size 256x192 -n 4
  pixgen "a lighthouse" generator.type=multires optimizer.lr=2
"""


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from pixgen.resources import version

        click.echo(f"pixgen {version()}")
        context.exit()


def _epilog() -> str:
    lines = [f"  {name:<10} {line}" for name, line in COMMANDS.items()]
    return "\n".join([EPILOG, *(["\b", "Commands:", *lines] if lines else [])])


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=_epilog(),
    no_args_is_help=True,
)
@click.argument("prompt")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-o", "--output", metavar="PATH", help="A file (.png, .jpg, .webp) or a folder.  [default: outputs/]")
@click.option("-n", "--count", metavar="N", type=click.IntRange(1), default=1, help="Pictures; picture i has seed + i.")
@click.option("--seed", metavar="N", type=click.IntRange(0), help="Fixes everything random.  [default: drawn]")
@click.option("--size", metavar="WIDTHxHEIGHT", help="In pixels.  [default: 256x256]")
@click.option("--steps", metavar="N", type=click.IntRange(1), help="More take longer and look better.")
@click.option("-p", "--preset", "presets", metavar="NAME", multiple=True, help="A named look; several are merged.")
@click.option("--config", "config_file", metavar="FILE", type=click.Path(), help="A YAML file of settings.")
@click.option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.  [default: auto]")
@click.option("--init-image", metavar="FILE", type=click.Path(), help="A picture to begin from.")
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
    config_file: str | None,
    device: str | None,
    init_image: str | None,
    plugins: tuple[str, ...],
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Draw what PROMPT says, and print the path of the picture.

    `|` separates prompts, a tail `:0.5` weighs one, `{a|b}` chooses. Any setting may follow as KEY=VALUE.
    """
    _require_sense(prompt, settings)
    naming.output_path(output, prompt)  # a wrong name should not wait for torch
    flags = {"seed": seed, "size": size, "steps": steps, "device": device}
    said: dict[str, dict[str, Any]] = {f"--{name}": {name: v} for name, v in flags.items() if v is not None}
    if init_image is not None:
        if not Path(init_image).is_file():
            raise UsageError(f"there is no picture {init_image!r} (--init-image)")
        # Every start from a picture is alike, so there is nothing to choose from.
        said["--init-image"] = {"start": {"type": "image", "path": init_image}, "starts": 1}
    config = _resolve(prompt, settings, said, presets, config_file, plugins)

    from pixgen import build, render

    files.check_writable(naming.output_path(output, prompt).parent)
    index, models = 0, build.Models()
    for group in render.groups(config, count):
        drawing = render.Drawing(group, models)
        sink = _Sink(drawing, output, index, overwrite, as_json, quiet)
        title = f"{index + 1}/{count}" if count > 1 else "drawing"
        finished = _run(drawing, sink, Bar(title, drawing.steps, quiet))
        if not finished:
            return INTERRUPTED
        index += len(group)
    return 0


@contextlib.contextmanager
def _finished() -> Iterator[None]:
    """Ctrl-C waits until the block is done; a second one does not."""
    pressed = False

    def hold(*_: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


class _Sink:
    """Saves a drawing's pictures and tells where they are."""

    def __init__(
        self, drawing: Drawing, output: str | None, index: int, overwrite: bool, as_json: bool, quiet: bool
    ) -> None:
        self.drawing, self.output, self.index = drawing, output, index
        self.overwrite, self.as_json, self.quiet = overwrite, as_json, quiet
        self.began = time.perf_counter()
        self.targets = [naming.output_path(output, text) for text in drawing.texts()]
        if overwrite:
            self.targets = [naming.nth(path, index + i) for i, path in enumerate(self.targets)]
        self._require_room()

    @_finished()
    def save(self) -> None:
        """Save what is reached and print a path or a record for each picture."""
        from pixgen import metadata

        pictures = zip(self.drawing.images(), self.targets, self.drawing.metadata(), self.drawing.losses, strict=True)
        for image, target, about, losses in pictures:
            path = metadata.save(image, target, about, overwrite=self.overwrite)
            seconds = round(time.perf_counter() - self.began, 2)
            record = {
                "path": str(path),
                "prompt": about.prompt,
                "seed": about.seed,
                "size": f"{image.width}x{image.height}",
                "steps_done": about.steps_done,
                "steps_planned": about.steps_planned,
                "losses": {name: history[-1] for name, history in losses.items()},
                "seconds": seconds,
            }
            if not self.quiet:
                say(f"seed {about.seed}, {about.steps_done} of {about.steps_planned} steps, {seconds} s")
            click.echo(json.dumps(record) if self.as_json else path)

    def _require_room(self) -> None:
        """A JPEG that cannot hold its metadata should be known of before it is drawn."""
        from PIL import Image

        from pixgen import metadata

        for target, about in zip(self.targets, self.drawing.metadata(), strict=True):
            metadata.encode(Image.new("RGB", (1, 1)), target.suffix, about)


def _run(drawing: Drawing, sink: _Sink, bar: Bar) -> bool:
    """Draw to the end, or to where Ctrl-C or an error stops it, and save what was reached; False after Ctrl-C."""
    try:
        with bar:
            for step in drawing:
                bar.show(drawing.done, float(step.total.mean()))
    except KeyboardInterrupt:
        if drawing.done:
            say(f"stopped after {drawing.done} of {drawing.steps} steps; keeping the picture reached so far")
            sink.save()
        else:
            say("stopped before the first step: there is no picture yet")
        return False
    except Exception:  # whatever it was, half an hour's picture is not its price
        if drawing.done:
            sink.save()
        raise
    sink.save()
    return True


def _resolve(
    prompt: str,
    settings: tuple[str, ...],
    said: dict[str, dict[str, Any]],
    presets: tuple[str, ...],
    config_file: str | None,
    plugins: tuple[str, ...],
) -> RenderConfig:
    from pixgen import config, registry
    from pixgen.layers import Layer, gather, parse_assignments

    assigned = parse_assignments(settings)
    for file in plugins:
        registry.load_file(file)
    flags = [Layer({"prompt": prompt}, "the prompt"), *(Layer(values, flag) for flag, values in said.items())]
    return config.resolve_auto(config.resolve(gather(presets, config_file, [*flags, *assigned])))


def _require_sense(prompt: str, settings: tuple[str, ...]) -> None:
    """Find the mistakes that need no torch to be found."""
    if re.fullmatch(r"[a-z_]+(\.\w+)*=\S*", prompt):
        raise UsageError(f'{prompt!r} is a setting, not a prompt; write the prompt first: pixgen "a red fox" {prompt}')
    for word in settings:
        if "=" not in word:
            whole = " ".join([prompt, *(w for w in settings if "=" not in w)])
            raise UsageError(f'{word!r} is no KEY=VALUE; a prompt of several words needs quotes: pixgen "{whole}"')
    prompts.parse(prompt)
