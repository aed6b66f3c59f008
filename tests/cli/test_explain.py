"""`pixgen explain`: pages of pixgen's pictures and of others, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from pixgen.cli.main import run
from pixgen.io import metadata
from pixgen.recognition import maps

TOYS = ["--plugin", "toys.py", "--config", "toys.yaml", "--size", "32x32", "--steps", "2", "--seed", "5", "--quiet"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("toys.py").write_text("import pixgen.testing\n")
    Path("toys.yaml").write_text("generator: toy\nperceptors: {tiny: null, toy: {type: toy}}\nstarts: 1\ncutouts: 4\n")
    monkeypatch.setattr(maps, "STEP", 1.0)
    Image.effect_noise((40, 30), 90).convert("RGB").save("photo.png")
    return tmp_path


def test_a_picture_is_drawn_again_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["a fox", *TOYS]) == 0
    explained = ["explain", "outputs/a-fox.png", "--plugin", "toys.py"]
    assert run([*explained, "--language", "pt"]) == 0
    page = Path("outputs/a-fox-explained/index.html")
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == str(page) and "2/2" in err
    text = page.read_text()
    assert "a fox" in text and "Passo a passo" in text and "<script" not in text
    with Image.open(page.parent / "picture.png") as shown:
        assert shown.size == (256, 256)
    assert run([*explained, "--json", "--quiet"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record == {"path": "outputs/a-fox-explained-2/index.html", "prompt": "a fox", "drawn_again": True}


def test_the_language_is_the_locales(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    assert run(["explain", "photo.png", "--prompt", "um cachorro", "-o", "page"]) == 0
    assert "Onde o CLIP encontra" in Path("page/index.html").read_text()


def test_what_cannot_be_drawn_again_is_explained_by_its_maps(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["a fox", *TOYS, "-o", "fox.png"]) == 0
    about = metadata.read(Path("fox.png"))
    for name, changed in {
        "varied": about.__class__(**{**vars(about), "command": "pixgen vary photo.png -n 1 --seed 1"}),
        "strange": about.__class__(**{**vars(about), "config": {"generator": {"type": "no-such-thing"}}}),
    }.items():
        metadata.save(Image.new("RGB", (32, 32), "red"), Path(f"{name}.png"), changed)
        capsys.readouterr()
        assert run(["explain", f"{name}.png", "-o", name, "--prompt", "a dog"]) == 0
        assert "is not drawn again" in capsys.readouterr().err
        text = Path(name, "index.html").read_text()
        assert "could not be drawn again" in text and "frames" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.png"], "there is no picture"),
        (["."], "is a folder"),
        (["text.png"], "not a picture"),
        (["short.png"], "not a picture"),
        (["photo.png", "--prompt", " "], "--prompt is empty"),
        (["photo.png", "-o", "page.html"], "looks like a file"),
        (["photo.png", "-o", "mine"], "other files in it"),
        (["photo.png", "-o", "toys.py"], "is a file"),
        (["photo.png", "--language", "de"], "--language"),
        (["photo.png", "--clip", "no-such-clip"], "no-such-clip"),
    ],
)
def test_what_it_refuses(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.png").write_text("no picture")
    Path("short.png").write_bytes(Path("photo.png").read_bytes()[:200])
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    assert run(["explain", *words]) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err
    assert sorted(path.name for path in Path("mine").iterdir()) == ["notes.txt"] and not Path("outputs").exists()


def test_a_picture_of_too_many_pixels(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1_000)
    assert run(["explain", "photo.png"]) == 2
    assert "million pixels" in capsys.readouterr().err
