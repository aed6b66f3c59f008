"""The command line started by other programs: streams closed or broken, consoles that hold few letters, no home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="redirections of a POSIX shell")

ROOT = Path(__file__).parents[2]
PIXGEN = f"'{sys.executable}' -m pixgen"
DRAW = "'a fox' --seed 1 -n 2 -o out/fox.png size=32x32 steps=1 generator.type=pixel start.type=random "
DRAW += "perceptors.tiny.type=toy precision=float32 cutouts=4 --plugin toys.py"


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "toys.py").write_text("import pixgen.testing\n")
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("pixgen ", PIXGEN + " ", 1)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PIXGEN_HOME": str(folder / "home"), **environment},
        capture_output=True,
        text=True,
        errors="surrogateescape",
    )


@pytest.mark.slow
@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "| head -1", "2>&1 | head -1", "| true"])
def test_pictures_are_drawn_whatever_the_streams_are(streams: str, tmp_path: Path) -> None:
    done = shell(tmp_path, f"pixgen {DRAW} {streams}")
    assert done.returncode == 0 and "Traceback" not in done.stderr and "Exception" not in done.stderr, done.stderr
    for path in (tmp_path / "out").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG") and path.read_bytes().endswith(b"IEND\xaeB`\x82")
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_results_that_cannot_be_written_are_a_failure(tmp_path: Path) -> None:
    done = shell(tmp_path, "pixgen presets > /dev/full")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "cannot write to standard output: no space left" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_letters_that_a_console_cannot_hold_are_shown_as_escapes(encoding: str, tmp_path: Path) -> None:
    done = shell(tmp_path, "pixgen steps=日本 x", PYTHONIOENCODING=encoding, LANG="C.UTF-8")
    assert done.returncode == 2 and r"\u65e5\u672c" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("name,value", [("TERM", "dumb"), ("NO_COLOR", "1"), ("COLUMNS", "0"), ("LC_ALL", "C")])
def test_terminals_of_every_kind_show_the_help(name: str, value: str, tmp_path: Path) -> None:
    done = shell(tmp_path, "pixgen --help", **{name: value})
    assert done.returncode == 0 and "Draw PROMPT" in done.stdout and "\x1b" not in done.stdout


NO_HOME = """
import os, pwd, sys
for name in ("HOME", "PIXGEN_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
def nobody(_):
    raise KeyError("uid not found")
pwd.getpwuid = nobody
from pixgen.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "words,code", [(["show", "config"], 0), (["models", "list"], 0), (["presets"], 0), (["a fox", "-o", "~/x.png"], 2)]
)
def test_a_user_without_a_home_or_a_name(words: list[str], code: int, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", NO_HOME, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert code == 0 or "no home folder" in done.stderr
    assert list(tmp_path.iterdir()) == []
