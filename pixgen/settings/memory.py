"""How much memory a run takes, and what is refused because of it. The one estimate, before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixgen.backend import hardware
from pixgen.errors import UsageError
from pixgen.settings import profiles

if TYPE_CHECKING:
    from pixgen.settings.config import RenderConfig

LIMIT = 16_000_000_000
"""Bytes that nothing takes on a CPU without `allow_large`; a machine with less allows less."""

BASE = 450_000_000
"""Of the program and the models that come with pixgen."""

PIXEL_BYTES = {"vqgan": 40_000, "embedded": 3_650}
"""Of every pixel while it is drawn: with published VQGANs (128 channels), and with the small one of pixgen."""

PLAIN_PIXEL_BYTES = 400
"""The same of generators without a network: the picture, its gradient, the optimiser's moments, the average."""

CUTOUT_BYTES = {"tiny": 1_500_000, "open_clip": 150_000_000}
"""Of every cutout that is held at a time, by perceptor."""

EDITED_PIXEL_BYTES = 150
"""Of every pixel of a picture that is edited at its own size, under a mask."""

FRAME_BYTES = 300_000
"""Of every frame of a morph."""


def estimate(config: RenderConfig, together: int = 1) -> int:
    """Bytes that drawing so many pictures of this config at once takes, roughly."""
    kind = str(config.generator.get("type"))
    if kind == "vqgan" and profiles.is_embedded(str(config.generator.get("model", ""))):
        kind = "embedded"
    pixels = config.size[0] * config.size[1] * PIXEL_BYTES.get(kind, PLAIN_PIXEL_BYTES)
    most = max([config.cutouts, *(stage.cutouts or 0 for stage in config.stages)])
    cutouts = 0
    for options in config.perceptors.values():
        held = min(config.chunk, int(options.get("cutouts") or most))
        cutouts += held * CUTOUT_BYTES.get(str(options.get("type")), CUTOUT_BYTES["tiny"])
    return BASE + together * (pixels + cutouts)


def require(config: RenderConfig, together: int = 1, *, allow_large: bool = False) -> None:
    """Raise UsageError where drawing so many pictures at once takes more memory than `limit` allows."""
    size = f"{config.size[1]}x{config.size[0]}"
    what = f"a picture of {size}" if together == 1 else f"{together} pictures of {size} at once"
    cutouts = f" with {config.chunk} cutouts" if config.chunk > 256 else ""
    require_bytes(estimate(config, together), f"{what}{cutouts}", config.device, allow_large=allow_large)


def require_bytes(need: int, what: str, device: str = "cpu", *, allow_large: bool = False) -> None:
    """Raise UsageError where `what` takes more memory than `limit` allows."""
    if allow_large or need <= limit("cpu"):
        return
    most = limit(hardware.device(device))
    if need > most:
        raise UsageError(
            f"{what} takes about {_gigabytes(need)} of memory and the limit here is {_gigabytes(most)}; choose a "
            "smaller size, or add --allow-large (allow_large=True)"
        )


def limit(device: str) -> int:
    """Bytes that a run may take: those of the GPU, or LIMIT and what the machine has."""
    there = hardware.memory(device)
    if device.startswith("cuda"):
        return there or LIMIT
    return min(LIMIT, there or LIMIT)


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.0f} GB" if count >= 1e10 else f"{count / 1e9:.1f} GB"
