"""`pixgen train`: makes and measures the models that pixgen draws with, from nothing."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pixgen.cli import options as words
from pixgen.cli.console import INTERRUPTED, say
from pixgen.errors import UsageError, did_you_mean
from pixgen.training import pipeline

EPILOG = """\b
Examples:
  pixgen train all --quick
  pixgen train data
  pixgen train clip --pictures 3000000
  pixgen train all --drawings photos/ --runs mine
  pixgen "a red apple" --model runs/pair
"""

ABOUT = {
    "clip": "Train the perceptor, a CLIP: pictures and captions at the same place of a sphere.",
    "vqgan": "Train the generator, a VQGAN, and the discriminator that asks it for crispness.",
    "bank": "Make the bank: a few grids of codes a subject, for the loop to begin from.",
    "tokens": "Train the token decoder: DALL-E 1's idea, a caption and then a picture's codes.",
    "prior": "Train the prior: DALL-E 2's idea, from a caption's embedding to a picture's.",
    "judge": "Train the judge, which names what was drawn and takes no part in drawing.",
    "evaluate": "Measure the networks as the model card does, or what is drawn of its prompts.",
}
"""The trainings, in the order in which they need each other, and their lines of help."""


class _Trainings(click.Group):
    """Says which name a wrong one is nearest to."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.commands)  # in their order, not the alphabet's

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.commands and not name.startswith("-"):
            known = ", ".join(self.commands)
            raise UsageError(f"there is no training {name!r}{did_you_mean(name, self.commands)} (there are {known})")
        return super().get_command(context, name)


@click.group(cls=_Trainings, context_settings=words.CONTEXT, epilog=EPILOG)
def train() -> None:
    """Make the models that pixgen draws with, from nothing, on a CPU or a GPU.

    Everything lies in one folder of runs. A training writes a checkpoint every four minutes; stopped, killed or cut
    off, it goes on when the same command is given again. Beside the checkpoint lie losses.png and samples/.
    """


TRAININGS = (
    *pipeline.TRAININGS,
    pipeline.Training(
        *("evaluate", "the figures of the model card", "--cache {cache} --folder {pair} --out {run}"),
        needs=("perceptor", "vqgan"),
        takes=("threads",),
        count="--pictures",
        quick=("--pictures", "128"),
        own=False,
        package="pixgen.evaluation",
    ),
)
"""What `pixgen train` offers and `all` runs, in this order: the trainings, and what measures them."""

_folder = click.Path(path_type=Path, file_okay=False)
OPTIONS: dict[str, Callable[..., Any]] = {
    "runs": click.option(
        "--runs",
        metavar="FOLDER",
        type=_folder,
        default=Path("runs"),
        help="Where everything is kept.  [default: runs]",
    ),
    "cache": click.option(
        "--cache", metavar="FOLDER", type=_folder, help="The drawings as sprites.  [default: cache in the runs]"
    ),
    "drawings": click.option(
        "--drawings",
        metavar="FOLDER",
        type=_folder,
        help="Learn from your own PNG, JPEG, WebP and SVG files; their names, or a captions.csv with file,caption"
        "[,caption_pt], say what they show.",
    ),
    "quick": click.option("--quick", is_flag=True, help="A toy, in minutes: few subjects, little seen; in RUNS/quick."),
    "pictures": click.option(
        "--pictures", metavar="N", type=click.IntRange(1), help="Pictures (crops, grids) to see in all."
    ),
    "subjects": click.option(
        "--subjects", metavar="N", type=click.IntRange(1), help="Only so many, the most useful first."
    ),
    "seed": click.option("--seed", metavar="N", type=click.IntRange(0), help="Fixes everything random.  [default: 0]"),
    "threads": click.option("--threads", metavar="N", type=click.IntRange(1), help="Processor cores.  [default: all]"),
    "device": click.option("--device", metavar="auto|cpu|cuda", help="Where to compute.  [default: cpu]"),
    "restart": click.option(
        "--restart",
        metavar="FILE",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Begin from these weights (.safetensors) instead of from nothing.",
    ),
    "debug": click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."),
}
"""The options of the trainings. Words after `--` go to the training's own file: python -m pixgen.training.NAME -h."""


