"""One row of a list, whatever file it stood in."""

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
    whole: the values are a stored config, which is complete: nothing comes in from the defaults.
    template: what the prompt was made from, where the list is a manifest that knows it.
    """

    values: Mapping[str, Any]
    source: str
    name: str | None = None
    presets: tuple[str, ...] = ()
    whole: bool = False
    template: str | None = None
