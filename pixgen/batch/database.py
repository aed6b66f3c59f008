"""The manifest's SQLite file: its tables, and how it is opened so that one of a stranger's does no harm.

A database may hold programs: triggers and views run on what looks like a plain INSERT or SELECT, and a rollback journal
can name a file that SQLite deletes. So a manifest has exactly the tables written here, and whoever only reads opens it
in a way in which SQLite cannot write.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from pixgen.errors import PixgenError, UsageError
from pixgen.io import untrusted

VERSION = 1
_APPLICATION = 0x7069786C
"""Stands in the file's header, so that another program's database is not taken for a manifest."""

SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE settings (id INTEGER PRIMARY KEY, digest TEXT UNIQUE NOT NULL, config TEXT NOT NULL);
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    key TEXT UNIQUE NOT NULL,
    listed INTEGER NOT NULL,
    file TEXT UNIQUE NOT NULL,
    prompt TEXT NOT NULL,
    template TEXT,
    seed INTEGER NOT NULL,
    repeat INTEGER NOT NULL,
    axes TEXT NOT NULL,
    settings INTEGER NOT NULL REFERENCES settings,
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    taken INTEGER NOT NULL DEFAULT 0,
    grp INTEGER,
    steps INTEGER NOT NULL DEFAULT 0,
    planned INTEGER NOT NULL,
    seconds REAL,
    losses TEXT,
    scores TEXT,
    rank REAL,
    error TEXT
);
CREATE INDEX waiting ON jobs (state, attempts, id);
CREATE INDEX ranked ON jobs (state, rank);
CREATE INDEX grouped ON jobs (grp);
"""

MOST_BYTES = 64_000_000
"""Of one value in the file; a prompt is a line of a list, of at most a million."""

SUFFIXES = ("", "-wal", "-shm", "-journal")
"""What SQLite adds to a database's name for the files beside it."""

_SUPER_JOURNAL = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
"""Ends a rollback journal that names another file, which SQLite deletes after rolling back."""


def connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    """Open a manifest, or make it where there is none unless `readonly`; then nothing is written, beside it either.

    Raises UsageError where it is another version's, another program's or damaged, holds anything but a manifest's
    tables, or is a link out of its folder; PixgenError where the system refuses.
    """
    for suffix in SUFFIXES:
        place = untrusted.path(path.parent, f"{path.name}{suffix}", str(path.parent))
        if os.path.lexists(place) and not place.is_file():
            raise UsageError(f"{place} is not a regular file; remove it, or choose another folder with -o")
    with refusals(path):
        if readonly:
            # Without a write-ahead log no process has it open, and SQLite needs no file beside it.
            mode = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
            db = sqlite3.connect(f"{_address(path)}?{mode}", uri=True, isolation_level=None, timeout=30)
        else:
            _require_own_journal(path)
            db = sqlite3.connect(path, isolation_level=None, timeout=30)
        try:
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
            db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA cell_size_check = ON")
            _require_manifest(db, path, readonly)
            if not readonly:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            db.close()
            raise
    return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All of the block or nothing of it; within another transaction, part of that."""
    with refusals(path):
        if db.in_transaction:
            yield
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def refusals(path: Path) -> Iterator[None]:
    """SQLite's errors in one line each: PixgenError where the disk refuses, UsageError where the file is damaged."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "decode" in str(error):  # text that is not UTF-8
            raise UsageError(_DAMAGED.format(path=path)) from error
        way_out = "make room, or see that the folder can be written; the same command then resumes"
        raise PixgenError(f"cannot use {path}: {error}; {way_out}") from error
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        raise UsageError(_DAMAGED.format(path=path)) from error


_DAMAGED = "{path} is damaged; put it back from a copy, or choose another folder with -o (this one is left as it is)"


def _require_manifest(db: sqlite3.Connection, path: Path, readonly: bool) -> None:
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    # Read without a table of it being touched: what it names may be a view or a virtual table.
    found = {_written(*row) for row in db.execute("SELECT type, name, sql FROM sqlite_master")}
    if application == 0 and version == 0 and not found and not readonly:
        with transaction(db, path):
            for statement in SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
            db.execute(f"PRAGMA user_version = {VERSION}")
        return
    if application != _APPLICATION:
        raise UsageError(f"{path} is not a manifest of pixgen's; choose another folder with -o")
    if version != VERSION:
        raise UsageError(
            f"{path} was written by another version of pixgen (manifest {version}, this one reads {VERSION}); "
            "resume with that version, or choose another folder with -o"
        )
    if found != _expected():
        raise UsageError(
            f"{path} holds other tables, views or triggers than pixgen writes; choose another folder with -o"
        )
    # Looks at every page's structure, which takes a second for a million jobs.
    if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise UsageError(_DAMAGED.format(path=path))


def _expected() -> set[tuple[str, str, str]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA)
        return {_written(*row) for row in db.execute("SELECT type, name, sql FROM sqlite_master")}


def _written(kind: object, name: object, sql: object) -> tuple[str, str, str]:
    return str(kind), str(name), " ".join(str(sql).split())


def _require_own_journal(path: Path) -> None:
    journal = Path(f"{path}-journal")
    if not journal.is_file() or journal.stat().st_size < len(_SUPER_JOURNAL):
        return
    with open(journal, "rb") as file:
        file.seek(-len(_SUPER_JOURNAL), 2)
        if file.read() == _SUPER_JOURNAL:
            raise UsageError(f"{journal} was not written by pixgen; remove it, or choose another folder with -o")


def _address(path: Path) -> str:
    place = path.absolute().as_posix()
    return f"file://{'' if place.startswith('/') else '/'}{quote(place.encode(errors='surrogateescape'))}"
