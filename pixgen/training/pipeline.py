"""Every training in its order, in one folder of runs, ending in a pair that `--model` takes.

    RUNS/drawings   the packed icon sets          RUNS/cache   all of their drawings as sprites
    RUNS/NAME       a training's checkpoint, log.jsonl, losses.png, samples/ and weights
    RUNS/pair       the weights of all trainings: what draws

Each is a file of its own with its own options, `pixgen/training/NAME.py`; here is only what they need of each other.
"""

from __future__ import annotations

import errno
import importlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixgen.errors import PixgenError, UsageError
from pixgen.io import files, shell
from pixgen.scenery.subjects import USER_SUBJECTS
from pixgen.training.options import ALL_SUBJECTS, QUICK_SUBJECTS, BaseOptions, declared, toy


@dataclass(frozen=True)
class Training:
    """One training: a module with a dataclass `Options` and `main(options)`.

    makes: what it trains, in a few words.
    help: its line in `pixgen train --help`, which must come without importing the module.
    places: options that say where files are, by name; {run} is its own folder, {runs} that of all, {pair} the weights
        made so far, {cache} the sprites. Options that are given go before them.
    needs: weights of other trainings in {pair}.
    user_pictures: whether it can learn from a user's own pictures; judges know the subjects of the table alone.
    presets: values in place of the defaults of its options; how tests make it small.
    """

    name: str
    module: str
    makes: str
    help: str
    places: Mapping[str, str]
    needs: tuple[str, ...] = ()
    user_pictures: bool = True
    presets: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> type[BaseOptions]:
        """Its options. Imports the module, and so torch."""
        found: type[BaseOptions] = importlib.import_module(self.module).Options
        return found


_RUN = {"run": "{run}", "cache": "{cache}"}
_BOTH = ("perceptor", "vqgan")

TRAININGS = (
    Training(
        "clip",
        "pixgen.training.clip",
        "the perceptor (CLIP)",
        "Train the perceptor, a CLIP: pictures and captions at the same place of a sphere.",
        _RUN,
    ),
    Training(
        "vqgan",
        "pixgen.training.vqgan",
        "the generator (VQGAN), and its discriminator",
        "Train the generator, a VQGAN, and the discriminator that asks it for crispness.",
        {**_RUN, "perceptor": "{pair}/perceptor.safetensors"},
        needs=("perceptor",),
    ),
    Training(
        "codes",
        "pixgen.training.codes",
        "more codes for the VQGAN",
        "Add codes to the VQGAN behind those of the token decoder, which stay as they are.",
        {"out": "{run}/vqgan.safetensors", "cache": "{cache}", "vqgan": "{pair}/vqgan.safetensors"},
        needs=("vqgan",),
    ),
    Training(
        "bank",
        "pixgen.training.bank",
        "code grids to begin from, a few a subject",
        "Make the bank: a few grids of codes a subject, for the loop to begin from.",
        {
            "out": "{run}/bank.safetensors",
            "cache": "{cache}",
            "perceptor": "{pair}/perceptor.safetensors",
            "vqgan": "{pair}/vqgan.safetensors",
        },
        needs=_BOTH,
    ),
    Training(
        "tokens",
        "pixgen.training.tokens",
        "the token decoder (DALL-E 1)",
        "Train the token decoder: DALL-E 1's idea, a caption and then a picture's codes.",
        {**_RUN, "pair": "{pair}"},
        needs=_BOTH,
    ),
    Training(
        "prior",
        "pixgen.training.prior",
        "the prior (DALL-E 2)",
        "Train the prior: DALL-E 2's idea, from a caption's embedding to a picture's.",
        {**_RUN, "pair": "{pair}", "pool": "{runs}/clip/pool.npy"},
        needs=_BOTH,
    ),
    Training(
        "judge",
        "pixgen.training.judge",
        "the judge that measures what is drawn",
        "Train the judge, which names what was drawn and takes no part in drawing.",
        _RUN,
        user_pictures=False,
    ),
)
"""In the order in which they need each other."""


@dataclass(frozen=True)
class TrainingRequest:
    """What somebody asked for.

    runs: folder of everything. cache: folder of the sprites, by default in that of the runs.
    drawings: a folder of the user's own pictures to learn from. quick: a toy.
    options: values of the trainings' options by name; each training takes those that it declares.
    """

    runs: Path = Path("runs")
    cache: Path | None = None
    drawings: Path | None = None
    quick: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Of the runs; a toy's lie apart."""
        return self.runs / "quick" if self.quick else self.runs

    @property
    def pair(self) -> Path:
        return self.folder / "pair"

    @property
    def sprites(self) -> Path:
        return self.cache or self.folder / "cache"


