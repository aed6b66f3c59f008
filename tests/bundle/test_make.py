"""The bundle as a teacher meets it: made once, installed from with no index, and then it draws and classifies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pixgen.bundle import make, readme, targets
from pixgen.bundle.targets import Target
from pixgen.cli.main import run
from pixgen.errors import PixgenError

WINDOWS, LINUX = Target("windows", "3.12"), Target("linux", "3.11")


def test_a_folder_with_other_files_and_a_file_are_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "lesson.txt").write_text("mine")
    assert run(["bundle", str(tmp_path / "mine")]) == 2
    assert "mine has other files in it" in capsys.readouterr().err
    assert run(["bundle", str(tmp_path / "mine" / "lesson.txt")]) == 2
    assert "lesson.txt is a file, and a folder is needed" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["lesson.txt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--python", "3.9"], "give a version from 3.11 on"),
        (["--python", "three"], "give a version from 3.11 on"),
        (["--extras", "ui,--pre"], "'--pre' is not an extra's name"),
        (["--extras", "lessons"], "there is no extra 'lessons'; did you mean 'lesson'?"),
        (["--platform", "amiga"], "amiga"),
    ],
)
def test_what_no_bundle_can_be_made_for_is_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bundle", str(tmp_path / "stick"), *words]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "stick").exists()


def test_no_room_and_no_network_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pixgen.bundle import pip

    for said, told in (
        ("WARNING: NewConnectionError: no\nERROR: No matching distribution found for x==1", "cannot get x==1"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "no room for the packages in",
        ),
    ):
        monkeypatch.setattr(pip, "_run", lambda *words, said=said: said)
        with pytest.raises(PixgenError, match="cannot build pixgen's own wheel: the package|no room for the packages"):
            pip.build(tmp_path, tmp_path)
        with pytest.raises(PixgenError, match=told) as raised:
            pip.download(["x==1"], LINUX, tmp_path)
        assert ("internet" in str(raised.value)) == ("Connection" in said) and "\n" not in str(raised.value)


def test_the_pages_have_the_lines_of_each_system_in_both_languages() -> None:
    pages = readme.texts("1.2", [WINDOWS, LINUX], ["lesson", "ui"], ["lesson.ipynb"])
    assert set(pages) == {"README.txt", "LEIAME.txt"}
    for text in pages.values():
        assert 'py -3.12 -m venv "%USERPROFILE%\\pixgen"' in text and "python3.11 -m venv ~/pixgen" in text
        assert text.count('pip install --no-index -f wheels "pixgen[lesson,ui]"') == 2
        assert "jupyter notebook notebooks/lesson.ipynb" in text and "pixgen ui" in text and "cmd" in text
    assert "were not tried there" in pages["README.txt"] and "não foram testados" in pages["LEIAME.txt"]
    here = targets.here()
    if here is not None:
        assert "not tried" not in readme.texts("1.2", [here], [], [])["README.txt"]


@pytest.mark.extras
@pytest.mark.slow
@pytest.mark.skipif(targets.here() is None, reason="no bundle can be made for this machine")
def test_a_bundle_installs_draws_and_classifies_with_no_index(tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="it takes minutes, so only with the last stage of .ci/run")
    stick = tmp_path / "stick"
    bundle = [sys.executable, "-m", "pixgen", "bundle", str(stick), "--extras", ""]
    environment = {**os.environ, "PYTHONPATH": str(make.source())}
    done = subprocess.run(bundle, cwd=tmp_path, env=environment, capture_output=True, text=True)
    if "cannot be reached" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    record = json.loads((stick / "bundle.json").read_text())
    assert {path.name for path in (stick / "wheels").iterdir()} == set(record["wheels"])
    assert "--no-index -f wheels" in (stick / "README.txt").read_text(encoding="utf-8-sig")

    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    scripts = venv / ("Scripts" if os.name == "nt" else "bin")
    nowhere = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIXGEN_HOME": str(tmp_path / "home")}
    for name in ("PYTHONPATH", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        nowhere.pop(name, None)
    for proxy in ("http_proxy", "https_proxy", "all_proxy"):  # whatever would use the network fails
        nowhere[proxy] = nowhere[proxy.upper()] = "http://127.0.0.1:9"
    install = [scripts / "python", "-m", "pip", "install", "--no-compile", "--no-index", "--find-links", "wheels"]
    subprocess.run([*install, "pixgen"], cwd=stick, env=nowhere, check=True, capture_output=True)
    subprocess.run([scripts / "python", "-m", "pip", "check"], env=nowhere, check=True)
    draw = [scripts / "pixgen", "a red fox", "--size", "64x64", "--steps", "2", "-o", "fox.png"]
    subprocess.run(draw, cwd=stick, env=nowhere, check=True)
    assert (stick / "fox.png").stat().st_size > 1000
    classify = [scripts / "pixgen", "classify", "pictures/apple.png", "--labels", "cat,dog,apple", "--json"]
    said = subprocess.run(classify, cwd=stick, env=nowhere, check=True, capture_output=True, text=True)
    assert json.loads(said.stdout)[0]["best"] == "apple"
