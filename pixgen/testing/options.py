"""Options of a plugin under check: documented, and every value either works or is refused in a clear line."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

from pixgen import registry
from pixgen.errors import PixgenError, UsageError, shown
from pixgen.testing.subject import Subject, one_line

NUMBERS: Mapping[type, Sequence[Any]] = {int: (-1, 0), float: (-1.0, 0.0, 1e6)}
"""Values that every numeric option is tried with: few options mean something by all of them."""


def check_options(subject: Subject, wrong: Iterable[Mapping[str, Any]], use: Callable[[Any], object]) -> None:
    """Fail where an option is not documented, where a wrong one is taken, or where a value is taken and does not work.

    wrong: options that must be refused, as `[{"share": 2.0}]`.
    use: works with a plugin a little and fails where it does not work. Where the caller gave an instance, which may
    have networks of its own, other options are made and not used.
    """
    for option in registry.options(subject.kind, subject.name):
        subject.require(
            option.doc,
            f"its option {option.name} is not documented",
            "write a string below the field: what it does, and its range",
        )
    for options in wrong:
        _require_refused(subject, options)
    hints = typing.get_type_hints(registry.get(subject.kind, subject.name))
    for option in registry.options(subject.kind, subject.name):
        set_to = subject.options.get(option.name, option.default)
        for value in _tried(hints[option.name]):
            if type(value) is not type(set_to) or value != set_to:
                _try(subject, option.name, value, use)


def _require_refused(subject: Subject, options: Mapping[str, Any]) -> None:
    try:
        subject.make(**options)
    except UsageError as error:
        _require_clear(subject, error, f"{dict(options)}")
    except Exception as error:
        subject.fail(f"the options {dict(options)} raise {type(error).__name__}: {error}", "raise a ValueError")
    else:
        subject.fail(f"the options {dict(options)} are taken", "refuse them in __post_init__ with a ValueError")


def _try(subject: Subject, name: str, value: Any, use: Callable[[Any], object]) -> None:
    written = f"{name}={shown(value)}"
    mend = f"refuse it in __post_init__ with a ValueError that names {name} and its range"
    try:
        plugin = subject.make(**{name: value})
    except UsageError as error:
        _require_clear(subject, error, written)
        subject.require(
            name in str(error), f"the refusal of {written} does not name the option: {error}", f"name {name} in it"
        )
        return
    except Exception as error:
        subject.fail(f"the option {written} raises {type(error).__name__}: {error}", mend)
    if subject.given is not None:
        return
    try:
        use(plugin)
    except AssertionError as error:
        if isinstance(error.__cause__, PixgenError):
            _require_clear(subject, error.__cause__, written)
            return
        said = str(error).removeprefix(f"{subject}: ")
        subject.fail(f"the option {written} is taken and does not work ({said})", mend)


def _require_clear(subject: Subject, error: BaseException, written: str) -> None:
    subject.require(
        one_line(error), f"the refusal of {written} has no or several lines: {shown(str(error))}", "write one line"
    )


def _tried(hint: Any) -> Iterator[Any]:
    """Values of a type that an option may not be ready for, and every choice of those that are few."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        for arg in args:
            yield from _tried(arg)
    elif origin is Literal:
        yield from args
    elif origin in (list, Sequence) or (origin is tuple and args[-1] is Ellipsis):
        yield []
        yield from ([value] for value in _tried(args[0]))
    elif hint is bool:
        yield from (False, True)
    elif hint is str:
        yield from ("", "none of this name")
    elif hint is Path:
        yield Path("no") / "such.file"
    elif hint is type(None):
        yield None
    else:
        yield from NUMBERS.get(hint, ())
