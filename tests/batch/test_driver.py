"""What becomes of a list when pictures fail, memory is short, workers die, or the disk is full."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pixgen.batch.driver import DEATHS, Stop
from pixgen.batch.local import Local
from pixgen.batch.manifest import Manifest
from pixgen.batch.pool import Inline, WorkerPool
from pixgen.batch.processes import Processes
from pixgen.batch.tuning import Tuning, TuningOptions
from pixgen.batch.worker import Event, Failed, Task
from pixgen.cli.main import run
from pixgen.errors import PixgenError, UsageError
from pixgen.io import metadata

from .conftest import WORDS, Lists

TROUBLE = {"losses": {"trouble": {"type": "trouble"}}}


@pytest.mark.slow
def test_a_second_call_draws_only_what_is_missing(lists: Lists) -> None:
    counts, watched = lists.draw(lists.jobs("a\nb\n"))
    assert counts == {"pending": 0, "draft": 0, "done": 2, "failed": 0}
    before = lists.pictures()
    counts, watched = lists.draw(lists.jobs("a\nb\nc\n"))
    assert len(watched.paths) == 1 and counts["done"] == 3 and before.items() < lists.pictures().items()
    for record in lists.records():
        assert record.seconds and record.losses["total"] == pytest.approx(record.losses["clip"])
        assert record.scores["held_out"] == record.scores["held_out.clip"] == record.rank
        assert 0 < record.scores["held_out"] != record.losses["clip"]


@pytest.mark.slow
def test_what_is_gone_or_empty_is_drawn_again(lists: Lists) -> None:
    lists.draw(lists.jobs("a\nb\nc\n"))
    before = lists.pictures()
    gone, empty, kept = sorted(lists.out.glob("*.png"))
    gone.unlink()
    empty.write_bytes(b"")
    unchanged = kept.stat().st_mtime_ns
    counts, watched = lists.draw(lists.jobs("a\nb\nc\n"))
    assert counts["done"] == 3 and len(watched.paths) == 2
    assert lists.pictures() == before and kept.stat().st_mtime_ns == unchanged


@pytest.mark.slow
def test_a_job_is_drawn_as_a_single_picture_is(lists: Lists, capsys: pytest.CaptureFixture[str]) -> None:
    lists.draw(lists.jobs("a {red|blue} fox | fog :0.5\n", seeds=[7]))
    single = lists.folder / "single.png"
    # What the list drew is said in the prompt of the picture, and from which template beside it.
    about = metadata.read(next(lists.out.glob("*.png")))
    assert about.template == "a {red|blue} fox | fog :0.5"
    assert run([about.prompt, *WORDS, "--seed", "7", "-o", str(single), "--quiet"]) == 0
    drawn = metadata.read(single)
    assert (drawn.prompt, drawn.config, drawn.seed) == (about.prompt, about.config, about.seed)
    from PIL import Image

    with Image.open(single) as one, Image.open(next(lists.out.glob("*.png"))) as other:
        assert one.tobytes() == other.tobytes()
    lists.draw(lists.jobs("a fox\n", seeds=[7]), lists.folder / "plain")
    assert run(["a fox", *WORDS, "--seed", "7", "-o", str(lists.folder / "fox.png"), "--quiet"]) == 0
    assert list(lists.pictures(lists.folder / "plain").values()) == [(lists.folder / "fox.png").read_bytes()]


@pytest.mark.slow
def test_one_failure_does_not_stop_the_list(lists: Lists) -> None:
    jobs = lists.jobs("a\nexplode\nb\nimage:missing.png\n", **TROUBLE)
    counts, watched = lists.draw(jobs)
    assert counts == {"pending": 0, "draft": 0, "done": 2, "failed": 2}
    assert watched.reasons["explode"] == "RuntimeError: it exploded"
    assert "missing.png" in watched.reasons["image:missing.png"]
    assert lists.draw(jobs)[1].paths == []  # a failure is not tried again by itself
    counts, watched = lists.draw(jobs, retry_failed=True)
    assert counts["failed"] == 2 and set(watched.reasons) == {"explode", "image:missing.png"}


@pytest.mark.slow
@pytest.mark.parametrize("batch", [2, 8])
def test_in_a_group_only_the_one_that_fails_fails(batch: int, lists: Lists) -> None:
    counts, watched = lists.draw(
        lists.jobs("a\nb\nexplode\nc\nd\n", **TROUBLE), tuning_options=TuningOptions(batch=batch)
    )
    assert counts["done"] == 4 and list(watched.reasons) == ["explode"]


@pytest.mark.slow
def test_out_of_memory_halves_the_group_for_good(lists: Lists) -> None:
    short = {"losses": {"trouble": {"type": "trouble", "together": 2}}}
    jobs = lists.jobs("".join(f"fox {i}\n" for i in range(12)), **short)
    counts, watched = lists.draw(jobs, tuning_options=TuningOptions(batch=8))
    assert counts["done"] == 12 and not watched.reasons
    assert watched.warnings[0].startswith("out of memory with 8 pictures together")
    assert lists.tuning().batch == 2
    counts, _ = lists.draw(
        [*jobs, *lists.jobs("one more\n", **short)], tuning_options=TuningOptions(batch=8)
    )  # the same command
    assert counts["done"] == 13 and lists.tuning().batch == 2
    with pytest.raises(UsageError, match="--group 6: this list was begun with 8"):
        lists.draw([*jobs, *lists.jobs("and more\n", **short)], tuning_options=TuningOptions(batch=6))
    groups = [record.group for record in lists.records()]
    assert max(map(groups.count, groups)) == 2


@pytest.mark.slow
def test_a_resumed_group_gives_the_same_bytes(lists: Lists) -> None:
    jobs = lists.jobs("".join(f"fox {i}\n" for i in range(5)), steps=6)
    lists.draw(jobs, lists.folder / "whole", tuning_options=TuningOptions(batch=3))

    class StopInside(Exception):
        pass

    class Breaking(Local):
        """Ends, as by a kill, when the second picture of a group was recorded."""

        recorded = 0

    from pixgen.batch import manifest

    record = manifest.Manifest.record

    def interrupted(self: manifest.Manifest, id: int, **values: object) -> None:
        record(self, id, **values)  # type: ignore[arg-type]
        Breaking.recorded += 1
        if Breaking.recorded == 2:
            raise StopInside

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest.Manifest, "record", interrupted)
        with pytest.raises(StopInside):
            lists.draw(jobs, tuning_options=TuningOptions(batch=3))
    counts, watched = lists.draw(jobs)
    assert counts["done"] == 5 and len(watched.paths) == 3
    assert lists.pictures() == lists.pictures(lists.folder / "whole")


@pytest.mark.slow
def test_what_was_chosen_is_kept(lists: Lists) -> None:
    open_threads = {"threads": "auto"}
    lists.draw(lists.jobs("a\n", **open_threads), tuning_options=TuningOptions(threads=1, workers=1))
    for wanted, flag in ((TuningOptions(threads=2), "--threads 2"), (TuningOptions(batch=4), "--group 4")):
        with pytest.raises(UsageError, match=f"{flag}: this list was begun with 1"):
            lists.draw(lists.jobs("a\nb\n", **open_threads), tuning_options=wanted)
    lists.draw(lists.jobs("a\nb\n", **open_threads))
    assert {metadata.read(path).config["threads"] for path in lists.out.glob("*.png")} == {1}


def test_a_full_disk_stops_cleanly_and_the_list_goes_on(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = lists.jobs("a\nb\nc\n")
    written, fsync = [0], os.fsync

    def full(file: int) -> None:
        written[0] += 1
        if written[0] == 2:
            raise OSError(28, "No space left on device")
        fsync(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(PixgenError, match="no space left on device"):
            lists.draw(jobs)
    assert len(lists.pictures()) == 1 and not list(lists.out.glob(".pixgen-*.tmp"))
    counts, watched = lists.draw(jobs)
    assert counts["done"] == 3 and len(watched.paths) == 2


def test_what_a_kill_left_unfinished_is_swept(lists: Lists) -> None:
    lists.out.mkdir()
    (lists.out / ".pixgen-01234567-89abcdef.tmp").write_bytes(b"half")
    lists.draw(lists.jobs("a\n"))
    assert not list(lists.out.glob(".pixgen-*.tmp"))


@pytest.mark.parametrize("kind", ["other bytes", "a picture", "another job's picture"])
def test_a_file_of_the_user_s_under_a_job_s_name_stays(kind: str, lists: Lists) -> None:
    from PIL import Image

    jobs = lists.jobs("a fox\na cat\n")
    lists.draw(jobs[1:], lists.folder / "other")
    lists.out.mkdir()
    with Manifest(lists.out) as manifest:
        manifest.read_list(jobs)
        path = lists.out / next(manifest.records()).file
    if kind == "other bytes":
        path.write_bytes(b"dear")
    elif kind == "a picture":
        Image.new("RGB", (8, 8)).save(path)
    else:
        path.write_bytes(next(iter(lists.pictures(lists.folder / "other").values())))
    before = path.read_bytes()
    counts, watched = lists.draw(jobs)
    assert counts["done"] == 2 and path.read_bytes() == before
    first = lists.records()[0]
    assert first.file == f"{path.stem}-2.png" == watched.paths[0] and (lists.out / first.file).is_file()
    assert any("it stays" in text for text in watched.warnings)
    assert lists.draw(jobs)[1].paths == []  # the same name from now on


def test_what_a_kill_left_unrecorded_is_drawn_under_its_own_name(lists: Lists) -> None:
    jobs = lists.jobs("a {red|blue} fox :2 | in snow\n")
    lists.draw(jobs)
    with Manifest(lists.out) as manifest:
        manifest._do("UPDATE jobs SET state = 'pending', steps = 0")
    _, watched = lists.draw(jobs)
    assert [*lists.pictures()] == watched.paths and not watched.warnings


def test_a_folder_that_cannot_be_written(lists: Lists) -> None:
    lists.out.write_text("a file")
    with pytest.raises(UsageError, match="is a file, and a folder is needed"):
        lists.draw(lists.jobs("a\n"))


def test_a_score_that_cannot_judge_is_told_once_and_left_out(lists: Lists) -> None:
    engine = lambda: Local(["held_out", "missing"], [str(lists.plugin)])  # noqa: E731
    _, watched = lists.draw(lists.jobs("a\n"), engine=engine)
    assert watched.warnings == ["score missing is left out: its weights are not here"]
    (record,) = lists.records()
    assert set(record.scores) == {"held_out", "held_out.clip"}


def test_a_stop_that_was_asked_for_finishes_what_runs(lists: Lists) -> None:
    stop = Stop()
    jobs = lists.jobs("a\nb\nc\n")

    class Stopping(Local):
        def pool(self, tuning: Tuning) -> WorkerPool:
            pool = super().pool(tuning)
            submit = pool.submit

            def asked(task: object) -> None:
                submit(task)  # type: ignore[arg-type]
                stop.asked = True

            pool.submit = asked  # type: ignore[method-assign]
            return pool

    counts, _ = lists.draw(jobs, stop=stop, engine=lambda: Stopping(["held_out"]))
    assert counts["done"] == 1 and counts["pending"] == 2


def test_half_a_group_is_tried_as_often_as_any(lists: Lists) -> None:
    class Dying(Inline):
        """Its worker dies over the first tasks: over the group until it is split, and once over its first half."""

        deaths = 0
        task: Task | None = None

        def submit(self, task: Task) -> None:
            if self.deaths <= DEATHS:
                self.deaths, self.task = self.deaths + 1, task
            else:
                super().submit(task)

        def free(self) -> int:
            return int(self.task is None and super().free())

        def wait(self, timeout: float) -> list[Event]:
            if self.task is None:
                return super().wait(timeout)
            task, self.task = self.task, None
            return [Failed(task.group, "died", "its worker died")]

    class Deadly(Local):
        def pool(self, tuning: Tuning) -> WorkerPool:
            return Dying(self._own_artist())

    counts, watched = lists.draw(lists.jobs("a\nb\n"), tuning_options=TuningOptions(batch=2), engine=Deadly)
    assert counts["done"] == 2 and not watched.reasons
    assert [record.attempts for record in lists.records()] == [DEATHS + 2, DEATHS + 1]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_workers_that_die_are_replaced(lists: Lists) -> None:
    """Two workers draw what one draws; one that dies costs only its picture, which is tried again."""
    mark = lists.folder / "died"
    trouble = {"losses": {"trouble": {"type": "trouble", "once": str(mark)}}}
    jobs = lists.jobs("a\nb\ndie once\nc\nd\n", **trouble)
    counts, _ = lists.draw(jobs, tuning_options=TuningOptions(workers=2, threads=1))
    assert counts["done"] == 5 and mark.exists()
    assert {record.prompt: record.attempts for record in lists.records()}["die once"] == 2
    lists.draw(jobs, lists.folder / "one", tuning_options=TuningOptions(workers=1, threads=1))
    assert lists.pictures() == lists.pictures(lists.folder / "one")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_picture_that_kills_its_worker_is_given_up(lists: Lists, tmp_path: Path) -> None:
    jobs = lists.jobs("die\na\n", **TROUBLE)
    counts, watched = lists.draw(jobs, engine=lambda: _Apart([], [str(lists.plugin)]))
    assert counts["done"] == 1 and counts["failed"] == 1
    assert watched.reasons["die"] == f"its worker died (SIGKILL, perhaps for lack of memory), {DEATHS} times"


class _Apart(Local):
    """One worker, but in a process of its own."""

    def pool(self, tuning: Tuning) -> WorkerPool:
        return Processes([{}], self._scores, self._plugins)
