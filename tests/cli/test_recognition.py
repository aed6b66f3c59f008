"""`pixgen classify`, `search`, `rank` and `describe`: what they print, what they refuse, in one line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import pixgen
from pixgen.cli.main import run

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.chdir(tmp_path)
    Path("pics").mkdir()
    for name in ("apple.png", "teacher.png"):
        shutil.copy(DOCS / name, Path("pics", name))
    Path("bad.png").write_text("no picture")
    return tmp_path


def test_a_table_with_bars(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["classify", "pics/apple.png", "pics/teacher.png", "--labels", "teacher,apple,dog"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "pics/apple.png" and lines[1].split()[:2] == ["apple", "99.96%"] and "█" * 20 in lines[1]
    assert lines[4] == "" and lines[5] == "pics/teacher.png" and lines[6].split()[0] == "teacher"
    assert err == ""


def test_json_is_a_list_with_a_record_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["classify", "pics", "--labels", "professora,maçã", "--json", "--matrix"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["file"] == str(Path("pics", "apple.png")) and list(first["scores"]) == ["professora", "maçã"]
    assert first["scores"]["maçã"] > 0.9 and sum(first["scores"].values()) == pytest.approx(1)
    assert second["best"] == "professora" and second["cosines"].keys() == second["scores"].keys()
    assert first["unlike"] is False


def test_the_matrix_is_printed_and_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--labels", "teacher,apple", "--matrix", "--figure", "matrix.png"]
    assert run(["classify", "pics/apple.png", "pics/teacher.png", *words]) == 0
    out, err = capsys.readouterr()
    header, first, second = out.splitlines()[-3:]
    assert header.split() == ["teacher", "apple"]
    assert first.split()[0] == "apple.png" and second.split()[0] == "teacher.png" and len(second.split()) == 3
    assert "matrix.png" in err
    with Image.open("matrix.png") as image:
        assert image.width > 300


@pytest.mark.slow
def test_python_classifies_as_well() -> None:
    (found,) = pixgen.classify("pics/apple.png", ["teacher", "apple"])
    assert found.best == "apple" and found.file == "pics/apple.png"
    assert [one.best for one in pixgen.classify(["pics/apple.png", Path("pics/teacher.png")], "teacher,apple")] == [
        "apple",
        "teacher",
    ]
    assert pixgen.search("pics", "a red apple", count=1)[0].file == Path("pics/apple.png")
    assert [match.file.name for match in pixgen.rank("a red apple", ["pics/teacher.png", "pics/apple.png"])] == [
        "apple.png",
        "teacher.png",
    ]
    assert pixgen.describe("pics/apple.png").prompt.endswith("on a blue background")


def test_search_prints_scores_and_paths(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("bad.png", "pics")
    assert run(["search", "pics", "a red apple on a blue background", "-k", "1", "--sheet", "found.png"]) == 0
    out, err = capsys.readouterr()
    (line,) = out.splitlines()
    assert 0.7 < float(line.split()[0]) < 1 and line.split()[1] == str(Path("pics", "apple.png"))
    assert "bad.png" in err and "found.png" in err
    with Image.open("found.png") as image:
        assert image.width > 192
    assert run(["search", "pics", "--by-image", "pics/teacher.png", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["file"] == str(Path("pics", "teacher.png")) and first["score"] > second["score"]


def test_a_word_that_was_never_learnt_is_named(caplog: pytest.LogCaptureFixture) -> None:
    assert run(["search", "pics", "a zorplax"]) == 0
    assert "perceptor pixgen-tiny never learnt the word 'zorplax'" in caplog.text


@pytest.mark.slow
def test_rank_and_describe(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rank", "uma professora", "pics/apple.png", "pics/teacher.png"]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["pics/teacher.png", "pics/apple.png"]
    assert run(["describe", "pics/apple.png", "--quiet"]) == 0
    assert capsys.readouterr().out.endswith("on a blue background\n")
    assert run(["describe", "pics/apple.png", "--language", "pt", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["prompt"].endswith("em fundo azul") and "apple" in dict(record["nearest"]["subject"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["classify", "pics/apple.png"], "there are no labels"),
        (["classify", "pics/apple.png", "--labels", "cat"], "'cat' is the only label"),
        (["classify", "pics/apple.png", "--labels", "cat,dog,cat"], "the label 'cat' is given twice"),
        (["classify", "pics/apple.png", "--labels-file", "none.txt"], "cannot read none.txt"),
        (["classify", "pics/apple.png", "--labels", "a,b", "--template", "photo"], "no {} where the label goes"),
        (["classify", "none.png", "--labels", "a,b"], "there is no picture 'none.png'"),
        (["classify", "bad.png", "--labels", "cat,dog"], "bad.png"),
        (["classify", "home", "--labels", "cat,dog"], "there is no picture 'home'"),
        (["classify", "pics/apple.png", "--labels", "a,b", "--figure", "x.txt"], "cannot save 'x.txt' (--figure)"),
        (["classify", "pics/apple.png", "--labels", "cat,dog", "--clip", "ViT-B-33"], "did you mean"),
        (["classify", "pics/apple.png", "--labels", "cat,dog", "--clip", "RN50-openai"], "pixgen models pull RN50"),
        (["search", "pics"], "say what to look for"),
        (["search", "pics", "a cat", "--by-image", "pics/apple.png"], "not both"),
        (["search", "pics", ""], "is empty"),
        (["search", "none", "a cat"], "'none' does not exist"),
        (["search", "bad.png", "a cat"], "'bad.png' is a file"),
        (["search", "pics", "a cat", "-k", "0"], "0 is not in the range"),
        (["search", "pics", "x" * 100_000], "100,000 characters"),
        (["search", "pics", "--by-image", "none.png"], "there is no picture 'none.png'"),
        (["rank", "a cat", "bad.png"], "bad.png"),
        (["rank", "", "pics/apple.png"], "is empty"),
        (["describe", "bad.png"], "bad.png"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and "Traceback" not in err


def test_one_broken_picture_of_several_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["classify", "bad.png", "pics/apple.png", "--labels", "teacher,apple", "--json"]) == 1
    out, err = capsys.readouterr()
    assert [record["best"] for record in json.loads(out)] == ["apple"] and "bad.png" in err


@pytest.mark.slow
def test_names_of_files_do_nothing_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("pics/apple.png", "pics/\x1b[31mred.png")
    assert run(["classify", "pics", "--labels", "teacher,apple"]) == 0
    assert run(["search", "pics", "an apple"]) == 0
    assert run(["rank", "an apple", "pics/\x1b[31mred.png"]) == 0
    assert run(["describe", "pics/\x1b[31mred.png"]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err and out.count("\\x1b[31mred.png") == 4


@pytest.mark.slow
def test_bars_need_no_unicode() -> None:
    program = "from pixgen.cli.main import run; run(['classify', 'pics/apple.png', '--labels', 'teacher,apple'])"
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(DOCS.parent), "PIXGEN_HOME": "home", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True)
    assert b"#" * 20 in done.stdout and done.stderr == b""
