"""In which order the jobs of a list are drawn, and with how many steps.

`UntilDone` draws every job in full. `UntilDeadline` is what `--by HH:MM` and `--budget 8h` use: drafts of all jobs
first, then the worst drafts in full, as far as the time allows. `deadline` reads both flags.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pixgen.batch.job import Settings
from pixgen.batch.manifest import Manifest
from pixgen.batch.records import Record
from pixgen.batch.worker import Finished
from pixgen.errors import UsageError

DRAFTING_SHARE = 1 / 3
"""Share of the time until the deadline that is for drafts; the rest refines the worst of them."""

MAX_DRAFT_SHARE = 1 / 4
"""Maximum share of a picture's steps in its draft."""

UNMEASURED_DRAFT_SHARE = 1 / 16
"""The same for drafts that begin before any step was measured."""

MARGIN = 1.1
"""A picture begins only if this many times its expected seconds are left."""

MAX_SKIPPED = 100
"""Drafts that may be skipped as too slow before the schedule gives up."""


@dataclass(frozen=True)
class Assignment:
    """A group to draw now. steps: of a draft; None for the planned steps of each picture."""

    records: list[Record]
    steps: int | None = None


@dataclass
class Pace:
    """How long pictures take: a moving average over those that were drawn, by the digest of their settings."""

    _seen: dict[str, tuple[float, float]] = field(default_factory=dict)

    def learn(self, digest: str, finished: Finished) -> None:
        """Add the measured time of a group of these settings."""
        for key in (digest, ""):
            begin, step = self._seen.get(key, (finished.begin, finished.step))
            self._seen[key] = (begin + 0.3 * (finished.begin - begin), step + 0.3 * (finished.step - step))

    def seconds(self, digest: str, steps: float) -> float | None:
        """Expected seconds of a group of these settings; None before anything was measured."""
        known = self._seen.get(digest) or self._seen.get("")
        return known[0] + known[1] * max(0.0, steps - 1) if known else None

    def steps(self, digest: str, seconds: float) -> float | None:
        """Steps that a group of these settings can do in so many seconds; None before anything was measured."""
        known = self._seen.get(digest) or self._seen.get("")
        return 1 + (seconds - known[0]) / max(known[1], 1e-9) if known else None


class Schedule(ABC):
    """Decides which group of a manifest's jobs is drawn next. size: the group size for settings."""

    def __init__(self, manifest: Manifest, size: Callable[[Settings], int]) -> None:
        self.manifest, self.size, self.pace = manifest, size, Pace()

    @abstractmethod
    def next(self) -> Assignment | None:
        """The next group to draw; None if there is none, or none until a running one is done."""

    def over(self) -> bool:
        """Whether to stop at once and drop what is running."""
        return False


class UntilDone(Schedule):
    """Every job in full, first those without a picture, then the drafts of an earlier run, the worst first."""

    def next(self) -> Assignment | None:
        records = self.manifest.next_pending(self.size) or self.manifest.next_draft(self.size)
        return Assignment(records) if records else None


class UntilDeadline(Schedule):
    """Behind `--by` and `--budget`: a draft of every job first, then the worst drafts in full, as far as time allows.

    deadline: `time.time()` at which the list must be done. workers: groups that run in parallel.
    """

    def __init__(
        self,
        manifest: Manifest,
        size: Callable[[Settings], int],
        deadline: float,
        workers: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(manifest, size)
        self._deadline, self._workers, self._clock = deadline, max(1, workers), clock
        self._drafting_until = clock() + DRAFTING_SHARE * max(0.0, deadline - clock())
        self._undrafted = manifest.counts()["pending"]

    def over(self) -> bool:
        return self._clock() >= self._deadline

    def next(self) -> Assignment | None:
        if self.over():
            return None
        if records := self.manifest.next_pending(self.size):
            steps = self._draft_steps(records)
            self._undrafted = max(0, self._undrafted - len(records))
            return Assignment(records, steps)
        return self._refinement()

    def _draft_steps(self, records: list[Record]) -> int:
        planned, digest = records[0].planned, records[0].settings.digest
        groups = max(1.0, self._undrafted / len(records))
        seconds = max(0.0, self._drafting_until - self._clock()) * self._workers / groups
        affordable = self.pace.steps(digest, seconds)
        share = UNMEASURED_DRAFT_SHARE if affordable is None else MAX_DRAFT_SHARE
        most = max(1, int(planned * share))
        return most if affordable is None else max(1, min(most, int(affordable)))

    def _refinement(self) -> Assignment | None:
        """The worst draft, with as many steps as fit: all, a half or a quarter, but more than it has."""
        for _ in range(MAX_SKIPPED):
            records = self.manifest.next_draft(self.size)
            if not records:
                return None
            planned, digest = records[0].planned, records[0].settings.digest
            left = self._deadline - self._clock()
            for steps in (planned, planned // 2, planned // 4):
                expected = self.pace.seconds(digest, steps)
                fits = expected is None or expected * MARGIN <= left
                if fits and steps > max(record.steps for record in records):
                    return Assignment(records, None if steps == planned else steps)
            # No more steps fit for these, which stay drafts; the next worst may be faster.
        return None


def deadline(by: str | None, budget: str | None, now: datetime | None = None) -> float | None:
    """`--by 07:00` (its next occurrence) or `--budget 8h` as `time.time()`; None if neither is given.

    Raises UsageError for anything else.
    """
    now = now or datetime.now()
    if by and budget:
        raise UsageError("--by and --budget exclude each other; give one")
    if by:
        match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", by.strip())
        if not match:
            raise UsageError(f"--by {by!r}: write the hour and minute, as in 07:00")
        when = now.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
        return (when if when > now else when + timedelta(days=1)).timestamp()
    if budget:
        match = re.fullmatch(r"\s*(?:(\d+(?:\.\d+)?)h)?\s*(?:(\d+(?:\.\d+)?)m)?\s*(?:(\d+(?:\.\d+)?)s)?\s*", budget)
        hours, minutes, seconds = (float(part or 0) for part in match.groups()) if match else (0.0, 0.0, 0.0)
        total = hours * 3600 + minutes * 60 + seconds
        if total <= 0:
            raise UsageError(f"--budget {budget!r}: write hours, minutes or seconds, as in 8h, 90m or 1h30m")
        return now.timestamp() + total
    return None
