"""How large what is read from a weights file may become: stated once, and checked before memory is taken.

SECURITY.md promises these numbers.
"""

from __future__ import annotations

from pathlib import Path

from pixgen.errors import PixgenError

EXPANSION = 8
"""A file may become this many times its own size, by compression or by tensors that share their memory."""
SMALL = 64_000_000
"""Bytes that any file may become, however small it is."""
MAX_HEADER = 32_000_000
"""Bytes of a safetensors header and of a zip file's directory."""
MAX_METADATA = 8_000_000
"""Bytes of the JSON in a safetensors file's metadata; the shipped files have at most 160,000."""
MAX_PICKLE = 16_000_000
"""Bytes of the pickle that names a checkpoint's tensors."""
MAX_OPERATIONS = 4_000_000
"""Operations of such a pickle; each makes at most one object."""
MAX_TENSORS = 100_000
"""Tensors of one checkpoint."""
MAX_NAME = 1_000
"""Letters of a tensor's name."""
MAX_DEPTH = 64
"""Objects in objects of one checkpoint."""


def largest(path: Path) -> int:
    """Bytes that the content of this file may become."""
    return max(SMALL, EXPANSION * path.stat().st_size)


def require(path: Path, wanted: int, what: str) -> None:
    """Raise PixgenError where `what`, of the file, would become `wanted` bytes and that is more than it may."""
    if wanted > largest(path):
        raise PixgenError(
            f"{path} was not loaded: {what} would take {wanted:,} bytes, and the file has {path.stat().st_size:,}; a "
            f"file may become {EXPANSION} times its size. Get the weights as .safetensors, or from their author"
        )
