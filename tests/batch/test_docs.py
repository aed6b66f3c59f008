"""docs/batch.md and docs/scale.md tell the truth: every command in them is run, and what they name is there."""

from __future__ import annotations

import configparser
import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

import pixgen.testing  # noqa: F401 (registers the toys)
from pixgen.cli.main import run

from .conftest import WORDS

ROOT = Path(__file__).parent.parent.parent
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in ("batch", "scale")}


def commands(name: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGES[name], re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.mark.slow
def test_every_command_runs_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.txt").write_text("a fox\na {red|blue} cat\n")
    (tmp_path / "templates.txt").write_text("a {watercolor|oil} fox\n")
    lines = [line for line in commands("batch") if line.startswith("pixgen ")]
    assert len(lines) >= 8
    for line in lines:
        words = shlex.split(line)[1:]
        quick = [] if words[0] == "report" or "--status" in words else [word for word in WORDS if "steps" not in word]
        if quick and not any(word.startswith("steps=") for word in words):
            quick.append("steps=3")
        assert run([*words, *quick]) == 0, f"{line}: {capsys.readouterr().err}"
    assert {"grid.csv", "grid.tex", "grid.png"} < {path.name for path in tmp_path.iterdir()}


def test_the_extras_are_there() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    told = set(re.findall(r'pip install -c constraints.txt "\.\[(\w+)\]"', "".join(PAGES.values())))
    assert told == {"ray", "report"} <= set(setup["options.extras_require"])


def test_links_lead_somewhere() -> None:
    for text in PAGES.values():
        links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
        assert [link for link in links if not (ROOT / "docs" / link).is_file()] == []


def test_the_driver_is_measured(tmp_path: Path) -> None:
    known = ("python benchmarks/batch_driver.py", "python benchmarks/memory.py")
    assert [line for line in commands("scale") if not line.startswith(known)] == []
    spec = importlib.util.spec_from_file_location("batch_driver", ROOT / "benchmarks" / "batch_driver.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["batch_driver"] = module
    spec.loader.exec_module(module)
    found = module.measure(tmp_path, 40, 1000, 7, 3)
    assert all(figure > 0 for figure in found.values())
    assert len(list(tmp_path.glob("*.png"))) == 40
