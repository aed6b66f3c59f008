"""Which wheels a bundle has: pinned, by the markers of the machine that it is for, and complete for pip's resolver."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pixgen.bundle import targets, wheels
from pixgen.bundle.targets import Target
from pixgen.errors import PixgenError
from tests.bundle import toys

pytestmark = [pytest.mark.slow, pytest.mark.extras]  # pip starts many times, so only with the last stage of .ci/run
pytest.importorskip("gradio")

WINDOWS, MACOS, LINUX = (Target(name, "3.11") for name in targets.PLATFORMS)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of toy packages, which is all that pip can reach."""
    at = tmp_path / "index"
    toys.wheel(
        at, "root", "1.0", "py3-none-any", "torch", "pure>=2", "colours; sys_platform == 'win32'",
        "old; python_version < '3.9'", "page[fast]; extra == 'ui'",
        "cuda; platform_system == 'Linux' and extra == 'gpu'",
    )  # fmt: skip
    toys.wheel(at, "pure", "2.0")
    toys.wheel(at, "pure", "3.0")
    toys.wheel(at, "colours")
    toys.wheel(at, "page", "1.0", "py3-none-any", "speed; extra == 'fast'", "slowness; extra == 'slow'")
    for tag in ("cp311-cp311-win_amd64", "cp39-abi3-macosx_11_0_arm64", "cp311-cp311-manylinux_2_17_x86_64"):
        toys.wheel(at, "speed", "1.0", tag)
    for tag in ("cp311-cp311-win_amd64", "cp311-none-macosx_14_0_arm64", "cp311-cp311-manylinux_2_28_x86_64"):
        toys.wheel(at, "torch", "2.0", tag)
        if "macos" not in tag:
            toys.wheel(at, "torch", "2.0+cpu", tag)
    config = tmp_path / "pip.conf"
    config.write_text(f"[global]\nno-index = true\nfind-links = {at}\nno-build-isolation = false\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    return at


def collected(wanted: str, target: Target, folder: Path, index: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    root = next(index.glob("root-*.whl"))
    (folder / root.name).write_bytes(root.read_bytes())
    pinned = {"root": "1.0", "pure": "2.0", "torch": "2.0"}
    found = wheels.collect(Requirement(wanted), target, pinned, folder, lambda number: None)
    assert {wheel.path for wheel in found} == set(folder.glob("*.whl"))
    return sorted(wheel.path.name.removesuffix(".whl") for wheel in found if wheel.name != "root")


def test_a_bundle_has_what_its_target_needs_and_pip_installs_it(index: Path, tmp_path: Path) -> None:
    assert collected("root[ui]", WINDOWS, tmp_path / "windows", index) == [
        "colours-1.0-py3-none-any",  # which only Windows needs
        "page-1.0-py3-none-any",
        "pure-2.0-py3-none-any",  # the pinned one, not the newest
        "speed-1.0-cp311-cp311-win_amd64",
        "torch-2.0-cp311-cp311-win_amd64",  # the plain one
    ]
    assert collected("root", MACOS, tmp_path / "macos", index) == [
        "pure-2.0-py3-none-any",
        "torch-2.0-cp311-none-macosx_14_0_arm64",
    ]
    assert collected("root", LINUX, tmp_path / "linux", index) == [
        "pure-2.0-py3-none-any",
        "torch-2.0+cpu-cp311-cp311-manylinux_2_28_x86_64",
    ]
    assert "colours-1.0" in toys.resolves("root[ui]", WINDOWS, tmp_path / "windows")
    assert "Would install pure-2.0 root-1.0 torch-2.0" in toys.resolves("root", MACOS, tmp_path / "macos")
    (tmp_path / "windows" / "colours-1.0-py3-none-any.whl").unlink()
    assert "No matching distribution found for colours" in toys.resolves("root[ui]", WINDOWS, tmp_path / "windows")


def test_what_has_no_wheel_is_built_once_and_only_where_it_is_pure(index: Path, tmp_path: Path) -> None:
    (index / "colours-1.0-py3-none-any.whl").unlink()
    toys.source(index, "colours")
    assert "colours-1.0-py3-none-any" in collected("root", WINDOWS, tmp_path / "windows", index)


def test_a_package_that_cannot_be_had_is_named_with_the_target(index: Path, tmp_path: Path) -> None:
    with pytest.raises(PixgenError, match=r"cannot get cuda for Linux, Python 3.11: No matching distribution"):
        collected("root[gpu]", LINUX, tmp_path / "linux", index)
    next(index.glob("speed-*-win_amd64.whl")).unlink()
    with pytest.raises(PixgenError, match=r"no wheel of speed for Windows"):
        collected("root[ui]", WINDOWS, tmp_path / "windows", index)
    kept = {path.name for path in (tmp_path / "windows").glob("*.whl")}
    assert "pure-2.0-py3-none-any.whl" in kept  # and is not fetched again
    toys.wheel(index, "speed", "1.0", "cp311-cp311-win_amd64")
    assert "speed-1.0-cp311-cp311-win_amd64" in collected("root[ui]", WINDOWS, tmp_path / "windows", index)


def test_a_pin_that_contradicts_a_requirement_and_a_damaged_wheel_are_told(index: Path, tmp_path: Path) -> None:
    toys.wheel(index, "page", "1.0", "py3-none-any", "pure>2.5")
    with pytest.raises(PixgenError, match=r"pure-2.0.*'pure>2.5'"):
        collected("root[ui]", WINDOWS, tmp_path / "windows", index)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "pure-2.0-py3-none-any.whl").write_bytes(b"half of it")
    with pytest.raises(PixgenError, match=r"pure-2.0-py3-none-any.whl is damaged .* remove it"):
        collected("root", MACOS, tmp_path / "damaged", index)


def test_targets_take_what_pip_takes_there() -> None:
    assert {"cp311-cp311-win_amd64", "cp38-abi3-win_amd64", "py3-none-any"} <= {str(tag) for tag in WINDOWS.tags()}
    assert "cp311-cp311-macosx_11_0_universal2" in {str(tag) for tag in MACOS.tags()}
    assert "cp312-cp312-manylinux2014_x86_64" in {str(tag) for tag in Target("linux", "3.12").tags()}
    assert WINDOWS.environment()["sys_platform"] == "win32" and MACOS.environment()["platform_machine"] == "arm64"
