"""Checks plain data (what YAML, JSON and flags give) against type hints."""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, Union

from pixgen.errors import UsageError, did_you_mean, shown
from pixgen.io import paths

LARGEST = 1e30
"""Of a number among settings, either sign: products of a few still fit float32, which ends at 3.4e38."""


class OptionError(UsageError):
    """An option that is unknown, missing or of a wrong type. `key` is its dotted path (`losses.warm.weight`)."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key

    def __reduce__(self) -> tuple[type[OptionError], tuple[str, str]]:
        # By default an exception is unpickled from its message alone, and a worker process could not send this one.
        return type(self), (self.key, str(self))


class _WrongType(OptionError):
    """The value is not of this type, and may be of another one of a union."""


def coerce(value: Any, hint: Any, where: str) -> Any:
    """`value` as the type `hint`, or an `OptionError` whose message begins with the dotted path `where`.

    Nothing is guessed: a whole number serves as a float and a list as a tuple, but text never becomes a number.
    Understands bool, int, float, str, Path, None, Any, Literal, unions, list, tuple, Sequence, dict, Mapping and
    dataclasses; any other class must be met by `isinstance`.
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _coerce_union(value, args, hint, where)
    if origin is Literal:
        if value in args and type(value) in {type(a) for a in args}:
            return value
        choices = ", ".join(map(repr, args))
        raise _WrongType(where, f"{where} is {shown(value)}; it must be one of {choices}{_near(value, args)}")
    if origin in (list, tuple, Sequence):
        return _coerce_sequence(value, origin, args, hint, where)
    if origin in (dict, Mapping):
        _require(isinstance(value, Mapping), value, hint, where)
        return {coerce(k, args[0], join(where, k)): coerce(v, args[1], join(where, k)) for k, v in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return build(hint, value, where)
    return _coerce_plain(value, hint, where)


def build(cls: type, options: Mapping[str, Any], where: str, beside: Iterable[str] = ()) -> Any:
    """An instance of the dataclass `cls` from its options, every key and type checked.

    `beside` names options of somebody else's that may stand in the same place, for the message.

    Raises OptionError for an unknown or missing option, a wrong type, or whatever the class itself refuses with a
    ValueError.
    """
    checked = check(cls, options, where, beside)
    for field in dataclasses.fields(cls):
        no_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if field.init and no_default and field.name not in options:
            raise OptionError(where, f"{where} needs the option {field.name!r}")
    try:
        return cls(**checked)
    except ValueError as error:
        raise OptionError(where, f"{where}: {error}") from error


def check(cls: type, options: Mapping[str, Any], where: str = "", beside: Iterable[str] = ()) -> dict[str, Any]:
    """Some options of the dataclass `cls`, coerced. Raises OptionError for an unknown key or a wrong type."""
    hints = typing.get_type_hints(cls)
    fields = [field.name for field in dataclasses.fields(cls) if field.init]
    for key in options:
        if key not in fields:
            raise unknown(join(where, key), [*fields, *beside])
    return {key: coerce(value, hints[key], join(where, key)) for key, value in options.items()}


MAX_DEPTH = 32
"""Lists and mappings within each other; settings need six."""


def require_shallow(value: Any, where: str) -> None:
    """Raise OptionError for plain data nested deeper than MAX_DEPTH, which would end whatever walks it."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for each in level
            if isinstance(each, Mapping | list | tuple)
            for item in (each.values() if isinstance(each, Mapping) else each)
        ]
        if not level:
            return
    raise OptionError(where, f"{where} is nested more than {MAX_DEPTH} deep; settings are flatter than that")


def require_between(values: object, **bounds: tuple[int, int]) -> None:
    """Raise ValueError unless each named number of an object, or each number of a named list, lies in its bounds.

    For `__post_init__` of a dataclass that comes from a file: how many layers a network has must be known before it is
    built.
    """
    for name, (low, high) in bounds.items():
        value = getattr(values, name)
        for number in value if isinstance(value, list | tuple) else [value]:
            if type(number) is not int or not low <= number <= high:
                shown = repr(number)[:60]
                raise ValueError(f"{name} is {shown}; it must be a whole number from {low:,} to {high:,}")


def unknown(key: str, known: Iterable[str]) -> OptionError:
    """The error for an option that does not exist, with the nearest name or else all names there are."""
    where, _, name = key.rpartition(".")
    known = list(known)
    rest = f"; there are {', '.join(known)}" if known else "; it has none"
    near = did_you_mean(name, known)
    return OptionError(key, f"{where or 'the config'} has no option {shown(name)}{near or rest}")


def join(where: str, key: object) -> str:
    """A dotted path one level deeper."""
    return f"{where}.{key}" if where else str(key)


def type_name(hint: Any) -> str:
    """A type hint as people read it: `int`, `float | None`, `'a' | 'b'`."""
    if hint is type(None):
        return "null"
    if typing.get_origin(hint) in (Union, types.UnionType):
        return " | ".join(type_name(arg) for arg in typing.get_args(hint))
    if typing.get_origin(hint) is Literal:
        return " | ".join(map(repr, typing.get_args(hint)))
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return str(hint).replace("typing.", "").replace("collections.abc.", "")


def _coerce_union(value: Any, args: tuple[Any, ...], hint: Any, where: str) -> Any:
    within: OptionError | None = None
    # An exact match first, so that 1 stays an int under `float | int`.
    for arg in sorted(args, key=lambda arg: type(value) is not arg):
        try:
            return coerce(value, arg, where)
        except _WrongType:
            continue
        except OptionError as error:
            within = within or error
    if within is not None:
        raise within
    _refuse(value, hint, where)


def _coerce_sequence(value: Any, origin: Any, args: tuple[Any, ...], hint: Any, where: str) -> Any:
    _require(isinstance(value, Sequence) and not isinstance(value, str | bytes), value, hint, where)
    fixed = origin is tuple and args[-1] is not Ellipsis
    if fixed:
        _require(len(value) == len(args), value, hint, where)
    hints = args if fixed else [args[0]] * len(value)
    items = [coerce(item, arg, f"{where}[{i}]") for i, (item, arg) in enumerate(zip(value, hints, strict=True))]
    return items if origin is list else tuple(items)


def _coerce_plain(value: Any, hint: Any, where: str) -> Any:
    if hint in (None, type(None)):
        _require(value is None, value, type(None), where)
        return None
    if hint is float:
        _require(isinstance(value, int | float) and not isinstance(value, bool), value, hint, where)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not abs(number) <= LARGEST:
            raise OptionError(
                where,
                f"{where} is {shown(value)}; it must be a finite number that a float can hold, {LARGEST:g} at most",
            )
        return number
    if hint is int:
        _require(isinstance(value, int) and not isinstance(value, bool), value, hint, where)
        if abs(value) >= 2**63:
            raise OptionError(where, f"{where} is {shown(value)}; it must be a whole number that 64 bits can hold")
        return value
    if hint is Path and isinstance(value, str):
        try:
            return paths.written(value)
        except UsageError as error:
            raise OptionError(where, f"{where}: {error}") from None
    cls = typing.get_origin(hint) or hint
    _require(not isinstance(cls, type) or isinstance(value, cls), value, hint, where)
    return value


def _require(ok: bool, value: Any, hint: Any, where: str) -> None:
    if not ok:
        _refuse(value, hint, where)


def _refuse(value: Any, hint: Any, where: str) -> NoReturn:
    kind, wanted = type(value).__name__, type_name(hint)
    raise _WrongType(where, f"{where} is {shown(value)} ({kind}); it must be {wanted}{_way_out(value, hint)}")


def _way_out(value: Any, hint: Any) -> str:
    """How to write what was probably meant."""
    if typing.get_origin(hint) in (list, tuple, Sequence):
        return ", as in [a, b]"
    if hint is bool and str(value).lower() in ("yes", "on", "no", "off", "1", "0", "true", "false"):
        return f"; write {str(str(value).lower() in ('yes', 'on', '1', 'true')).lower()}"
    if hint in (int, float) and isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+,[0-9]+", value):
        return f"; write {value.replace(',', '.')}, with a point"
    return ""


def _near(value: Any, args: tuple[Any, ...]) -> str:
    return did_you_mean(value, [a for a in args if isinstance(a, str)]) if isinstance(value, str) else ""
