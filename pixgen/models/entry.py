"""An entry of the zoo: a checkpoint's files, its architecture, and the settings that suit it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from pixgen.errors import UsageError, shown
from pixgen.io import schema, untrusted


@dataclass(frozen=True)
class File:
    """One file of a checkpoint.

    name: in the entry's folder of the cache, one component (`untrusted.problem`). bytes: its size, None if unknown.
    sha256: None if no citable source has it; then the hash of the first download is kept and checked from then on.
    sources: addresses in the order in which they are tried: `https://...`, `http://...` or
    `hub:OWNER/REPO/PATH[@REVISION]`; nothing on this machine.
    member: where a source is a zip file, the path in it.
    Raises ValueError for another name or address.
    """

    name: str
    sources: list[str]
    bytes: int | None = None
    sha256: str | None = None
    member: str | None = None

    def __post_init__(self) -> None:
        if found := untrusted.problem(self.name):
            raise ValueError(f"the file's name {shown(self.name)} {found}")
        for source in self.sources:
            if not is_address(source):
                raise ValueError(
                    f"the source {shown(source)} is not an address to download from: https://..., http://... "
                    "or hub:OWNER/REPO/PATH"
                )


@dataclass(frozen=True)
class Entry:
    """A checkpoint. The first file holds the weights.

    name: of its folder in the cache too, so one component (`untrusted.problem`); ValueError for another.

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

    def __post_init__(self) -> None:
        if found := untrusted.problem(self.name):
            raise ValueError(f"the model's name {shown(self.name)} {found}")

    @property
    def bytes(self) -> int | None:
        """The size of all its files, None if that of one is unknown."""
        sizes = [file.bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size)


def parse(name: str, values: Mapping[str, Any], where: str) -> Entry:
    """An entry from the plain data of its file. Raises UsageError that names the key, or for a name of its own."""
    if "name" in values and values["name"] != name:
        raise UsageError(
            f"{where}: a model has the name of its file, {name!r}, and not {shown(str(values['name']))}; "
            "delete that line"
        )
    entry: Entry = schema.build(Entry, {"name": name, **values}, where)
    return entry


def is_address(source: str) -> bool:
    """Whether a text is an address that a download may be made from: http(s), or a file of Hugging Face's hub."""
    if hub := re.fullmatch(r"hub:([\w.-]+)/([\w.-]+)/([^@]+)(?:@([\w./-]+))?", source):
        return not any(map(untrusted.relative_problem, hub.group(1, 2, 3)))
    if re.search(r"[\x00-\x20\x7f]", source):
        return False
    try:
        parts = urlsplit(source)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def to_dict(entry: Entry) -> dict[str, Any]:
    """Plain data, for JSON and for a user's own file."""
    return dataclasses.asdict(entry)
