"""Docstrings for the site: a line `name: what it is` becomes an item of a list, as it is meant to be read."""

from __future__ import annotations

import re
from typing import Any

import griffe

NAMED = re.compile(r"([a-z_]+): (?=\S)")


class Fields(griffe.Extension):
    """Rewrites the docstrings of classes and functions, whose lines may describe attributes and parameters."""

    def on_instance(self, *, obj: griffe.Object, **options: Any) -> None:
        if obj.docstring and not obj.is_module:
            names = set(obj.members) | {parameter.name for parameter in getattr(obj, "parameters", ())}
            obj.docstring.value = as_list(obj.docstring.value, names)


def as_list(text: str, names: set[str]) -> str:
    """Markdown of a docstring in which every line that begins with one of the names and a colon is an item."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        match = NAMED.match(line)
        if match and match[1] in names:
            if not inside:
                lines.append("")
            line, inside = f"- **`{match[1]}`**: {line[match.end() :]}", True
        elif not line or line.startswith("Raises "):
            if inside and line:
                lines.append("")
            inside = False
        lines.append(line)
    return "\n".join(lines)
