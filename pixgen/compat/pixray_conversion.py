"""What the parts of the way from Pixray to pixgen share: the settings that come together, and patterns of files."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixgen.compat.pixray_run import Run


@dataclass
class Conversion:
    """pixgen's settings as they come together, and what is noted on the way.

    lost: settings without a counterpart. near: settings whose counterpart differs.
    """

    run: Run
    folder: Path
    real_models: bool
    settings: dict[str, Any] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    near: dict[str, str] = field(default_factory=dict)

    @property
    def drawer(self) -> str:
        return str(self.run["drawer"])

    def chosen(self) -> set[str]:
        """The plugins of the run, as `Option.owner` names them."""
        losses = {f"loss {each.text}" for each in self.run.losses}
        return {f"drawer {self.drawer}", *losses, *(f"filter {each.text}" for each in self.run.filters)}


def files_of(pattern: str, folder: Path) -> list[str]:
    """Braces and wildcards -> the files that fit, sorted, as Pixray found them; what fits none stands as it is."""
    found: list[str] = []
    for each in _braces(pattern):
        found += sorted(glob.glob(each, root_dir=folder)) if glob.has_magic(each) else [each]
    return [str(folder / file) if folder != Path() else file for file in found] or [pattern]


def _braces(pattern: str) -> list[str]:
    match = re.search(r"\{([^{}]*)\}", pattern)
    if match is None or "," not in match[1]:
        return [pattern]
    before, after = pattern[: match.start()], pattern[match.end() :]
    return [whole for part in match[1].split(",")[:1000] for whole in _braces(before + part + after)]
