"""Contact sheets: every picture in its cell, every word beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pixgen.errors import UsageError
from pixgen.io import sheet
from pixgen.io.sheet import Sheet

ROOT = Path(__file__).parent.parent.parent


def plain(colour: str, size: tuple[int, int] = (30, 10)) -> Image.Image:
    return Image.new("RGB", size, colour)


def test_cells_lie_apart_with_room_for_words() -> None:
    page = Sheet(2, 3, 20, gap=4, over=10, under=6, left=50, top=7, bottom=3)
    assert page.paper.size == (50 + 4 + 2 * 24, 7 + 4 + 3 * 40 + 3)
    assert page.corner(0, 0) == (54, 21) and page.corner(1, 2) == (78, 101)
    page.paste(1, 2, plain("red"))
    assert page.paper.crop((78, 101, 98, 121)).getcolors() == [(400, (255, 0, 0))]
    assert (400, (255, 0, 0)) in (page.paper.getcolors() or [])


def test_a_picture_fills_its_tile_or_keeps_its_shape(tmp_path: Path) -> None:
    plain("blue").save(tmp_path / "wide.png")
    for keep_shape, pixels in ((False, 16 * 16), (True, 16 * 5)):
        page = Sheet(1, 1, 16)
        page.paste(0, 0, tmp_path / "wide.png", keep_shape=keep_shape)
        assert dict(map(reversed, page.paper.getcolors() or []))[0, 0, 255] == pixels


def test_a_missing_picture_is_told_and_its_place_can_be_marked(tmp_path: Path) -> None:
    page = Sheet(1, 1, 16)
    with pytest.raises(UsageError, match="there is no picture"):
        page.paste(0, 0, tmp_path / "none.png")
    page.outline(0, 0)
    assert page.paper.getpixel((15, 15)) == page.paper.getpixel((0, 0)) == (187, 187, 187)


def test_lines_of_words_stand_under_one_another() -> None:
    page = Sheet(1, 1, 60, font=sheet.font(10))
    page.write((0, 0), "HH", "HH", step=30)
    upper, lower = page.paper.crop((0, 0, 60, 30)), page.paper.crop((0, 30, 60, 60))
    assert upper.tobytes() == lower.tobytes() and len(upper.getcolors() or []) > 1


def test_the_format_is_that_of_the_name(tmp_path: Path) -> None:
    page = Sheet(1, 1, 16)
    for name, kind in (("a.png", "PNG"), ("a.webp", "WEBP")):
        with Image.open(page.save(tmp_path / name)) as image:
            assert (image.format, image.size) == (kind, (16, 16))


def test_sheets_are_made_in_one_place() -> None:
    sources = [*ROOT.glob("pixgen/**/*.py"), *ROOT.glob("benchmarks/*.py")]
    drawn = sorted(path.name for path in sources if "ImageDraw" in path.read_text())
    # Besides sheets, plots of an explanation and words to be seen by CLIP are drawn.
    assert drawn == ["figures.py", "sheet.py", "targets.py"]
