"""The manifest of a list: an SQLite file that knows every job, what became of it, and what was decided once.

Write-ahead logging, so that a kill at any moment leaves it whole and others may read while it is written. A picture's
file is written first and recorded then: what is recorded exists.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pixgen.batch.database import connect, refusals, transaction
from pixgen.batch.job import Job, Settings, key_of
from pixgen.batch.records import Record, plain_data
from pixgen.batch.rows import MANIFEST
from pixgen.errors import UsageError
from pixgen.io import naming

_COLUMNS = (
    "id, key, file, prompt, template, seed, repeat, axes, settings, state, attempts, grp, steps, planned, seconds, "
    "losses, scores, rank, error"
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
        self._db = connect(self.path, readonly=readonly)

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    # What was decided once

    def fact(self, name: str) -> Any:
        """What `fix` stored under this name, or None."""
        row = self._one("SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else plain_data(row[0], f"{self.path}: {name}")

    def _count(self, name: str) -> int:
        value = self.fact(name)
        if not isinstance(value, int | None):
            raise UsageError(f"{self.path}: {name} is not a number; choose another folder with -o")
        return value or 0

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
            reading = self._count("reading") + 1
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
        self._session = self._count("session") + 1
        self.fix("session", self._session)

    def retry_failed(self) -> int:
        """Let failed jobs be handed out again, as drafts where a picture is there; how many."""
        return self._do(
            "UPDATE jobs SET state = CASE WHEN steps > 0 THEN 'draft' ELSE 'pending' END, error = NULL "
            "WHERE state = 'failed'"
        ).rowcount

    def redraw_lost(self) -> list[Path]:
        """Let listed jobs whose picture is gone or empty be drawn again; the places of these pictures."""
        lost = [record for record in self.records("done", "draft") if not _has_bytes(self.folder / record.file)]
        again = "UPDATE jobs SET state = 'pending', attempts = 0, steps = 0, rank = NULL WHERE id = ?"
        with self._transaction():
            for record in lost:
                self._do(again, record.id)
        return [self.folder / record.file for record in lost]

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

    def take_next_name(self, record: Record) -> Record:
        """The same job under the next free name: somebody else's file has taken its own."""
        for path in naming.numbered(self.folder / record.file):
            taken = self._one("SELECT 1 FROM jobs WHERE file = ?", path.name)
            if taken is None and not os.path.lexists(path):
                self._do("UPDATE jobs SET file = ? WHERE id = ?", path.name, record.id)
                return dataclasses.replace(record, file=path.name)
        raise AssertionError("names have no end")

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
            if taken is None and not (self.folder / plain).exists() and not re.match("(pixgen-)*sheet", plain):
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
        records = list(self.records(group=group))
        for record in records:
            # What is drawn is what a list asked for, not what the file may have become since.
            if record.key != key_of(record.settings, record.prompt, record.seed, record.repeat):
                raise UsageError(
                    f"{self.path}: job {record.id} is not the one that was listed; draw the list into another folder"
                )
        return records

    def _record(self, row: Sequence[Any]) -> Record:
        values = dict(zip(_COLUMNS.split(", "), row, strict=True))
        settings = self._settings(values["settings"])
        return Record.checked(values | {"settings": settings}, f"{self.path}: job {values['id']}")

    def _read_settings(self, id: int) -> Settings:
        row = self._one("SELECT config FROM settings WHERE id = ?", id)
        if row is None or not isinstance(plain_data(row[0], f"{self.path}: settings {id}"), dict):
            raise UsageError(f"{self.path}: there are no settings {id!r}; choose another folder with -o")
        return Settings(str(row[0]))

    def _transaction(self) -> contextlib.AbstractContextManager[None]:
        return transaction(self._db, self.path)

    def _do(self, statement: str, *values: Any) -> sqlite3.Cursor:
        with refusals(self.path):
            return self._db.execute(statement, values)

    def _one(self, statement: str, *values: Any) -> Any:
        with refusals(self.path):
            return self._db.execute(statement, values).fetchone()

    def _all(self, statement: str, *values: Any) -> list[Any]:
        with refusals(self.path):
            return self._db.execute(statement, values).fetchall()


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError:
        return True  # what cannot be looked at is not known to be lost


_READING = "(SELECT CAST(value AS INTEGER) FROM facts WHERE name = 'reading')"
