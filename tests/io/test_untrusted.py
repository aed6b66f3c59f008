"""Names and paths out of files: one component, or a path that stays in its folder, on every system."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pixgen.errors import UsageError
from pixgen.io import untrusted

GOOD = [
    "fox.png",
    "a red fox-2.png",
    "maçã.PNG",
    "雪.png",
    ".hidden",
    "console.png",
    "nul-1.png",
    "a..b",
    "~draft.png",
    "-n",
]

NO_NAMES = [
    *("", ".", "..", "a/b", "/a", "../a", "a\\b", "..\\a", "\\\\server\\share", "//server/share"),
    *("C:", "c:a", "C:/a", "C:\\a", "a.png:stream", "a\0b", "a\nb", "a\x1b[2J", "a\x7f", "a\u2028b", "\ud800.png"),
    *("a" * 256, "é" * 128, "a.", "a ", "...", ".. ", "con", "NUL", "nul.png", "Com1.txt", "lpt\u00b9", "aux .png"),
    *("CONIN$", "conout$.txt"),
]


@pytest.mark.parametrize("text", GOOD)
def test_a_name_is_taken(text: str, tmp_path: Path) -> None:
    assert untrusted.name(text, "here") == text
    assert untrusted.path(tmp_path, f"a/{text}", "here") == tmp_path / "a" / text


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_is_no_name_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        untrusted.name(text, "list.csv:3")
    said = str(refused.value)
    assert said.startswith("list.csv:3: ") and said.isprintable() and len(said) < 200


@pytest.mark.parametrize(
    "text",
    [
        *(text for text in NO_NAMES if text != "a/b"),
        *("a/../b", "a/..", "./a", "a//b", "a/", "~/a", "~root/a", "a/con", "a/b.", "C:a/b", "a\\..\\b", "a/" * 600),
    ],
)
def test_what_is_no_path_inside_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^here: "):
        untrusted.path(tmp_path, text, "here")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_no_link_leads_out(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    for made in (folder / "sub", outside):
        made.mkdir(parents=True)
    (outside / "private.png").touch()
    (folder / "fox.png").symlink_to(outside / "private.png")
    (folder / "out").symlink_to(outside)
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "in").symlink_to(folder / "sub")
    for text in ("fox.png", "out/private.png", "out/new.png", "circle/a"):
        with pytest.raises(UsageError, match="leads out of"):
            untrusted.path(folder, text, "here")
    assert untrusted.path(folder, "in/new.png", "here") == folder / "in" / "new.png"
    link = tmp_path / "link"
    link.symlink_to(folder)  # the folder itself may be reached through one
    assert untrusted.path(link, "sub/a.png", "here") == link / "sub" / "a.png"


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
def test_only_regular_files_of_a_known_size_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    assert untrusted.read(tmp_path / "a", 3) == b"123"
    with pytest.raises(ValueError, match="3 bytes; at most 2"):
        untrusted.read(tmp_path / "a", 2)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for special in ("pipe", "zero"):
        with pytest.raises(ValueError, match="not a regular file"):
            untrusted.read(tmp_path / special, 100)
    if Path("/proc/self/maps").exists():  # says that it has 0 bytes
        with pytest.raises(ValueError, match="more than 10 bytes"):
            untrusted.read(Path("/proc/self/maps"), 10)


def test_settings_out_of_a_file_name_only_files_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "fox.png").touch()
    monkeypatch.chdir(folder)

    def look(values: dict[str, object]) -> None:
        untrusted.require_settings_inside(values, [folder], "list.csv:2", "put it there")

    look({"start": {"type": "image", "path": "fox.png"}, "size": "32x32", "perceptors": {"a": {"model": "ViT-B/32"}}})
    look({"start": {"path": str(folder / "fox.png")}, "prompt": "/etc", "losses": {"style": {"text": "~ ink /"}}})
    for path in ("/etc/passwd", "~/x.png", "../x.png", "a/../../x", "C:\\x.png", "\\\\server\\share\\x.png"):
        with pytest.raises(UsageError, match=r"^list.csv:2: start.path is .* outside .*; put it there$"):
            look({"start": {"path": path}})
        with pytest.raises(UsageError, match=r"stages.1.deep is"):
            look({"stages": ["a", {"deep": path}]})
