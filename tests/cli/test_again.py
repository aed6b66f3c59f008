"""`pixgen again`: the same bytes from a picture's own metadata, or a reason why not."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import pixgen
from pixgen.cli.main import run
from pixgen.io import metadata
from pixgen.io.resources import embedded, version

PLUGIN = "import pixgen.testing\n"

SETTINGS = """
generator: toy
perceptors: {tiny: null, toy: {type: toy}}
size: 32x32
steps: 3
cutouts: 4
starts: 1
stages: [{steps: 1, size: 1}]
"""

TOYS = ["--plugin", "toy_plugin.py"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(Path(pixgen.__file__).parent.parent))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy_plugin.py").write_text(PLUGIN)
    (tmp_path / "toys.yaml").write_text(SETTINGS)
    return tmp_path


def draw(*words: str) -> None:
    assert run([*words, *TOYS, "--config", "toys.yaml", "--quiet"]) == 0


@pytest.mark.slow
def test_four_pictures_come_again_byte_for_byte_in_another_process() -> None:
    draw("a {red|blue|green} fox | snow:0.5", "-n", "4", "-o", "one/fox.png")
    pictures = sorted(map(str, Path("one").iterdir()))
    words = [sys.executable, "-m", "pixgen", "again", *pictures, *TOYS, "-o", "two/fox.png", "--quiet"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert len(pictures) == len(done.stdout.split()) == 4
    bytes_of = [sorted(path.read_bytes() for path in Path(name).iterdir()) for name in ("one", "two")]
    assert bytes_of[0] == bytes_of[1] and len(set(bytes_of[0])) == 4


def test_filters_keep_their_order() -> None:
    filters = ["filters.b.type=pixelate", "filters.b.across=4", "filters.a.type=posterize", "filters.a.levels=3"]
    draw("a fox", "-o", "fox.png", *filters)
    assert run(["again", "fox.png", *TOYS, "-o", "two.png", "--quiet"]) == 0
    assert Path("two.png").read_bytes() == Path("fox.png").read_bytes()


def test_two_hyphens_make_a_prompt_of_a_command_and_leave_options_options() -> None:
    draw("--", "show", "--steps", "1", "-o", "show.png")
    assert metadata.read(Path("show.png")).prompt == "show"


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_one_picture_comes_again_in_every_format(suffix: str) -> None:
    draw("a fox", "-o", f"fox.{suffix}")
    assert run(["again", f"fox.{suffix}", *TOYS, "-o", f"again.{suffix}", "--quiet"]) == 0
    assert Path(f"again.{suffix}").read_bytes() == Path(f"fox.{suffix}").read_bytes()


def test_a_change_is_made_and_the_rest_stays(capsys: pytest.CaptureFixture[str]) -> None:
    draw("a fox", "-o", "fox.png", "--seed", "7")
    capsys.readouterr()
    assert run(["again", "fox.png", "steps=2", *TOYS, "-o", "new/", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    about = metadata.read(Path(record["path"]))
    assert about.seed == 7 and about.steps_done == about.steps_planned == 2
    assert about.config["generator"]["type"] == "toy"


def test_files_are_found_beside_the_picture_and_refused_when_changed(capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (40, 40), "red").save("start.png")
    Image.new("RGB", (40, 40), "blue").save("wish.png")
    draw("image:wish.png | a fox", "--init-image", "start.png", "-o", "fox.png")
    assert run(["again", "fox.png", *TOYS, "-o", "same.png", "--quiet"]) == 0
    assert Path("same.png").read_bytes() == Path("fox.png").read_bytes()

    moved = Path("moved")
    moved.mkdir()
    for name in ("fox.png", "start.png", "wish.png"):
        Path(name).rename(moved / name)
    assert run(["again", "moved/fox.png", *TOYS, "-o", "later.png", "--quiet"]) == 0
    assert Image.open("later.png").tobytes() == Image.open("same.png").tobytes()

    Image.new("RGB", (40, 40), "green").save(moved / "start.png")
    capsys.readouterr()
    assert run(["again", "moved/fox.png", *TOYS, "-o", "not.png"]) == 2
    assert "start.png is not the file that moved/fox.png was drawn with" in capsys.readouterr().err
    assert run(["show", "moved/fox.png"]) == 0
    out = capsys.readouterr().out
    assert ", changed\n" in out and ", unchanged\n" in out
    (moved / "start.png").unlink()
    assert run(["again", "moved/fox.png", *TOYS, "-o", "not.png"]) == 2
    assert "start.png, which is missing" in capsys.readouterr().err
    assert not Path("not.png").exists()


@pytest.mark.slow
def test_weights_of_one_s_own_are_part_of_the_picture(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(embedded() / "perceptor.safetensors", "mine.safetensors")
    weights = ["perceptors.mine.type=tiny", "perceptors.mine.path=mine.safetensors"]
    draw("a fox", "-o", "fox.png", "losses={clip: {type: clip}}", *weights)
    assert run(["again", "fox.png", *TOYS, "-o", "same.png", "--quiet"]) == 0
    assert Path("same.png").read_bytes() == Path("fox.png").read_bytes()
    with Path("mine.safetensors").open("ab") as file:
        file.write(b"more")
    capsys.readouterr()
    assert run(["again", "fox.png", *TOYS, "-o", "not.png"]) == 2
    assert "mine.safetensors is not the file that fox.png was drawn with" in capsys.readouterr().err


@pytest.mark.parametrize("named", ["start", "prompt"])
def test_metadata_reads_no_file_that_the_picture_was_not_drawn_with(
    named: str, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    private = tmp_path_factory.mktemp("private") / "private.png"
    Image.new("RGB", (40, 40), "red").save(private)
    words = ["start.type=image", f"start.path={private}"] if named == "start" else []
    draw("a fox" if named == "start" else f"image:{private}", *words, "-o", "fox.png")
    assert run(["again", "fox.png", *TOYS, "-o", "same.png", "--quiet"]) == 0
    about = metadata.read(Path("fox.png"))
    metadata.save(Image.open("fox.png"), Path("hostile.png"), dataclasses.replace(about, inputs=()))
    capsys.readouterr()
    assert run(["again", "hostile.png", *TOYS, "-o", "not.png"]) == 2
    assert "its metadata does not say that it was drawn with that file" in capsys.readouterr().err


def test_a_file_in_the_home_folder_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    Image.new("RGB", (40, 40), "red").save("start.png")
    draw("a fox", "start.type=image", "start.path=~/start.png", "-o", "fox.png")
    assert metadata.read(Path("fox.png")).inputs[0].path == "~/start.png"
    assert run(["again", "fox.png", *TOYS, "-o", "same.png", "--quiet"]) == 0


def test_an_interrupted_picture_stops_where_it_stopped_or_is_finished(capsys: pytest.CaptureFixture[str]) -> None:
    draw("a fox", "-o", "whole.png", "--seed", "7")
    image, about = Image.open("whole.png"), metadata.read(Path("whole.png"))
    metadata.save(image, Path("part.png"), dataclasses.replace(about, steps_done=2))
    assert run(["again", "part.png", *TOYS, "-o", "same.png"]) == 0
    assert "stopped after 2 of 3 steps" in capsys.readouterr().err
    assert metadata.read(Path("same.png")) == metadata.read(Path("part.png"))
    assert run(["again", "part.png", *TOYS, "-o", "finished.png", "--finish", "--quiet"]) == 0
    assert Path("finished.png").read_bytes() == Path("whole.png").read_bytes()


def test_a_picture_of_a_list_keeps_what_the_list_said() -> None:
    draw("a red fox", "-o", "fox.png")
    with Image.open("fox.png") as image:
        metadata.save(
            image, Path("listed.png"), dataclasses.replace(metadata.read(Path("fox.png")), template="a __c__")
        )
    assert run(["again", "listed.png", *TOYS, "-o", "same.png", "--quiet"]) == 0
    assert Path("same.png").read_bytes() == Path("listed.png").read_bytes()
    assert run(["again", "listed.png", "prompt=a dog", *TOYS, "-o", "other.png", "--quiet"]) == 0
    assert metadata.read(Path("other.png")).template == ""


def test_another_machine_or_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    draw("a fox", "-o", "fox.png")
    image, about = Image.open("fox.png"), metadata.read(Path("fox.png"))
    assert about.machine
    other = dataclasses.replace(about, machine="Linux riscv64, torch 9", version="99.0")
    metadata.save(image, Path("other.png"), other)
    assert run(["again", "other.png", *TOYS, "-o", "new.png", "--quiet"]) == 0
    err = capsys.readouterr().err
    assert "drawn on another machine (Linux riscv64, torch 9; this is" in err and "pixels may differ" in err
    assert "drawn by pixgen 99.0" in err


def test_settings_of_a_newer_pixgen_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    draw("a fox", "-o", "fox.png")
    image, about = Image.open("fox.png"), metadata.read(Path("fox.png"))
    newer = dataclasses.replace(about, config={**about.config, "dreams": 3}, version="99.0")
    metadata.save(image, Path("newer.png"), newer)
    assert run(["again", "newer.png", *TOYS]) == 2
    err = capsys.readouterr().err
    assert "newer.png: the config has no option 'dreams'" in err and "pixgen 99.0" in err


@pytest.mark.parametrize("command", ["again", "show"])
@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, 2, "no pixgen metadata"),
        ("{", 1, "cannot be understood"),
        ("[1]", 1, "cannot be understood"),
        ('{"version": "0.1"}', 1, "incomplete"),
        ("[" * 100_000, 1, "cannot be understood"),
    ],
)
def test_metadata_that_says_nothing(
    command: str, text: str | None, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    if text is not None:
        chunks.add_text("pixgen", text)
    Image.new("RGB", (8, 8)).save("damaged.png", pnginfo=chunks)
    assert run([command, "damaged.png"]) == code
    err = capsys.readouterr().err
    assert said in err and "damaged.png" in err and len(err.splitlines()) == 1


def edited(command: str) -> None:
    about = metadata.Metadata(
        version=version(),
        prompt="a fox",
        config={},
        steps_planned=1,
        steps_done=1,
        seed=0,
        size=(8, 8),
        command=command,
    )
    metadata.save(Image.new("RGB", (8, 8)), Path("made.png"), about, overwrite=True)


@pytest.mark.parametrize(
    "command",
    [
        "pixgen vary fox.png -n 1 --seed 3 --strength 0.75 --steps 0 --size 128",
        "pixgen edit fox.png 'a $(green) fox' --from 'it'\"'\"'s red' --mask m.png --seed 1",
        "pixgen morph a.png b.png --seed 1 --frames 4 --model 'my pair'",
        "pixgen vary -n 1 --seed 3 -- -fox.png",
    ],
)
def test_a_command_that_pixgen_wrote_is_recommended(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    edited(command)
    assert run(["again", "made.png"]) == 2
    assert capsys.readouterr().err.endswith(f"this command makes it again: {command}\n")
    assert run(["show", "made.png"]) == 0
    assert f"made by:  {command}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf ~",
        "pixgen vary x.png; rm -rf ~",
        "pixgen vary $(reboot)",
        "pixgen vary x.png\nrm -rf ~",
        "pixgen batch list.txt -o d --plugin evil.py",
        "pixgen 'a fox' --plugin=evil.py",
        "pixgen edit x.png 'a fox' -o ~/.bashrc --overwrite",
        "pixgen vary x.png --seed=1",
        "pixgen vary x.png y.png",
        "pixgen",
        "pixgen vary",
        "/tmp/pixgen vary x.png",
        "pixgen vary 'x.png",
        "pixgen vary x.png --config evil.yaml",
    ],
)
def test_no_other_command_is_recommended(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    edited(command)
    assert run(["again", "made.png"]) == 2
    err = capsys.readouterr().err
    assert "not one that pixgen wrote" in err and f": {command.splitlines()[0]}" not in err
    assert run(["show", "made.png"]) == 0
    assert "do not run it" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["--debug", "--version", "-h", "steps=1", "batch", "--", "-o"])
def test_behind_two_hyphens_every_word_is_a_prompt(word: str) -> None:
    assert run([*TOYS, "--config", "toys.yaml", "--quiet", "--seed", "1", "-o", "word.png", "--", word]) == 0
    about = metadata.read(Path("word.png"))
    assert about.prompt == word and about.seed == 1


def test_a_debug_that_is_a_prompt_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--", "--debug", "nonsense"]) == 2
    assert 'needs quotes: pixgen -- "--debug nonsense"' in capsys.readouterr().err
