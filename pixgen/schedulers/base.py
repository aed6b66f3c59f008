"""The contract of a scheduler: a pure function of progress."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Scheduler(ABC):
    """A number that changes over a run. Subclasses are frozen dataclasses of their options."""

    @abstractmethod
    def value(self, progress: float) -> float:
        """The value at `progress` in [0, 1]."""
