"""A manifest that somebody else wrote, or changed, does nothing but be refused."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import struct
import sys
from pathlib import Path

import pytest

from pixgen.batch import lock
from pixgen.batch.manifest import Manifest
from pixgen.batch.page import write_page
from pixgen.batch.rows import MANIFEST
from pixgen.batch.sheet import write_sheets
from pixgen.errors import PixgenError, UsageError

from .conftest import Lists


def change(folder: Path, *statements: str) -> None:
    db = sqlite3.connect(folder / MANIFEST, isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


@pytest.fixture
def listed(lists: Lists) -> Path:
    """A folder whose manifest has two jobs, of which nothing is drawn yet."""
    lists.out.mkdir()
    with Manifest(lists.out) as manifest:
        manifest.read_list(lists.jobs("a fox\na cat\n"))
    return lists.out


FILES = [
    *("../victim/family.png", "/tmp/family.png", "//host/x.png", "C:\\x.png", "a\\b.png", "sub/x.png", "con.png"),
    *("manifest.sqlite", "index.html", "", "x.png\n", "a" * 300 + ".png"),
]


@pytest.mark.parametrize("file", FILES)
def test_a_file_elsewhere_is_refused_by_all_who_read(file: str, listed: Path, lists: Lists) -> None:
    victim = lists.folder / "victim" / "family.png"
    victim.parent.mkdir()
    victim.write_bytes(b"dear")
    db = sqlite3.connect(listed / MANIFEST, isolation_level=None)
    db.execute("UPDATE jobs SET file = ?, steps = 2 WHERE id = 1", (file,))
    db.close()
    for use in (write_page, write_sheets, lambda folder: lists.draw(lists.jobs("a fox\na cat\n"), folder)):
        with pytest.raises(UsageError, match=r"manifest.sqlite: job 1: file"):
            use(listed)
    assert victim.read_bytes() == b"dear" and not (listed / "index.html").exists()


WRONG = {
    "state": "'running'",
    "seed": "'one'",
    "steps": "x'00'",
    "prompt": "x'ff'",
    "axes": "'[1]'",
    "losses": '\'{"a": "b"}\'',
    "scores": "'" + "[" * 100_000 + "'",
    "seconds": "'soon'",
    "grp": "'all'",
    "settings": "77",
}


@pytest.mark.parametrize("column", WRONG)
def test_every_type_is_checked(column: str, listed: Path) -> None:
    change(listed, f"UPDATE jobs SET {column} = {WRONG[column]} WHERE id = 2")
    with (
        Manifest(listed, readonly=True) as manifest,
        pytest.raises(UsageError, match=r"manifest.sqlite: (job 2|there are no settings 77)"),
    ):
        list(manifest.records())


@pytest.mark.parametrize("config", ["[]", "nothing", "[" * 100_000])
def test_settings_that_are_none_are_refused(config: str, listed: Path) -> None:
    change(listed, f"UPDATE settings SET config = '{config}'")
    with Manifest(listed, readonly=True) as manifest, pytest.raises(UsageError, match="settings 1"):
        list(manifest.records())


@pytest.mark.parametrize("choice", [[], {"workers": 1}, {"device": 7}, "cpu"])
def test_a_choice_that_is_none_is_refused(choice: object, listed: Path, lists: Lists) -> None:
    with Manifest(listed) as manifest:
        manifest.fix("choice", choice)
    with pytest.raises(UsageError, match="the manifest's choice"):
        lists.draw(lists.jobs("a fox\na cat\n"))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER UPDATE ON jobs BEGIN DELETE FROM facts; END",
        "CREATE VIEW v AS SELECT * FROM jobs",
        "CREATE TABLE more (x)",
        "CREATE VIRTUAL TABLE words USING fts5(x)",
        "ALTER TABLE jobs ADD COLUMN evil TEXT AS (hex(file))",
        "DROP INDEX ranked",
        "CREATE INDEX slow ON jobs (hex(prompt))",
    ],
)
def test_other_tables_views_and_triggers_are_refused(statement: str, listed: Path, lists: Lists) -> None:
    change(listed, statement)
    for readonly in (True, False):
        with pytest.raises(UsageError, match="other tables, views or triggers"):
            Manifest(listed, readonly=readonly)


def test_a_job_that_nobody_listed_is_not_drawn(listed: Path, lists: Lists) -> None:
    """The key says what a job draws: neither its settings nor its prompt can be exchanged behind it."""
    db = sqlite3.connect(listed / MANIFEST, isolation_level=None)
    config = json.loads(db.execute("SELECT config FROM settings").fetchone()[0])
    config["start"] = {"type": "image", "path": "/home/me/private.png"}
    db.execute("UPDATE settings SET config = ?", (json.dumps(config, sort_keys=True),))
    db.close()
    with pytest.raises(UsageError, match="job 1 is not the one that was listed"):
        lists.draw(lists.jobs("a fox\na cat\n"))
    assert not lists.pictures()


def test_reading_writes_nothing(listed: Path, lists: Lists) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in listed.iterdir()}

    before = files()
    with Manifest(listed, readonly=True) as manifest:
        assert len(list(manifest.records())) == 2
        with pytest.raises(PixgenError, match="readonly"):
            manifest.fix("x", 1)
    assert files() == before
    with Manifest(listed) as writer:  # what it has written but not yet moved into the file is seen as well
        writer.fix("x", 1)
        with Manifest(listed, readonly=True) as manifest:
            assert manifest.fact("x") == 1


def test_a_journal_deletes_no_file(listed: Path, lists: Lists) -> None:
    """SQLite rolls back what a journal holds, and then deletes a file that the journal names."""
    victim = lists.folder / "thesis.txt"
    victim.write_text("dear")
    copy = listed.parent / "copy"
    copy.mkdir()
    db = sqlite3.connect(listed / MANIFEST, isolation_level=None)
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("PRAGMA cache_size = 1")
    db.execute("BEGIN")
    db.execute("UPDATE jobs SET prompt = prompt || hex(zeroblob(100000))")
    for name in (MANIFEST, f"{MANIFEST}-journal"):
        shutil.copy(listed / name, copy / name)
    db.execute("ROLLBACK")
    db.close()
    name = os.fsencode(victim)
    with open(copy / f"{MANIFEST}-journal", "ab") as journal:
        journal.write(struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">II", len(name), sum(name)))
        journal.write(bytes.fromhex("d9d505f920a163d7"))
    with pytest.raises(UsageError, match="journal was not written by pixgen"):
        Manifest(copy)
    assert victim.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("name", [MANIFEST, f"{MANIFEST}-wal", lock.NAME])
def test_no_link_leads_a_list_out(name: str, lists: Lists) -> None:
    lists.out.mkdir()
    (lists.out / name).symlink_to(lists.folder / "outside")
    with pytest.raises(UsageError, match="is a link that leads out of"):
        lists.draw(lists.jobs("a\n"))
    assert not (lists.folder / "outside").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
@pytest.mark.parametrize("name", [MANIFEST, lock.NAME])
def test_a_pipe_is_no_manifest(name: str, lists: Lists) -> None:
    lists.out.mkdir()
    os.mkfifo(lists.out / name)
    with pytest.raises(PixgenError, match=r"not a regular file|not a lock file of pixgen's"):
        lists.draw(lists.jobs("a\n"))
    assert not lists.pictures() and (lists.out / name).is_fifo()


def test_what_others_put_beside_a_refused_list_stays(lists: Lists) -> None:
    lists.out.mkdir()
    for name in (f"{MANIFEST}.bak", f"{MANIFEST}-2", ".pixgen-notes.tmp"):
        (lists.out / name).write_text("keep")
    with pytest.raises(UsageError):
        lists.draw(lists.jobs("__nothing__\n"))
    with pytest.raises(UsageError):
        lists.draw(iter(lambda: lists.jobs("{"), None))  # type: ignore[arg-type]
    assert sorted(path.name for path in lists.out.iterdir()) == [
        ".pixgen-notes.tmp",
        f"{MANIFEST}-2",
        f"{MANIFEST}.bak",
    ]
