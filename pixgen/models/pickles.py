"""Reads the pickle of a checkpoint as plain data. Nothing that it names is imported, and nothing is called.

A pickle is a program for a small stack machine. `pickletools` of the standard library decodes it; the machine here
knows only the operations that make plain data. What the program calls is looked up by name among the functions that
the reader gives, which make records of tensors; any other name ends the reading.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pixgen.models import limits

MAX_BITS = 256
"""Of a whole number: random generators keep states of 128."""


class Damaged(Exception):
    """The pickle ends too early or makes no sense. The text says why."""


class TooLarge(Exception):
    """The pickle makes more than a checkpoint does."""


class HoldsCode(Exception):
    """The pickle names something that is not a weight. The text is its dotted name."""


@dataclass(frozen=True)
class Name:
    """A class or function that the pickle names, as `module.name`."""

    name: str


@dataclass(eq=False)
class Inert:
    """An object of a class that holds no weights, or a tensor of a kind that is not read. name: of its class."""

    name: str


@dataclass(eq=False)
class Object:
    """An object of a TorchScript class: the attributes that it was saved with."""

    attributes: dict[Any, Any] = field(default_factory=dict)


Make = Callable[[tuple[Any, ...]], Any]
"""What a name stands for: gives a value for the arguments it is called with."""


class Reader:
    """The stack machine.

    known: gives what a name stands for, None for a name that is not allowed. persistent: gives the value of a
    persistent id, which is how checkpoints refer to the numbers of a tensor.
    """

    def __init__(self, known: Callable[[str], Make | None], persistent: Callable[[Any], Any]) -> None:
        self._known, self._persistent = known, persistent
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def read(self, stream: BinaryIO) -> Any:
        """The value of the pickle at the stream's place, which is left behind its end.

        Raises Damaged, TooLarge and HoldsCode.
        """
        self._stack, self._marks, self._memo = [], [], {}
        try:
            for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
                if count >= limits.MAX_OPERATIONS:
                    raise TooLarge(f"its pickle has more than {limits.MAX_OPERATIONS:,} operations")
                self._do(operation.name, argument)
            return self._stack.pop()
        except UnicodeDecodeError as error:
            raise Damaged("a word in its pickle is not text") from error
        except (
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            OverflowError,
            MemoryError,
            RecursionError,
            Warning,
        ) as error:
            raise Damaged(str(error) or type(error).__name__) from error

    def _do(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _LITERALS:
            if isinstance(argument, int) and argument.bit_length() > MAX_BITS:
                raise TooLarge(f"its pickle holds a number of {argument.bit_length():,} bits")
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self._memo[argument])
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name == "MARK":
            self._marks.append(len(stack))
        elif name in _TUPLES:
            items = tuple(stack[-_TUPLES[name] :])
            del stack[-_TUPLES[name] :]
            stack.append(items)
        elif name in _MARKED:
            self._marked(name)
        elif name == "APPEND":
            _extend(stack[-2], [stack.pop()])
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            _fill(stack[-1], [key, value])
        elif name == "GLOBAL":
            stack.append(self._named(argument.replace(" ", ".", 1)))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(self._named(f"{_text(module)}.{_text(attribute)}"))
        elif name in ("REDUCE", "NEWOBJ"):
            arguments, called = stack.pop(), stack.pop()
            stack.append(self._call(called, arguments))
        elif name == "NEWOBJ_EX":
            stack.pop()
            arguments, called = stack.pop(), stack.pop()
            stack.append(self._call(called, arguments))
        elif name == "BUILD":
            state = stack.pop()
            if isinstance(stack[-1], Object):
                _fill(stack[-1].attributes, [item for pair in _mapping(state).items() for item in pair])
        elif name == "BINPERSID":
            stack.append(self._persistent(stack.pop()))
        elif name == "DUP":
            stack.append(stack[-1])
        elif name == "POP":
            if self._marks and self._marks[-1] == len(stack):
                self._marks.pop()
            else:
                stack.pop()
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise ValueError(f"its pickle has the operation {name}, which no checkpoint needs")

    def _marked(self, name: str) -> None:
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        if name == "LIST":
            self._stack.append(items)
        elif name == "TUPLE":
            self._stack.append(tuple(items))
        elif name == "FROZENSET":
            self._stack.append(items)
        elif name == "DICT":
            self._stack.append(_fill({}, items))
        elif name in ("APPENDS", "ADDITEMS"):
            _extend(self._stack[-1], items)
        elif name == "SETITEMS":
            _fill(self._stack[-1], items)

    def _named(self, name: str) -> Name:
        name = re.sub("^__builtin__[.]", "builtins.", name)  # as Python 2 called it, and protocol 2 still does
        if self._known(name) is None:
            raise HoldsCode(name)
        return Name(name)

    def _call(self, called: Any, arguments: Any) -> Any:
        if not isinstance(called, Name) or not isinstance(arguments, tuple):
            raise ValueError("its pickle calls what is not a function")
        make = self._known(called.name)
        if make is None:
            raise HoldsCode(called.name)
        return make(arguments)


_LITERALS = frozenset(
    [
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
        "UNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
        "FLOAT",
        "BINFLOAT",
    ]
)
_CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY: Mapping[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARKED = frozenset(("LIST", "TUPLE", "DICT", "FROZENSET", "APPENDS", "ADDITEMS", "SETITEMS"))


def _fill(target: Any, items: list[Any]) -> Any:
    """Set keys and values, which take turns. Keys that are not plain are left out: a hash may take for ever."""
    if isinstance(target, dict):
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, str | int | float | bool | bytes | None):
                target[key] = value
    elif not isinstance(target, Inert | Object):
        raise ValueError("its pickle sets an item of what is not a dict")
    return target


def _extend(target: Any, items: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, Inert):
        raise ValueError("its pickle appends to what is not a list")


def _mapping(state: Any) -> dict[Any, Any]:
    """An object's state: a dict, or a pair of dicts where its class has slots."""
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], dict):
        state = state[0]
    return state if isinstance(state, dict) else {}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("its pickle names a class by what is not text")
    return value
