"""Writes docs/lesson.ipynb and docs/licao.ipynb, run from top to bottom, from the cells of docs/lesson_cells.py.

    python docs/make_lesson.py

The code is the same in both, so it runs once and both get its outputs. Needs the extra `pixgen[lesson]`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # the lesson is of this tree, whatever is installed

from pixgen.io import files

ROOT = Path(__file__).parent.parent
CELLS = ROOT / "docs" / "lesson_cells.py"
NOTEBOOKS = {"en": ROOT / "docs" / "lesson.ipynb", "pt": ROOT / "docs" / "licao.ipynb"}
SECONDS = 3600
"""Most that one cell may take, on a busy machine."""


def cells(language: str) -> list[tuple[str, str]]:
    """The cells of a language in their order: ("markdown" or "code", source)."""
    found = []
    _, *parts = re.split(r"^# %%(.*)\n", CELLS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for mark, body in zip(parts[::2], parts[1::2], strict=True):
        if not (spoken := mark.strip()):
            found.append(("code", body.strip("\n")))
        elif spoken == language:
            found.append(("markdown", re.sub(r"^# ?", "", body.strip("\n"), flags=re.MULTILINE)))
    return found


def notebook(language: str) -> Any:
    """The notebook of a language, without outputs."""
    import nbformat

    made = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    new = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    for number, (kind, source) in enumerate(cells(language), 1):
        made.cells.append(new[kind](source, id=f"cell-{number:02}"))
    return made


def execute(made: Any) -> None:
    """Run a notebook with this tree's pixgen, no user settings and a fresh cache; its outputs are kept in it.

    Raises nbclient's CellExecutionError where a cell fails.
    """
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as home:
        own = {"PYTHONPATH": str(ROOT), "PIXGEN_HOME": home, "XDG_CACHE_HOME": home, "LOCALAPPDATA": home}
        client = NotebookClient(
            made, timeout=SECONDS, kernel_name="python3", record_timing=False, resources={"metadata": {"path": home}}
        )
        client.execute(env={**os.environ, **own})


def main() -> None:
    import nbformat

    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    ran = notebook("en")
    execute(ran)
    code = [cell for cell in ran.cells if cell.cell_type == "code"]
    for language, path in NOTEBOOKS.items():
        made = notebook(language)
        for cell, done in zip((c for c in made.cells if c.cell_type == "code"), code, strict=True):
            cell.outputs, cell.execution_count = done.outputs, done.execution_count
        nbformat.validate(made)
        files.write(path, (nbformat.writes(made) + "\n").encode(), overwrite=True)
        print(path)


if __name__ == "__main__":
    main()
