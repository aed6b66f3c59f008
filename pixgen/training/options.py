"""The options of a training, declared once: a frozen dataclass `Options` in the training's own file.

Everything that reads options is made from it: the parser of `python -m pixgen.training.NAME`, the click command of
`pixgen train NAME`, the toy of `--quick`, and the command that a measured figure is noted with.
"""

from __future__ import annotations

import argparse
import sys
import types
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from pixgen.errors import UsageError

QUICK_SUBJECTS = 24
"""Subjects of a toy, by rank: eight people, and things from an apple to a sailboat."""
ALL_SUBJECTS = 10**6
"""As a number of subjects: all there are."""

OptionsType = TypeVar("OptionsType", bound="BaseOptions")


@dataclass(frozen=True)
class Option:
    """Makes a field a command-line option: `pool: Annotated[int, Option("Scenes.", toy=4096)] = 100_000`.

    help: one sentence for every parser.
    metavar: how the value is called in the help; by default after its type.
    minimum: the least value that is accepted.
    toy: its value under `--quick`, where that differs.
    counts: whether it says how much a run sees in all; such an option is also called `--pictures`.
    positional: whether it stands without a flag in `python -m`; `pixgen train` fills it in.
    """

    help: str
    metavar: str = ""
    minimum: int | None = None
    toy: Any = None
    counts: bool = False
    positional: bool = False


Cache = Annotated[Path, Option("Folder of the sprites.", "FOLDER")]
Seed = Annotated[int, Option("Base seed of everything random.", minimum=0)]
Subjects = Annotated[int, Option("Only so many subjects, the most useful first.", minimum=1, toy=QUICK_SUBJECTS)]
LearningRate = Annotated[float, Option("Largest learning rate.")]
Restart = Annotated[Path | None, Option("Begin from these weights (.safetensors) instead of from nothing.", "FILE")]


@dataclass(frozen=True)
class Declared:
    """One option of a class of options, as a parser needs it.

    type: int, float, bool, str or Path, whatever the field says besides None.
    default: MISSING where the option must be given.
    repeated: whether it may be given several times, each value once.
    """

    name: str
    type: type
    default: Any
    option: Option
    repeated: bool

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"


def declared(options: type[BaseOptions]) -> list[Declared]:
    """The fields of a class of options that are on the command line, in their order."""
    hints = get_type_hints(options, include_extras=True)
    found = []
    for one in fields(options):
        hint, *more = get_args(hints[one.name]) if get_origin(hints[one.name]) is Annotated else (hints[one.name],)
        if option := next((extra for extra in more if isinstance(extra, Option)), None):
            kind, repeated = _kind(hint)
            found.append(Declared(one.name, kind, one.default, option, repeated))
    return found


def _kind(hint: Any) -> tuple[type, bool]:
    """`int` and `int | None` are int; `tuple[str, ...]` is str, several times."""
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    if isinstance(hint, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    return hint, False


@dataclass(frozen=True, kw_only=True)
class BaseOptions:
    """Raises UsageError for a value below its minimum."""

    def __post_init__(self) -> None:
        for one in declared(type(self)):
            value = getattr(self, one.name)
            least = one.option.minimum
            if least is not None and value is not None and value < least:
                raise UsageError(f"{one.flag} must be at least {least}, and {value} was given")


@dataclass(frozen=True, kw_only=True)
class RunOptions(BaseOptions):
    """What every training takes.

    save_every: seconds between checkpoints.
    """

    run: Annotated[Path, Option("folder of the checkpoint, the log and the weights", positional=True)]
    cache: Cache
    seed: Seed = 0
    threads: Annotated[int, Option("Processor cores; 0 leaves the number to torch.", minimum=0)] = 0
    device: Annotated[str, Option("Where to compute: auto, cpu, cuda or cuda:N.", "DEVICE")] = "cpu"
    portraits: Annotated[float, Option("Share of scenes that are people drawn by a program.", minimum=0)] = 0.25
    save_every: float = 240.0


@dataclass(frozen=True, kw_only=True)
class SubjectOptions(RunOptions):
    """Of a training that may learn a part of the subjects."""

    subjects: Subjects = 440


def toy(options: type[BaseOptions]) -> dict[str, Any]:
    """The values that make a toy of a training, by option."""
    return {one.name: one.option.toy for one in declared(options) if one.option.toy is not None}


def parse(options: type[OptionsType], argv: Sequence[str] | None = None) -> OptionsType:
    """The options that a command line gives: what `python -m pixgen.training.NAME` reads. Exits where it is wrong."""
    about = (sys.modules[options.__module__].__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=about)
    for one in declared(options):
        shown = "" if one.default in (MISSING, None, "", ()) or one.type is bool else f"  [default: {one.default}]"
        help = (one.option.help + shown).replace("%", "%%")
        if one.option.positional:
            parser.add_argument(one.name, type=one.type, help=help)
        elif one.type is bool:
            parser.add_argument(one.flag, action="store_true", help=help)
        else:
            parser.add_argument(
                one.flag,
                type=one.type,
                help=help,
                metavar=one.option.metavar or None,
                required=one.default is MISSING,
                default=None if one.default is MISSING else list(one.default) if one.repeated else one.default,
                action="append" if one.repeated else "store",
            )
    given = vars(parser.parse_args(argv))
    return options(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def command_line(options: BaseOptions, without: Sequence[str] = ()) -> list[str]:
    """The words that give these options again; what is as by default is left out.

    without: names of options to leave out.
    """
    words: list[str] = []
    for one in declared(type(options)):
        value = getattr(options, one.name)
        if one.name in without or value == one.default:
            continue
        if one.type is bool:
            words.append(one.flag)
        elif one.option.positional:
            words.append(str(value))
        else:
            words += [word for each in (value if one.repeated else (value,)) for word in (one.flag, str(each))]
    return words
