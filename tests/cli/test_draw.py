"""`pixgen PROMPT`, as people meet it: paths on standard output, everything else on standard error, no traceback."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pixgen
from pixgen import registry
from pixgen.cli.main import run
from pixgen.errors import UsageError
from pixgen.io import metadata, output_files

PLUGIN = """
import time
from dataclasses import dataclass

import torch

import pixgen.testing
from pixgen.contracts import Loss
from pixgen.registry import register


@register("loss", "slow")
@dataclass
class Slow(Loss):
    reads = "images"
    seconds: float = 0.02

    def __call__(self, frame):
        time.sleep(self.seconds)
        return frame.images.mean((1, 2, 3))


@register("loss", "breaks")
@dataclass
class Breaks(Loss):
    reads = "images"
    at: int = 2

    def __call__(self, frame):
        return frame.images.mean((1, 2, 3)) * (float("nan") if frame.step >= self.at else 1)


@register("perceptor", "schooled")
@dataclass
class Schooled(pixgen.testing.ToyPerceptor):
    def unknown_words(self, text):
        return {word: ["fox"] for word in text.split() if word == "foks"}
"""

SETTINGS = """
generator: toy
perceptors: {tiny: null, toy: {type: toy}}
size: 32x32
cutouts: 4
starts: 1
stages: [{steps: 1, size: 1}]
"""


@dataclass
class Toys:
    """A folder with a plugin file and settings that draw tiny pictures with it."""

    folder: Path

    def arguments(self, *words: str) -> list[str]:
        toys = ["--plugin", str(self.folder / "toys.py"), "--config", str(self.folder / "toys.yaml")]
        return [*words, *toys, "-o", f"{self.folder / 'out'}/"] if "-o" not in words else [*words, *toys]


@pytest.fixture(scope="session")
def plugin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toys")
    (folder / "toys.py").write_text(PLUGIN)
    (folder / "toys.yaml").write_text(SETTINGS)
    return folder


@pytest.fixture
def toys(plugin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    # Child processes run the same pixgen, installed or not, from another folder.
    monkeypatch.setenv("PYTHONPATH", str(Path(pixgen.__file__).parent.parent))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toys.yaml").write_text(SETTINGS)
    # One plugin file for all tests: a plugin is registered once.
    (tmp_path / "toys.py").symlink_to(plugin_folder / "toys.py")
    return Toys(tmp_path)


def test_help_comes_without_the_heavy_imports() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "pixgen", "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("Usage: pixgen")
    imported = {line.rsplit("|", 1)[-1].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert not imported & {"torch", "numpy", "omegaconf", "kornia", "open_clip", "PIL", "rich", "imageio", "yaml"}


def test_importing_pixgen_does_not_import_torch() -> None:
    code = "import sys, pixgen; dir(pixgen); sys.exit('torch' in sys.modules or not hasattr(pixgen, '__all__'))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([""], "the prompt is empty"),
        (["   "], "the prompt is empty"),
        (["a", "red", "fox"], 'needs quotes: pixgen "a red fox"'),
        (["steps=4"], "write the prompt first"),
        (["a fox", "--size", "big"], "--size: 'big' is not a size; write WIDTHxHEIGHT"),
        (["a fox", "--size", "4x4"], "--size: size is 4x4; it must be 8 to 16384 pixels"),
        (["a fox", "--steps", "many"], "--steps"),
        (["a fox", "-n", "0"], "-n"),
        (["a fox", "stepz=4"], "did you mean 'steps'?"),
        (["a fox", "generator.type=vqgam"], "did you mean 'vqgan'?"),
        (["a fox", "-p", "draff"], "did you mean 'draft'?"),
        (["a fox", "--device", "gpu"], "device is gpu; it must be"),
        (["a fox", "-o", "fox.gif"], "cannot save '.gif'"),
        (["a fox", "--init-image", "none.png"], "there is no picture 'none.png'"),
        (["a fox", "--config", "none.yaml"], "cannot read 'none.yaml'"),
        (["a fox", "--plugin", "none.py"], "there is no plugin file 'none.py'"),
        (["image:none.png"], "none.png"),
        (["a fox", "--colour", "red"], "No such option"),
    ],
)
def test_a_mistake_is_named_and_draws_nothing(
    words: list[str], said: str, toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toy = "image:" in words[0]
    assert run(toys.arguments(*words) if toy else words) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and "Traceback" not in err
    assert not list(toys.folder.rglob("*.png"))


def test_a_picture_and_its_record(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(toys.arguments("A Fox | snow:0.5", "--steps", "2", "--seed", "7", "--json")) == 0
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert record["seed"] == 7 and record["steps_done"] == record["steps_planned"] == 2
    assert record["size"] == "32x32" and record["losses"].keys() == {"clip"}
    assert Path(record["path"]) == toys.folder / "out" / "a-fox-snow.png"
    assert "step 1/2" in err and "step 2/2" in err

    about = metadata.read(Path(record["path"]))
    assert about.prompt == "A Fox | snow :0.5" and about.seed == 7 and about.size == (32, 32)
    assert about.config["generator"]["type"] == "toy" and about.config["seed"] == 7
    assert "auto" not in json.dumps(about.config)


def test_the_same_seed_gives_the_same_bytes_and_another_name(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    words = toys.arguments("a fox", "--steps", "2", "--seed", "7", "--quiet")
    assert run(words) == run(words) == 0
    out, err = capsys.readouterr()
    first, second = map(Path, out.splitlines())
    assert (first.name, second.name) == ("a-fox.png", "a-fox-2.png") and err == ""
    assert first.read_bytes() == second.read_bytes()


def test_several_pictures_count_their_seeds(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(toys.folder / "fox.webp")
    words = toys.arguments("a {red|blue|green} fox", "-n", "2", "--seed", "7", "--steps", "1", "-o", target)
    for _ in range(2):
        assert run([*words, "--overwrite", "--quiet"]) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.name for path in paths] == ["fox.webp", "fox-2.webp"] * 2
    found = [metadata.read(path) for path in paths[:2]]
    assert [about.seed for about in found] == [7, 8]
    assert all(re.fullmatch("a (red|blue|green) fox", about.prompt) for about in found)
    assert all(about.config["prompt"] == "a {red|blue|green} fox" for about in found)


def test_a_group_is_saved_a_picture_each(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(toys.arguments("a fox", "-n", "3", "--seed", "1", "--steps", "1", "batch=2", "--json")) == 0
    assert [json.loads(line)["seed"] for line in capsys.readouterr().out.splitlines()] == [1, 2, 3]


def test_begins_from_a_picture_and_remembers_which(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (50, 40), "red").save(toys.folder / "red.png")
    assert run(toys.arguments("a fox", "--init-image", "red.png", "--steps", "1", "--quiet")) == 0
    (file,) = metadata.read(Path(capsys.readouterr().out.strip())).inputs
    assert file.path == "red.png" and file.near == "../red.png" and len(file.sha256) == 64


@pytest.mark.slow
def test_says_what_it_changed_and_did_not_know(toys: Toys) -> None:
    words = toys.arguments("a foks", "--size", "33x32", "--steps", "1", "perceptors.toy.type=schooled")
    done = subprocess.run([sys.executable, "-m", "pixgen", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "never learnt the word 'foks'; the nearest that it knows: fox" in done.stderr
    assert "size 33x32 becomes 32x32: sides must be multiples of 4" in done.stderr
    assert Path(done.stdout.strip()).is_file()


def test_a_number_that_breaks_keeps_the_last_good_picture(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    words = toys.arguments("a fox", "--steps", "4", "losses.broken.type=breaks", "losses.broken.at=2")
    assert run(words) == 1
    out, err = capsys.readouterr()
    about = metadata.read(Path(out.strip()))
    assert about.steps_done == 2 and about.steps_planned == 4
    assert "step 2: loss broken is no finite number; lower optimizer.lr" in err and "Traceback" not in err


def test_debug_shows_where_it_happened(toys: Toys) -> None:
    with pytest.raises(Exception, match="no finite number"):
        run(toys.arguments("a fox", "--steps", "2", "losses.broken.type=breaks", "losses.broken.at=1", "--debug"))


def test_a_folder_that_cannot_be_made_is_said_before_drawing(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    (toys.folder / "file").write_text("")
    assert run(toys.arguments("a fox", "-o", str(toys.folder / "file" / "fox.png"))) == 2
    out, err = capsys.readouterr()
    assert (
        out == ""
        and "file is a file, and a folder is needed" in err
        and "step 1" not in err
        and len(err.splitlines()) == 1
    )


def test_interrupted_before_the_first_step(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    (toys.folder / "impatient.py").write_text("raise KeyboardInterrupt")
    assert run(["a fox", "--plugin", "impatient.py"]) == 130
    out, err = capsys.readouterr()
    assert out == "" and err.strip() == "pixgen: interrupted"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT between processes")
def test_ctrl_c_keeps_the_picture_reached_so_far(toys: Toys) -> None:
    words = toys.arguments("a fox", "--steps", "3000", "--seed", "1", "losses.slow.type=slow")
    child = subprocess.Popen(
        [sys.executable, "-m", "pixgen", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stderr is not None
    said = []
    for line in child.stderr:
        said.append(line)
        if line.startswith("step "):
            break
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    err = "".join(said) + err
    assert child.returncode == 130, err
    assert "keeping the picture reached so far" in err and "Traceback" not in err
    about = metadata.read(Path(out.strip()))
    assert 1 <= about.steps_done < about.steps_planned == 3000
    assert re.search(r"Steps: \d+, .*Planned steps: 3000", about.parameters())
    assert [path.suffix for path in (toys.folder / "out").iterdir()] == [".png"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_kill_9_while_saving_leaves_nothing_under_the_final_name(toys: Toys) -> None:
    # The bytes are in the temporary file when fsync is called, and the name is not there yet.
    killer = toys.folder / "killer.py"
    killer.write_text("import os, signal\nos.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)\n")
    words = toys.arguments("a fox", "--steps", "1", "--plugin", str(killer))
    done = subprocess.run([sys.executable, "-m", "pixgen", *words], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL and "step 1/1" in done.stderr, done.stderr
    assert done.stdout == ""
    assert [path.suffix for path in (toys.folder / "out").iterdir()] == [".tmp"]


def test_ctrl_c_while_saving_still_saves_the_picture_once(
    toys: Toys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save, pressed = output_files.save, []

    def interrupted(*arguments: Any, **options: Any) -> tuple[Path, str]:
        if not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)
        return save(*arguments, **options)

    monkeypatch.setattr(output_files, "save", interrupted)
    assert run(toys.arguments("a fox", "-n", "2", "--steps", "1", "--quiet")) == 130
    (line,) = capsys.readouterr().out.splitlines()
    assert [Path(line)] == list((toys.folder / "out").iterdir())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_jpeg_that_cannot_hold_its_metadata_is_refused_before_drawing(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(toys.arguments("雪" * 9_000, "-o", str(toys.folder / "snow.jpg"))) == 2
    err = capsys.readouterr().err
    assert "too long for a JPEG" in err and "step 1" not in err


def test_python_draws_the_same_picture(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    registry.load_file(toys.folder / "toys.py")
    steps = []
    toy = {"generator": "toy", "perceptors": {"tiny": None, "toy": {"type": "toy"}}, "cutouts": 4, "starts": 1}
    result = pixgen.generate(
        "a fox", seed=7, steps=2, size=(32, 32), callback=steps.append, stages=[{"steps": 1, "size": 1}], **toy
    )
    assert [step.index for step in steps] == [0, 1] and len(result.losses[0]["clip"]) == 2
    assert run(toys.arguments("a fox", "--steps", "2", "--seed", "7", "--quiet")) == 0
    drawn = Path(capsys.readouterr().out.strip())
    assert Image.open(drawn).tobytes() == result.images[0].tobytes()
    (saved,) = result.save(toys.folder / "saved" / "fox.png")
    assert metadata.read(saved) == metadata.read(drawn)


def test_python_names_the_option_that_is_wrong() -> None:
    with pytest.raises(UsageError, match=r"generate\(\.\.\., stepz=\.\.\.\).*did you mean 'steps'"):
        pixgen.generate("a fox", stepz=3)
    with pytest.raises(UsageError, match="count is 0; it must be a whole number, at least 1"):
        pixgen.generate("a fox", count=0)
    with pytest.raises(AttributeError, match="no attribute 'draw'"):
        _ = pixgen.draw
