"""Every plugin by kind and name: `@register("loss", "palette")` on a dataclass of its options.

Built-in plugins are found by looking into the kind's folder; third-party ones through the entry-point group
`pixgen.plugins`, each entry a module that registers when imported; single files through `load_file`.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import itertools
import pkgutil
import re
import sys
import textwrap
import threading
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from pixgen.errors import PixgenError, UsageError, did_you_mean
from pixgen.io import paths, schema

if TYPE_CHECKING:
    from pixgen.contracts import Cutter, Filter, Generator, Loss, Perceptor, Scheduler, Score, Start

ENTRY_POINTS = "pixgen.plugins"

KINDS: Mapping[str, str] = {
    "generator": "pixgen.plugins.generators",
    "start": "pixgen.plugins.starts",
    "cutter": "pixgen.plugins.cutters",
    "perceptor": "pixgen.plugins.perceptors",
    "loss": "pixgen.plugins.losses",
    "scheduler": "pixgen.plugins.schedulers",
    "filter": "pixgen.plugins.filters",
    "score": "pixgen.plugins.scores",
    "optimizer": "pixgen.plugins.optimizers",
}
"""Each kind's folder of built-in plugins."""

CONTRACTS: Mapping[str, str] = {
    "generator": "Generator",
    "start": "Start",
    "cutter": "Cutter",
    "perceptor": "Perceptor",
    "loss": "Loss",
    "scheduler": "Scheduler",
    "filter": "Filter",
    "score": "Score",
}
"""Each kind's base class in `pixgen.contracts`; the optimisers are torch's."""

LOOP_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "loss": ("weight",),
    "perceptor": ("weight", "cutouts"),
    "optimizer": ("lr", "clip_norm"),
}
"""Options that stand beside a plugin's own in a config but belong to the loop."""

T = TypeVar("T", bound=type)

_plugins: dict[str, dict[str, type]] = {kind: {} for kind in KINDS}
_loaded: set[str] = set()
_problems: dict[str, str] = {}
_lock = threading.RLock()


@dataclass(frozen=True)
class Option:
    """One option of a plugin, as `pixgen plugins show` prints it. `default` is `dataclasses.MISSING` if required."""

    name: str
    type: str
    default: Any
    doc: str


def register(kind: str, name: str) -> Callable[[T], T]:
    """Class decorator that makes a plugin known as `kind.name`; put it above `@dataclass`.

    An option that got a better name stays readable under its earlier one with a class attribute
    `renamed: ClassVar[Mapping[str, str]] = {"earlier": "now"}`.

    Raises TypeError if the class is no dataclass or does not derive from the kind's base class, and PixgenError
    if another class has the name already.
    """
    _require_kind(kind)

    def decorate(cls: T) -> T:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise TypeError(f"{name!r} is no plugin name: use letters, digits, '_' and '-'")
        if kind != "optimizer":
            _require_contract(kind, cls)
        other = _plugins[kind].get(name)
        if other is not None and _identity(other) != _identity(cls):
            raise PixgenError(f"two plugins are called {kind}.{name}: {_identity(other)} and {_identity(cls)}")
        _plugins[kind][name] = cls
        return cls

    return decorate


def names(kind: str) -> list[str]:
    """The names of a kind, sorted."""
    _load(kind)
    return sorted(_plugins[kind])


def get(kind: str, name: str) -> type:
    """The class called `kind.name`. Raises UsageError, with the nearest name, if there is none."""
    _load(kind)
    try:
        return _plugins[kind][name]
    except (KeyError, TypeError):
        known = sorted(_plugins[kind])
        hint = did_you_mean(str(name), known) or f"; there are {', '.join(known) or 'none'}"
        broken = f" (not loaded: {', '.join(sorted(_problems))})" if _problems else ""
        raise UsageError(f"there is no {kind} called {name!r}{hint}{broken}") from None


