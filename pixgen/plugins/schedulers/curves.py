"""All schedulers, each a closed form of progress (0 to 1): constant, linear, cosine, exponential, step, warmup,
piecewise."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pixgen.contracts import Scheduler
from pixgen.registry import register, schedule


@register("scheduler", "constant")
@dataclass(frozen=True)
class Constant(Scheduler):
    """Always the same value; a plain number in a config means this."""

    level: float
    """The value, any finite number."""

    def __post_init__(self) -> None:
        _require_finite(self.level)

    def value(self, progress: float) -> float:
        return self.level


@dataclass(frozen=True)
class Ramp(Scheduler):
    """From `start` to `end` while progress goes from `begin` to `until`; flat before and after."""

    start: float = 1.0
    """Value until `begin`, finite."""
    end: float = 0.0
    """Value from `until` on, finite."""
    begin: float = 0.0
    """Progress at which the change begins, 0 to below `until`."""
    until: float = 1.0
    """Progress at which the change ends, at most 1."""

    def __post_init__(self) -> None:
        _require_finite(self.start, self.end)
        if not 0 <= self.begin < self.until <= 1:
            raise ValueError(f"begin is {self.begin} and until is {self.until}; 0 <= begin < until <= 1 must hold")

    def value(self, progress: float) -> float:
        if progress <= self.begin:
            return self.start
        if progress >= self.until:
            return self.end
        return self.between((progress - self.begin) / (self.until - self.begin))

    @abstractmethod
    def between(self, t: float) -> float:
        """The value at the share `t` in (0, 1) of the way."""


@register("scheduler", "linear")
@dataclass(frozen=True)
class Linear(Ramp):
    """A straight line from `start` to `end`."""

    def between(self, t: float) -> float:
        return (1 - t) * self.start + t * self.end


@register("scheduler", "cosine")
@dataclass(frozen=True)
class Cosine(Ramp):
    """Half a cosine from `start` to `end`, flat at both ends (SGDR without restarts, arXiv 1608.03983, eq. 5)."""

    def between(self, t: float) -> float:
        share = (1 - math.cos(math.pi * t)) / 2
        return (1 - share) * self.start + share * self.end


@register("scheduler", "exponential")
@dataclass(frozen=True)
class Exponential(Ramp):
    """Exponential decay or growth from `start` to `end`, both above 0."""

    end: float = 0.01
    """Value from `until` on, above 0 as `start` is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.start, self.end) <= 0:
            raise ValueError(f"start is {self.start} and end is {self.end}; both must be above zero (use linear)")

    def between(self, t: float) -> float:
        return math.exp((1 - t) * math.log(self.start) + t * math.log(self.end))


@register("scheduler", "step")
@dataclass(frozen=True)
class StepDrops(Scheduler):
    """`start`, multiplied by `factor` at each of the fractions `drops` of the run."""

    start: float = 1.0
    """Value before the first drop, finite."""
    drops: tuple[float, ...] = (0.75,)
    """Progress of each drop, 0 to 1."""
    factor: float = 0.1
    """Factor of each drop, finite."""

    def __post_init__(self) -> None:
        _require_finite(self.start, self.factor)
        if not all(0 <= drop <= 1 for drop in self.drops):
            raise ValueError(f"drops are {list(self.drops)}; they are fractions of the run, from 0 to 1")

    def value(self, progress: float) -> float:
        return self.start * self.factor ** sum(progress >= drop for drop in self.drops)


@register("scheduler", "warmup")
@dataclass(frozen=True)
class Warmup(Scheduler):
    """Another schedule, multiplied by a factor that rises linearly from `factor` to 1 until `until`."""

    then: float | Mapping[str, Any]
    """The schedule to warm up to: a number, or options with a `type`."""
    until: float = 0.1
    """Progress at which the warm-up ends, above 0 and at most 1."""
    factor: float = 0.1
    """Factor at progress 0; above 0, so that the first step counts."""

    def __post_init__(self) -> None:
        _require_finite(self.factor)
        if not 0 < self.until <= 1:
            raise ValueError(f"until is {self.until}; it must be above 0 and at most 1")
        schedule(self.then, "warmup.then")  # refuse a wrong inner schedule at once, not in the loop

    def value(self, progress: float) -> float:
        t = min(progress / self.until, 1.0)
        return (self.factor + (1 - self.factor) * t) * schedule(self.then).value(progress)


@register("scheduler", "piecewise")
@dataclass(frozen=True)
class Piecewise(Scheduler):
    """One schedule until the first change, then a constant level until the next: a weight that was changed by hand."""

    start: float | Mapping[str, Any] = 1.0
    """The schedule before the first change: a number, or options with a `type`."""
    changes: tuple[float, ...] = ()
    """Progress from which on each of the levels holds, ascending, 0 to 1."""
    levels: tuple[float, ...] = ()
    """The value from each of the changes on, finite."""

    def __post_init__(self) -> None:
        _require_finite(*self.levels)
        if len(self.changes) != len(self.levels):
            raise ValueError(
                f"there are {len(self.changes)} changes and {len(self.levels)} levels; each needs the other"
            )
        if list(self.changes) != sorted(self.changes) or not all(0 <= change <= 1 for change in self.changes):
            raise ValueError(f"changes are {list(self.changes)}; they are fractions of the run, from 0 to 1, ascending")
        schedule(self.start, "piecewise.start")  # refuse a wrong inner schedule at once, not in the loop

    def value(self, progress: float) -> float:
        passed = sum(progress >= change for change in self.changes)
        return self.levels[passed - 1] if passed else schedule(self.start).value(progress)


def _require_finite(*numbers: float) -> None:
    if not all(map(math.isfinite, numbers)):
        raise ValueError("values must be finite numbers")
