"""The manifest of a list: an SQLite file that knows every job, what became of it, and what was decided once.

Write-ahead logging, so that a kill at any moment leaves it whole and others may read while it is written. A picture's
file is written first and recorded then: what is recorded exists.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pixgen.batch.job import Job, Settings
from pixgen.batch.records import Record
from pixgen.batch.rows import MANIFEST
from pixgen.errors import PixgenError, UsageError
from pixgen.io import naming

VERSION = 1
_APPLICATION = 0x7069786C
"""Stands in the file's header, so that another program's database is not taken for a manifest."""

_SCHEMA = """
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

_COLUMNS = (
    "id, key, file, prompt, template, seed, axes, settings, state, attempts, grp, steps, planned, seconds, losses, "
    "scores, rank, error"
)


@dataclass(frozen=True)
class ListChanges:
    """What reading a list changed: how many jobs are new, were known, and were listed before in the same list."""

    added: int
    known: int
    duplicates: int


class Manifest:
    """Use as a context manager. Every method raises PixgenError, one line, where the disk or the file refuses."""

    def __init__(self, folder: Path, *, readonly: bool = False) -> None:
        """Open the folder's manifest, or make it unless `readonly`.

        Raises UsageError where there is none to read, or it is another version's, another program's, or damaged; it
        is never overwritten.
        """
        self.folder, self.path = folder, folder / MANIFEST
        if readonly and not self.path.is_file():
            raise UsageError(f"{folder}: no list was drawn there (no {MANIFEST})")
        self._session = 0
        self._settings = lru_cache(maxsize=256)(self._read_settings)
        with _refusals(self.path):
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=30)
            try:
                self._require_ours(readonly)
                if not readonly:
                    self._db.execute("PRAGMA journal_mode = WAL")
                    self._db.execute("PRAGMA synchronous = NORMAL")
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    # What was decided once

    def fact(self, name: str) -> Any:
        """What `fix` stored under this name, or None."""
        row = self._one("SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else json.loads(row[0])

    def fix(self, name: str, value: Any) -> None:
        """Store plain data under a name."""
        self._do("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, json.dumps(value))

    # The list

    def read_list(self, jobs: Iterable[Job]) -> ListChanges:
        """Take a list's jobs in: new ones are added, known ones stay as they are, and what is no longer listed waits.

        All or nothing: an error on the way (from `jobs` as well) leaves everything as it was.
        """
        added = known = duplicates = 0
        with self._transaction():
            reading = int(self.fact("reading") or 0) + 1
            for job in jobs:
                found = self._one("SELECT id, listed FROM jobs WHERE key = ?", job.key)
                if found is None:
                    self._add(job, reading)
                    added += 1
                elif found[1] == reading:
                    duplicates += 1
                else:
                    self._do("UPDATE jobs SET listed = ? WHERE id = ?", reading, found[0])
                    known += 1
            self.fix("reading", reading)
        return ListChanges(added, known, duplicates)

    def begin(self) -> None:
        """Begin handing jobs out: what an earlier process had in hand is free again."""
        self._session = int(self.fact("session") or 0) + 1
        self.fix("session", self._session)

    def retry_failed(self) -> int:
        """Let failed jobs be handed out again, as drafts where a picture is there; how many."""
        return self._do(
            "UPDATE jobs SET state = CASE WHEN steps > 0 THEN 'draft' ELSE 'pending' END, error = NULL "
            "WHERE state = 'failed'"
        ).rowcount

    # Handing out

    def next_pending(self, size: Callable[[Settings], int]) -> list[Record]:
        """The next group that has no picture yet, at most `size` jobs of equal settings; empty when there is none.

        A group that was fixed before comes back as it was, whole. Those tried least come first.
        """
        first = self._one(
            f"SELECT id, settings, grp FROM jobs WHERE state = 'pending' AND taken <> ? AND listed = {_READING} "
            "ORDER BY attempts, id LIMIT 1",
            self._session,
        )
        return [] if first is None else self._group(first, "pending", size)

    def next_draft(self, size: Callable[[Settings], int]) -> list[Record]:
        """The group of the draft that ranks worst; empty when there is none."""
        first = self._one(
            f"SELECT id, settings, grp FROM jobs WHERE state = 'draft' AND taken <> ? AND listed = {_READING} "
            "ORDER BY rank DESC, id LIMIT 1",
            self._session,
        )
        return [] if first is None else self._group(first, "draft", size)

    def split(self, group: int) -> None:
        """Halve a group, for good, and free its jobs."""
        with self._transaction():
            ids = [row[0] for row in self._all("SELECT id FROM jobs WHERE grp = ? ORDER BY id", group)]
            half = (len(ids) + 1) // 2
            for part in (ids[:half], ids[half:]):
                for id in part:
                    self._do("UPDATE jobs SET grp = ?, taken = 0 WHERE id = ?", part[0], id)

    def release(self, group: int) -> None:
        """Let a group that was handed out be handed out again."""
        self._do("UPDATE jobs SET taken = 0 WHERE grp = ?", group)

    # What became of them

    def record(
        self,
        id: int,
        *,
        steps: int,
        seconds: float,
        losses: Mapping[str, float],
        scores: Mapping[str, float],
        rank: float,
    ) -> None:
        """A job's picture is on the disk: done, or a draft where it has fewer steps than planned."""
        self._do(
            "UPDATE jobs SET state = CASE WHEN ? < planned THEN 'draft' ELSE 'done' END, steps = ?, seconds = ?, "
            "losses = ?, scores = ?, rank = ?, error = NULL, taken = 0 WHERE id = ?",
            *(steps, steps, seconds, json.dumps(losses), json.dumps(scores), rank, id),
        )

    def fail(self, group: int, reason: str) -> None:
        """The jobs of a group cannot be drawn. Drafts that are there stay, and are not tried again either."""
        self._do("UPDATE jobs SET state = 'failed', error = ? WHERE grp = ? AND state <> 'done'", reason, group)

    # Looking

    def counts(self) -> dict[str, int]:
        """How many listed jobs there are in each state."""
        found = dict(self._all(f"SELECT state, COUNT(*) FROM jobs WHERE listed = {_READING} GROUP BY state"))
        return {state: found.get(state, 0) for state in ("pending", "draft", "done", "failed")}

    def records(self, *states: str, group: int | None = None) -> Iterator[Record]:
        """The listed jobs in the list's order, of these states or of all; or the jobs of a group."""
        marks = ", ".join("?" * len(states))
        where = f"listed = {_READING}" + (f" AND state IN ({marks})" if states else "")
        values: Sequence[Any] = states
        if group is not None:
            where, values = "grp = ?", [group]
        last = -1
        while rows := self._all(
            f"SELECT {_COLUMNS} FROM jobs WHERE {where} AND id > ? ORDER BY id LIMIT 500", *values, last
        ):
            yield from map(self._record, rows)
            last = rows[-1][0]

    def known(self, key: str) -> str | None:
        """The state of the job with this key, None for an unknown one."""
        row = self._one("SELECT state FROM jobs WHERE key = ?", key)
        return None if row is None else str(row[0])

    def _add(self, job: Job, reading: int) -> None:
        digest, text = job.settings.digest, job.settings.text
        self._do("INSERT OR IGNORE INTO settings (digest, config) VALUES (?, ?)", digest, text)
        settings = self._one("SELECT id FROM settings WHERE digest = ?", digest)
        self._do(
            "INSERT INTO jobs (key, listed, file, prompt, template, seed, repeat, axes, settings, planned) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(job.key, reading, self._file(job), job.prompt, job.template, job.seed, job.repeat),
            *(json.dumps(job.axes), settings[0], job.settings.config.steps),
        )

    def _file(self, job: Job) -> str:
        """A name that is the job's alone: its own one where that is free, else one that ends in its key."""
        stem, suffix = Path(job.name or "").stem, Path(job.name or "").suffix.lower()
        if suffix not in naming.PICTURE_SUFFIXES:
            stem, suffix = job.name or "", ".png"
        if stem:
            plain = f"{naming.slug(stem)}{suffix}"
            taken = self._one("SELECT 1 FROM jobs WHERE file = ?", plain)
            if taken is None and not (self.folder / plain).exists() and not plain.startswith("sheet"):
                return plain  # sheet.png, sheet-2.png and so on are the contact sheets
        return f"{naming.slug(stem or job.prompt)}-{job.key[:12]}{suffix}"

    def _group(self, first: Sequence[Any], state: str, size: Callable[[Settings], int]) -> list[Record]:
        _, settings, group = first
        with self._transaction():
            if group is None:
                chosen = self._all(
                    f"SELECT id FROM jobs WHERE state = ? AND grp IS NULL AND taken <> ? AND settings = ? "
                    f"AND listed = {_READING} ORDER BY attempts, id LIMIT ?",
                    *(state, self._session, settings, size(self._settings(settings))),
                )
                ids = [row[0] for row in chosen]
                for member in ids:
                    self._do("UPDATE jobs SET grp = ? WHERE id = ?", ids[0], member)
                group = ids[0]
            self._do("UPDATE jobs SET taken = ?, attempts = attempts + 1 WHERE grp = ?", self._session, group)
        return list(self.records(group=group))

    def _record(self, row: Sequence[Any]) -> Record:
        values = dict(zip(_COLUMNS.split(", "), row, strict=True))
        values |= {name: json.loads(values[name] or "{}") for name in ("axes", "losses", "scores")}
        values["group"] = values.pop("grp")
        return Record(**values | {"settings": self._settings(values["settings"])})

    def _read_settings(self, id: int) -> Settings:
        (text,) = self._one("SELECT config FROM settings WHERE id = ?", id)
        return Settings(text)

    def _require_ours(self, readonly: bool) -> None:
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = self._db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        if application == 0 and version == 0 and tables == 0 and not readonly:
            with self._transaction():
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
                self._db.execute(f"PRAGMA user_version = {VERSION}")
            return
        if application != _APPLICATION:
            raise UsageError(f"{self.path} is not a manifest of pixgen's; choose another folder with -o")
        if version != VERSION:
            raise UsageError(
                f"{self.path} was written by another version of pixgen (manifest {version}, this one reads {VERSION}); "
                "resume with that version, or choose another folder with -o"
            )
        # Looks at every page's structure, which takes a second for a million jobs.
        if self._db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise UsageError(_DAMAGED.format(path=self.path))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _refusals(self.path):
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def _do(self, statement: str, *values: Any) -> sqlite3.Cursor:
        with _refusals(self.path):
            return self._db.execute(statement, values)

    def _one(self, statement: str, *values: Any) -> Any:
        with _refusals(self.path):
            return self._db.execute(statement, values).fetchone()

    def _all(self, statement: str, *values: Any) -> list[Any]:
        with _refusals(self.path):
            return self._db.execute(statement, values).fetchall()


_READING = "(SELECT CAST(value AS INTEGER) FROM facts WHERE name = 'reading')"
_DAMAGED = "{path} is damaged; put it back from a copy, or choose another folder with -o (this one is left as it is)"


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        way_out = "make room, or see that the folder can be written; the same command then resumes"
        raise PixgenError(f"cannot use {path}: {error}; {way_out}") from error
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        raise UsageError(_DAMAGED.format(path=path)) from error
