"""The gallery lists what is in the folder, a page at a time, and says how each picture was made."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pixgen.errors import PixgenError, UsageError
from pixgen.io import metadata
from pixgen.loop.build import Models
from pixgen.settings.config import RenderConfig
from pixgen.ui import gallery
from pixgen.ui.window import Window


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, the newest called `b.png`, an upload, and what is no picture."""
    for time, name in enumerate(["c.png", "run/a.jpg", "b.png", "uploads/d.png"]):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (300, 20 + time), "red").save(path)
        os.utime(path, (1000 + time, 1000 + time))
    (tmp_path / "notes.txt").write_text("x")
    return tmp_path


def test_pictures_are_listed_newest_first_without_uploads(folder: Path) -> None:
    assert [entry.name for entry in gallery.listing(folder)] == ["b.png", "run/a.jpg", "c.png"]
    assert gallery.listing(folder / "nowhere") == [] == gallery.listing(folder / "run" / "a.jpg")


def test_a_page_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "PER_PAGE", 2)
    first = gallery.page(folder, 0)
    assert ([entry.name for entry in first.entries], first.count, first.total) == (["b.png", "run/a.jpg"], 2, 3)
    for number in (1, 99):
        assert [entry.name for entry in gallery.page(folder, number).entries] == ["c.png"]
    assert gallery.page(folder, -5) == first
    empty = gallery.page(folder / "nowhere", 3)
    assert (empty.number, empty.count, empty.total) == (0, 1, 0)


def test_a_thumbnail_is_small_and_follows_the_file(folder: Path) -> None:
    with Image.open(io.BytesIO(gallery.thumbnail(folder, "b.png"))) as small:
        assert small.format == "WEBP" and max(small.size) == gallery.THUMBNAIL
    before = gallery.thumbnail(folder, "b.png")
    Image.new("RGB", (30, 30), "blue").save(folder / "b.png")
    assert gallery.thumbnail(folder, "b.png") != before
    (folder / "c.png").write_bytes(b"not a picture")
    for name in ("../x.png", "c.png", "gone.png"):
        with pytest.raises(UsageError):
            gallery.thumbnail(folder, name)


def test_how_a_picture_was_made(window: Window, toy: Callable[..., RenderConfig]) -> None:
    views = list(window.draw(lambda: toy("a fox | snow :0.5", seed=7)))
    (path,) = views[-1].files
    about = gallery.read(window.folder, path.name)
    facts = gallery.facts(about)
    assert facts["prompt_fact"] == "a fox|snow:0.5" or facts["prompt_fact"] == about.prompt
    assert (facts["seed"], facts["size"], facts["steps"]) == ("7", "32x32", "4")
    assert facts["generator"] == "toy" and facts["losses"] == "clip 1, smooth 0.5"
    assert gallery.is_drawn(about) and gallery.command(about, path) == f"pixgen again {path}"


def test_a_stranger_s_metadata_is_shown_and_not_believed(tmp_path: Path) -> None:
    about = metadata.Metadata(
        version="9", prompt="<script>", config={"losses": {"x": {"weight": "y"}, "z": 3}, "generator": [], "start": 1},
        steps_planned=3, steps_done=1, seed=1, size=(8, 8), command="pixgen vary x; rm -rf ~",
    )  # fmt: skip
    path = metadata.save(Image.new("RGB", (8, 8)), tmp_path / "x.png", about)
    found = gallery.read(tmp_path, "x.png")
    assert gallery.facts(found)["steps"] == "1 / 3"
    assert gallery.command(found, path) == "" and not gallery.is_drawn(found)


def test_a_picture_without_metadata_says_so(folder: Path) -> None:
    with pytest.raises(PixgenError, match="no pixgen metadata"):
        gallery.read(folder, "b.png")


def test_another_window_s_pictures_are_there_too(
    window: Window, toy: Callable[..., RenderConfig], tmp_path: Path
) -> None:
    list(window.draw(toy))
    list(Window(window.folder, Models()).draw(toy))
    assert {entry.name for entry in gallery.listing(window.folder)} == {"a-fox.png", "a-fox-2.png"}
