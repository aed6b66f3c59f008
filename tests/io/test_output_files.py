"""A picture that was drawn is never lost for its name, its format or its folder."""

from __future__ import annotations

import errno
import os
from collections import namedtuple
from pathlib import Path

import pytest
from PIL import Image, features

from pixgen.errors import PixgenError, UsageError
from pixgen.io import files, metadata, output_files
from tests.io.test_metadata import record


@pytest.mark.parametrize(
    ("suffix", "size", "said"),
    [
        (".webp", (16_384, 16), "16,383 pixels a side and the picture is 16x16384; save as .png"),
        (".WEBP", (16, 20_000), "16,383 pixels"),
        (".jpg", (8, 65_536), "65,535 pixels"),
        (".jpeg", (65_536, 8), "65,535 pixels"),
    ],
)
def test_a_picture_too_large_for_its_format_is_known_before(suffix: str, size: tuple[int, int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        output_files.require_format(suffix, size)
    output_files.require_format(".png", size)
    output_files.require_format(suffix, (16_000, 16_383))


def test_a_format_that_pillow_lacks_is_known_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda name: name != "webp")
    with pytest.raises(UsageError, match=r"cannot write \.webp; save as \.png or \.jpg"):
        output_files.require_format(".webp", (8, 8))
    output_files.require_format(".png", (8, 8))


def test_a_disk_without_room_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(PixgenError, match=r"3\.1 MB are needed and 1\.0 MB are free; make room or choose another"):
        output_files.require_room(tmp_path / "not" / "yet", 1_000_000)
    output_files.require_room(tmp_path, 200_000)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `full` that takes nothing, and another one to stand in."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    real = files.write

    def write(path: Path, data: bytes, *, overwrite: bool = False) -> Path:
        if "full" in path.parts:
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise PixgenError(f"cannot write to {path}: no space left on device") from error
        return real(path, data, overwrite=overwrite)

    monkeypatch.setattr(files, "write", write)
    return tmp_path


def test_where_the_folder_refuses_the_picture_goes_elsewhere(elsewhere: Path) -> None:
    image = Image.new("RGB", (24, 16), "red")
    path, problem = output_files.save(image, elsewhere / "full" / "fox.png", record())
    assert path == elsewhere / "here" / "fox.png" and "no space left" in problem
    assert metadata.read(path).prompt == record().prompt
    again, _ = output_files.save(image, elsewhere / "full" / "fox.png", record(), overwrite=True)
    assert again.name == "fox-2.png"  # nothing is replaced where nobody asked for it


def test_where_every_folder_refuses_the_first_reason_is_told(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_files, "_other_folders", lambda refused: iter([elsewhere / "full" / "too"]))
    with pytest.raises(PixgenError, match=r"full/fox\.png: no space left"):
        output_files.save(Image.new("RGB", (8, 8)), elsewhere / "full" / "fox.png", record())


def test_where_the_format_refuses_it_becomes_a_png(elsewhere: Path) -> None:
    wide = Image.new("RGB", (16_400, 1))
    path, problem = output_files.save(wide, elsewhere / "wide.webp", record())
    assert path == elsewhere / "wide.png" and ".webp" in problem
    with Image.open(path) as image:
        assert image.size == (16_400, 1)


def test_a_picture_that_can_be_saved_is(elsewhere: Path) -> None:
    path, problem = output_files.save(Image.new("RGB", (8, 8)), elsewhere / "a" / "fox.webp", record())
    assert (path, problem) == (elsewhere / "a" / "fox.webp", "")
