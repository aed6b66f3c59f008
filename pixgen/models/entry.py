"""An entry of the zoo: a checkpoint's files, its architecture, and the settings that suit it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pixgen.io import schema


@dataclass(frozen=True)
class File:
    """One file of a checkpoint.

    name: in the entry's folder of the cache. bytes: its size, None if unknown.
    sha256: None if no citable source has it; then the hash of the first download is kept and checked from then on.
    sources: addresses in the order in which they are tried: `https://...`, or `hub:OWNER/REPO/PATH[@REVISION]`.
    member: where a source is a zip file, the path in it.
    """

    name: str
    sources: list[str]
    bytes: int | None = None
    sha256: str | None = None
    member: str | None = None


@dataclass(frozen=True)
class Entry:
    """A checkpoint. The first file holds the weights.

    architecture: of a vqgan, what its network is built from; of a clip, {"name", "pretrained", "quick_gelu"} as
    open_clip calls them. profile: settings that suit it; profile_source: who published them.
    path: a user-provided file that is used in place of the cache.
    """

    name: str
    kind: Literal["vqgan", "clip"]
    about: str
    architecture: dict[str, Any]
    files: list[File]
    licence: str = "not stated"
    source: str = ""
    aliases: list[str] = field(default_factory=list)
    profile: dict[str, Any] = field(default_factory=dict)
    profile_source: str = ""
    path: str | None = None

    @property
    def bytes(self) -> int | None:
        """The size of all its files, None if that of one is unknown."""
        sizes = [file.bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size)


def parse(name: str, values: Mapping[str, Any], where: str) -> Entry:
    """An entry from the plain data of its file. Raises UsageError that names the key."""
    entry: Entry = schema.build(Entry, {"name": name, **values}, where)
    return entry


def to_dict(entry: Entry) -> dict[str, Any]:
    """Plain data, for JSON and for a user's own file."""
    return dataclasses.asdict(entry)
