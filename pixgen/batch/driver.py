"""The driver: hands groups to workers, writes the pictures, and records the results in the manifest."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pixgen.batch.job import Settings
from pixgen.batch.manifest import Manifest
from pixgen.batch.pool import WorkerPool
from pixgen.batch.records import Record
from pixgen.batch.schedule import Assignment, Schedule
from pixgen.batch.tuning import Tuning
from pixgen.batch.worker import Failed, Finished, Picture, Stepped, Task
from pixgen.errors import PixgenError
from pixgen.io import files, metadata

DEATHS = 3
"""How often workers may die on a group before the group is given up."""

WRITERS = 16
"""Pictures that are written in parallel."""

RANKED_BY = "held_out"
"""The score by which drafts are refined, where it was taken; otherwise the loss."""


@dataclass
class Stop:
    """Set `asked` to stop after the pictures that are being drawn."""

    asked: bool = False


class Observer(Protocol):
    """Is called with what happens while a list is drawn."""

    def stepped(self, event: Stepped, records: Sequence[Record]) -> None:
        """A step of a running group is done."""

    def drawn(self, record: Record, picture: Picture, seconds: float) -> None:
        """A picture is written and recorded. seconds: its share of its group's."""

    def failed(self, records: Sequence[Record], reason: str) -> None:
        """Jobs were given up."""

    def warned(self, text: str) -> None:
        """Something to tell, which may come often."""


class Driver:
    """Draws the jobs of a manifest: the only one who writes, into the folder and the manifest.

    Raises PixgenError where the disk refuses or no worker is left; what is recorded stays, and a second run resumes.
    """

    def __init__(
        self,
        manifest: Manifest,
        pool: WorkerPool,
        tuning: Tuning,
        observer: Observer,
        stop: Stop,
        allow_large: bool = False,
    ) -> None:
        self._allow_large = allow_large
        self.manifest, self.pool, self.tuning = manifest, pool, tuning
        self.observer, self.stop = observer, stop
        self._running: dict[int, Assignment] = {}
        self._deaths: Counter[int] = Counter()

    def run(self, schedule: Schedule) -> None:
        """Draw until all is done, the deadline has passed, or a stop is asked for and running groups are done."""
        while not schedule.over():
            exhausted = False
            while self.pool.free() and not self.stop.asked:
                assignment = schedule.next()
                exhausted = assignment is None
                if assignment is None:
                    break
                self._submit(assignment)
            if not self._running and (exhausted or self.stop.asked):
                return
            finished: list[tuple[Finished, list[Record]]] = []
            for event in self.pool.wait(0.5):
                if event.group not in self._running:
                    continue  # of a worker that was thought dead
                if isinstance(event, Stepped):
                    self.observer.stepped(event, self._running[event.group].records)
                    continue
                for text in event.warnings:
                    self.observer.warned(text)
                records = self._running.pop(event.group).records
                if isinstance(event, Finished):
                    schedule.pace.learn(records[0].settings.digest, event)
                    finished.append((event, records))
                else:
                    self._fail(event, records)
            self._keep(finished)

    def _submit(self, assignment: Assignment) -> None:
        records = assignment.records
        task = Task(
            group=_group(records),
            configs=tuple(self.tuning.apply(record.config(), len(records)) for record in records),
            files=tuple(self.manifest.folder / record.file for record in records),
            templates=tuple(record.template for record in records),
            steps=assignment.steps,
            allow_large=self._allow_large,
        )
        self._running[task.group] = assignment
        self.pool.submit(task)

    def _keep(self, finished: Sequence[tuple[Finished, list[Record]]]) -> None:
        """Write the pictures of groups that are drawn, then record them."""
        drawn = [
            (self._named(record), picture, event.seconds / len(records))
            for event, records in finished
            for record, picture in zip(records, event.pictures, strict=True)
            if record.state != "done"  # drawn again only because its group is
        ]
        if len(drawn) > 1:
            # Side by side, for each waits until the disk has it.
            with ThreadPoolExecutor(min(WRITERS, len(drawn))) as writers:
                list(writers.map(lambda one: self._write(one[0], one[1]), drawn))
        else:
            for record, picture, _ in drawn:
                self._write(record, picture)
        for record, picture, seconds in drawn:
            self.manifest.record(
                record.id,
                steps=picture.steps,
                seconds=seconds,
                losses=picture.losses | {"total": picture.total},
                scores=picture.scores,
                rank=picture.scores.get(RANKED_BY, picture.total),
            )
            self.observer.drawn(record, picture, seconds)

    def _named(self, record: Record) -> Record:
        """The record, under another name where somebody else's file has its own."""
        path = self.manifest.folder / record.file
        if not os.path.lexists(path) or _is_picture_of(record, path):
            return record
        named = self.manifest.take_next_name(record)
        self.observer.warned(f"{path} is not the picture of this list; it stays, and that is called {named.file}")
        return named

    def _write(self, record: Record, picture: Picture) -> None:
        # The same job has the same name for ever: what a kill left unrecorded is written again, not beside.
        files.write(self.manifest.folder / record.file, picture.data, overwrite=True)

    def _fail(self, event: Failed, records: Sequence[Record]) -> None:
        group, several = _group(records), len(records) > 1
        if event.kind == "died":
            self._deaths[group] += 1
            if self._deaths[group] < DEATHS:
                self.manifest.release(group)
                return
        if several:
            # Less memory for each half, and whoever spoils a group spoils one half alone.
            self.manifest.split(group)
            del self._deaths[group]  # the first half has its number, and dies on its own account
            if event.kind == "memory":
                self.tuning = self.tuning.halved(len(records))
                self.manifest.fix("choice", self.tuning.to_dict())
                self.observer.warned(f"out of memory with {len(records)} pictures together; continuing with half")
            return
        reason = event.reason if event.kind != "died" else f"{event.reason}, {DEATHS} times"
        self.manifest.fail(group, reason)
        self.observer.failed(records, reason)

    def group_size(self, settings: Settings) -> int:
        """How many pictures of these settings are drawn together."""
        return self.tuning.group_size(settings)


def _is_picture_of(record: Record, path: Path) -> bool:
    """Whether the file is what this job drew: a draft, or what a kill left unrecorded (`pixgen.io.own_files`)."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        about = metadata.read(path)
    except PixgenError:
        return False
    config = about.config if isinstance(about.config, Mapping) else {}
    return about.seed == record.seed and record.prompt in (about.prompt, config.get("prompt"))


def _group(records: Sequence[Record]) -> int:
    group = records[0].group
    assert group is not None  # given when they were handed out
    return group
