"""Functions of other packages that print or log, without what they say.

To replace `sys.stdout`, the warning filters or the level of logging meanwhile would do so for every other thread too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import FunctionType, SimpleNamespace
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


def silenced(function: Function) -> Function:
    """A copy of a Python function whose own `print` and `logging` do nothing; the functions that it calls are theirs.

    Raises TypeError for what is not written in Python.
    """
    if not isinstance(function, FunctionType):
        raise TypeError(f"{function!r} is not a Python function")
    names = {**function.__globals__, "print": _say_nothing, "logging": _LOGGING}
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return cast(Function, copy)


def _say_nothing(*_: object, **__: object) -> None:
    pass


_LOGGING = SimpleNamespace(
    **{name: value for name, value in vars(logging).items() if name.isupper()},
    **dict.fromkeys(("debug", "info", "warning", "error", "exception", "critical"), _say_nothing),
)
