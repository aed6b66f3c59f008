"""What a signal leaves: every command that draws keeps the picture reached so far."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pixgen.io import metadata, resources

ROOT = Path(__file__).parents[2]
APPLE, TEACHER = str(ROOT / "docs" / "apple.png"), str(ROOT / "docs" / "teacher.png")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="no signals between processes"),
    pytest.mark.skipif(
        not list(resources.embedded().glob("*.safetensors")), reason="the models are not in this checkout"
    ),
]

COMMANDS = {
    "draw": ["a red fox", "--size", "64x64", "--steps", "3000", "cutouts=4"],
    "edit": ["edit", APPLE, "a green apple", "--from", "a red apple", "--steps", "900", "--size", "128"],
    "vary": ["vary", APPLE, "--steps", "900", "--size", "128", "-n", "3"],
    "morph": ["morph", APPLE, TEACHER, "--steps", "4", "-n", "900"],
}
CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("command", COMMANDS)
def test_the_picture_reached_so_far_is_kept(command: str, name: str, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "pixgen", *COMMANDS[command], "--seed", "1", "-o", "out/x.png"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PIXGEN_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("step "):
            break
    child.send_signal(getattr(signal, name))
    out, err = child.communicate(timeout=300)
    assert child.returncode == CODES[name], err
    assert "Traceback" not in err and "so far" in err
    about = metadata.read(Path(tmp_path / out.splitlines()[0]))
    assert 1 <= about.steps_done < about.steps_planned
    if command == "morph":
        assert (tmp_path / "out" / "x.mp4").stat().st_size
