"""Checks plain data (what YAML, JSON and flags give) against type hints."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, Union

from pixgen.errors import UsageError, did_you_mean


def coerce(value: Any, hint: Any, where: str) -> Any:
    """`value` as the type `hint`, or a `UsageError` that begins with `where`.

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
        raise UsageError(f"{where} is {value!r}; it must be one of {choices}{_near(value, args)}")
    if origin in (list, tuple, Sequence):
        return _coerce_sequence(value, origin, args, hint, where)
    if origin in (dict, Mapping):
        _require(isinstance(value, Mapping), value, hint, where)
        return {coerce(k, args[0], f"a key of {where}"): coerce(v, args[1], f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return build(hint, value, where)
    return _coerce_plain(value, hint, where)


def build(cls: type, options: Mapping[str, Any], where: str) -> Any:
    """An instance of the dataclass `cls` from its options, every key and type checked.

    Raises UsageError for an unknown or missing option, a wrong type, or whatever the class itself refuses with a
    ValueError.
    """
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
    hints = typing.get_type_hints(cls)
    for key in options:
        if key not in fields:
            known = f"; it has {', '.join(fields)}" if fields else "; it has no options"
            raise UsageError(f"{where} has no option {key!r}{did_you_mean(str(key), fields) or known}")
    for name, field in fields.items():
        no_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if no_default and name not in options:
            raise UsageError(f"{where} needs the option {name!r} ({type_name(hints[name])})")
    checked = {key: coerce(value, hints[key], f"{where}.{key}") for key, value in options.items()}
    try:
        return cls(**checked)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error


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
    # An exact match first, so that 1 stays an int under `float | int`.
    for arg in sorted(args, key=lambda arg: type(value) is not arg):
        try:
            return coerce(value, arg, where)
        except UsageError:
            continue
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
        if math.isnan(number) or (math.isinf(number) and isinstance(value, int)):
            raise UsageError(f"{where} is {value!r}; it must be a number that a float can hold")
        return number
    if hint is int:
        _require(isinstance(value, int) and not isinstance(value, bool), value, hint, where)
        return value
    if hint is Path and isinstance(value, str):
        return Path(value)
    cls = typing.get_origin(hint) or hint
    _require(not isinstance(cls, type) or isinstance(value, cls), value, hint, where)
    return value


def _require(ok: bool, value: Any, hint: Any, where: str) -> None:
    if not ok:
        _refuse(value, hint, where)


def _refuse(value: Any, hint: Any, where: str) -> NoReturn:
    shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
    raise UsageError(f"{where} is {shown} ({type(value).__name__}); it must be {type_name(hint)}")


def _near(value: Any, args: tuple[Any, ...]) -> str:
    return did_you_mean(value, [a for a in args if isinstance(a, str)]) if isinstance(value, str) else ""
