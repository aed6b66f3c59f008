"""Ten small drawings made for tests, packed as a set, so that no test needs the real ones."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

from pixgen.training.data import drawings

_BODIES = {
    "cat": '<circle cx="8" cy="9" r="6" fill="#fb3"/><path d="M2 8 3 1l5 4zM14 8 13 1 8 5z" fill="#d81"/>',
    "dog": '<ellipse cx="8" cy="9" rx="5" ry="6" fill="#a63"/><circle cx="6" cy="7" r="1"/>',
    "red-apple": '<circle cx="8" cy="9" r="6" fill="#d22"/><path d="M8 3 10 0z" stroke="#361"/>',
    "automobile": '<rect x="1" y="7" width="14" height="5" fill="#26c"/><circle cx="4" cy="12" r="2"/>',
    "sunflower": '<circle cx="8" cy="8" r="7" fill="#fc0"/><circle cx="8" cy="8" r="3" fill="#630"/>',
    "man-teacher": '<rect x="3" y="8" width="10" height="8" fill="#46a"/><circle cx="8" cy="5" r="4" fill="#fc9"/>',
    "laptop": '<rect x="2" y="3" width="12" height="8" fill="#333"/><rect x="1" y="12" width="14" height="2"/>',
    "open-book": '<path d="M1 3h6v10H1zM9 3h6v10H9z" fill="#c33"/>',
    "owl": '<ellipse cx="8" cy="8" rx="6" ry="7" fill="#875"/><circle cx="6" cy="6" r="2" fill="#fff"/>',
    "old-man": '<circle cx="8" cy="8" r="6" fill="#eca"/><path d="M4 11h8v4H4z" fill="#ddd"/>',
}
SHAPES = {
    name: f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{body}</svg>' for name, body in _BODIES.items()
}
GROUPS = ("cat", "dog", "apple", "car", "sunflower", "teacher", "laptop", "book", "owl", "old-man")


def pack(folder: Path, shapes: dict[str, str]) -> tuple[drawings.IconSet, ...]:
    """Write the shapes into `folder` as one icon set, noto; the table of sets to pass on."""
    icons = {"icons": {n: {"body": s} for n, s in shapes.items()}, "width": 16, "height": 16}
    data = json.dumps(icons).encode()
    own = drawings.IconSet("noto", "0.0.1", "", "MIT", "pixgen")
    with tarfile.open(folder / own.tarball, "w:gz") as packed:
        member = tarfile.TarInfo("package/icons.json")
        member.size = len(data)
        packed.addfile(member, io.BytesIO(data))
    return (replace(own, sha256=hashlib.sha256((folder / own.tarball).read_bytes()).hexdigest()),)