MORE = {
    "evaluate": "Besides: --what NAMES (all, or some of perceptor,vqgan,judge,tokens,prior,variations,prompts), "
    "--folder PAIR, --out FOLDER, --prompts 96|200, --method loop,dalle1,dalle2, --start bank,random,dalle1,dalle2, "
    "--size WxH, --set KEY=VALUE, --judge FILE, --limit N, --no-drawing, --card. What each does:",
}
"""Of a training whose own options work without `--` what they are."""


def _command(name: str, about: str, without: tuple[str, ...] = ()) -> None:
    def run(more: tuple[str, ...] = (), **said: Any) -> int:
        return _train(name, more, said)

    run.__doc__ = about
    function: Callable[..., Any] = run
    for option, add in reversed(OPTIONS.items()):
        if option not in without:
            function = add(function)
    if name in ABOUT:
        function = click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTION...]")(function)
    # The command that evaluate notes beside a figure is its file's own, and works here as it stands.
    settings = {"ignore_unknown_options": True} if name == "evaluate" else {}
    module = next((training.module for training in TRAININGS if training.name == name), "")
    more = f"{MORE.get(name, 'More options go after `--`:')} python -m {module} -h"
    train.command(name, context_settings=settings, epilog=more if module else None)(function)


_command(
    "data",
    "Fetch the open drawings (22 MB, through npm) and draw each of them once.",
    ("pictures", "seed", "threads", "device", "restart"),
)
for _training in TRAININGS:
    _left_out = {"seed", "threads", "device", "restart", "subjects"}.difference(_training.takes)
    _left_out |= set() if _training.own else {"drawings"}
    _left_out |= set() if _training.count else {"pictures"}
    _command(_training.name, ABOUT[_training.name], tuple(_left_out))
_command("all", "Make everything, one after another, into a pair that --model takes.", ("pictures", "restart"))


def _train(name: str, more: tuple[str, ...], said: dict[str, Any]) -> int:
    _require("matplotlib", "matplotlib")
    if name in ("data", "all") or said.get("drawings"):
        _require("resvg_py", "resvg-py")
    from pixgen.backend import hardware
    from pixgen.training import monitor, runs

    wanted = pipeline.Wanted(more=more, **said)
    again = _said_again()
    if "device" in said and said["device"] is None and hardware.device("auto") == "cuda":
        say("this trains on the processor; --device cuda takes the GPU")
    try:
        with runs.stoppable(say):
            if name in ("data", "all") or wanted.drawings:
                pipeline.data(wanted, say)
            chosen = TRAININGS if name == "all" else [training for training in TRAININGS if training.name == name]
            for training in pipeline.every(chosen, wanted) if name == "all" else chosen:
                if not pipeline.is_here(training):
                    raise UsageError(f"this pixgen has no training {training.name!r} yet (pixgen/training/)")
                say(f"{training.name}: {training.about}, in {wanted.folder / training.name}")
                with monitor.watched(training.name):
                    pipeline.train(training, wanted)
    except KeyboardInterrupt:
        say(f"stopped; the same command goes on: {again}")
        return INTERRUPTED
    click.echo(wanted.sprites if name == "data" else wanted.pair)
    if (wanted.pair / "vqgan.safetensors").exists():
        say(f'draw with it: pixgen "a teacher" --model {shlex.quote(str(wanted.pair))}')
    return 0


def _require(module: str, package: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise UsageError(f'pixgen train needs {package}: pip install -c constraints.txt ".[train]"')


def _said_again() -> str:
    """The command line of what is running, from what was said of it."""
    context = click.get_current_context()
    words = ["pixgen", "train", str(context.info_name)]
    more: list[str] = []
    for parameter in context.command.params:
        if parameter.name and context.get_parameter_source(parameter.name) == ParameterSource.COMMANDLINE:
            value = context.params.get(parameter.name)
            if isinstance(parameter, click.Argument):
                more = ["--", *value] if value else []
            else:
                words += [parameter.opts[-1], *([] if value is True else [str(value)])]
    return shlex.join([*words, *more])
