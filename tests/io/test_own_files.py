"""pixgen replaces what it wrote, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pixgen.io import own_files


def test_a_series_takes_names_that_are_free_or_its_own(tmp_path: Path) -> None:
    def names(count: int) -> list[str]:
        place = own_files.series(tmp_path, "index", ".html", count, b"MARK")
        return [place(number).name for number in range(1, count + 1)]

    assert names(2) == ["index.html", "index-2.html"]
    (tmp_path / "index.html").write_bytes(b"<html> MARK of an earlier one")
    assert names(2) == ["index.html", "index-2.html"]
    (tmp_path / "index-2.html").write_bytes(b"a page about MARKs".lower())
    assert names(1) == ["index.html"] and names(2) == ["pixgen-index.html", "pixgen-index-2.html"]
    (tmp_path / "pixgen-index.html").mkdir()
    assert names(2)[0] == "pixgen-pixgen-index.html"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_is_never_our_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"MARK")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    assert own_files.has_mark(tmp_path / "a", b"MARK")
    assert not any(own_files.is_free(tmp_path / name, b"MARK") for name in ("link", "dangling"))
