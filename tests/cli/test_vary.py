"""`pixgen vary`, `morph` and `edit`: what they write, what they say of it, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import pixgen
from pixgen import registry
from pixgen.cli.main import run
from pixgen.errors import PixgenError, UsageError
from pixgen.io import files, metadata
from pixgen.networks import pair
from tests.editing.toy_pair import ToyPair
from tests.io.test_image_files import display_p3

FAST = ["--seed", "3", "--candidates", "1", "--quiet"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toys: ToyPair) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    registry.names("start")  # those that import `load` by name get the real one
    monkeypatch.setattr(pair, "load", lambda folder="": toys)
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 4), dtype=np.uint8)
    Image.fromarray(noise[..., :3]).save("fox.png")
    Image.fromarray(noise).save("clear.png")
    Image.fromarray(noise[..., 0]).resize((3, 200)).save("thin.png")
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[10:20, 20:30] = 255
    Image.fromarray(mask).save("mask.png")
    Image.fromarray(mask).resize((120, 80)).save("twice.png")
    Image.fromarray(mask).resize((60, 60)).save("square.png")
    Image.fromarray(mask * 0).save("black.png")
    Path("text.png").write_text("no picture")
    return tmp_path


@pytest.fixture(scope="module")
def toys() -> ToyPair:
    return ToyPair()


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def test_variations_are_written_and_say_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["vary", "fox.png", "-n", "2", "-o", "foxes/", *FAST]) == 0
    paths = capsys.readouterr().out.split()
    assert paths == ["foxes/fox-variation.png", "foxes/fox-variation-2.png"]
    about = [metadata.read(Path(path)) for path in paths]
    assert [one.seed for one in about] == [3, 4] and about[0].inputs[0].path == "fox.png"
    assert len({Path(path).read_bytes() for path in paths}) == 2

    assert run(["show", paths[1]]) == 0
    shown = capsys.readouterr().out
    assert "a variation of fox" in shown and f"made by:  {about[1].command}" in shown
    assert run(["again", paths[1]]) == 2
    assert about[1].command in capsys.readouterr().err

    words = about[1].command.split()
    assert words[:2] == ["pixgen", "vary"]
    assert run([*words[1:], "-o", "again.png", "--quiet"]) == 0
    assert np.array_equal(pixels("again.png"), pixels(paths[1]))
    assert metadata.read(Path("again.png")).command == about[1].command


@pytest.mark.parametrize("name", ["clear.png", "thin.png"])
def test_any_picture_will_do(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["vary", name, "-n", "1", "--strength", "0", "-o", "same.webp", "--json", *FAST]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["size"] == "128x128" and record["path"] == "same.webp" and Path("same.webp").is_file()


def test_a_morph_is_a_strip_and_a_video(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["morph", "fox.png", "thin.png", "-n", "3", "--steps", "0", "-o", "there.mp4", "--seed", "1", "--quiet"]
    assert run(words) == 0
    assert capsys.readouterr().out.split() == ["there.png", "there.mp4"]
    assert pixels("there.png").shape == (128, 3 * 128, 3)
    assert Path("there.mp4").read_bytes()[4:8] == b"ftyp"
    assert metadata.read(Path("there.png")).command.startswith("pixgen morph fox.png thin.png")


@pytest.mark.slow
@pytest.mark.parametrize("names", ["fox.png mask.png", "clear.png mask.png", "fox.png twice.png"])
def test_outside_the_mask_pixels_are_the_files_own(names: str, caplog: pytest.LogCaptureFixture) -> None:
    name, mask = names.split()
    assert run(["edit", name, "a red balloon", "--mask", mask, "--steps", "0", "-o", "out.png", *FAST]) == 0
    assert ("is resized" in caplog.text) == (mask == "twice.png")
    before, after = pixels(name), pixels("out.png")
    with Image.open(mask) as file:
        inside = np.array(file.resize((60, 40), Image.Resampling.BILINEAR)) > 0
    assert before.shape == after.shape and np.array_equal(before[~inside], after[~inside])
    assert (before[inside] != after[inside]).any(axis=-1).mean() > 0.5


@pytest.mark.slow
def test_an_edit_by_two_texts_is_the_same_for_the_same_seed() -> None:
    for name in ("one.png", "two.png"):
        words = ["edit", "fox.png", "a green fox", "--from", "a red fox", "--steps", "1", "--size", "128", "-o", name]
        assert run([*words, *FAST]) == 0
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()
    assert pixels("one.png").shape == (128, 128, 3)


@pytest.mark.slow
def test_python_has_the_same(folder: Path) -> None:
    made = pixgen.vary("fox.png", count=1, seed=3, strength=0)
    assert made.images[0].size == (128, 128) and made.save(folder / "varied.png") == [folder / "varied.png"]
    edited = pixgen.edit("fox.png", "a balloon", mask="mask.png", steps=0, seed=3)
    assert edited.images[0].size == (60, 40) and edited.metadata[0].prompt == "a balloon"
    morph = pixgen.morph("fox.png", "clear.png", frames=2, steps=0, seed=3)
    assert len(morph.frames) == 2 and morph.strip.image.size == (256, 128)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["vary", "none.png"], "there is no picture 'none.png'"),
        (["vary", "text.png"], "not a picture that can be read"),
        (["vary", "fox.png", "--strength", "1.5"], "strength 1.5"),
        (["vary", "fox.png", "--strength", "nan"], "strength nan"),
        (["vary", "fox.png", "--size", "99", "--steps", "1"], "size 99: it must be a multiple of 8"),
        (["vary", "fox.png", "--size", "384"], "size 384 without steps"),
        (["vary", "fox.png", "--steps", "-1"], "-1"),
        (["vary", "fox.png", "-n", "0"], "0"),
        (["vary", "fox.png", "-o", "fox.gif"], "cannot save '.gif'"),
        (["morph", "fox.png"], "Missing argument"),
        (["morph", "fox.png", "none.png"], "there is no picture 'none.png'"),
        (["morph", "fox.png", "fox.png", "-n", "1"], "1"),
        (["edit", "fox.png", "a green fox"], "--from"),
        (["edit", "fox.png", " ", "--from", "a fox"], "the text is empty"),
        (["edit", "fox.png", "a fox", "--from", "a fox"], "mean the same"),
        (["edit", "fox.png", "a fox", "--from", "x", "--strength", "-0.1"], "strength -0.1"),
        (["edit", "fox.png", "a fox", "--mask", "none.png"], "there is no picture 'none.png'"),
        (["edit", "fox.png", "a fox", "--mask", "text.png"], "not a picture that can be read"),
        (["edit", "fox.png", "a fox", "--mask", "square.png"], "another shape"),
        (["edit", "fox.png", "a fox", "--mask", "black.png"], "nothing may change"),
        (["edit", "fox.png", "a fox", "--mask", "mask.png", "-o", "fox.jpg"], "a JPEG changes every pixel"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_written(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and "Traceback" not in err
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == before


def test_too_large_a_picture_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert run(["vary", "fox.png"]) == 2
    assert "million pixels" in capsys.readouterr().err


def test_a_pair_without_its_files_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pair, "load", lambda where="": pair.Pair(Path(where), torch.device("cpu")))
    (folder / "empty").mkdir()
    assert run(["vary", "fox.png", "--model", "empty"]) in (1, 2)
    assert "vqgan" in capsys.readouterr().err.lower()


def test_python_takes_arrays_pil_pictures_and_bytes(folder: Path) -> None:
    noise = pixels("fox.png")
    wanted = pixgen.vary("fox.png", count=1, seed=3, strength=0).images[0].tobytes()
    for picture in (noise, noise / 255.0, Image.fromarray(noise), Path("fox.png").read_bytes(), Path("fox.png")):
        made = pixgen.vary(picture, count=1, seed=3, strength=0)
        assert made.images[0].tobytes() == wanted
    assert pixgen.vary(noise, count=1, seed=3, strength=0).metadata[0].inputs == ()
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 20:30] = 255
    edited = np.asarray(pixgen.edit(noise, "a balloon", mask=mask, steps=0, seed=3).images[0])
    assert np.array_equal(edited[mask == 0], noise[mask == 0])
    command = pixgen.morph(noise, "fox.png", frames=2, steps=0, seed=3).strip.about.command
    assert command.startswith("pixgen morph PICTURE fox.png ")


@pytest.mark.parametrize("wrong", [None, 3, ["fox.png"], np.zeros((4, 4), np.int32), np.full((4, 4), np.nan), b"no"])
def test_python_refuses_what_is_not_a_picture(wrong: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: pixgen.vary(wrong),
        lambda: pixgen.morph("fox.png", wrong),
        lambda: pixgen.edit(wrong, "a fox", "a dog"),
        lambda: pixgen.generate("image:cat", images={"cat": wrong}, size=64, steps=1, start="random"),
    ]
    if wrong is not None:
        calls.append(lambda: pixgen.edit("fox.png", "a fox", mask=wrong))
    for call in calls:
        with pytest.raises(UsageError):
            call()


def test_a_prompt_may_be_a_picture_from_python() -> None:
    options: dict[str, Any] = {"size": 64, "steps": 1, "seed": 1, "cutouts": 2}
    by_name = pixgen.generate("image:fox.png", **options)
    given = pixgen.generate("image:cat", images={"cat": pixels("fox.png")}, **options)
    assert given.images[0].tobytes() == by_name.images[0].tobytes()
    assert given.metadata[0].inputs == () and given.metadata[0].prompt == "image:cat"


def test_the_first_frame_of_a_picture_that_moves(capsys: pytest.CaptureFixture[str]) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save("moves.gif", save_all=True, append_images=frames[1:])
    assert run(["vary", "moves.gif", "-n", "1", *FAST]) == 2
    assert "--first-frame" in capsys.readouterr().err
    assert run(["vary", "moves.gif", "-n", "1", "--strength", "0", "--first-frame", "-o", "a.png", *FAST]) == 0
    frames[0].save("still.png")
    assert run(["vary", "still.png", "-n", "1", "--strength", "0", "-o", "b.png", *FAST]) == 0
    assert np.array_equal(pixels("a.png"), pixels("b.png"))
    assert "--first-frame" in metadata.read(Path("a.png")).command


def test_outside_the_mask_a_wide_gamut_picture_keeps_bytes_and_profile() -> None:
    profile = display_p3()
    Image.fromarray(pixels("fox.png")).save("wide.png", icc_profile=profile)
    assert run(["edit", "wide.png", "a balloon", "--mask", "mask.png", "--steps", "0", "-o", "out.png", *FAST]) == 0
    outside = pixels("mask.png") == 0
    assert np.array_equal(pixels("out.png")[outside], pixels("wide.png")[outside])
    with Image.open("out.png") as image:
        assert image.info["icc_profile"] == profile


def test_what_cannot_be_saved_is_known_before_it_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (16_400, 8)).save("wide.png")
    Image.new("L", (16_400, 8), 255).save("white.png")
    assert run(["edit", "wide.png", "a fox", "--mask", "white.png", "-o", "out.webp", *FAST]) == 2
    assert "16,383 pixels a side" in capsys.readouterr().err
    for words in (["vary", "fox.png"], ["edit", "fox.png", "a fox", "--from", "x"], ["morph", "fox.png", "fox.png"]):
        assert run([*words, "--seed", "3", "-o", "y" * 300 + ".png"]) == 2
        assert "too long" in capsys.readouterr().err
        assert run([*words, "--seed", "3", "-o", "~no-such-user-here/x.png"]) == 2
        assert "has no home folder here" in capsys.readouterr().err


def test_a_picture_that_cannot_be_saved_there_is_saved_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = files.write

    def write(path: Path, data: bytes, *, overwrite: bool = False) -> Path:
        if path.parent.name == "full":
            raise PixgenError(f"cannot write to {path}: no space left on device")
        return real(path, data, overwrite=overwrite)

    monkeypatch.setattr(files, "write", write)
    assert run(["morph", "fox.png", "fox.png", "-n", "2", "--steps", "0", "-o", "full/there.png", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert out.split() == [str(folder / "there.png"), str(folder / "there.mp4")]
    assert "no space left on device; it is saved as" in err and len(err.splitlines()) == 1
    assert pixels("there.png").shape == (128, 256, 3) and Path("there.mp4").is_file()
