"""Palettes as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pixgen.errors import UsageError
from pixgen.io import palettes


def hexes(text: str | list[str]) -> list[str]:
    return ["".join(f"{round(value * 255):02x}" for value in row) for row in palettes.parse(text).tolist()]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("#0f380f, gold", ["0f380f", "ffd700"]),
        ("[#0f380f, gold]", ["0f380f", "ffd700"]),
        (["#0f380f", "gold"], ["0f380f", "ffd700"]),
        ("gameboy", ["0f380f", "306230", "8bac0f", "9bbc0f"]),
        ("red->blue\\3", ["ff0000", "800080", "0000ff"]),
        ("black->red->white\\3", ["000000", "ff0000", "ffffff"]),
        ("white\\2", ["000000", "ffffff"]),
        ("[black, white]\\5", ["000000", "404040", "808080", "bfbfbf", "ffffff"]),
        ("red->gold\\2;[white]", ["ff0000", "ffd700", "ffffff"]),
        ("[red, red, RED]", ["ff0000"]),
        ("[(255+128+0), [0+0.5+1]]", ["ff8000", "0080ff"]),
        ("#f80, ff8800", ["ff8800"]),
    ],
)
def test_a_palette_is_read(text: str | list[str], wanted: list[str]) -> None:
    assert hexes(text) == wanted


def test_pixrays_own_examples_have_as_many_colours_as_it_says() -> None:
    assert len(hexes("black->red\\8;[white]")) == 9
    assert len(hexes("red->blue")) == 16 and len(hexes("white")) == 16
    assert len(hexes("red;blue\\8")) == 16 + 8 - 1  # black begins both


@pytest.mark.parametrize("name", palettes.KNOWN)
def test_every_palette_that_comes_with_pixgen_is_one(name: str) -> None:
    assert len(hexes(name.upper())) == len(palettes.KNOWN[name].split())


def test_a_palette_from_a_picture_and_from_files(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 4), (255, 0, 0))
    image.putpixel((1, 1), (0, 0, 255))
    image.save(tmp_path / "few.png")
    assert sorted(hexes(f"@{tmp_path}/few.png")) == ["0000ff", "ff0000"] == sorted(hexes(f"{tmp_path}/few.png"))
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "many.png")
    assert len(hexes(f"@{tmp_path}/many.png\\5")) == 5
    (tmp_path / "a.hex").write_text("ff8800\n0f380f\n")
    (tmp_path / "a.gpl").write_text("GIMP Palette\nName: x\n#\n255 136   0 orange\n 15  56  15\n")
    (tmp_path / "a.act").write_bytes(bytes([255, 136, 0, 15, 56, 15]) + bytes(762) + bytes([0, 2, 255, 255]))
    for kind in ("hex", "gpl", "act"):
        assert hexes(f"@{tmp_path}/a.{kind}") == ["ff8800", "0f380f"]
    assert palettes.files(f"@{tmp_path}/a.hex; [red]; {tmp_path}/few.png\\4; gameboy") == [
        f"{tmp_path}/a.hex",
        f"{tmp_path}/few.png",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("red;;blue", "a section"),
        ("bleu, red", "'bleu' is not a colour; did you mean 'blue'"),
        ("pico9", "did you mean 'pico8'"),
        ("#12345, red", "'#12345' is not a colour"),
        ("red->\\4", "is not a colour"),
        ("red\\0", "from 1 to 256"),
        ("red\\999", "from 1 to 256"),
        ("[(300+0+0), red]", "is not a colour"),
        ("red\\200;blue\\200", "256 are the most"),
        ("\n\x1b[31m", "is not a colour"),
    ],
)
def test_what_is_not_a_palette_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        palettes.parse(text)
    message = str(refused.value)
    assert said in message and "is not a palette" in message and "\n" not in message and "gameboy" in message


@pytest.mark.parametrize("name", ["none.png", "none.hex", "text.png", "empty.gpl", "short.act"])
def test_a_file_that_is_no_palette_is_named(name: str, tmp_path: Path) -> None:
    if not name.startswith("none"):
        (tmp_path / name).write_text("no colours")
    with pytest.raises(UsageError, match=name):
        palettes.parse(f"@{tmp_path / name}")
