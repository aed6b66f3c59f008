"""Every training in its order, in one folder of runs, ending in a pair that `--model` takes.

    RUNS/drawings   the packed drawings           RUNS/cache   all of them as sprites
    RUNS/NAME       a training's checkpoint, log.jsonl, losses.png, samples/ and weights
    RUNS/pair       the weights of all trainings: what draws

Each is a file of its own, `pixgen/training/NAME.py`; here is only what they need of each other, and how small a toy is.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pixgen.errors import PixgenError, UsageError
from pixgen.training.subjects import OWN

QUICK_SUBJECTS = 24
EVERYTHING = 10**6


@dataclass(frozen=True)
class Training:
    """One training: the module `pixgen.training.NAME`.

    count: its flag of how much to see in all, empty where nothing is counted. quick: what makes it a toy.
    needs: weights of other trainings, each with the flag that takes the file; `--pair` takes their folder.
    takes: which of the common options its file knows. own: whether it can learn from a user's own pictures; judges know
    the subjects of the table alone.
    """

    name: str
    about: str
    count: str = ""
    quick: tuple[str, ...] = ()
    needs: dict[str, str] = field(default_factory=dict)
    takes: tuple[str, ...] = ("seed", "threads", "restart", "subjects")
    own: bool = True


_BOTH = {"perceptor": "--pair", "vqgan": "--pair"}

TRAININGS = (
    Training(
        "clip",
        "the perceptor (CLIP)",
        "--pictures",
        ("--pictures", "24000", "--pool", "4096"),
        takes=("seed", "threads", "restart", "subjects", "device"),
    ),
    Training(
        "vqgan",
        "the generator (VQGAN), and its discriminator",
        "--crops",
        ("--crops", "2000", "--pool", "500"),
        {"perceptor": "--perceptor"},
        ("seed", "threads", "restart", "device"),
    ),
    Training("bank", "code grids to begin from, a few a subject", needs=_BOTH),
    Training("tokens", "the token decoder (DALL-E 1)", "--grids", ("--grids", "4000", "--scenes", "1000"), _BOTH),
    Training("prior", "the prior (DALL-E 2)", needs=_BOTH),
    Training(
        "judge",
        "the judge that measures what is drawn",
        "--pictures",
        ("--pictures", "8000", "--pool", "2048"),
        takes=("seed", "threads", "restart", "subjects", "device"),
        own=False,
    ),
    Training("evaluate", "the figures of the model card", needs=_BOTH, takes=("seed", "threads"), own=False),
)
"""In the order in which they need each other."""


@dataclass(frozen=True)
class Wanted:
    """What somebody asked for; None leaves it to the training. more: options handed on as they are."""

    runs: Path = Path("runs")
    cache: Path | None = None
    drawings: Path | None = None
    quick: bool = False
    pictures: int | None = None
    subjects: int | None = None
    seed: int | None = None
    threads: int | None = None
    device: str | None = None
    restart: Path | None = None
    more: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The runs' own; a toy's lie apart."""
        return self.runs / "quick" if self.quick else self.runs

    @property
    def pair(self) -> Path:
        return self.folder / "pair"

    @property
    def sprites(self) -> Path:
        return self.cache or self.folder / "cache"


def get(name: str) -> Training:
    return next(training for training in TRAININGS if training.name == name)


def is_here(training: Training) -> bool:
    return importlib.util.find_spec(f"pixgen.training.{training.name}") is not None


def data(wanted: Wanted, say: Callable[[str], None]) -> None:
    """Fill the cache of sprites, from the open drawings or from a folder of one's own; nothing where it is full.

    Raises UsageError for a folder that cannot be learnt from, PixgenError where fetching fails.
    """
    from pixgen.training import drawings, own

    if wanted.drawings is not None:
        count, left_out = own.rasterise(wanted.drawings, wanted.sprites)
        for line in left_out:
            say(f"left out: {line}")
        say(f"{count} pictures of your own in {wanted.sprites}")
    elif (wanted.sprites / OWN).exists():
        raise UsageError(f"{wanted.sprites} holds pictures of your own; choose another folder with --runs or --cache")
    else:
        subjects = wanted.subjects or (QUICK_SUBJECTS if wanted.quick else EVERYTHING)
        drawings.main([str(wanted.runs / "drawings"), str(wanted.sprites), "--subjects", str(subjects)])


def arguments(training: Training, wanted: Wanted) -> list[str]:
    """The command line of a training's own `main`. Raises UsageError where another training must come first."""
    words = [str(wanted.folder / training.name), "--cache", str(wanted.sprites)]
    flags: dict[str, str] = {}
    for name, flag in training.needs.items():
        weights = wanted.pair / f"{name}.safetensors"
        if not weights.exists():
            maker = "clip" if name == "perceptor" else name
            quick = " --quick" if wanted.quick else ""
            raise UsageError(
                f"{training.name} needs {weights}: make it with `pixgen train {maker} --runs {wanted.runs}{quick}`, "
                "or put one there"
            )
        flags[flag] = str(wanted.pair if flag == "--pair" else weights)
    if wanted.quick:
        flags |= dict(zip(training.quick[::2], training.quick[1::2], strict=True))
    if wanted.pictures is not None:
        if not training.count:
            raise UsageError(f"pixgen train {training.name} counts nothing: leave --pictures out")
        flags[training.count] = str(wanted.pictures)
    said = {name: getattr(wanted, name) for name in ("seed", "threads", "device", "restart", "subjects")}
    if (wanted.sprites / OWN).exists():
        said["subjects"] = EVERYTHING
    elif wanted.quick and said["subjects"] is None:
        said["subjects"] = QUICK_SUBJECTS
    flags |= {f"--{name}": str(said[name]) for name in training.takes if said[name] is not None}
    return [*words, *(word for pair in flags.items() for word in pair), *wanted.more]


def train(training: Training, wanted: Wanted) -> None:
    """Run one training to its end, or from its checkpoint on; its weights join the pair, also when it is stopped.

    Raises KeyboardInterrupt when it was stopped, PixgenError where the disk is full.
    """
    module = importlib.import_module(f"pixgen.training.{training.name}")
    words = arguments(training, wanted)
    try:
        module.main(words)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise PixgenError(
            f"no room left in {wanted.folder}; the last checkpoint is kept: make room, and the same command goes on"
        ) from error
    finally:
        _join(wanted.folder / training.name, wanted.pair)


def every(wanted: Wanted) -> Iterator[Training]:
    """The trainings that `all` runs, in order: those that there are, and that can learn from these pictures."""
    own = wanted.drawings is not None
    yield from (training for training in TRAININGS if is_here(training) and (training.own or not own))


def _join(run: Path, pair: Path) -> None:
    for weights in sorted(run.glob("*.safetensors")):
        pair.mkdir(parents=True, exist_ok=True)
        part = pair / f"{weights.name}.part"
        shutil.copyfile(weights, part)
        os.replace(part, pair / weights.name)
