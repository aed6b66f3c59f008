"""`pixgen show config --sources`: every value of a run, and the layer that set it last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixgen.cli import flags
from pixgen.cli.main import run
from pixgen.io import resources
from pixgen.settings import config
from pixgen.settings.sources import Sourced, sources

PAIR = resources.configs() / "models" / "pixgen-tiny.yaml"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def found(
    *words: str, presets: tuple[str, ...] = (), file: str | None = None, size: str | None = None
) -> dict[str, Sourced]:
    layers = flags.gather(None, words, flags.settings(size=size), presets, file)
    return {each.key: each for each in sources(layers)}


def line(path: Path, text: str) -> str:
    """`file:line` of the first line that holds `text`."""
    lines = path.read_text().splitlines()
    return f"{path}:{next(i for i, each in enumerate(lines, 1) if text in each)}"


def where(each: Sourced) -> tuple[str, str]:
    return each.layer, each.place


def test_every_value_of_the_config_is_there_once() -> None:
    made = config.to_dict(config.resolve(flags.gather(None, ["losses.warm.type=tv"], {}, ("ink",))))
    values = found("losses.warm.type=tv", presets=("ink",))
    assert {key.partition(".")[0].partition("[")[0] for key in values} == made.keys()
    assert values["losses.look.text"].value == made["losses"]["look"]["text"]
    assert values["stages[0].size"].value == made["stages"][0]["size"]
    assert values["size"].value == made["size"]


def test_defaults_have_no_place() -> None:
    values = found("generator=pixel")
    for key in ("seed", "average", "cutter.type", "cutter.rotation", "losses.clip.weight", "stages[0].lr"):
        assert where(values[key]) == ("default", ""), key


def test_the_generators_defaults() -> None:
    assert where(found("generator=pixel")["optimizer.lr"]) == ("generator", "the defaults of generator pixel")


def test_the_profile_of_a_model() -> None:
    model = resources.configs() / "models" / "vqgan-imagenet-f16-16384.yaml"
    values = found("generator.model=vqgan-imagenet-f16-16384")
    assert where(values["generator.model"]) == ("flag", "argument 'generator.model=vqgan-imagenet-f16-16384'")
    assert where(values["optimizer.lr"]) == ("model", line(model, "optimizer:"))


def test_the_pair_and_its_start() -> None:
    values = found()
    assert where(values["start.type"]) == ("pair", line(PAIR, "start: bank"))
    assert where(values["losses.tv.weight"]) == ("pair", line(PAIR, "tv:"))
    assert where(values["losses.tv.type"]) == ("pair", line(PAIR, "tv:"))  # which its id implies
    assert where(values["optimizer.lr"]) == ("pair's start", line(PAIR, "optimizer: {lr: 0.003}"))
    assert where(values["stages[0].cutouts"]) == ("pair's start", line(PAIR, "- {steps: 1.0"))
    assert where(values["stages[0].lr"]) == ("default", "")
    assert values["noise"].layer == "pair's start"  # a number in the place of the default's schedule


def test_your_files(home: Path) -> None:
    (home / "config.yaml").write_text("starts: 3\n\nlosses:\n  tv: {weight: 0.1}\n")
    values = found()
    assert where(values["starts"]) == ("your file", f"{home / 'config.yaml'}:1")
    assert where(values["losses.tv.weight"]) == ("your file", f"{home / 'config.yaml'}:4")
    assert values["losses.tv.type"].layer == "pair"


def test_presets_a_file_flags_and_assignments_win_in_this_order() -> None:
    draft = resources.presets() / "draft.yaml"
    assert where(found(presets=("draft",))["steps"]) == ("preset", line(draft, "steps:"))
    Path("mine.yaml").write_text("# mine\nsteps: 7\nsize: 64x64\n")
    values = found(presets=("draft",), file="mine.yaml")
    assert where(values["steps"]) == ("YAML", "mine.yaml:2") and where(values["size"]) == ("YAML", "mine.yaml:3")
    values = found("steps=9", presets=("draft",), file="mine.yaml", size="32")
    assert where(values["size"]) == ("flag", "--size")
    assert where(values["steps"]) == ("flag", "argument 'steps=9'")


def test_another_type_takes_the_options_of_the_old_one_with_it() -> None:
    values = found("start=bank", "start.top=2", "start=random", "cutter.rotation=3", "losses.tv=null")
    assert where(values["start.type"]) == ("flag", "argument 'start=random'") and "start.top" not in values
    assert not any(key.startswith("losses.tv") for key in values)
    assert where(values["cutter.rotation"]) == ("flag", "argument 'cutter.rotation=3'")
    assert values["cutter.whole"].layer == "pair"
    values = found("noise={type: linear, start: 1, end: 0}", "noise.start=2")
    assert where(values["noise.start"]) == ("flag", "argument 'noise.start=2'")
    assert values["noise.end"].place == "argument 'noise={type: linear, start: 1, end: 0}'"
    assert where(found("noise={type: linear, start: 1, end: 0}", "noise=0.5")["noise"]) == (
        "flag",
        "argument 'noise=0.5'",
    )


def test_the_command_prints_a_line_or_a_record_for_each_value(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["show", "config", "--sources", "--size", "64x32", "-p", "draft"]
    assert run(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert run([*words, "--json"]) == 0
    records = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert len(lines) == len(records) > 40
    for text, record in zip(lines, records, strict=True):
        assert text.startswith(f"{record['key']}: ") and text.endswith(record["place"]) and record["layer"] in text
    assert {"key": "size", "value": "64x32", "layer": "flag", "place": "--size"} in records


def test_sources_are_of_a_config_and_not_of_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "fox.png", "--sources"]) == 2
    assert "pixgen show config" in capsys.readouterr().err
