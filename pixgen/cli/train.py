"""`pixgen train`: makes and measures the models that pixgen draws with, from nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import MISSING, replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pixgen.cli.console import result, say
from pixgen.cli.options import CONTEXT, CheckedPath, Number, Whole, WholeRange
from pixgen.errors import UsageError, did_you_mean
from pixgen.io import interrupts, shell
from pixgen.training import pipeline
from pixgen.training.options import Declared, SubjectOptions, declared

EPILOG = """\b
Examples:
  pixgen train all --quick
  pixgen train data
  pixgen train clip --pictures 3000000
  pixgen train all --drawings photos/ --runs mine
  pixgen "a red apple" --model runs/pair
"""

TRAININGS = (
    *pipeline.TRAININGS,
    pipeline.Training(
        "evaluate",
        "pixgen.evaluation.evaluate",
        "the figures of the model card",
        "Measure the networks as the model card does, or what is drawn of its prompts.",
        {"cache": "{cache}", "folder": "{pair}", "out": "{run}"},
        needs=("perceptor", "vqgan"),
        user_pictures=False,
    ),
)
"""What `pixgen train` offers and `all` runs, in this order: the trainings, and what measures them."""

ABOUT = """Make the models that pixgen draws with, from nothing, on a CPU or a GPU.

Everything lies in one folder of runs. A training writes a checkpoint every four minutes; stopped, killed or cut off,
it resumes when the same command is given again. Next to the checkpoint lie losses.png and samples/.
"""

_folder = CheckedPath(path_type=Path, file_okay=False)


class _Trainings(click.Group):
    """Lists the trainings in their order; suggests the nearest name for a wrong one."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.commands)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.commands and not name.startswith("-"):
            known = ", ".join(self.commands)
            raise UsageError(f"there is no training {name!r}{did_you_mean(name, self.commands)} (there are {known})")
        return super().get_command(context, name)


class _Training(click.Command):
    """The command of one training.

    Its own options are read from its file when they are needed: the file imports torch, and the list of commands must
    come at once. A lone `--`, which stood before those options in earlier versions, is skipped.
    """

    def __init__(self, training: pipeline.Training, shared: Sequence[click.Option], run: Callable[..., Any]) -> None:
        super().__init__(
            training.name, params=list(shared), callback=run, help=training.help, context_settings=dict(CONTEXT)
        )
        self.training, self.complete = training, False

    def get_params(self, context: click.Context) -> list[click.Parameter]:
        if not self.complete:
            shared = {parameter.name for parameter in self.params}
            own = [one for one in declared(self.training.options) if one.name not in shared]
            debug = self.params.pop()
            folders = {"run": f"RUNS/{self.training.name}", "runs": "RUNS", "pair": "RUNS/pair", "cache": "RUNS/cache"}
            places = {name: place.format(**folders) for name, place in self.training.places.items()}
            self.params += [_click(one, places.get(one.name, "")) for one in own if not one.option.positional]
            self.params.append(debug)
            self.complete = True
        return super().get_params(context)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(context, [word for word in args if word != "--"])


def _click(one: Declared, place: str = "") -> click.Option:
    """A declared option as click knows it: None where it is not given, for a toy or `place` may say otherwise."""
    names = [one.flag, *(["--pictures"] if one.option.counts and one.name != "pictures" else []), one.name]
    default = place or ("" if one.default in (MISSING, None, "", ()) or one.type is bool else str(one.default))
    help = f"{one.option.help}  [default: {default}]" if default else one.option.help
    if one.type is bool:
        return click.Option(names, is_flag=True, default=None, help=help)
    kind: click.ParamType[Any] = click.STRING
    if one.type is Path:
        kind = CheckedPath(path_type=Path, exists=one.option.metavar == "FILE", dir_okay=one.option.metavar != "FILE")
    elif one.type is int:
        kind = Whole() if one.option.minimum is None else WholeRange(one.option.minimum)
    elif one.type is float:
        kind = Number()
    metavar = one.option.metavar or {int: "N", float: "X", Path: "FOLDER"}.get(one.type, "TEXT")
    return click.Option(names, type=kind, default=None, metavar=metavar, multiple=one.repeated, help=help)


