"""What a run may ask of the machine before somebody has said that so much is meant."""

from __future__ import annotations

from pixgen.errors import UsageError
from pixgen.settings.config import RenderConfig, format_size

MAX_PIXELS = 2048 * 2048
"""Of a picture. The pair that comes with pixgen takes 4 GB for a quarter of them, and about 16 GB for all."""

MAX_CHUNK = 1_024
"""Cutouts held in memory at a time."""


def require_modest(config: RenderConfig) -> None:
    """Raise UsageError for a config that needs more memory than a common computer has: a typing error, or a file of
    somebody else's. `--allow-large` means it.
    """
    height, width = config.size
    if height * width > MAX_PIXELS:
        raise UsageError(
            f"size is {format_size(config.size)}, beyond the 2048x2048 pixels that take about 16 GB of memory; choose "
            "a smaller one, or add --allow-large (allow_large=True from Python)"
        )
    if config.chunk > MAX_CHUNK:
        raise UsageError(
            f"chunk is {config.chunk:,}, beyond the {MAX_CHUNK:,} cutouts that fit into a common memory; choose "
            "a smaller one, or add --allow-large (allow_large=True from Python)"
        )