@overload
def create(kind: Literal["generator"], options: Mapping[str, Any], where: str | None = None) -> Generator: ...
@overload
def create(kind: Literal["start"], options: Mapping[str, Any], where: str | None = None) -> Start: ...
@overload
def create(kind: Literal["cutter"], options: Mapping[str, Any], where: str | None = None) -> Cutter: ...
@overload
def create(kind: Literal["perceptor"], options: Mapping[str, Any], where: str | None = None) -> Perceptor: ...
@overload
def create(kind: Literal["loss"], options: Mapping[str, Any], where: str | None = None) -> Loss: ...
@overload
def create(kind: Literal["scheduler"], options: Mapping[str, Any], where: str | None = None) -> Scheduler: ...
@overload
def create(kind: Literal["filter"], options: Mapping[str, Any], where: str | None = None) -> Filter: ...
@overload
def create(kind: Literal["score"], options: Mapping[str, Any], where: str | None = None) -> Score: ...
@overload
def create(kind: str, options: Mapping[str, Any], where: str | None = None) -> Any: ...


def create(kind: str, options: Mapping[str, Any], where: str | None = None) -> Any:
    """An instance from `{"type": name, **options}`, every option checked against the class's fields.

    `where` names the place in messages (`losses.warm`); by default it is `kind.name`.
    Raises OptionError (a UsageError) for an unknown plugin, an unknown or missing option, or a wrong type.
    """
    rest = dict(options)
    if "type" not in rest:
        raise schema.OptionError(where or kind, f"{where or kind} needs a type; there are {', '.join(names(kind))}")
    name = rest.pop("type")
    try:
        cls = get(kind, name)
    except UsageError as error:
        raise schema.OptionError(schema.join(where or kind, "type"), str(error)) from None
    rest = with_current_names(kind, name, rest, where or f"{kind}.{name}")
    return schema.build(cls, rest, where or f"{kind}.{name}", LOOP_OPTIONS.get(kind, ()))


