"""The wheel holds everything that the checkout has, and pixgen finds it there."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of what is in the checkout, built from links to it so that no build/ is left there."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "pixgen", "configs", "presets"):
        (tree / name).symlink_to(CHECKOUT / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--no-build-isolation", "-w", folder, tree], check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_modules_and_data(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "pixgen").rglob("*.py")}
    wanted |= {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "pixgen").rglob("*.csv")}
    wanted |= {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "pixgen" / "scenery").rglob("*.svg")}
    wanted |= {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "pixgen" / "embedded").glob("[!.]*")}
    wanted |= {f"pixgen/_{path.relative_to(CHECKOUT)}" for path in (CHECKOUT / "presets").rglob("*.yaml")}
    wanted |= {f"pixgen/_{path.relative_to(CHECKOUT)}" for path in (CHECKOUT / "configs").rglob("*.yaml")}
    wanted.add("pixgen/py.typed")  # else type checkers take every name of pixgen for Any
    assert wanted - held == set()


@pytest.mark.slow
def test_the_wheel_works_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = (
        "from pixgen.io import resources; from pixgen.settings import config, layers;"
        "config.resolve([layers.load_preset('draft')]);"
        "print(resources.presets().name, resources.configs().name)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["_presets", "_configs"], done.stderr


def test_every_requirement_is_pinned() -> None:
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    wanted = setup["options"]["install_requires"] + "".join(setup["options.extras_require"].values())
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    names = {name.partition("[")[0].replace("-", "_") for name in wanted.split()}  # without a requirement's extras
    assert names <= {name.replace("-", "_") for name in pinned}
    assert not any("+" in version for version in pinned.values())  # a local build is not everywhere
