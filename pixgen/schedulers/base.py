"""The contract of a scheduler: a pure function of progress."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from pixgen import registry


class Scheduler(ABC):
    """A number that changes over a run. Subclasses are frozen dataclasses of their options."""

    @abstractmethod
    def value(self, progress: float) -> float:
        """The value at `progress` in [0, 1]."""


def schedule(value: float | Mapping[str, Any] | Scheduler, where: str = "schedule") -> Scheduler:
    """A scheduler from what a config holds: a number, or `{"type": "cosine", ...}`.

    Raises OptionError, whose message begins with `where`, for anything else.
    """
    if isinstance(value, Scheduler):
        return value
    options = value if isinstance(value, Mapping) else {"type": "constant", "level": value}
    scheduler: Scheduler = registry.create("scheduler", options, where)
    return scheduler
