"""One row of a list, whatever format the list has, and the manifest's file name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MANIFEST = "manifest.sqlite"
"""The manifest's name in its folder; `pixgen.batch.manifest` writes it."""


@dataclass(frozen=True)
class Row:
    """One row.

    values: settings as nested plain data, without `name` and `preset`. source: `file:line`, for messages.
    name: of the picture's file. presets: their names.
    whole: the values are a complete stored config, to which no defaults are added.
    template: the text that the prompt was expanded from, if the list is a manifest or a picture that stores it.
    """

    values: Mapping[str, Any]
    source: str
    name: str | None = None
    presets: tuple[str, ...] = ()
    whole: bool = False
    template: str | None = None
