"""pixgen draws pictures from text by optimisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pixgen.errors import PixgenError, UsageError

if TYPE_CHECKING:
    from pixgen.api import Pictures, Result, classify, describe, edit, generate, morph, rank, search, vary

__all__ = [
    "Pictures",
    "PixgenError",
    "Result",
    "UsageError",
    "classify",
    "describe",
    "edit",
    "generate",
    "morph",
    "rank",
    "search",
    "vary",
]


def __getattr__(name: str) -> Any:
    # Only who draws waits for torch: `import pixgen`, and with it `pixgen --help`, comes at once.
    if name in __all__:
        from pixgen import api

        return getattr(api, name)
    raise AttributeError(f"module 'pixgen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
