"""A picture in a terminal: its shape, the colours that the terminal has, and characters where there are none."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from rich.console import Console

from pixgen.io.terminal_picture import MOST_COLUMNS, ROWS_BELOW, TerminalPicture


class Encoded(io.StringIO):
    encoding = "ascii"


def printed(image: Image.Image, colours: str = "truecolor", file: io.StringIO | None = None, **console: object) -> str:
    file = file or io.StringIO()
    options = {"width": 40, "height": 20, "legacy_windows": False} | console
    Console(file=file, force_terminal=True, color_system=colours, **options).print(TerminalPicture(image), end="")  # type: ignore[arg-type]
    return file.getvalue()


def rows(text: str) -> list[str]:
    return re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()


@pytest.mark.parametrize("size", [(64, 64), (640, 64), (64, 640), (1, 1), (7, 3), (3000, 2000), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("terminal", [(40, 20), (200, 100), (10, 4), (300, 3)])
def test_it_fits_the_terminal_and_keeps_its_shape(size: tuple[int, int], terminal: tuple[int, int]) -> None:
    found = rows(printed(Image.new("RGB", size, "red"), width=terminal[0], height=terminal[1]))
    width, height = len(found[0]), len(found)
    assert {len(row) for row in found} == {width} and set("".join(found)) == {"▀"}
    assert width <= min(terminal[0], MOST_COLUMNS) and height <= max(1, terminal[1] - ROWS_BELOW)
    if width > 8 and height > 4:
        assert width / (2 * height) == pytest.approx(size[0] / size[1], rel=0.15)


def test_a_character_holds_two_pixels() -> None:
    image = Image.new("RGB", (1, 2), (255, 0, 0))
    image.putpixel((0, 1), (0, 0, 255))
    assert printed(image) == "\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[0m\n"


def test_other_terminals_get_the_colours_that_they_have() -> None:
    image = Image.new("RGBA", (2, 2), (250, 10, 10, 255))
    assert "38;5;" in printed(image, "256") and "38;2" not in printed(image, "256")
    assert re.search(r"\x1b\[(31|91);(41|101)m", printed(image, "standard"))


def test_without_colours_it_is_drawn_in_characters() -> None:
    image = Image.new("RGB", (4, 4), "black")
    image.paste((255, 255, 255), (2, 0, 4, 4))
    assert printed(image, no_color=True) == printed(image, None) == "  ██\n  ██\n"  # type: ignore[arg-type]


@pytest.mark.parametrize("no_color", [True, False])
def test_an_encoding_without_blocks_gets_letters(no_color: bool) -> None:
    image = Image.new("RGB", (2, 2), "black")
    image.putpixel((1, 0), (255, 255, 255))
    image.putpixel((1, 1), (255, 255, 255))
    assert printed(image, file=Encoded(), no_color=no_color) == " @\n"
