"""`pixgen train`, as people meet it: what it says, refuses, keeps and ends with."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import shlex
import signal
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from pixgen.cli import train
from pixgen.cli.main import run
from pixgen.evaluation import evaluate
from pixgen.io.yaml_files import Layer
from pixgen.scenery.subjects import load_subjects
from pixgen.settings import config, layers, model_pair
from pixgen.training import clip, pipeline, runs
from pixgen.training.data import drawings
from pixgen.training.options import declared
from tests.training.shapes import SHAPES, pack
from tests.training.trained import SIZES

PRESETS: dict[str, dict[str, Any]] = {
    "clip": {"pictures": 24, "pool": 8},
    "vqgan": {"crops": 6, "pool": 40},
    "codes": {"codes": 1100, "each": 2},
    "bank": {"each": 1},
    "tokens": {"grids": 12, "scenes": 8, "width": 32, "depth": 1},
    "prior": {"pairs": 24, "scenes": 8},
    "judge": {"pictures": 12, "pool": 12},
    "evaluate": {"pictures": 4, "what": "vqgan"},
}


def small(**presets: Any) -> list[pipeline.Training]:
    """The trainings, of a few steps on small networks."""
    sizes = {name: {"sizes": value} for name, value in SIZES.items()}
    return [replace(t, presets={**PRESETS[t.name], **sizes.get(t.name, {}), **presets}) for t in train.TRAININGS]


@pytest.fixture(autouse=True)
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small trainings, in a folder of their own."""
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "train", train.group(small()))


