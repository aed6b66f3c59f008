"""The lesson's two notebooks are what docs/make_lesson.py builds, small, with their pictures, and run to the end."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pixgen.io import resources

ROOT = Path(__file__).parent.parent
LANGUAGES = {"en": "lesson.ipynb", "pt": "licao.ipynb"}
LARGEST = 3_000_000
"""Bytes of a notebook that GitHub shows without trouble."""


def make_lesson() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_lesson", ROOT / "docs" / "make_lesson.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(language: str) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs" / LANGUAGES[language]).read_text(encoding="utf-8"))
    return found


def cells(language: str, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in committed(language)["cells"] if cell["cell_type"] == kind]


def outputs(language: str) -> list[Mapping[str, Any]]:
    return [output for cell in committed(language)["cells"] for output in cell.get("outputs", ())]


def solutions(language: str) -> list[str]:
    last = cells(language, "markdown")[-1]
    assert last.count("<details>") == last.count("</details>") == last.count("```python\n")
    return re.findall(r"^```python\n(.*?)^```", last, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notebook_has_the_cells_of_its_source(language: str) -> None:
    there = [(cell["cell_type"], "".join(cell["source"])) for cell in committed(language)["cells"]]
    assert there == make_lesson().cells(language), "run python docs/make_lesson.py"


def test_both_have_the_same_code_and_a_text_for_each_of_the_others() -> None:
    assert cells("en", "code") == cells("pt", "code") and len(cells("en", "code")) > 10
    kinds = [[cell["cell_type"] for cell in committed(language)["cells"]] for language in LANGUAGES]
    assert kinds[0] == kinds[1]
    for english, portuguese in zip(cells("en", "markdown"), cells("pt", "markdown"), strict=True):
        assert english != portuguese
        assert [line.split()[0] for line in english.splitlines() if line.startswith("#")] == [
            line.split()[0] for line in portuguese.splitlines() if line.startswith("#")
        ]
    assert solutions("en") == solutions("pt") and len(solutions("en")) >= 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notebook_is_small_and_keeps_its_pictures_and_no_errors(language: str) -> None:
    assert (ROOT / "docs" / LANGUAGES[language]).stat().st_size <= LARGEST
    assert all(cell["execution_count"] for cell in committed(language)["cells"] if cell["cell_type"] == "code")
    found = outputs(language)
    assert len([one for one in found if "image/png" in one.get("data", {})]) >= 10
    assert [one for one in found if one["output_type"] == "error" or one.get("name") == "stderr"] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_colab_opens_this_notebook_and_installs_from_the_same_place(language: str) -> None:
    (place,) = re.findall(
        r"colab\.research\.google\.com/github/(\S+?)/blob/main/docs/(\S+?)\)", cells(language, "markdown")[0]
    )
    assert place[1] == LANGUAGES[language]
    assert f"git+https://github.com/{place[0]}" in cells(language, "code")[0]


def test_the_loop_is_about_thirty_lines() -> None:
    (source,) = [cell for cell in cells("en", "code") if "def loop(" in cell]
    lines = source[source.index("def loop(") :].partition("\n\n\n")[0].splitlines()
    assert 20 < len([line for line in lines if line]) <= 30


@pytest.mark.extras
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not list(resources.embedded().glob("*.safetensors")), reason="the models are not in this checkout")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notebook_runs_from_top_to_bottom(language: str) -> None:
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    nbformat = pytest.importorskip("nbformat")
    lesson = make_lesson()
    made = lesson.notebook(language)
    if language == "en":  # the solutions are the same in both
        made.cells += [nbformat.v4.new_code_cell(source) for source in solutions(language)]
    lesson.execute(made)
    assert all(cell.execution_count for cell in made.cells if cell.cell_type == "code")
