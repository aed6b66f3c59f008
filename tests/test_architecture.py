"""docs/architecture.md describes the tree as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_imports import FLOORS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pixgen"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
FOLDERS = re.search(r"^## The folders of `pixgen/`.*?\n(.*?)^## ", PAGE, re.DOTALL | re.MULTILINE)[1]  # type: ignore[index]
PARAGRAPHS = dict(re.findall(r"^\*\*`([\w.]+)/?`\*\*: ((?:.+\n)+)", FOLDERS, re.MULTILINE))
FILE = re.compile(r"`([\w./-]+(?:\.(?:py|csv|yaml|md)|/))`")


def test_every_folder_and_public_module_has_its_paragraph_in_the_order_of_the_floors() -> None:
    assert [name.removesuffix(".py") for name in PARAGRAPHS] == FLOORS[:-1]
    folders = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    modules = {path.name for path in PACKAGE.glob("[!_]*.py")}
    assert set(PARAGRAPHS) == folders | modules


@pytest.mark.parametrize("name", PARAGRAPHS)
def test_every_file_that_a_paragraph_names_exists(name: str) -> None:
    home = PACKAGE if name.endswith(".py") else PACKAGE / name
    named = FILE.findall(PARAGRAPHS[name])
    assert [file for file in named if not any((at / file).exists() for at in (home, PACKAGE, ROOT))] == []


def test_every_file_that_the_page_names_elsewhere_exists() -> None:
    named = FILE.findall(PAGE.replace(FOLDERS, ""))
    assert len(named) > 30
    assert [file for file in named if not (ROOT / file).exists()] == []


def test_the_page_shows_every_folder_of_the_repository() -> None:
    (tree,) = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    shown = re.findall(r"^([\w.]+)/ ", tree, re.MULTILINE)
    assert [name for name in shown if not (ROOT / name).is_dir()] == []
    assert {"pixgen", "configs", "presets", "tests", "benchmarks", "docs"} <= set(shown)
