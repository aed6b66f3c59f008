"""The presets as the page shows them, each with a picture that was drawn with it (benchmarks/preset_pictures.py)."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from pixgen.errors import UsageError, shown
from pixgen.settings import layers

ROUTE = "/presets/"
SUFFIX = ".webp"


def folder() -> Path:
    """Of the pictures."""
    return Path(str(importlib.resources.files("pixgen"))) / "ui" / "thumbnails"


def find(name: str) -> Path:
    """The picture of a preset, by its file name. Raises UsageError where there is none."""
    if name not in {f"{preset}{SUFFIX}" for preset in layers.preset_names()} or not (folder() / name).is_file():
        raise UsageError(f"there is no picture {shown(name)}")
    return folder() / name


def drawn() -> dict[str, str]:
    """Preset -> the address of its picture, of those that have one."""
    return {
        name: f"{ROUTE}{name}{SUFFIX}" for name in layers.preset_names() if (folder() / f"{name}{SUFFIX}").is_file()
    }
