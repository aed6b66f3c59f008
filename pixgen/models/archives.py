"""The zip files that torch writes checkpoints to: what is in them, and the bytes of one entry.

torch stores entries as they are. Who packs such a file again with another program compresses them: mapping such an
entry into memory would give its compressed bytes as numbers, so only stored entries are mapped.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixgen.errors import PixgenError
from pixgen.models import limits

BLOCK = 1 << 20

_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""The signature, and the lengths of name and extra field, that come before an entry's bytes."""


class Damaged(Exception):
    """The zip file, or an entry of it, is damaged. The text says why."""


class Archive:
    """A zip file. entries: what is in it, by name."""

    def __init__(self, path: Path, file: Any, entries: dict[str, zipfile.ZipInfo]) -> None:
        self.path, self.entries = path, entries
        self._file = file
        self._size = path.stat().st_size
        self._mapped: Tensor | None = None

    def content(self, name: str, most: int | None = None) -> bytes:
        """The content of an entry. Raises Damaged, and PixgenError where it has more than `most` bytes."""
        entry = self._entry(name)
        if most is not None and entry.file_size > most:
            raise PixgenError(f"{self.path} was not loaded: its {name} has {entry.file_size:,} bytes, {most:,} at most")
        return b"".join(self.blocks(name))

    def blocks(self, name: str) -> Iterator[bytes]:
        """The content of an entry, piece by piece: never more bytes than the entry declares. Raises Damaged."""
        entry = self._entry(name)
        self._file.seek(self._start(entry))
        inflater = zlib.decompressobj(-zlib.MAX_WBITS) if entry.compress_type == zipfile.ZIP_DEFLATED else None
        packed, left = entry.compress_size, entry.file_size
        checksum = 0
        while left > 0:
            waiting = inflater.unconsumed_tail if inflater else b""
            block = waiting or self._file.read(min(BLOCK, packed))
            packed -= 0 if waiting else len(block)
            if inflater:
                try:
                    block = inflater.decompress(block, min(BLOCK, left))
                except zlib.error as error:
                    raise Damaged(f"{name}: {error}") from error
                if not block and (inflater.eof or (packed <= 0 and not inflater.unconsumed_tail)):
                    raise Damaged(f"{name} ends too early")
            elif not block:
                raise Damaged(f"{name} ends too early")
            left -= len(block)
            checksum = zlib.crc32(block, checksum)
            yield block
        # torch can be asked to leave the checksum of what it stores out, and then writes something else in its place.
        if inflater and checksum != entry.CRC:
            raise Damaged(f"{name} has another checksum than it should have")

    def numbers(self, name: str) -> Tensor:
        """The content of an entry as uint8: mapped from the file where it is stored as it is, else a copy.

        Raises Damaged.
        """
        entry = self._entry(name)
        start = self._start(entry)
        if entry.compress_type == zipfile.ZIP_STORED and start % 16 == 0:
            if self._mapped is None:
                self._mapped = torch.from_file(str(self.path), shared=False, size=self._size, dtype=torch.uint8)
            return self._mapped[start : start + entry.file_size]
        whole = torch.empty(entry.file_size, dtype=torch.uint8)
        view, place = whole.numpy(), 0
        for block in self.blocks(name):
            view[place : place + len(block)] = np.frombuffer(block, np.uint8)
            place += len(block)
        return whole

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = self.entries.get(name)
        if entry is None:
            raise Damaged(f"{name} is not in it")
        return entry

    def _start(self, entry: zipfile.ZipInfo) -> int:
        """Where the bytes of an entry begin: its own header in front of them may be longer than the directory says."""
        self._file.seek(entry.header_offset)
        header = self._file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
            raise Damaged(f"{entry.filename} is not where it should be")
        _, name, extra = _LOCAL_HEADER.unpack(header)
        start = entry.header_offset + int(_LOCAL_HEADER.size) + int(name) + int(extra)
        if start + entry.compress_size > self._size:
            raise Damaged(f"{entry.filename} ends behind the end of the file")
        return start


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """A zip file whose entries, as far as their directory tells, become no larger than the file may.

    Raises PixgenError where they do, or an entry is encrypted or compressed in another way than zip's usual one;
    Damaged, in the block too, where the file is no whole zip file.
    """
    with _Bounded(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                listed = archive.infolist()
        except UnicodeDecodeError as error:
            raise Damaged("a name in it is not text") from error
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, struct.error, LookupError) as error:
            raise Damaged(str(error) or type(error).__name__) from error
        entries = {entry.filename: entry for entry in listed}
        if len(entries) < len(listed):
            raise Damaged("it has two entries of one name")
        odd = next((e for e in listed if e.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)), None)
        locked = next((e for e in listed if e.flag_bits & 1), None)
        if odd or locked:
            how = "encrypted" if locked else "compressed in an unusual way"
            raise PixgenError(f"{path} was not loaded: it is {how}; unpack it and pack it again with `zip -0 -r`")
        stored = [entry for entry in listed if entry.compress_type == zipfile.ZIP_STORED]
        if (
            any(e.file_size != e.compress_size for e in stored)
            or sum(e.file_size for e in stored) > path.stat().st_size
        ):
            raise Damaged("its entries lie over each other")
        limits.require(path, sum(entry.file_size for entry in listed), "its entries")
        yield Archive(path, file, entries)


class _Bounded(io.FileIO):
    """A file of which nobody reads much in one piece: ZipFile does so with a directory, however large it says it is."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > limits.MAX_HEADER:
            raise zipfile.BadZipFile(f"its directory has {size:,} bytes, {limits.MAX_HEADER:,} at most")
        return super().read(-1 if size is None else size) or b""
