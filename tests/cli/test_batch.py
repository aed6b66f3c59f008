"""`pixgen batch` and `pixgen report`, as people meet them."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from PIL import Image

import pixgen.testing
from pixgen import registry
from pixgen.cli.main import run

TOYS = [
    "generator=toy",
    "perceptors={tiny: null, toy: toy}",
    "size=32x32",
    "steps=2",
    "cutouts=4",
    "starts=1",
    "threads=1",
]
PLUGIN = Path(pixgen.testing.__file__)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    # Other tests of the same process may have registered scores that a worker process does not know.
    shipped = {name: registry.get("score", name) for name in registry.names("score")}
    own = {name: score for name, score in shipped.items() if score.__module__.startswith("pixgen.")}
    monkeypatch.setitem(registry._plugins, "score", own)
    (tmp_path / "list.txt").write_text("a fox\na cat\n")
    return tmp_path


def batch(*words: str) -> int:
    return run(["batch", *words, "-o", "out", "--device", "cpu", *TOYS])


def test_paths_go_to_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("list.txt") == 0
    out, err = capsys.readouterr()
    assert [Path(line).is_file() for line in out.splitlines()] == [True, True]
    assert "2 of 2 to draw; 1 worker" in err and "2 done" in err
    assert {"sheet.png", "index.html", "manifest.sqlite"} < {path.name for path in (folder / "out").iterdir()}
    assert batch("list.txt", "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert run(["batch", "-o", "out", "--status"]) == 0
    assert capsys.readouterr().out == "2 done\n"
    assert run(["batch", "-o", "out", "--status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["done"] == 2 and told["choice"]["device"] == "cpu"


def test_records_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "list.csv").write_text("name,prompt,seed\nmine,a {red|blue} fox,5\n")
    assert batch("list.csv", "--json", "--quiet", "--no-sheet", "--grid", "losses.clip.weight=1,2") == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["axes"] for record in records] == [{"losses.clip.weight": 1}, {"losses.clip.weight": 2}]
    for record in records:
        assert record["seed"] == 5 and record["template"] == "a {red|blue} fox" and record["size"] == "32x32"
        assert record["steps_done"] == record["steps_planned"] == 2 and record["scores"]["held_out"] > 0
    assert Path(records[0]["path"]).name == "mine.png"
    assert re.fullmatch(r"mine-[0-9a-f]{12}\.png", Path(records[1]["path"]).name)


@pytest.mark.slow
def test_failures_are_a_table_and_exit_code_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "list.txt").write_text("a fox\nimage:no.png\na cat\n")
    assert batch("list.txt") == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "there is no picture" in err and "reason" in err and "retry them with --retry-failed" in err
    assert batch("list.txt") == 1  # they are still there
    capsys.readouterr()
    assert run(["batch", "-o", "out", "--status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["failed"] == 1 and [failure["prompt"] for failure in told["failures"]] == ["image:no.png"]
    assert told["failures"][0]["file"].endswith(".png") and "there is no picture" in told["failures"][0]["reason"]
    assert batch("list.txt", "--dry-run") == 0
    none, said = capsys.readouterr()
    assert none == "" and "0 pictures to draw, 0 steps" in said and "1 failed (--retry-failed" in said
    assert batch("list.txt", "--dry-run", "--retry-failed") == 0
    assert capsys.readouterr().out.startswith("image:no.png  seed")
    (folder / "no.png").write_bytes((folder / out.splitlines()[0]).read_bytes())
    capsys.readouterr()
    assert batch("list.txt", "--retry-failed", "--quiet") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.slow
def test_a_dry_run_draws_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("list.txt", "--dry-run", "--seeds", "1..3", "--grid", "steps=2,4") == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 12 and out.startswith("a fox  seed 1  steps=2\na fox  seed 1  steps=4\n")
    assert "12 pictures to draw, 36 steps in all" in err and re.search(
        r"about .* in sequence: .* s a step, measured", err
    )
    assert not (folder / "out").exists()
    assert batch("list.txt", "--quiet", "--no-sheet") == 0
    capsys.readouterr()
    (folder / "list.txt").write_text("a fox\na cat\na fox\n")
    assert batch("list.txt", "--dry-run", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["prompt"] == "a fox" and "2 are done" in err


def test_a_list_from_standard_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = '{"prompt": "a fox", "seed": 1}\n"a cat"\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert batch("-", "--format", "jsonl", "--quiet", "--no-sheet") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_combinations_and_wildcards(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "wildcards").mkdir()
    (folder / "wildcards" / "job.txt").write_text("teacher\nbaker\n")
    (folder / "list.txt").write_text("a {watercolor|oil} portrait of a __job__\n")
    assert batch("list.txt", "--combinations", "--dry-run") == 0
    prompts = [line.partition("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert prompts == [
        f"a {style} portrait of a {job}" for style in ("watercolor", "oil") for job in ("teacher", "baker")
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no.txt"], "cannot read the list no.txt"),
        ([], "which list"),
        (["list.txt", "--grid", "stps=1,2"], "did you mean 'steps'"),
        (["list.txt", "--seeds", "x"], "--seeds 'x'"),
        (["list.txt", "--seeds", "0..20000"], "add --yes"),
        (["list.txt", "--by", "7"], "--by '7'"),
        (["list.txt", "--scores", "judgement"], "no score called 'judgement'"),
        (["list.txt", "--ray-address", "x:1"], "is for --engine ray"),
        (["list.txt", "word"], "'word' is not KEY=VALUE"),
        (["list.txt", "--format", "cvs"], "did you mean 'csv'"),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(
    words: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["batch", *words, "-o", "out", *(TOYS if words else [])])
    out, err = capsys.readouterr()
    assert code == 2 and out == "" and message in err and "Traceback" not in err


@pytest.mark.parametrize("text", [None, "prompt,steps\na fox,many\n"])
def test_a_list_that_is_refused_leaves_nothing_behind(text: str | None, folder: Path) -> None:
    if text is not None:
        (folder / "bad.csv").write_text(text)
    assert batch("bad.csv") == 2 and not (folder / "out").exists()
    assert batch("list.txt") == 0
    made = sorted((folder / "out").iterdir())
    assert batch("bad.csv") == 2 and sorted((folder / "out").iterdir()) == made  # nor takes what was there


def test_a_list_that_is_refused_deletes_nothing_of_the_user_s(folder: Path) -> None:
    (folder / "empty.txt").touch()
    (folder / "out").mkdir()
    (folder / "out" / "manifest.sqlite.bak").write_text("keep")
    assert batch("empty.txt") == 2
    assert [path.name for path in (folder / "out").iterdir()] == ["manifest.sqlite.bak"]


def test_a_list_names_files_beside_it_and_where_it_may(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "lists").mkdir()
    (folder / "photos").mkdir()
    Image.new("RGB", (40, 40), "red").save(folder / "photos" / "fox.png")
    with tempfile.TemporaryDirectory() as private:
        Image.new("RGB", (40, 40), "red").save(Path(private) / "fox.png")
        for number, path in enumerate((Path(private) / "fox.png", folder / "photos" / "fox.png", "photos/fox.png")):
            row = {"prompt": "a fox", "start.type": "image", "start.path": str(path)}
            (folder / "lists" / f"{number}.jsonl").write_text(json.dumps(row))
        assert batch("lists/0.jsonl") == 2
        err = capsys.readouterr().err
        assert "lists/0.jsonl:1: the row: start.path is" in err or "lists/0.jsonl:1: start.path is" in err
        assert "--allow-folder DIR" in err and not (folder / "out").exists()
        assert batch("lists/0.jsonl", "--allow-folder", private, "--quiet", "--no-sheet") == 0
    assert batch("lists/1.jsonl", "--quiet", "--no-sheet") == batch("lists/2.jsonl", "--quiet", "--no-sheet") == 0


def test_a_file_is_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "out").write_text("mine")
    for words in ([], ["--dry-run"]):
        assert batch("list.txt", *words) == 2
        assert "out is a file, and a folder is needed" in capsys.readouterr().err
    assert (folder / "out").read_text() == "mine"


def test_an_empty_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "list.txt").write_text("\n# nothing\n")
    assert batch("list.txt") == 2
    assert "the list is empty" in capsys.readouterr().err


def test_by_the_hour_says_how_far_each_came(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("list.txt", "--budget", "10m", "--no-sheet") == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 and "progress of each picture" in err and "2 done" in err


@pytest.mark.slow
def test_an_ablation_is_one_batch_and_one_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("list.txt", "--quiet", "--seeds", "1..2", "--grid", "losses.clip.type=clip,clip_mean") == 0
    capsys.readouterr()
    assert run(["report", "out", "--csv", "t.csv", "--latex", "t.tex", "--scores", "held_out,loss.clip"]) == 0
    out, err = capsys.readouterr()
    assert "losses.clip.type" in out and "held_out" in out and "baseline" in out and "wrote t.csv" in err
    assert len((folder / "t.csv").read_text().splitlines()) == 5
    assert r"\toprule" in (folder / "t.tex").read_text()
    assert run(["report", "out", "--json", "--baseline", "losses.clip.type=clip_mean", "--scores", "held_out"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert run(["report", "out", "--csv", "t.csv", "--latex", "t.tex", "--overwrite", "--quiet"]) == 0
    assert run(["report", "out", "--csv", "t.csv"]) == 0  # nothing is overwritten unasked
    assert "wrote t-2.csv" in capsys.readouterr().err and not (folder / "t-2.tex").exists()
    assert first["difference"]["n"] == 4 and second["difference"] is None
    for words in (["nowhere"], ["out", "--plot", "x.doc"], ["out", "--baseline", "x"], ["out", "--axis", "size"]):
        assert run(["report", *words]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT between processes")
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_stops_after_this_picture_or_at_once(presses: int, folder: Path) -> None:
    (folder / "list.txt").write_text("".join(f"fox {i}\n" for i in range(50)))
    steps = "steps=10" if presses == 1 else "steps=100000"
    command = [sys.executable, "-m", "pixgen", "batch", "list.txt", "-o", "out", "--plugin", str(PLUGIN), *TOYS, steps]
    if presses == 2:
        (folder / "list.txt").write_text("a fox\n")
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stderr is not None
    try:
        assert any("to draw" in line for line in child.stderr)
        if presses == 1:
            child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert any("stopping after the pictures" in line for line in child.stderr)
        if presses == 2:
            child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=120)
    finally:
        child.kill()
        child.communicate()
    assert child.returncode == 130 and "Traceback" not in err
    assert run(["batch", "-o", "out", "--status"]) == 0
    done = len(list((folder / "out").glob("*.png")))
    assert done == 0 if presses == 2 else 1 <= done < 50
