"""Nobody ever sees half a file, and nothing that was there is lost."""

from __future__ import annotations

import ast
import hashlib
import os
import re
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


def test_a_file_is_replaced_when_the_block_has_ended_well(tmp_path: Path) -> None:
    path = tmp_path / "new" / "weights"
    with files.replacing(path) as temporary:
        temporary.write_bytes(b"first")
        assert not path.exists()
    with pytest.raises(ValueError, match="broken"), files.replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise ValueError("broken")
    assert path.read_bytes() == b"first" and os.listdir(path.parent) == ["weights"]


def test_only_a_sole_writer_removes_what_a_killed_one_left_and_of_its_own_file(tmp_path: Path) -> None:
    killed = "import os, signal, sys; from pathlib import Path; from pixgen.io import files; p = Path(sys.argv[1])\n"
    killed += "with files.replacing(p) as t: t.write_text('half'); os.kill(os.getpid(), signal.SIGTERM)"
    for name in ("a", "b"):
        subprocess.run([sys.executable, "-c", killed, str(tmp_path / name)])
    assert len(os.listdir(tmp_path)) == 2 and not {"a", "b"} & set(os.listdir(tmp_path))
    files.write(tmp_path / "a", b"1", overwrite=True)
    assert len(os.listdir(tmp_path)) == 3
    with files.replacing(tmp_path / "a", sole=True) as temporary:
        temporary.write_bytes(b"2")
    assert len(os.listdir(tmp_path)) == 2
    files.sweep(tmp_path)
    assert os.listdir(tmp_path) == ["a"] and (tmp_path / "a").read_bytes() == b"2"


def test_of_two_that_claim_a_folder_one_gets_it(tmp_path: Path) -> None:
    (tmp_path / "free").mkdir()
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda i: files.claim(tmp_path / "free", tmp_path / f"own-{i}"), range(8)))
    assert got.count(True) == 1 and os.listdir(tmp_path) == [f"own-{got.index(True)}"]


def test_a_hash_is_kept_while_the_file_looks_the_same_and_read_anew_where_every_byte_counts(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"right")
    right = files.sha256(path)
    assert right == hashlib.sha256(b"right").hexdigest()
    before = path.stat()
    path.write_bytes(b"wrong")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files.sha256(path) == right
    assert files.sha256(path, every_byte=True) == hashlib.sha256(b"wrong").hexdigest()
    path.write_bytes(b"longer")
    assert files.sha256(path) == hashlib.sha256(b"longer").hexdigest()


ROOT = Path(__file__).parent.parent.parent
MOVES = {"replace", "rename", "renames", "link", "move", "NamedTemporaryFile", "mkstemp", "mktemp"}


def moves(source: str) -> list[str]:
    """The calls in a program's text that give a file a name, or could leave half of one under it."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    found = []
    for call in calls:
        name, _, what = ast.unparse(call.func).rpartition(".")
        of_a_path = what in ("replace", "rename") and len(call.args) == 1 and not call.keywords
        if of_a_path or (name in ("os", "shutil", "tempfile") and what in MOVES):
            found.append(ast.unparse(call))
    return found


def test_files_get_their_names_in_one_place() -> None:
    sources = [*ROOT.glob("pixgen/**/*.py"), *ROOT.glob("benchmarks/*.py")]
    found = {path: moves(path.read_text()) for path in sources if path != ROOT / "pixgen" / "io" / "files.py"}
    assert sources and not {path: calls for path, calls in found.items() if calls}
    assert moves("os.replace(a, b); a.replace(b); a.rename(b); shutil.move(a, b); tempfile.mkstemp()")
    assert not moves("text.replace('a', 'b'); dataclasses.replace(a, b=1); when.replace(hour=1); files.move(a, b)")


def test_files_are_hashed_in_one_place() -> None:
    sources = [path for path in ROOT.glob("pixgen/**/*.py") if path != ROOT / "pixgen" / "io" / "files.py"]
    hashed = re.compile(r"file_digest|sha256\([^()]*read_bytes\(")
    assert sources and not [path for path in sources if hashed.search(path.read_text())]


def test_only_unfinished_files_are_swept(tmp_path: Path) -> None:
    for name in (".pixgen-0123abcd-89ef4567.tmp", ".pixgen-notes.tmp", ".pixgen-0123abcd-89ef4567.tmp.bak"):
        (tmp_path / name).touch()
    files.sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".pixgen-0123abcd-89ef4567.tmp.bak", ".pixgen-notes.tmp"]
