"""The lock that lets one process at a time draw into a folder."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from pixgen.errors import PixgenError
from pixgen.io import untrusted

NAME = ".pixgen-lock"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises PixgenError while another process has it.

    The lock is SQLite's own on a file of its own, so that it works wherever the manifest does and ends with the
    process, however that ends; the manifest itself stays readable (`--status`). Nothing is ever written into it.
    """
    path = untrusted.path(folder, NAME, str(folder))
    if os.path.lexists(path) and not (path.is_file() and path.stat().st_size == 0):
        raise PixgenError(f"cannot lock {folder}: {path} is not a lock file of pixgen's; remove it")
    db = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        db.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        db.close()
        if "locked" in str(error):
            raise PixgenError(
                f"another pixgen is drawing into {folder}; let it finish (--status shows how far it is), "
                "or give this list a folder of its own"
            ) from None
        raise PixgenError(f"cannot lock {folder}: {error}") from error
    try:
        yield
    finally:
        db.close()