def said(capsys: pytest.CaptureFixture[str], *arguments: Any, code: int = 0) -> tuple[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = run(["train", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert found == code, err
    return out, err


def own(folder: Path) -> Path:
    """Ten pictures of a user: SVGs with transparent parts, one of them broken, and an opaque photograph."""
    folder.mkdir()
    for name, svg in SHAPES.items():
        (folder / f"{name}.svg").write_text(svg)
    (folder / "owl.svg").write_text("<svg this is none")
    Image.new("RGB", (40, 30), "navy").save(folder / "the sea at night.jpg")
    return folder


def test_every_training_s_help_shows_its_own_options(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, "--help")
    for training in train.TRAININGS:
        assert f"  {training.name} " in out
        shown = said(capsys, training.name, "--help")[0]
        assert "--runs FOLDER" in shown
        for one in declared(training.options):
            assert one.option.positional or f"{one.flag} " in shown.replace(",", " ").replace("\n", " "), one
    shown = said(capsys, "evaluate", "--help")[0]
    assert [name for name in evaluate.NAMES if name not in shown] == [] and list(evaluate.MEASURES) == [*evaluate.NAMES]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("clip --pictures 300 -- --pool 8", {"pictures": 300, "pool": 8}),
        ("clip -- --pool 8 --lr 0.1", {"pool": 8, "lr": 0.1}),
        ("vqgan --pictures 450000 -- --decoder", {"crops": 450_000, "decoder": True}),
        ("vqgan --crops 450000 --decoder", {"crops": 450_000, "decoder": True}),
        ("judge -- --pool 196608 --final", {"pool": 196_608, "final": True}),
        ("tokens -- --pair other --grids 3", {"pair": Path("other"), "grids": 3}),
        ("evaluate --what prompts --set steps=2 --set starts=1", {"what": "prompts", "set": ("steps=2", "starts=1")}),
        ("evaluate --folder mine --out there --no-drawing", {"folder": Path("mine"), "no_drawing": True}),
    ],
)
def test_options_reach_their_training_before_and_after_a_double_dash(
    line: str, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(pipeline, "_require_sprites", lambda *_: None)
    monkeypatch.setattr(pipeline, "_require_weights", lambda *_: None)
    monkeypatch.setattr(
        pipeline, "train", lambda training, request: made.append(pipeline.options_of(training, request))
    )
    said(capsys, *shlex.split(line))
    assert {name: getattr(made[0], name) for name in expected} == expected


def test_a_toy_is_what_the_options_say_and_what_is_given_goes_before(capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs/quick/cache").mkdir(parents=True)
    Path("runs/quick/cache/index.json").write_text("[]")
    (training,) = (one for one in pipeline.TRAININGS if one.name == "clip")
    request = pipeline.TrainingRequest(quick=True, options={"pool": 99, "grids": 7})
    options: Any = pipeline.options_of(training, request)
    assert (options.pictures, options.pool, options.subjects) == (24_000, 99, 24)
    assert options.run == Path("runs/quick/clip") and options.cache == Path("runs/quick/cache")


def test_a_wrong_name_gets_the_nearest_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'vqgan'?" in said(capsys, "vqgna", code=2)[1]
    assert "No such option" in said(capsys, "clip", "--picturs", "3", code=2)[1]


def test_a_missing_extra_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "resvg_py" else find(name))
    err = said(capsys, "data", code=2)[1]
    assert "resvg-py" in err and 'pip install -c constraints.txt ".[train]"' in err


def test_what_must_come_first_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "`pixgen train data`" in said(capsys, "clip", code=2)[1]
    assert "`pixgen train data --runs mine --quick`" in said(capsys, "vqgan", "--runs", "mine", "--quick", code=2)[1]
    Path("mine/quick/cache").mkdir(parents=True)
    Path("mine/quick/cache/index.json").write_text("[]")
    err = said(capsys, "vqgan", "--runs", "mine", "--quick", code=2)[1]
    assert "mine/quick/pair/perceptor.safetensors" in err and "`pixgen train clip --runs mine --quick`" in err


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (None, "there is no folder"),
        ({}, "holds no pictures"),
        ({"IMG_0001.png": b"", "2.jpg": b""}, "no captions"),
        ({"cat.svg": SHAPES["cat"].encode()}, "gives 1 picture to learn from; at least 8 are needed"),
        ({"cat.svg": SHAPES["cat"].encode(), "dog.png": b"no picture"}, "dog.png"),
        ({f"cat {i}.svg": SHAPES["cat"].encode() for i in range(8)}, "two captions at least must differ"),
        ({"cat.svg": b"", "captions.csv": b"name,words\n"}, "has no column caption and file"),
        ({"cat.svg": b"", "captions.csv": b"file,caption\ndog.svg,a dog\ncat.svg,\n"}, "captions.csv:2"),
        ({"cat.svg": b"", "captions.csv": b"\xff\xfe\x00"}, "not a CSV in UTF-8"),
    ],
)
def test_drawings_that_cannot_be_learnt_from(
    files: dict[str, bytes] | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if files is not None:
        (tmp_path / "own").mkdir()
        for name, content in files.items():
            (tmp_path / "own" / name).write_bytes(content)
    err = said(capsys, "data", "--drawings", tmp_path / "own", code=2)[1]
    assert words in err and err.count("\n") <= 2


def test_own_pictures_become_sprites_and_whole_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = own(tmp_path / "own")
    rows = ["file,caption,caption_pt", "cat.svg,a Cat,uma gata", "gone.svg,nothing"]
    rows += [f"{path.name},a {path.stem}," for path in sorted(folder.iterdir()) if path.name != "cat.svg"]
    (folder / "captions.csv").write_text("\n".join(rows))
    err = said(capsys, "data", "--drawings", folder, "--runs", "mine")[1]
    assert "left out: owl.svg" in err and "gone.svg" in err and "10 pictures" in err
    subjects = load_subjects(Path("mine/cache"))
    assert subjects["Cat"].pt == ("gata",) and subjects["Cat"].kind == "thing"
    assert subjects["the sea at night"].kind == "picture"
    sprites, index = drawings.load_sprites(Path("mine/cache"))
    sea = sprites[[d.group for d in index].index("the sea at night")]
    assert (sea[3] == 255).all() and sprites[0][3].min() == 0
    assert "knows the open drawings alone" in said(capsys, "judge", "--runs", "mine", code=2)[1]
    (folder / "dog.svg").unlink()
    assert "was made from other pictures" in said(capsys, "data", "--drawings", folder, "--runs", "mine", code=1)[1]
    assert "pictures of your own" in said(capsys, "data", "--runs", "mine", code=2)[1]


@pytest.mark.slow
def test_everything_at_once_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs" / "drawings").mkdir(parents=True)
    sets = pack(tmp_path / "runs" / "drawings", SHAPES)
    rasterise = drawings.rasterise
    monkeypatch.setattr(drawings, "fetch", lambda folder: None)
    monkeypatch.setattr(
        drawings, "rasterise", lambda f, c, subjects: rasterise(f, c, 96, sets, processes=1, subjects=subjects)
    )
    out, err = said(capsys, "all", "--quick")
    folder = Path("runs/quick/pair")
    assert out.splitlines()[-1] == str(folder) and f"--model {folder}" in err
    made = {"perceptor", "vqgan", "bank", "tokens", "prior", "judge"}
    assert {f"{name}.safetensors" for name in made} <= {path.name for path in folder.iterdir()}
    assert all(list(Path(f"runs/quick/{name}/samples").glob("*.png")) for name in ("clip", "vqgan", "tokens"))
    assert Path("runs/quick/vqgan/losses.png").is_file()
    before = Path("runs/quick/clip/checkpoint.pt").stat().st_mtime_ns
    said(capsys, "all", "--quick")  # all is done: nothing is trained again
    assert Path("runs/quick/clip/checkpoint.pt").stat().st_mtime_ns == before
    words = ["steps=1", "size=32x32", "starts=1", "cutouts=2", "stages=[{steps: 1, size: 1}]", "start.type=random"]
    assert run(["a cat", "--model", str(folder), "-o", "cat.png", "--quiet", *words]) == 0, capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = own(tmp_path / "own")
    monkeypatch.setattr(clip, "schedule", _after(3, clip.schedule, lambda: os.kill(os.getpid(), signal.SIGINT)))
    arguments = ["clip", "--drawings", folder, "--runs", "mine", "--pictures", "800", "--", "--pool", "8"]
    err = said(capsys, *arguments, code=130)[1]
    assert "to resume: pixgen train clip" in err and "--pictures 800 --pool 8" in err
    state = runs.load_checkpoint(Path("mine/clip/checkpoint.pt"))
    assert state is not None and 0 < state["pictures"] < 800
    assert Path("mine/pair/perceptor.safetensors").is_file()
    assert not runs.checkpoint_due(time.time(), 60.0)  # the next training is not asked to stop


@pytest.mark.slow
def test_a_run_resumes_with_its_first_inputs_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = own(tmp_path / "own")
    arguments = ["clip", "--drawings", folder, "--runs", "mine", "--pictures", "16"]
    said(capsys, *arguments, "--", "--pool", "8")
    before = Path("mine/clip/checkpoint.pt").read_bytes()
    err = said(capsys, *arguments, "--seed", "1", "--", "--pool", "8", code=2)[1]
    assert "mine/clip was begun with seed 0, and now it is 1: delete mine/clip" in err
    assert "begun with pool 8" in said(capsys, *arguments, "--", "--pool", "12", code=2)[1]
    Path("mine/cache/made-from.txt").write_text("others")
    assert "drawings" in said(capsys, "clip", "--runs", "mine", "--pictures", "24", "--", "--pool", "8", code=2)[1]
    assert Path("mine/clip/checkpoint.pt").read_bytes() == before
    shipped = "mine/pair/perceptor.safetensors"
    more = ["clip", "--runs", "other", "--cache", "mine/cache", "--pictures", "16", "--restart", shipped]
    assert "has seen 16 already, and 16 are wanted in all" in said(capsys, *more, "--", "--pool", "8", code=2)[1]
    assert not list(Path("other/clip").iterdir())  # refused before anything was drawn
    Path("half.safetensors").write_bytes(b"half")
    assert "half.safetensors is damaged" in said(capsys, *more[:-1], "half.safetensors", code=1)[1]
    assert "No such option" in said(capsys, "prior", "--restart", shipped, code=2)[1]


def _after(count: int, function: Any, act: Any) -> Any:
    left = [count]

    def wrapped(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            act()
        return function(*arguments)

    return wrapped


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = own(tmp_path / "own")
    monkeypatch.setattr(train, "train", train.group(small(save_every=-1.0)))
    save, left = torch.save, [2]

    def full(state: Any, path: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(state, path)

    monkeypatch.setattr(torch, "save", full)
    arguments = ["clip", "--drawings", folder, "--runs", "mine", "--pictures", "80", "--", "--pool", "8"]
    err = said(capsys, *arguments, code=1)[1]
    assert "no space left on device" in err and "the last checkpoint is kept" in err
    state = runs.load_checkpoint(Path("mine/clip/checkpoint.pt"))
    assert state is not None and state["step"] == 2 and not list(Path("mine/clip").glob("*.tmp"))


def test_a_pair_is_a_folder_or_a_name(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "pair"
    folder.mkdir(parents=True)
    (folder / "perceptor.safetensors").touch()
    with pytest.raises(Exception, match="has no vqgan.safetensors; make it with `pixgen train vqgan --runs"):
        model_pair.settings(str(folder))
    with pytest.raises(Exception, match="did you mean 'pixgen-tiny'"):
        model_pair.settings("pixgen-tny")
    assert model_pair.settings("ViT-B-32-openai")["perceptors"]["tiny"] is None
    assert model_pair.settings("vqgan-imagenet-f16-1024")["generator"]["model"] == "vqgan-imagenet-f16-1024"
    Path(os.environ["PIXGEN_HOME"]).mkdir()
    Path(os.environ["PIXGEN_HOME"], "config.yaml").write_text("perceptors: {big: {type: tiny}}\n")
    said = layers.gather([], None, [Layer(model_pair.settings("pixgen-tiny"), "--model")])
    assert list(config.resolve(said).perceptors) == ["tiny"]


def test_losses_are_read_from_the_log(tmp_path: Path) -> None:
    from pixgen.training import monitor

    log = tmp_path / "log.jsonl"
    lines = [
        {"seconds": 1, "pictures": 8, "rate": 2.0, "loss": 3.0},
        {"seconds": 2, "pictures": 16, "seen": [0.1, 0.5]},
    ]
    log.write_text("\n".join(map(json.dumps, lines)))
    assert monitor.series(log) == {"loss": ([8], [3.0]), "seen 1": ([16], [0.1]), "seen 2": ([16], [0.5])}


def test_a_toy_leaves_a_cache_that_was_made_for_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    said: list[str] = []
    monkeypatch.setattr(drawings, "make", lambda folder, cache, subjects: made.append(subjects))
    pipeline.data(pipeline.TrainingRequest(quick=True, cache=tmp_path), said.append)
    assert len(made) == 1 and not said
    (tmp_path / "sprites.npy").write_bytes(b"")
    pipeline.data(pipeline.TrainingRequest(quick=True, cache=tmp_path), said.append)
    assert len(made) == 1 and str(tmp_path) in said[0]
    pipeline.data(pipeline.TrainingRequest(cache=tmp_path), said.append)
    assert made == [24, 10**6]
