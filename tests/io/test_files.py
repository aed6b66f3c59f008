"""Nobody ever sees half a file, and nothing that was there is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pixgen.errors import PixgenError
from pixgen.io import files


def test_a_taken_name_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cat.png"
    assert files.write(path, b"first") == path
    assert files.write(path, b"second") == path.with_name("cat-2.png")
    assert path.read_bytes() == b"first"
    assert files.write(path, b"third", overwrite=True) == path
    assert path.read_bytes() == b"third"
    assert sorted(os.listdir(path.parent)) == ["cat-2.png", "cat.png"]


@pytest.mark.parametrize("hard_links", [True, False])
def test_two_writers_never_get_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool) -> None:
    if not hard_links:

        def refuse(*_: object) -> None:
            raise PermissionError("no hard links on this file system")

        monkeypatch.setattr(os, "link", refuse)
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda i: files.write(tmp_path / "cat.png", b"%d" % i), range(24)))
    assert len(set(paths)) == 24
    assert sorted(path.read_bytes() for path in paths) == sorted(b"%d" % i for i in range(24))


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PixgenError, match=r"cannot write to .*cat\.png: no space left on device"):
        files.write(tmp_path / "cat.png", b"data")
    assert os.listdir(tmp_path) == []


def test_a_look_whether_a_folder_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    files.check_writable(tmp_path / "new" / "deep")
    assert os.listdir(tmp_path) == []
    (tmp_path / "old").mkdir()
    files.check_writable(tmp_path / "old")
    assert os.listdir(tmp_path) == ["old"] and not any((tmp_path / "old").iterdir())


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    for refused in (lambda: files.write(blocked / "cat.png", b""), lambda: files.check_writable(blocked / "x")):
        with pytest.raises(PixgenError) as caught:
            refused()
        assert "file" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_killed_in_the_middle_of_a_write_leaves_no_such_name(tmp_path: Path) -> None:
    script = """
        import os, sys, signal
        from pathlib import Path
        from pixgen.io import files
        os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGKILL)
        files.write(Path(sys.argv[1]), b"x" * 100_000)
    """
    path = tmp_path / "cat.png"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(path)])
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    assert all(name.startswith(files.TEMPORARY) for name in os.listdir(tmp_path))