def with_current_names(kind: str, name: str, options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The same options, those of earlier names under the names they have now (see `register`).

    Raises OptionError where an option is given under both.
    """
    renamed = earlier_names(kind, name)
    for old in renamed.keys() & options.keys():
        if renamed[old] in options:
            raise schema.OptionError(
                schema.join(where, old), f"{where} has {renamed[old]!r} and its earlier name {old!r}; leave out one"
            )
    return {renamed.get(key, key): value for key, value in options.items()}


def earlier_names(kind: str, name: str) -> Mapping[str, str]:
    """Earlier name -> name now, of the options of a plugin; empty for a plugin that there is not."""
    _load(kind)
    found: Mapping[str, str] = getattr(_plugins[kind].get(name), "renamed", {})
    return found


def schedule(value: float | Mapping[str, Any] | Scheduler, where: str = "schedule") -> Scheduler:
    """A scheduler from what a config holds: a number, or `{"type": "cosine", ...}`.

    Raises OptionError, whose message begins with `where`, for anything else.
    """
    if not isinstance(value, float | int | Mapping):
        from pixgen.contracts import Scheduler  # imports torch, which a registry of names does not need

        if isinstance(value, Scheduler):
            return value
    options = value if isinstance(value, Mapping) else {"type": "constant", "level": value}
    return create("scheduler", options, where)


def options(kind: str, name: str) -> list[Option]:
    """The options of a plugin in the order of its fields, inherited ones first."""
    cls = get(kind, name)
    if not dataclasses.is_dataclass(cls):
        return _signature_options(cls)
    hints, docs = typing.get_type_hints(cls), _field_docs(cls)
    found = []
    for field in dataclasses.fields(cls):
        if field.init:
            default = field.default_factory() if callable(field.default_factory) else field.default
            found.append(Option(field.name, schema.type_name(hints[field.name]), default, docs.get(field.name, "")))
    return found


def problems() -> dict[str, str]:
    """What could not be loaded so far: the module or entry point's name and why."""
    return dict(_problems)


def load_file(path: str | Path) -> None:
    """Run a Python file that registers plugins (`--plugin file.py`). A file is run once.

    Raises UsageError if there is no such file or it fails: the user asked for it by name.
    """
    file = paths.written(path).resolve()
    name = f"pixgen_plugin_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    if name in sys.modules or _is_imported(file):
        return
    if not file.is_file():
        raise UsageError(f"there is no plugin file {str(path)!r}")
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{str(path)!r} is no Python file; a plugin file ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while the class is made
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        _forget_failed()
        raise UsageError(f"plugin file {str(path)!r} failed: {_reason(error)}") from error


def _load(kind: str) -> None:
    _require_kind(kind)
    with _lock:
        if kind not in _loaded:
            _loaded.add(kind)
            for name in _builtin_modules(KINDS[kind]):
                _import(name, name)
        if ENTRY_POINTS not in _loaded:
            _loaded.add(ENTRY_POINTS)
            for entry in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
                _import(entry.module, f"{entry.name} ({entry.module})")


def _builtin_modules(package: str) -> Iterator[str]:
    try:
        spec = importlib.util.find_spec(package)
    except ImportError:
        spec = None
    if spec is None:
        return
    if spec.submodule_search_locations is None:
        yield package
        return
    for info in pkgutil.iter_modules(spec.submodule_search_locations):
        yield f"{package}.{info.name}"


def _import(module: str, name: str) -> None:
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:
        _forget_failed()
        _problems[name] = _reason(error)


def _is_imported(file: Path) -> bool:
    """Whether the file is a module already, under whatever name: run again, its classes would claim the same names."""
    sources = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return any(Path(source).resolve() == file for source in sources if source and Path(source).name == file.name)


def _forget_failed() -> None:
    """Take back what a module registered before it failed: a failed import leaves `sys.modules`."""
    for plugins in _plugins.values():
        for name in [name for name, cls in plugins.items() if cls.__module__ not in sys.modules]:
            del plugins[name]


def _require_kind(kind: str) -> None:
    if kind not in KINDS:
        raise UsageError(f"there is no plugin kind {kind!r}{did_you_mean(kind, KINDS)} ({', '.join(KINDS)})")


def _require_contract(kind: str, cls: type) -> None:
    if "__dataclass_fields__" not in cls.__dict__:
        raise TypeError(f"{_identity(cls)} is no dataclass: put @dataclass below @register({kind!r}, ...)")
    wanted = f"pixgen.contracts.{CONTRACTS[kind]}"
    if not any(_identity(base) == wanted for base in cls.__mro__):
        raise TypeError(f"{_identity(cls)} must derive from {wanted} to be a {kind}")
    for taken in ("type", *LOOP_OPTIONS.get(kind, ())):
        if taken in cls.__dict__["__dataclass_fields__"]:
            raise TypeError(f"{_identity(cls)} has an option {taken!r}, which has a meaning already: call it otherwise")
    fields = cls.__dict__["__dataclass_fields__"]
    for old, now in getattr(cls, "renamed", {}).items():
        if old in fields or now not in fields:
            raise TypeError(f"{_identity(cls)}.renamed says {old!r} is now {now!r}; only the latter must be an option")


def _identity(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().rstrip(":")


def _field_docs(cls: type) -> dict[str, str]:
    """The string under each field, and `name: text` lines of the class docstring."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        for line in (inspect.getdoc(base) or "").splitlines():
            if match := re.match(r"(\w+): (.+)", line):
                docs[match[1]] = match[2]
        docs.update(_attribute_docstrings(base))
    return docs


def _attribute_docstrings(cls: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):  # no source at hand, as in a frozen or interactive program
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs = {}
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            match following:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    docs[statement.target.id] = inspect.cleandoc(text)
    return docs


def _signature_options(cls: type) -> list[Option]:
    """Options of a class that is no dataclass (torch's optimisers): its keyword arguments."""
    found = []
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.name not in ("self", "params"):
            default = dataclasses.MISSING if parameter.default is parameter.empty else parameter.default
            hint = "any" if parameter.annotation is parameter.empty else str(parameter.annotation)
            found.append(Option(parameter.name, hint, default, ""))
    return found
