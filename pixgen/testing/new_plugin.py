"""What `pixgen plugins new` writes: for each kind a small plugin that works as it stands, and its test."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

from pixgen.errors import UsageError, shown

TEMPLATES = Path(__file__).parent / "templates"
"""A file for each kind, and `test.txt`."""

WRONG: Mapping[str, str] = {
    "generator": '{"cell": 0}',
    "start": '{"contrast": 2.0}',
    "cutter": '{"share": 0.0}',
    "perceptor": '{"softness": 0.0}',
    "loss": '{"target": 2.0}',
    "scheduler": '{"swing": 2.0}, {"waves": 0}',
    "filter": '{"amount": 2.0}',
    "score": '{"share": 0.0}',
    "optimizer": '{"decay": 1.0}',
}
"""Options of each that its test wants refused."""


def sources(kind: str, name: str, example: str) -> tuple[str, str]:
    """The source of a plugin called `kind.name`, and that of its test.

    example: the command that uses it. Raises UsageError for a name that cannot be that of a plugin and a file.
    """
    if keyword.iskeyword(name):
        raise UsageError(f"{name!r} is a word of the language Python and cannot name a file of it; choose another name")
    if not _names_a_file(name):
        better = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        near = f"; did you mean {better!r}?" if _names_a_file(better) else ""
        raise UsageError(
            f"{shown(name)} cannot name a plugin and its Python file; write letters, digits and _, a letter first{near}"
        )
    words = {
        "kind": kind,
        "name": name,
        "Class": "".join(part[:1].upper() + part[1:] for part in name.removesuffix(f"_{kind}").split("_"))
        + kind.capitalize(),
        "wrong": WRONG[kind],
    }
    about = f'"""A {kind} for pixgen. Check it: pixgen plugins check {name}.py\n\nUse it: {example}\n"""\n'
    plugin, test = ((TEMPLATES / f"{of}.txt").read_text() for of in (kind, "test"))
    return f"{about}\n{Template(plugin).substitute(words)}", Template(test).substitute(words)


def _names_a_file(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) is not None and not keyword.iskeyword(name)
