"""The manifest knows every job once, survives what it must, and refuses what it cannot be sure of."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pixgen.batch import lock
from pixgen.batch.manifest import ListChanges, Manifest
from pixgen.batch.rows import MANIFEST
from pixgen.errors import PixgenError, UsageError

from .conftest import Lists, rows


def ids(records: list) -> list[str]:
    return [record.prompt for record in records]


def test_an_edited_list_adds_and_never_redoes(lists: Lists, tmp_path: Path) -> None:
    with Manifest(tmp_path) as manifest:
        assert manifest.read_list(lists.jobs("a\nb\nc\n")) == ListChanges(3, 0, 0)
        assert manifest.read_list(lists.jobs("c\nd\na\n")) == ListChanges(1, 2, 0)
        manifest.begin()
        assert manifest.counts()["pending"] == 3  # b is known, and waits until it is listed again
        drawn = [ids(manifest.next_pending(lambda _: 1)) for _ in range(4)]
        assert drawn == [["a"], ["c"], ["d"], []]
        assert manifest.read_list(lists.jobs("b\n")) == ListChanges(0, 1, 0)
        assert manifest.counts()["pending"] == 1


def test_a_list_that_breaks_off_changes_nothing(lists: Lists, tmp_path: Path) -> None:
    def broken() -> object:
        yield from lists.jobs("c\n")
        raise UsageError("line 2")

    with Manifest(tmp_path) as manifest:
        manifest.read_list(lists.jobs("a\nb\n"))
        with pytest.raises(UsageError, match="line 2"):
            manifest.read_list(broken())  # type: ignore[arg-type]
        assert ids(list(manifest.records())) == ["a", "b"]


def test_a_group_stays_what_it_was(lists: Lists, tmp_path: Path) -> None:
    jobs = [*lists.jobs("a\nb\nc\n"), *lists.jobs("d\n", steps=3)]
    with Manifest(tmp_path) as manifest:
        manifest.read_list(jobs)
        manifest.begin()
        assert ids(manifest.next_pending(lambda _: 2)) == ["a", "b"]
        (c,) = manifest.next_pending(lambda _: 2)
        (d,) = manifest.next_pending(lambda _: 2)  # other settings are another group
        assert manifest.next_pending(lambda _: 2) == []
        assert (c.group, d.group) == (c.id, d.id)
    with Manifest(tmp_path) as manifest:  # after a kill
        manifest.begin()
        a, b = manifest.next_pending(lambda _: 64)
        assert a.group == b.group == a.id and a.attempts == 2
        manifest.record(a.id, steps=2, seconds=1.0, losses={}, scores={}, rank=0.0)
    with Manifest(tmp_path) as manifest:
        manifest.begin()
        waiting = [manifest.next_pending(lambda _: 64) for _ in range(4)]
        # Those tried least come first, and what is done is drawn with its group or not at all.
        assert [ids(group) for group in waiting] == [["c"], ["d"], ["a", "b"], []]
        manifest.split(a.id)
        assert [ids(manifest.next_pending(lambda _: 64)) for _ in range(2)] == [["b"], []]


def test_a_draft_that_failed_is_tried_again_as_a_draft(lists: Lists, tmp_path: Path) -> None:
    """A new draft of fewer steps must not replace its picture."""
    with Manifest(tmp_path) as manifest:
        manifest.read_list(lists.jobs("a\nb\n", steps=40))
        manifest.begin()
        (a,), (b,) = (manifest.next_pending(lambda _: 1) for _ in range(2))
        manifest.record(a.id, steps=39, seconds=1.0, losses={}, scores={}, rank=0.0)
        for record in (a, b):
            assert record.group is not None
            manifest.fail(record.group, "it exploded")
        assert manifest.counts()["failed"] == 2 and manifest.retry_failed() == 2
        manifest.begin()
        assert ids(manifest.next_pending(lambda _: 1)) == ["b"] and manifest.next_pending(lambda _: 1) == []
        assert [(draft.prompt, draft.steps) for draft in manifest.next_draft(lambda _: 1)] == [("a", 39)]


def test_names_are_the_jobs_alone(lists: Lists, tmp_path: Path) -> None:
    (tmp_path / "taken.png").write_bytes(b"somebody's")
    named = [
        *({"prompt": "a", "name": "My Fox"}, {"prompt": "b", "name": "my-fox"}, {"prompt": "c", "name": "x.jpg"}),
        *({"prompt": "d", "name": "../../etc"}, {"prompt": "e", "name": "taken"}, {"prompt": "f", "name": "sheet"}),
    ]
    from pixgen.batch.lists import _row

    with Manifest(tmp_path) as manifest:
        manifest.read_list(lists.plan().expand(_row(row, "a row") for row in named))
        files = [record.file for record in manifest.records()]
    keys = [record.key[:12] for record in _records(tmp_path)]
    assert files == [
        *("my-fox.png", f"my-fox-{keys[1]}.png", "x.jpg", "etc.png", f"taken-{keys[4]}.png", f"sheet-{keys[5]}.png"),
    ]


def _records(folder: Path) -> list:
    with Manifest(folder, readonly=True) as manifest:
        return list(manifest.records())


@pytest.mark.parametrize("harm", ["version", "application", "garbage", "torn", "empty table"])
def test_what_is_no_manifest_of_this_version_is_refused_and_left_alone(harm: str, lists: Lists, tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    if harm in ("version", "torn"):
        with Manifest(tmp_path) as manifest:
            manifest.read_list(lists.plan(seeds=range(200)).expand(rows({"prompt": "a"})))
        db = sqlite3.connect(path)
        if harm == "version":
            db.execute("PRAGMA user_version = 7")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
    if harm == "torn":
        data = bytearray(path.read_bytes())
        data[4096 * 3 : 4096 * 8] = b"\xa5" * 4096 * 5
        path.write_bytes(data)
    elif harm in ("application", "empty table"):
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE mine (x)")
        db.commit()
        db.close()
    elif harm == "garbage":
        path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"another version|not a manifest of pixgen's|damaged"):
        lists.draw(lists.jobs("a fox\n"), tmp_path)
    assert path.read_bytes() == before


def test_one_process_at_a_time(lists: Lists, tmp_path: Path) -> None:
    with lock.held(tmp_path), pytest.raises(PixgenError, match="another pixgen is drawing into"):
        lists.draw(lists.jobs("a\n"), tmp_path)
    counts, _ = lists.draw(lists.jobs("a\n"), tmp_path)
    assert counts["done"] == 1


def test_a_folder_without_a_list(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no list was drawn there"):
        Manifest(tmp_path, readonly=True)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_clear_line(lists: Lists, tmp_path: Path) -> None:
    with Manifest(tmp_path) as manifest:
        manifest._db.execute("PRAGMA max_page_count = 20")
        with pytest.raises(PixgenError, match=r"cannot use .*full; make room"):
            manifest.read_list(lists.plan(seeds=range(2000)).expand(rows({"prompt": "a"})))
        assert manifest.counts() == {"pending": 0, "draft": 0, "done": 0, "failed": 0}
