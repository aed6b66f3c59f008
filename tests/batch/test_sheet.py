"""Sheets and the page of a list show every picture and what it is."""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from pixgen.batch import page, sheet
from pixgen.batch.manifest import Manifest
from pixgen.batch.page import write_page
from pixgen.batch.records import numbered
from pixgen.batch.sheet import layout, write_sheets

from .conftest import Lists, rows


@pytest.mark.slow
def test_a_grid_has_its_axes_as_columns_and_rows(lists: Lists) -> None:
    lists.draw(lists.jobs("a\nb\n", seeds=[1, 2], grid={"size": ["32x32", "32x64"], "losses.clip.weight": [1, 2, 3]}))
    columns, lines = layout(list(numbered(lists.records())), lists.out)
    assert columns == [f"losses.clip.weight={weight}" for weight in (1, 2, 3)]
    assert [tuple(line.label) for line in lines] == [
        (prompt, f"seed {seed}", f"size={size}") for prompt in "ab" for seed in (1, 2) for size in ("32x32", "32x64")
    ]
    files = [cell.file for line in lines for cell in line.cells]
    assert sorted(map(str, files)) == sorted(str(lists.out / name) for name in lists.pictures())


@pytest.mark.slow
def test_rows_of_other_settings_are_rows_of_the_sheet(lists: Lists) -> None:
    two = rows({"prompt": "a fox", "seed": 1, "steps": 2}, {"prompt": "a fox", "seed": 1, "steps": 3})
    lists.draw(list(lists.plan(grid={"losses.clip.weight": [1, 2]}).expand(two)))
    _, lines = layout(list(numbered(lists.records())), lists.out)
    shown = [[cell.file.name for cell in line.cells if cell.file] for line in lines]
    assert shown == [[record.file for record in lists.records() if record.planned == steps] for steps in (2, 3)]


@pytest.mark.slow
def test_a_draft_that_failed_keeps_its_place(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    lists.draw(lists.jobs("a fox\na cat\n", grid={"size": ["32x32", "32x64"]}))
    with Manifest(lists.out) as manifest:
        manifest.record(1, steps=1, seconds=1.0, losses={}, scores={}, rank=0.0)
        manifest.fail(1, "it exploded")
    seen: list[sheet.Line] = []
    monkeypatch.setattr(sheet, "_draw", lambda columns, lines, folder: seen.extend(lines) or b"")
    write_sheets(lists.out)
    first = lists.records()[0]
    cells = [cell for line in seen for cell in line.cells]
    assert [cell.lines for cell in cells] == [["failed"], [], [], []] and cells[0].file == lists.out / first.file
    (path,) = write_page(lists.out)
    text = path.read_text("utf-8")
    assert text.count("<img ") == 4 and f'<img src="{first.file}"' in text and "failed: it exploded" in text


@pytest.mark.slow
def test_pages_are_numbered_and_old_ones_go(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "PAGE_ROWS", 1)
    lists.draw(lists.jobs("".join(f"{i}\n" for i in range(13))))
    assert [path.name for path in write_sheets(lists.out)] == ["sheet.png", "sheet-2.png", "sheet-3.png"]
    with Image.open(lists.out / "sheet.png") as image:
        assert image.width > sheet.COLUMNS * sheet.TILE
        # The first picture stands enlarged in the first place.
        first = lists.records()[0]
        with Image.open(lists.out / first.file) as drawn:
            middle = drawn.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
        place = image.crop((sheet.GAP, sheet.GAP, sheet.GAP + sheet.TILE, sheet.GAP + sheet.TILE))
        shown = place.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
        assert isinstance(middle, tuple) and isinstance(shown, tuple)
        assert all(abs(a - b) <= 3 for a, b in zip(middle, shown, strict=True))
    monkeypatch.setattr(sheet, "PAGE_ROWS", 12)
    (lists.out / lists.records()[1].file).unlink()  # moved away: its place stays
    write_sheets(lists.out)
    assert sorted(path.name for path in lists.out.glob("sheet*.png")) == ["sheet.png"]


@pytest.mark.slow
def test_the_page_shows_all_and_runs_nothing(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PER_PAGE", 2)
    nasty = "a <b>\"fox\"</b> & 'cat' 雪"
    lists.draw(lists.jobs(f"{nasty}\nexplode\nb\n", losses={"t": {"type": "trouble"}}))
    paths = write_page(lists.out)
    assert [path.name for path in paths] == ["index.html", "index-2.html"]
    text = "".join(path.read_text("utf-8") for path in paths)
    assert "<script" not in text and "<b>&quot;" not in text and nasty not in text and nasty in unescape(text)
    assert "it exploded" in text and 'href="index-2.html"' in text and "http" not in text
    sources = re.findall(r'<img src="([^"]+)"', text)
    assert sorted(map(unquote, sources)) == sorted(lists.pictures())
    assert len(re.findall(r"<code>pixgen .*?--seed \d+ .*?</code>", text, re.DOTALL)) == 3
    assert not [path for path in Path(lists.out).iterdir() if path.suffix == ".tmp"]


@pytest.mark.slow
def test_pages_and_sheets_replace_their_own_and_nobody_else_s(lists: Lists) -> None:
    lists.out.mkdir()
    for name in ("index.html", "sheet.png", "sheet-2.png", "pixgen-sheet-2.png"):
        (lists.out / name).write_bytes(b"somebody else's")
    lists.draw(lists.jobs("a fox\n"))
    for _ in range(2):  # the second time they replace what they wrote the first time
        written = [path.name for path in (*write_page(lists.out), *write_sheets(lists.out))]
        assert written == ["pixgen-index.html", "pixgen-sheet.png"]
    kept = {path.name for path in lists.out.iterdir() if path.read_bytes() == b"somebody else's"}
    assert kept == {"index.html", "sheet.png", "sheet-2.png", "pixgen-sheet-2.png"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_no_link_leads_a_page_or_a_sheet_out(lists: Lists) -> None:
    lists.draw(lists.jobs("a fox\n"))
    (picture,) = lists.pictures()
    private = lists.folder / "private.png"
    Image.new("RGB", (32, 32), "magenta").save(private)
    for name in (picture, "index.html", "sheet.png"):
        (lists.out / name).unlink(missing_ok=True)
        (lists.out / name).symlink_to(private)
    before = private.read_bytes()
    (sheet_file,) = write_sheets(lists.out)
    (page_file,) = write_page(lists.out)
    assert (sheet_file.name, page_file.name) == ("pixgen-sheet.png", "pixgen-index.html")
    assert private.read_bytes() == before
    with Image.open(sheet_file) as image:
        assert (255, 0, 255) not in [colour for _, colour in image.convert("RGB").getcolors(1 << 24) or []]
