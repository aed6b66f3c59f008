"""The Python of every page runs in a process of its own, as a reader would run it: nothing imported before helps."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "README.pt-BR.md"]
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))
]
NAMED = re.compile(r'"""(\w+\.py): ')
"""How a block begins that shows a file."""
SHORTER = {'size="256x256", steps=60': 'size="64x64", steps=1', "result.images[0].show()\n": ""}
"""What would take a minute, or open a window."""


def test_there_are_pages_with_python() -> None:
    assert len(BLOCKS) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS)
def test_the_python_of_a_page_runs_in_a_fresh_process(block: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs" / "apple.png", tmp_path)
    for usual, shorter in SHORTER.items():
        block = block.replace(usual, shorter)
    command = [sys.executable, "-c", block]
    if (named := NAMED.match(block)) and named[1].startswith("test_"):
        # A test is run beside the file that it is of, which its page shows too.
        for value in (parameter.values[0] for parameter in BLOCKS):
            if isinstance(value, str) and (other := NAMED.match(value)):
                (tmp_path / other[1]).write_text(value)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", named[1]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
