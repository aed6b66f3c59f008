"""By the hour: drafts of all first, then the worst in full, and never past the time."""

from __future__ import annotations

from datetime import datetime

import pytest

from pixgen.batch.driver import Driver, Stop
from pixgen.batch.manifest import Manifest
from pixgen.batch.pool import WorkerPool
from pixgen.batch.schedule import UntilDeadline, UntilDone, deadline
from pixgen.batch.tuning import Tuning
from pixgen.batch.worker import Event, Finished, Picture, Stepped, Task
from pixgen.errors import UsageError

from .conftest import Lists, Watched

STEPS = 64


class Clockwork(WorkerPool):
    """Draws nothing: a second for the start and one for each further step, on a clock of its own."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.task: Task | None = None
        self.begun: list[tuple[str, int]] = []

    def free(self) -> int:
        return int(self.task is None)

    def submit(self, task: Task) -> None:
        self.task = task
        self.begun.append((task.configs[0].prompt, task.steps or task.configs[0].steps))

    def wait(self, timeout: float) -> list[Event]:
        assert self.task is not None
        task, steps = self.task, self.begun[-1][1]
        self.now += 1
        if not hasattr(self, "_left") or self._left is None:
            self._left: int | None = steps
        self._left -= 1
        if self._left:
            return [Stepped(task.group, steps - self._left, steps, 0.0)]
        self.task, self._left = None, None
        # The later a prompt in the alphabet, the worse; more steps are better.
        score = ord(task.configs[0].prompt[0]) - steps / 1000
        picture = Picture(b"picture", {"clip": score}, score, {}, steps)
        return [Finished(task.group, (picture,), float(steps), 1.0, 1.0)]

    def close(self) -> None:
        pass


def drawn_by(lists: Lists, seconds: float, prompts: str = "a\nb\nc\n") -> tuple[Clockwork, Watched, dict[str, tuple]]:
    lists.out.mkdir(exist_ok=True)
    pool, watched = Clockwork(), Watched()
    with Manifest(lists.out) as manifest:
        manifest.read_list(lists.jobs(prompts, steps=STEPS))
        manifest.begin()
        driver = Driver(manifest, pool, Tuning("cpu", "float32", 1, 1, 1), watched, Stop())
        driver.run(UntilDeadline(manifest, driver.group_size, pool.now + seconds, 1, clock=lambda: pool.now))
        found = {record.prompt: (record.state, record.steps) for record in manifest.records()}
    return pool, watched, found


def test_drafts_first_then_the_worst_in_full(lists: Lists) -> None:
    pool, _, found = drawn_by(lists, 10_000)
    assert [prompt for prompt, _ in pool.begun] == ["a", "b", "c", "c", "b", "a"]
    assert [steps for _, steps in pool.begun] == [4, 16, 16, STEPS, STEPS, STEPS]
    assert set(found.values()) == {("done", STEPS)}


def test_when_the_time_is_short_the_worst_get_it(lists: Lists) -> None:
    pool, _, found = drawn_by(lists, 110)
    assert found["c"] == ("done", STEPS)
    assert found["a"][0] == found["b"][0] == "draft" and found["a"][1] >= 4 and found["b"][1] >= 4
    assert pool.now <= 1000 + 110
    # A later run without a time goes on from there, the worst first.
    with Manifest(lists.out) as manifest:
        manifest.begin()
        pool = Clockwork()
        driver = Driver(manifest, pool, Tuning("cpu", "float32", 1, 1, 1), Watched(), Stop())
        driver.run(UntilDone(manifest, driver.group_size))
        assert pool.begun[0] == ("b", STEPS) and manifest.counts()["done"] == 3


@pytest.mark.parametrize("seconds", [1, 5, 20, 70, 130])
def test_whatever_the_time_it_is_kept_and_every_picture_is_whole(seconds: int, lists: Lists) -> None:
    pool, watched, found = drawn_by(lists, seconds)
    assert pool.now <= 1000 + seconds
    for prompt, (state, steps) in found.items():
        best = max((reached for told, reached in watched.reached if told == prompt), default=0)
        assert steps == best and (state == "pending") == (steps == 0)


def test_many_prompts_get_smaller_drafts(lists: Lists) -> None:
    _, _, found = drawn_by(lists, 240, "".join(f"{letter}\n" for letter in "abcdefghijklmnop"))
    assert all(steps > 0 for _, steps in found.values())
    assert max(found.values()) != min(found.values())


def test_the_hour_is_read() -> None:
    now = datetime(2026, 3, 1, 22, 30)
    assert deadline("07:00", None, now) == datetime(2026, 3, 2, 7).timestamp()
    assert deadline("23:05", None, now) == datetime(2026, 3, 1, 23, 5).timestamp()
    assert deadline(None, "1h30m", now) == now.timestamp() + 5400
    assert deadline(None, "0.5h", now) == deadline(None, "30m", now) == deadline(None, "1800s", now)
    assert deadline(None, None, now) is None
    for by, budget in (("7", None), ("25:00", None), (None, "8"), (None, "h"), (None, "0h"), ("07:00", "8h")):
        with pytest.raises(UsageError, match="--by|--budget"):
            deadline(by, budget, now)