def _shared() -> list[click.Option]:
    """What is the same for all trainings: where everything lies, and how much of it is wanted."""
    return [
        click.Option(
            ["--runs"], metavar="FOLDER", type=_folder, default=Path("runs"),
            help="Where everything is kept.  [default: runs]",
        ),
        click.Option(
            ["--cache"], metavar="FOLDER", type=_folder, help="Folder of the sprites.  [default: RUNS/cache]"
        ),
        click.Option(
            ["--drawings"], metavar="FOLDER", type=_folder,
            help="Learn from your own PNG, JPEG, WebP and SVG files; their names, or a captions.csv with "
            "file,caption[,caption_pt], say what they show.",
        ),
        click.Option(["--quick"], is_flag=True, help="A toy, in minutes: few subjects, little seen; in RUNS/quick."),
        click.Option(["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error."),
    ]  # fmt: skip


def group(trainings: Sequence[pipeline.Training] = TRAININGS) -> click.Group:
    """`pixgen train` with these trainings."""
    found = _Trainings("train", context_settings=CONTEXT, epilog=EPILOG, help=ABOUT)
    # How many subjects is left to each training, and for the data all are taken.
    options = [replace(one, default=None) if one.name == "subjects" else one for one in declared(SubjectOptions)]
    common = {one.name: _click(one) for one in options if one.name not in ("run", "cache")}

    def command(name: str, help: str, chosen: Sequence[pipeline.Training], more: Sequence[str]) -> click.Command:
        *first, debug = _shared()
        parameters = [*first, *(common[option] for option in more), debug]
        run = _runner(name, chosen)
        return click.Command(name, params=list(parameters), callback=run, help=help, context_settings=dict(CONTEXT))

    found.add_command(
        command("data", "Fetch the open drawings (22 MB, through npm) and draw each of them once.", (), ["subjects"])
    )
    for training in trainings:
        shared = [option for option in _shared() if training.user_pictures or option.name != "drawings"]
        found.add_command(_Training(training, shared, _runner(training.name, [training])))
    everything = "Make everything, one after another, into a pair that --model takes."
    found.add_command(command("all", everything, trainings, list(common)))
    return found


def _runner(name: str, trainings: Sequence[pipeline.Training]) -> Callable[..., int]:
    def run(runs: Path, quick: bool, cache: Path | None = None, drawings: Path | None = None, **given: Any) -> int:
        options = {option: value for option, value in given.items() if value not in (None, ())}
        return _train(name, trainings, pipeline.TrainingRequest(runs, cache, drawings, quick, options))

    return run


def _train(name: str, trainings: Sequence[pipeline.Training], request: pipeline.TrainingRequest) -> int:
    _require("matplotlib", "matplotlib")
    if name in ("data", "all") or request.drawings:
        _require("resvg_py", "resvg-py")
    from pixgen.backend import hardware
    from pixgen.training import monitor, runs

    again = _command_again()
    computes = any(one.name == "device" for training in trainings for one in declared(training.options))
    if computes and "device" not in request.options and hardware.device("auto") == "cuda":
        say("this trains on the processor; --device cuda takes the GPU")
    try:
        with runs.stoppable(say):
            if name in ("data", "all") or request.drawings:
                pipeline.data(request, say)
            for training in trainings:
                if name == "all" and request.drawings is not None and not training.user_pictures:
                    continue
                say(f"{training.name}: {training.makes}, in {request.folder / training.name}")
                with monitor.watched(training.name):
                    pipeline.train(training, request)
    except KeyboardInterrupt as error:
        say(f"stopped; to resume: {again}")
        return interrupts.exit_code(error)
    result(request.sprites if name == "data" else request.pair)
    if (request.pair / "vqgan.safetensors").exists():
        say(f"draw with it: {shell.draw('a teacher', ['--model', str(request.pair)])}")
    return 0


def _require(module: str, package: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise UsageError(f'pixgen train needs {package}: pip install -c constraints.txt ".[train]"')


def _command_again() -> str:
    """The command line of what is running, from the options that were given."""
    context = click.get_current_context()
    words = ["pixgen", "train", str(context.info_name)]
    for parameter in context.command.params:
        if parameter.name and context.get_parameter_source(parameter.name) == ParameterSource.COMMANDLINE:
            value = context.params.get(parameter.name)
            for each in value if isinstance(value, tuple) else (value,):
                words += [parameter.opts[-1], *([] if each is True else [str(each)])]
    return shell.join(words)


train = group()
