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
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pixgen.errors import PixgenError, UsageError
from pixgen.io import files
from pixgen.scenery.subjects import OWN

QUICK_SUBJECTS = 24
EVERYTHING = 10**6


@dataclass(frozen=True)
class Training:
    """One training: the module PACKAGE.NAME.

    words: its command line; {run} is its own folder, {cache} the sprites, {pair} the weights made so far, {runs} all.
    needs: weights of other trainings. takes: which of the common options its file knows. count: its flag of how much
    to see in all, empty where nothing is counted. quick: what makes it a toy. own: whether it can learn from a
    user's own pictures; judges know the subjects of the table alone.
    """

    name: str
    about: str
    words: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ("seed", "threads", "restart", "subjects", "device")
    count: str = ""
    quick: tuple[str, ...] = ()
    own: bool = True
    package: str = "pixgen.training"

    @property
    def module(self) -> str:
        return f"{self.package}.{self.name}"


_USUAL = "{run} --cache {cache}"
_BOTH = ("perceptor", "vqgan")

TRAININGS = (
    Training(
        *("clip", "the perceptor (CLIP)", _USUAL),
        count="--pictures",
        quick=("--pictures", "24000", "--pool", "4096"),
    ),
    Training(
        *(
            "vqgan",
            "the generator (VQGAN), and its discriminator",
            _USUAL + " --perceptor {pair}/perceptor.safetensors",
        ),
        needs=("perceptor",),
        takes=("seed", "threads", "restart", "device"),
        count="--crops",
        quick=("--crops", "2000", "--pool", "500"),
    ),
    Training(
        *("bank", "code grids to begin from, a few a subject"),
        "{run}/bank.safetensors --cache {cache} --perceptor {pair}/perceptor.safetensors "
        "--vqgan {pair}/vqgan.safetensors",
        needs=_BOTH,
        takes=("seed", "subjects"),
    ),
    Training(
        *("tokens", "the token decoder (DALL-E 1)", _USUAL + " --pair {pair}"),
        needs=_BOTH,
        count="--grids",
        quick=("--grids", "4000", "--scenes", "1000"),
    ),
    Training(
        *("prior", "the prior (DALL-E 2)", _USUAL + " --pair {pair} --pool {runs}/clip/pool.npy"),
        needs=_BOTH,
        takes=("seed", "threads", "subjects", "device"),
        count="--pairs",
        quick=("--pairs", "60000", "--scenes", "4096"),
    ),
    Training(
        *("judge", "the judge that measures what is drawn", _USUAL),
        count="--pictures",
        quick=("--pictures", "8000", "--pool", "2048"),
        own=False,
    ),
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


def is_here(training: Training) -> bool:
    return importlib.util.find_spec(training.module) is not None


def data(wanted: Wanted, say: Callable[[str], None]) -> None:
    """Fill the cache of sprites, from the open drawings or from a folder of one's own; nothing where it is full.

    Raises UsageError for a folder that cannot be learnt from, PixgenError where fetching fails.
    """
    from pixgen.training.data import drawings, user_pictures

    if wanted.drawings is not None:
        count, left_out = user_pictures.rasterise(wanted.drawings, wanted.sprites)
        for line in left_out:
            say(f"left out: {line}")
        say(f"{count} pictures of your own in {wanted.sprites}")
    elif (wanted.sprites / OWN).exists():
        raise UsageError(f"{wanted.sprites} holds pictures of your own; choose another folder with --runs or --cache")
    elif wanted.quick and wanted.cache and not wanted.subjects and (wanted.cache / "sprites.npy").exists():
        say(f"{wanted.cache} is taken as it is: a toy learns from a part of it")
    else:
        subjects = wanted.subjects or (QUICK_SUBJECTS if wanted.quick else EVERYTHING)
        drawings.main([str(wanted.runs / "drawings"), str(wanted.sprites), "--subjects", str(subjects)])


def arguments(training: Training, wanted: Wanted) -> list[str]:
    """The command line of a training's own `main`.

    Raises UsageError where there are no drawings, where they are not for this training, or another must come first.
    """
    quick = " --quick" if wanted.quick else ""
    if not (wanted.sprites / "index.json").exists():
        places = {"--runs": wanted.runs if wanted.runs != Wanted.runs else None, "--cache": wanted.cache}
        where = "".join(f" {flag} {place}" for flag, place in places.items() if place)
        raise UsageError(f"no drawings in {wanted.sprites}; make them with `pixgen train data{where}{quick}`")
    if (wanted.sprites / OWN).exists() and not training.own:
        raise UsageError(
            f"{wanted.sprites} holds pictures of your own, and {training.name} knows the open drawings alone; leave it "
            "out, or give their sprites by --cache"
        )
    for name in training.needs if "--folder" not in wanted.more else ():
        weights = wanted.pair / f"{name}.safetensors"
        if not weights.exists():
            maker = "clip" if name == "perceptor" else name
            raise UsageError(
                f"{training.name} needs {weights}: make it with `pixgen train {maker} --runs {wanted.runs}{quick}`, "
                "or put one there"
            )
    places = {"run": wanted.folder / training.name, "cache": wanted.sprites, "pair": wanted.pair, "runs": wanted.folder}
    words = [word.format(**places) for word in training.words.split()]
    flags: dict[str, str] = {}
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
    from pixgen.training import runs

    module = importlib.import_module(training.module)
    words = arguments(training, wanted)
    (wanted.folder / training.name).mkdir(parents=True, exist_ok=True)
    runs.unstarted()
    try:
        module.main(words)
        runs.obey()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise PixgenError(
            f"no room left in {wanted.folder}; the last checkpoint is kept: make room, and the same command goes on"
        ) from error
    finally:
        _join(wanted.folder / training.name, wanted.pair)


def every(trainings: Iterable[Training], wanted: Wanted) -> list[Training]:
    """Those of the trainings that there are, and that can learn from these pictures."""
    own = wanted.drawings is not None
    return [training for training in trainings if is_here(training) and (training.own or not own)]


def _join(run: Path, pair: Path) -> None:
    for weights in sorted(run.glob("*.safetensors")):
        with files.replacing(pair / weights.name, sole=True) as temporary:
            shutil.copyfile(weights, temporary)
