"""CONTRIBUTING.md and CHANGELOG.md: the first task works, and the changelog has its form and tells the truth."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from pixgen import registry
from pixgen.cli.main import run

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()

QUICK = ["steps=1", "size=32x32", "starts=1", "cutouts=2", "stages=[{steps: 1, size: 1}]", "-o", "drawn.png"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", CONTRIBUTING, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def loss(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of the newcomer's loss, registered."""
    path = tmp_path_factory.mktemp("task") / "vignette.py"
    path.write_text(blocks("python")[0])
    registry.load_file(path)
    return path.read_text()


def test_the_newcomer_s_loss_has_fifteen_lines_of_code(loss: str) -> None:
    code = [line for line in loss.splitlines() if line and not line.lstrip().startswith('"""')]
    assert len(code) <= 15


def test_the_newcomer_s_test_passes_and_sees_a_wrong_loss(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, object] = {}
    exec(blocks("python")[1], names)
    (test,) = [value for name, value in names.items() if name.startswith("test_") and callable(value)]
    test()
    monkeypatch.setattr(registry.get("loss", "vignette"), "__call__", lambda self, frame: frame.images.mean((1, 2, 3)))
    with pytest.raises(AssertionError):
        test()


@pytest.mark.slow
def test_the_newcomer_s_command_draws(loss: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (command,) = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("pixgen ")]
    assert run([*shlex.split(command)[1:], *QUICK]) == 0
    assert (tmp_path / "drawn.png").stat().st_size


def test_files_that_the_page_names_exist_but_for_the_newcomer_s() -> None:
    named = re.findall(r"`((?:pixgen|tests|docs|benchmarks|presets)/[\w./]*)`", CONTRIBUTING)
    missing = {name for name in named if not (ROOT / name).exists()}
    assert missing == {"pixgen/plugins/losses/vignette.py", "tests/plugins/losses/test_vignette.py"}


def test_the_changelog_has_its_form() -> None:
    releases = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert releases[0] == "[Unreleased]"
    dated = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d", release) for release in releases[1:]]
    assert all(dated), releases
    versions = [tuple(map(int, match.groups())) for match in dated if match]
    assert all(newer > older for newer, older in pairwise(versions))
    setup = re.search(r"^version = (.+)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert setup
    assert not versions or versions[0] == tuple(map(int, setup[1].split(".")))
    kinds = set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE))
    assert kinds and kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def moved() -> list[tuple[str, str]]:
    """The dotted names of the changelog's table of import paths, before and now."""
    found = []
    for line in CHANGELOG.splitlines():
        if line.startswith("| `pixgen."):
            before, now = (re.findall(r"`([\w.]+)`", cell) for cell in line.strip("| ").split(" | "))
            home = before[0].rpartition(".")[0]
            old = [before[0], *(f"{home}.{name}" for name in before[1:])]
            new = [f"{now[0]}.{name.rpartition('.')[2]}" for name in old] if len(old) > 1 else now
            found += list(zip(old, new, strict=True))
    return found


@pytest.mark.parametrize(("before", "now"), moved())
def test_import_paths_changed_as_the_changelog_says(before: str, now: str) -> None:
    assert resolves(now) and not resolves(before)


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    try:
        if importlib.util.find_spec(name):
            return True
    except ModuleNotFoundError:
        pass
    home, _, attribute = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(home), attribute)
    except ModuleNotFoundError:
        return False


def test_the_table_of_import_paths_is_there() -> None:
    assert len(moved()) >= 20