def data(request: TrainingRequest, say: Callable[[str], None]) -> None:
    """Fill the cache of sprites, from the open icon sets or from a user's folder; nothing where it is full.

    Raises UsageError for a folder that cannot be learnt from, PixgenError where fetching fails.
    """
    from pixgen.training.data import drawings, user_pictures

    subjects = request.options.get("subjects")
    if request.drawings is not None:
        count, left_out = user_pictures.rasterise(request.drawings, request.sprites)
        for line in left_out:
            say(f"left out: {line}")
        say(f"{count} pictures of your own in {request.sprites}")
    elif (request.sprites / USER_SUBJECTS).exists():
        raise UsageError(f"{request.sprites} holds pictures of your own; choose another folder with --runs or --cache")
    elif request.quick and request.cache and not subjects and (request.cache / "sprites.npy").exists():
        say(f"{request.cache} is taken as it is: a toy learns from a part of it")
    else:
        usual = QUICK_SUBJECTS if request.quick else ALL_SUBJECTS
        drawings.make(request.runs / "drawings", request.sprites, subjects or usual)


def options_of(training: Training, request: TrainingRequest) -> BaseOptions:
    """A training's options as asked for: its defaults, what makes a toy of it, its places, and what was given.

    Raises UsageError where there are no drawings, where they are not for this training, or another must come first.
    """
    _require_sprites(training, request)
    own_pictures = (request.sprites / USER_SUBJECTS).exists()
    places = {
        "run": request.folder / training.name,
        "cache": request.sprites,
        "pair": request.pair,
        "runs": request.folder,
    }
    names = {one.name for one in declared(training.options)}
    given = {name: value for name, value in request.options.items() if name in names}
    _require_weights(training, request, given)
    values: dict[str, Any] = {name: Path(place.format(**places)) for name, place in training.places.items()}
    if request.quick:
        values |= toy(training.options)
    values |= {**training.presets, **given}
    if own_pictures and "subjects" in names:
        values["subjects"] = ALL_SUBJECTS
    return training.options(**values)


def _require_sprites(training: Training, request: TrainingRequest) -> None:
    quick = ["--quick"] if request.quick else []
    if not (request.sprites / "index.json").exists():
        flags = {"--runs": request.runs if request.runs != TrainingRequest.runs else None, "--cache": request.cache}
        where = [word for flag, place in flags.items() if place for word in (flag, str(place))]
        command = shell.command("train data", [], [*where, *quick])
        raise UsageError(f"no drawings in {request.sprites}; make them with `{command}`")
    if (request.sprites / USER_SUBJECTS).exists() and not training.user_pictures:
        raise UsageError(
            f"{request.sprites} holds pictures of your own, and {training.name} knows the open drawings alone; leave "
            "it out, or give their sprites by --cache"
        )


def _require_weights(training: Training, request: TrainingRequest, given: Mapping[str, Any]) -> None:
    if any("{pair}" in place and name in given for name, place in training.places.items()):
        return  # the user says where the weights are
    quick = ["--quick"] if request.quick else []
    for name in training.needs:
        weights = request.pair / f"{name}.safetensors"
        if not weights.exists():
            maker = "clip" if name == "perceptor" else name
            command = shell.command(f"train {maker}", [], ["--runs", str(request.runs), *quick])
            raise UsageError(f"{training.name} needs {weights}: make it with `{command}`, or put one there")


def train(training: Training, request: TrainingRequest) -> None:
    """Run one training to its end, or resume its checkpoint; its weights join the pair, also when it is stopped.

    Raises KeyboardInterrupt when it was stopped, PixgenError where the disk is full.
    """
    from pixgen.training import runs

    module = importlib.import_module(training.module)
    options = options_of(training, request)
    (request.folder / training.name).mkdir(parents=True, exist_ok=True)
    runs.mark_not_started()
    try:
        module.main(options)
        runs.raise_if_stop_requested()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise PixgenError(
            f"no room left in {request.folder}; the last checkpoint is kept: make room and run the same command again "
            "to resume"
        ) from error
    finally:
        _copy_weights(request.folder / training.name, request.pair)


def _copy_weights(run: Path, pair: Path) -> None:
    for weights in sorted(run.glob("*.safetensors")):
        with files.replacing(pair / weights.name, sole=True) as temporary:
            shutil.copyfile(weights, temporary)
