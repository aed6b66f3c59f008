"""What is handed to the page is a picture before it is anything else, and is kept where `again` finds it."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from pixgen.errors import UsageError
from pixgen.ui import uploads


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


def picture(path: Path, colour: str = "red", size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def bomb(width: int, height: int) -> bytes:
    """A PNG whose head says that it is so large, and which has hardly any bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a picture"),
        (b"not a picture at all", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "not a picture"),
        (bomb(60_000, 60_000), "million pixels"),
        (bomb(20_000, 10_000), "million pixels"),
    ],
)
def test_what_is_no_picture_or_a_bomb_is_refused_in_one_line(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "upload.png"
    path.write_bytes(data)
    for act in (lambda: uploads.look(path), lambda: uploads.keep(tmp_path / "outputs", path)):
        with pytest.raises(UsageError, match=said) as error:
            act()
        assert "\n" not in str(error.value)
    assert not (tmp_path / "outputs").exists()


def test_too_many_bytes_and_a_missing_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = picture(tmp_path / "fox.png")
    monkeypatch.setattr(uploads, "MOST_BYTES", 10)
    with pytest.raises(UsageError, match="bytes; the most is 10"):
        uploads.look(path)
    with pytest.raises(UsageError, match="choose it again"):
        uploads.look(tmp_path / "gone.png")


def test_a_picture_is_kept_once_under_a_safe_name(folder: Path, tmp_path: Path) -> None:
    first = uploads.keep(folder, picture(tmp_path / "a" / "My Fox; rm -rf.png"))
    assert first.parent == folder / "uploads" and first.name.startswith("my-fox-rm-rf-")
    assert uploads.keep(folder, tmp_path / "a" / "My Fox; rm -rf.png") == first
    other = uploads.keep(folder, picture(tmp_path / "b" / "My Fox; rm -rf.png", "blue"))
    assert other != first and len(list((folder / "uploads").iterdir())) == 2


def test_the_suffix_is_that_of_the_content(folder: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    (tmp_path / "fox.png").write_bytes(buffer.getvalue())
    assert uploads.keep(folder, tmp_path / "fox.png").suffix == ".jpg"


def test_one_of_the_folders_own_pictures_is_used_where_it_is(folder: Path, tmp_path: Path) -> None:
    own = picture(folder / "fox.png")
    assert uploads.keep(folder, own) == own
    copy = tmp_path / "cache" / "fox.png"
    copy.parent.mkdir()
    copy.write_bytes(own.read_bytes())
    assert uploads.keep(folder, copy) == own
    assert not (folder / "uploads").exists()


def test_a_painted_mask_is_white_where_it_was_painted(folder: Path) -> None:
    layer = Image.new("RGBA", (16, 8), (0, 0, 0, 0))
    layer.paste((249, 115, 22, 255), (4, 2, 10, 6))
    path = uploads.keep_mask(folder, [layer, Image.new("RGBA", (16, 8), (0, 0, 0, 0))], (8, 16))
    with Image.open(path) as mask:
        assert (mask.mode, mask.size, mask.getbbox()) == ("L", (16, 8), (4, 2, 10, 6))
        assert set(mask.tobytes()) == {0, 255}
    with pytest.raises(UsageError, match="nothing is painted"):
        uploads.keep_mask(folder, [Image.new("RGBA", (16, 8), (0, 0, 0, 0))], (8, 16))


def test_a_large_picture_is_painted_on_at_a_smaller_size() -> None:
    assert uploads.to_paint_on(Image.new("RGBA", (2000, 1000))).size == (768, 384)
    assert uploads.to_paint_on(Image.new("L", (100, 50))).size == (100, 50)
