"""The plugin that a check looks at: how it is made, what is required of it, and how a fault is told."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import torch

from pixgen import registry
from pixgen.backend.isolation import isolated
from pixgen.errors import UsageError, reason
from pixgen.settings.merge import plain


@dataclass(frozen=True)
class Subject:
    """A plugin under check.

    options: those that it is checked with, as a config holds them.
    given: the instance that the caller made, with networks of its own perhaps; None where a class or name was given.
    """

    kind: str
    name: str
    options: Mapping[str, Any]
    given: Any = None

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}"

    def make(self, **changed: Any) -> Any:
        """A new plugin of its options, made and checked as that of a config."""
        return registry.create(self.kind, {"type": self.name, **self.options, **changed}, str(self))

    def plugin(self) -> Any:
        """The caller's own instance, or a new one. Raises AssertionError where the options do not suit."""
        if self.given is not None:
            return self.given
        try:
            return self.make()
        except UsageError as error:
            self.fail(
                f"cannot be made with the options {dict(self.options)}: {error}", "give the check options that suit it"
            )

    def fail(self, what: str, mend: str) -> NoReturn:
        """Raise AssertionError, one line: what is wrong, and how to mend it."""
        line = f"{self}: {what}; {mend}"
        raise AssertionError(" ".join(line.split()))

    def require(self, ok: object, what: str, mend: str) -> None:
        """Fail unless `ok`."""
        if not ok:
            self.fail(what, mend)

    @contextlib.contextmanager
    def calling(self, what: str) -> Iterator[None]:
        """Whatever is raised inside is a fault of the plugin's `what`, which may leave the random state alone."""
        before = _random_states()
        try:
            yield
        except AssertionError as error:
            if error.args and str(error.args[0]).startswith(f"{self}: "):
                raise  # it is told already
            self._failed(what, error)
        except Exception as error:
            self._failed(what, error)
        for name, state in _random_states().items():
            self.require(
                state == before[name],
                f"{what} draws from the global random state of {name} or sets it",
                "draw from the Streams it is given: torch.rand(..., generator=streams.generator(name, step))",
            )

    def _failed(self, what: str, error: Exception) -> NoReturn:
        line = f"{self}: {what} raises {type(error).__name__}: {reason(error)}"
        raise AssertionError(" ".join(line.split())) from error


@contextlib.contextmanager
def checking(kind: str, plugin: Any, options: Mapping[str, Any] | None) -> Iterator[Subject]:
    """The subject that a caller of a check means by an instance, a class or a name, in isolation from the caller."""
    with isolated():
        yield _subject(kind, plugin, dict(options or {}))


def _subject(kind: str, plugin: Any, options: dict[str, Any]) -> Subject:
    if isinstance(plugin, str):
        registry.get(kind, plugin)
        return Subject(kind, plugin, plain(options))
    cls = plugin if isinstance(plugin, type) else type(plugin)
    names = [name for name in registry.names(kind) if registry.get(kind, name) is cls]
    if not names:
        raise AssertionError(
            f"{cls.__name__} is not registered as a {kind}; put "
            f'@register("{kind}", "{cls.__name__.lower()}") from pixgen.registry above its @dataclass'
        )
    if isinstance(plugin, type):
        return Subject(kind, names[0], plain(options))
    if options:
        raise AssertionError(
            f"{kind}.{names[0]} is given as an instance, which has its options already: give no others"
        )
    return Subject(kind, names[0], plain(_set_options(plugin)), plugin)


def _set_options(plugin: Any) -> dict[str, Any]:
    """The options of an instance that are not at their defaults."""
    found = {}
    for option in dataclasses.fields(plugin):
        if option.init:
            default = option.default_factory() if callable(option.default_factory) else option.default
            value = getattr(plugin, option.name)
            if default is dataclasses.MISSING or value != default:
                found[option.name] = value
    return found


def _random_states() -> dict[str, Any]:
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (kind, np.asarray(keys).tobytes(), position, has_gauss, gauss),
        "Python (the module random)": random.getstate(),
    }


def one_line(error: BaseException) -> bool:
    """Whether a refusal is a single line with words in it."""
    return bool(str(error).strip()) and "\n" not in str(error).strip()
