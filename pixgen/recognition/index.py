"""The embeddings of a folder's pictures, kept in pixgen's own cache so that a search need not open them again.

One safetensors file a folder and CLIP. What changed in the folder is seen by the time and size of each file; a file
of another name is known again by its bytes. `Index.update` may be stopped at any point and resumes where it was.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pixgen.errors import UsageError, reason
from pixgen.io import files, json_data, naming, paths, resources
from pixgen.models import weights
from pixgen.recognition.clip_models import ClipModel, opened
from pixgen.recognition.folder import Stat, scan

log = logging.getLogger(__name__)

VERSION = 1
"""Of the format; a file of another is not read."""
BATCH = 32
"""Pictures that are embedded at once."""
SAVE_SECONDS = 20.0
"""So much work is lost at most where the process is killed; Ctrl-C loses none."""


@dataclass(frozen=True)
class Indexed:
    """A picture file as it was when it was looked at.

    sha256: of its bytes. row: of its embedding; -1 for a file that cannot be read. broken: why it cannot.
    """

    stat: Stat
    sha256: str
    row: int
    broken: str = ""


@dataclass
class Index:
    """The pictures of a folder, by their paths from there, and their embeddings, float32 (N, D), unit norm.

    file: where it is kept. Pictures of the same bytes share a row of the embeddings.
    """

    folder: Path
    clip: ClipModel
    file: Path
    pictures: dict[str, Indexed] = field(default_factory=dict)
    embeddings: Tensor = field(default_factory=lambda: torch.zeros(0, 0))

    @property
    def broken(self) -> dict[str, str]:
        """The files that cannot be read, and why."""
        return {path: one.broken for path, one in self.pictures.items() if one.broken}

    def update(self, progress: Callable[[int, int], object] = lambda done, total: None) -> None:
        """Bring it up to date with the folder, and keep it; what was done is kept as well where this is interrupted.

        progress: called with how many files are done, of how many that are new or changed. Raises UsageError as
        `folder.scan` does.
        """
        there = scan(self.folder)
        missing = [
            path for path, stat in there.items() if path not in self.pictures or self.pictures[path].stat != stat
        ]
        gone = self.pictures.keys() - there.keys()
        if not missing and not gone:
            return
        by_size: dict[int, list[Indexed]] = {}
        for one in self.pictures.values():
            by_size.setdefault(one.stat.size, []).append(one)
        new: list[Tensor] = []
        saved, done = time.monotonic(), 0
        try:
            for begin in range(0, len(missing), BATCH):
                part = {path: there[path] for path in missing[begin : begin + BATCH]}
                found, rows = self._look(part, by_size, len(self.embeddings) + len(new))
                new += rows  # first: an interrupt between the two leaves rows without pictures, which are dropped
                self.pictures.update(found)
                done += len(part)
                progress(done, len(missing))
                if time.monotonic() - saved > SAVE_SECONDS:
                    self._append(new)
                    self._write()
                    saved = time.monotonic()
            # Only now: a file of another name takes its embedding from the one that is gone.
            for path in [*gone, *(path for path in missing if self.pictures.get(path, _NONE).stat != there[path])]:
                self.pictures.pop(path, None)
        finally:
            self._append(new)
            self._drop_unused_rows()
            self._write()

    def _look(
        self, part: dict[str, Stat], by_size: dict[int, list[Indexed]], first: int
    ) -> tuple[dict[str, Indexed], list[Tensor]]:
        """Look at some files; the rows that are new, from number `first` on. Known bytes get their row again."""
        found: dict[str, Indexed] = {}
        fresh: list[tuple[str, str]] = []
        squares: list[Tensor] = []
        for path, stat in part.items():
            place = self.folder / path
            try:
                digest = files.sha256(place)
                same = next((one for one in by_size.get(stat.size, ()) if one.sha256 == digest), None)
                if same is not None:
                    found[path] = Indexed(stat, digest, same.row, same.broken)
                    continue
                squares.append(self.clip.perceptor.whole(opened(place)))
                fresh.append((path, digest))
            except UsageError as error:
                if place.exists():  # else it went meanwhile
                    found[path] = Indexed(stat, "", -1, str(error))
        rows: list[Tensor] = []
        if squares:
            with torch.no_grad():
                rows = list(self.clip.perceptor.encode_image(torch.cat(squares)))
        found |= {path: Indexed(part[path], digest, first + i) for i, (path, digest) in enumerate(fresh)}
        return found, rows

    def _append(self, new: list[Tensor]) -> None:
        if new:
            rows = torch.stack(new)
            self.embeddings = torch.cat((self.embeddings, rows)) if len(self.embeddings) else rows
            new.clear()

    def _drop_unused_rows(self) -> None:
        used = sorted({one.row for one in self.pictures.values() if not one.broken})
        if len(used) < len(self.embeddings):
            self.embeddings = self.embeddings[used]
            place = {row: i for i, row in enumerate(used)}
            self.pictures = {path: replace(one, row=place.get(one.row, -1)) for path, one in self.pictures.items()}

    def _write(self) -> None:
        from safetensors.torch import save_file

        listed = [
            [path, one.stat.size, one.stat.changed, one.sha256, one.row, one.broken]
            for path, one in self.pictures.items()
        ]
        about = {"version": VERSION, "clip": self.clip.name, "fingerprint": self.clip.fingerprint, "pictures": listed}
        try:
            with files.replacing(self.file) as temporary:
                save_file({"embeddings": self.embeddings}, temporary, metadata={"pixgen": json.dumps(about)})
        except OSError as error:
            log.warning(
                "the index of %s cannot be kept (%s: %s); the next search looks at its pictures again",
                self.folder, self.file, reason(error).lower(),
            )  # fmt: skip


_NONE = Indexed(Stat(-1, -1), "", -1)


def load(folder: str | Path, clip: ClipModel) -> Index:
    """The index of a folder as it was kept; an empty one where there is none.

    Warns (logging) of one that is damaged, or was made by another version or other weights: it is made again.
    """
    place = paths.written(folder)
    found = Index(place, clip, path_of(place, clip.name))
    if not found.file.is_file():
        return found
    try:
        tensors, metadata = weights.read_safetensors(found.file)
        about = json_data.parse(metadata["pixgen"])
        if about["version"] != VERSION:
            return _again(found, "was made by another version of pixgen")
        if about["fingerprint"] != clip.fingerprint:
            return _again(found, f"was made with other weights of {clip.name}")
        found.embeddings = tensors["embeddings"].float()
        found.pictures = dict(map(_indexed, about["pictures"]))
        rows = [one.row for one in found.pictures.values() if not one.broken]
        if found.embeddings.ndim != 2 or (rows and not 0 <= min(rows) <= max(rows) < len(found.embeddings)):
            raise ValueError("its rows are not those of its pictures")
        if rows and found.embeddings.shape[1] != clip.perceptor.dim:
            raise ValueError("its embeddings are of another length")
    except (weights.Damaged, KeyError, TypeError, ValueError) as error:
        return _again(Index(place, clip, found.file), f"is damaged ({reason(error)})")
    return found


def path_of(folder: Path, clip: str) -> Path:
    """Where the index of a folder is kept: in pixgen's cache, never in the folder."""
    whole = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    which = hashlib.sha256(clip.encode()).hexdigest()[:8]
    return resources.cache() / "search" / f"{naming.slug(folder.resolve().name, 32)}-{whole}-{which}.safetensors"


def _indexed(values: list[Any]) -> tuple[str, Indexed]:
    path, size, changed, sha256, row, broken = values
    return path, Indexed(Stat(size, changed), sha256, row, broken)


def _again(index: Index, why: str) -> Index:
    log.warning("the index of %s %s; it is made again", index.folder, why)
    return index
