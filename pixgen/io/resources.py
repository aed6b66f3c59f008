"""Finds the files that come with pixgen, and the user's own, wherever pixgen is installed."""

from __future__ import annotations

import importlib.resources
import os
import sys
from pathlib import Path

from pixgen.errors import UsageError
from pixgen.io import paths

NOWHERE = Path(os.devnull) / "no home folder, set PIXGEN_HOME"
"""In place of the user's folders where the user has no home, as in containers: nothing is there, and nothing can be
written there. A folder that everybody may write to would be filled by anybody."""


def presets() -> Path:
    """The folder of named looks, one YAML file each."""
    return _folder("presets")


def configs() -> Path:
    """The folder of engine defaults and of the model zoo."""
    return _folder("configs")


def embedded() -> Path:
    """The folder of the models that come with pixgen."""
    return Path(str(importlib.resources.files("pixgen"))) / "embedded"


def user_config() -> Path:
    """Where the user's own settings are, if there are any: config.yaml in `PIXGEN_HOME` or the platform's folder."""
    if home := _home():
        return home / "config.yaml"
    import click  # the package that knows each platform's folder; not needed before this

    folder = click.get_app_dir("pixgen")
    return (NOWHERE if folder.startswith("~") else paths.written(folder)) / "config.yaml"


def user_models() -> Path:
    """Where the models that the user chose as the default are written down, if any were."""
    return user_config().with_name("default_models.yaml")


def cache() -> Path:
    """Where what was fetched lies: in `PIXGEN_HOME`, or in the platform's cache folder."""
    if home := _home():
        return home / "cache"
    try:
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "pixgen" / "Cache"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "pixgen"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pixgen"
    except RuntimeError:
        return NOWHERE / "cache"


def offline() -> str | None:
    """The environment variable that forbids the network, if one is set: pixgen's own or Hugging Face's."""
    names = ("PIXGEN_OFFLINE", "HF_HUB_OFFLINE")
    return next((name for name in names if os.environ.get(name, "").lower() in ("1", "true", "yes", "on")), None)


def version() -> str:
    """pixgen's version, or `0` in a bare checkout that nobody installed."""
    from importlib import metadata

    try:
        return metadata.version("pixgen")
    except metadata.PackageNotFoundError:
        return "0"


def _home() -> Path | None:
    """The folder in `PIXGEN_HOME`. Raises UsageError where that cannot be a path."""
    home = os.environ.get("PIXGEN_HOME")
    try:
        return paths.written(home) if home else None
    except UsageError as error:
        raise UsageError(f"the environment variable PIXGEN_HOME: {error}") from None


def _folder(name: str) -> Path:
    # In a wheel the folders lie inside the package; in a checkout, editable or bare, beside it.
    package = Path(str(importlib.resources.files("pixgen")))
    inside = package / f"_{name}"
    return inside if inside.is_dir() else package.parent / name
