"""What an importer gives: pixgen's settings, and what of the old ones was lost or is only near."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from pixgen.io import shell


@dataclass
class Imported:
    """pixgen's settings for what another program was asked for.

    importer: the command that made it. prompt: in pixgen's grammar. output: for `-o`.
    settings: as a YAML file holds them, without the prompt.
    lost: settings without a counterpart, and why. near: settings whose counterpart differs, and how.
    """

    importer: str
    prompt: str
    settings: dict[str, Any]
    output: str
    lost: dict[str, str] = field(default_factory=dict)
    near: dict[str, str] = field(default_factory=dict)

    def to_yaml(self, source: str) -> str:
        """The settings as a file, with what was lost or is near as comments before them."""
        lines = [f"Made by `pixgen {self.importer}` from {source}", ""]
        lines += [f"lost: {name}: {why}" for name, why in self.lost.items()]
        lines += [f"near: {name}: {why}" for name, why in self.near.items()]
        comments = [re.sub(r"\s+", " ", line) for line in lines]
        head = "".join(f"# {line}".rstrip() + "\n" for line in comments)
        values = {**({"prompt": self.prompt} if self.prompt else {}), **self.settings}
        return head + str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100))

    def command(self, file: str) -> str:
        """The line that draws it."""
        return shell.draw(self.prompt or "your prompt", ["--config", file, "-o", self.output])
