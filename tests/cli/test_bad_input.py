"""Wrong input of every kind gets one clear line, the right exit code, and nothing half written."""

from __future__ import annotations

import builtins
import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixgen.cli.main import run
from pixgen.errors import UsageError
from pixgen.io import files, metadata, pictures

PLUGIN = "import pixgen.testing\n"

SETTINGS = """
generator: toy
perceptors: {tiny: null, toy: {type: toy}}
size: 32x32
steps: 1
cutouts: 4
starts: 1
stages: [{steps: 1, size: 1}]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad_toys.py").write_text(PLUGIN)
    (tmp_path / "toys.yaml").write_text(SETTINGS)
    return tmp_path


def toys(*words: str) -> list[str]:
    return [*words, "--plugin", "bad_toys.py", "--config", "toys.yaml", "-o", "out/"]


def line(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> str:
    """What pixgen says to these words: one line, the exit code as said, no picture, no half file."""
    assert run(words) == code
    out, err = capsys.readouterr()
    said = [each for each in err.splitlines() if not each.startswith(("Usage:", "Try ", "step "))]
    assert out == "" and len([each for each in said if each]) == 1, err
    assert not [path for path in Path.cwd().rglob("*") if "out" in path.parts and path.is_file()]
    return err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a" * 100_000], "the prompt has 100,000 characters; the most is 10,000"),
        (["a\0b"], "control character U+0000 at 1"),
        (["a\x1b[31mb"], "control character U+001B"),
        (["|||"], "the prompt is empty"),
        (["{a|b"], "'{' without its '}'"),
        (["a fox", "losses.warm.type=palete"], "did you mean 'palette'?"),
        (["a fox", "losses.clip.wieght=2"], "did you mean 'weight'?"),
        (["a fox", "filters.dream.type=dream"], "there is no filter called 'dream'"),
        (["a fox", "--size", "0x64"], "it must be 8 to 16384 pixels"),
        (["a fox", "--size", "-64x64"], "is not a size; write WIDTHxHEIGHT"),
        (["a fox", "--size", "99999x99999"], "it must be 8 to 16384 pixels"),
        (["a fox", "--size", "9999999x9"], "is not a size"),
        (["a fox", "--seed", "99999999999999999999"], "seed"),
        (["a fox", "-o", "[sed].png"], "did you mean 'seed'?"),
        (["a fox", "--steps", "0"], "--steps"),
        (["a fox", "optimizer.type=LBFGS"], "use Adam"),
        (["a fox", "optimizer.lr=fast"], "optimizer.lr"),
        (["a fox", "cutouts=1.5"], "cutouts"),
        (["a fox", "stages=[{steps: 0.5}]"], "adding up to 1"),
    ],
)
def test_words_that_cannot_be(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in line(words, 2, capsys)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("generator={type: vqgan, model: nothing.safetensors}", "nothing.safetensors"),
        ("perceptors={toy: {type: open_clip, model: ViT-B-23}}", "ViT-B-23"),
    ],
)
def test_models_that_there_are_not(setting: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in line(toys("a fox", setting), 2, capsys)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: [1, 2", "bad.yaml:"),
        ("steps: 3\n  size: 4", "bad.yaml:2"),
        ("a: &a [x, x]\nb: [*a, *a]", "aliases (*name) are not allowed"),
        ("prompt: ${oc.env:HOME}", "files may not look things up"),
        ("prompt: !!python/object/apply:os.system [ls]", "is not allowed; settings are plain data"),
        ("- steps", "settings must be 'name: value' lines"),
        ("steps: 1\nsteps: 2", "is there twice"),
        ("[" * 5_000, "nested too deeply"),
        ("steps: ten", "bad.yaml:1"),
        ("x" * 1_000_001, "that is not a settings file"),
    ],
)
def test_settings_files_that_cannot_be(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.yaml").write_text(text)
    assert said in line(["a fox", "--config", "bad.yaml"], 2, capsys)


def _truncated(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2_000])


def _bomb(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path)


def _animated(path: Path) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("make", "said"), [(_truncated, "truncated"), (_bomb, "million pixels; make it smaller"), (_animated, "moves")]
)
def test_pictures_that_cannot_be_begun_from(make: Any, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    make(Path("begin.png"))
    err = line(toys("a fox", "--init-image", "begin.png"), 2, capsys)
    assert "begin.png" in err and said in err


def _cmyk(path: Path) -> Path:
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(path.with_suffix(".jpg"))
    return path.with_suffix(".jpg")


def _deep(path: Path) -> Path:
    Image.fromarray(np.full((32, 32), 65535, dtype=np.uint16)).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def _alpha(path: Path) -> Path:
    Image.new("RGBA", (32, 32), (255, 0, 0, 0)).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def _turned(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (32, 32), "blue")
    image.paste("red", (0, 0, 16, 32))
    image.save(path.with_suffix(".png"), exif=exif)
    return path.with_suffix(".png")


@pytest.mark.parametrize(
    ("make", "top_left"),
    [(_cmyk, (1, 0, 0)), (_deep, (1, 1, 1)), (_alpha, (1, 1, 1)), (_turned, (1, 0, 0))],
)
def test_pictures_of_every_kind_simply_work(
    make: Any, top_left: tuple[int, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(Path("begin"))
    image = pictures.read(path)
    assert image.shape == (1, 3, 32, 32) and image[0, :, 2, 29].tolist() == pytest.approx(top_left, abs=0.02)
    assert run([*toys("a fox", "--init-image", str(path)), "--quiet"]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir(mode=0o500)
    assert "permission denied; choose another place" in line(toys("a fox"), 1, capsys)


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    real = builtins.open

    def full(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode == "xb":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, mode, *arguments, **options)

    monkeypatch.setattr(files, "open", full, raising=False)
    assert "no space left on device; make room" in line(toys("a fox"), 1, capsys)


def test_an_odd_size_is_rounded_and_said(caplog: pytest.LogCaptureFixture) -> None:
    assert run([*toys("a fox", "--size", "33x30"), "--quiet"]) == 0
    assert "size 33x30 becomes 32x32: sides must be multiples of 4" in caplog.text


def test_a_picture_that_moves_is_refused_from_python_too() -> None:
    _animated(Path("moves.png"))
    with pytest.raises(UsageError, match=r"moves\.png.*moves \(2 pictures in one\)"):
        pictures.read(Path("moves.png"))


def test_what_a_picture_says_of_itself_is_shown_and_never_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = "\x1b]0;owned\x07\x1b[2J\u202efox\u2028\nerror: all is well"
    about = metadata.Metadata(
        version=f"9\x1b[31m{hostile}", prompt=hostile, config={"prompt": hostile, f"k{hostile}": 1}, steps_planned=1,
        steps_done=1, seed=0, size=(8, 8), inputs=(metadata.Input(f"x{hostile}.png", "0" * 64),), machine=hostile,
    )  # fmt: skip
    metadata.save(Image.new("RGB", (8, 8)), Path("a.png"), about, overwrite=False)
    for words in (["show", "a.png"], ["show", "a.png", "--json"], ["again", "a.png"]):
        run(words)
        out, err = capsys.readouterr()
        said = out + err
        assert said.replace("\n", "").isprintable() and "\u202e" not in said
        assert not any(line.startswith("error:") for line in said.splitlines())
    assert "\\x1b[2J" in said
