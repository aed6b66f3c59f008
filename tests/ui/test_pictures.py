"""The page shows the pictures of its folder, and no other file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixgen.errors import UsageError
from pixgen.recognition.folder import SUFFIXES
from pixgen.ui import pictures, presets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "outputs"
    (place / "run 1").mkdir(parents=True)
    for name in ("fox.png", "run 1/raposa-é.webp", "notes.txt", ".hidden.png"):
        (place / name).write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"x")
    (place / "out.png").symlink_to(tmp_path / "secret.png")
    (place / "up").symlink_to(tmp_path)
    (place / "folder.png").mkdir()
    return place


@pytest.mark.parametrize("name", ["fox.png", "run 1/raposa-é.webp"])
def test_its_pictures_are_found(folder: Path, name: str) -> None:
    path = pictures.find(folder, name)
    assert path == folder / name
    assert pictures.name_of(folder, path) == name
    assert pictures.media_type(path).startswith("image/")


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png", "run 1/../../secret.png", "/etc/passwd", "~/fox.png", "C:\\fox.png", "..\\secret.png",
        "out.png", "up/secret.png", "notes.txt", ".hidden.png", "folder.png", "gone.png", "", ".", "fox.png\0",
        "a" * 3000, "fox.png/", "//etc/passwd", "run 1",
    ],
)  # fmt: skip
def test_everything_else_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(UsageError):
        pictures.find(folder, name)


def test_an_address_keeps_what_the_name_has(folder: Path) -> None:
    assert pictures.address("run 1/a#b?.png") == "/pictures/run%201/a%23b%3F.png"


def test_every_suffix_of_a_folder_has_a_type() -> None:
    assert set(pictures.TYPES) == set(SUFFIXES)


@pytest.mark.parametrize("name", ["../style.css", "style.css", "nothing.webp", "", "../thumbnails/ink.webp"])
def test_of_the_presets_only_their_pictures_are_served(name: str) -> None:
    with pytest.raises(UsageError):
        presets.find(name)
