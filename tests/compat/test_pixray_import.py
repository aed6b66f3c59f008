"""From Pixray's settings to pixgen's: nothing is dropped in silence, and what comes out can be drawn."""

from __future__ import annotations

import importlib.util
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pixgen.cli.main import run as pixgen
from pixgen.compat import pixray, pixray_import, pixray_reading, pixray_run, vqgan_clip
from pixgen.compat import pixray_counterparts as counterparts
from pixgen.compat.imported import Imported
from pixgen.compat.pixray_eras import OLD_NAMES
from pixgen.compat.pixray_options import BY_FLAG, DRAWERS, FILTERS, LOSSES, OPTIONS
from pixgen.errors import UsageError
from pixgen.io import metadata
from pixgen.io.yaml_files import Layer
from pixgen.prompts import grammar
from pixgen.settings import config as configs
from tests.compat.test_pixray import ERAS, A, B, C, picture, worked_out

ROOT = Path(__file__).parent.parent.parent


def test_every_setting_has_a_row_and_every_row_says_something() -> None:
    assert counterparts.COUNTERPARTS.keys() == OPTIONS.keys()
    tables = (
        counterparts.COUNTERPARTS,
        {name: counterparts.DRAWERS[name] for name in DRAWERS},
        {name: counterparts.LOSSES[name] for name in LOSSES},
        {name: counterparts.FILTERS[name] for name in FILTERS},
    )
    assert not [name for table in tables for name, row in table.items() if not (row.pixgen or row.note)]


def test_the_page_is_what_the_tables_say() -> None:
    path = ROOT / "docs" / "make_pixray.py"
    spec = importlib.util.spec_from_file_location("make_pixray", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "pixray.md").read_text() == module.page()


SAMPLE: Mapping[str, Any] = {
    "text": "x", "number": 0.5, "whole": 3, "flag": True, "wholes": [1, 2], "numbers": [1.0], "unit": "10%",
    "units": [50.0],
}  # fmt: skip
OF_THEIR_OWN: Mapping[str, Any] = {
    "drawer": "vdiff", "filters": "tiler", "custom_loss": "edge", "quality": "best", "aspect": "square",
    "ezsize": "small", "perceptors": "slip", "pixel_type": "hex", "edge_margins": [1, 2, 3, 4], "prompts": "a fox",
    "save_intermediates": False, "gaussian_std": [1.0, 2.0], "gaussian_color": [1.0, 2.0, 3.0], "seed": 5,
    "size": [64, 64],
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_no_setting_is_dropped_in_silence(name: str) -> None:
    """Whatever a file sets is in the settings that come out, in the prompt, or named as lost or near."""
    value = OF_THEIR_OWN.get(name, SAMPLE[OPTIONS[name].kind])
    plain = _converted({"prompts": "a fox"})
    made = _converted({"prompts": "a fox", name: value})
    said = name in {each.partition(" ")[0] for each in (*made.lost, *made.near)}
    told = {"prompts", "skip_args", "cudnn_determinism"}  # what was there before; and what pixgen does by itself
    assert (
        said
        or made.settings != plain.settings
        or made.prompt != plain.prompt
        or made.output != plain.output
        or (name in told)
    )


@pytest.mark.parametrize("name", sorted(OLD_NAMES))
def test_every_older_spelling_is_read(name: str) -> None:
    value = "tiler" if name == "color_mapper" else SAMPLE[pixray_reading.kind_of(name)]
    pixray_run.work_out(pixray_reading.check({name: value}, "a test"))


def _converted(values: Mapping[str, Any]) -> Imported:
    return pixray_import.convert(pixray_run.work_out(pixray_reading.check(values, "a test")))


@pytest.mark.parametrize("text", [A, B, C, *(text for text, _ in ERAS.values())])
@pytest.mark.parametrize("real", [False, True], ids=["own networks", "real models"])
def test_what_comes_out_is_a_config(text: str, real: bool, tmp_path: Path) -> None:
    made = pixray_import.convert(worked_out(text, tmp_path), tmp_path, real_models=real)
    read = yaml.safe_load(made.to_yaml("a test"))
    assert read == {**({"prompt": made.prompt} if made.prompt else {}), **made.settings}
    config = configs.resolve([Layer(read, "a test")])
    assert configs.from_dict(json.loads(json.dumps(configs.to_dict(config)))) == config


def test_the_command_line_to_copy_draws_what_it_shows(tmp_path: Path) -> None:
    made = _converted({"prompts": "$(rm x) 'quoted' | {a}:2", "output": "x.png"})
    words = shlex.split(made.command("my file.yaml"))
    assert words[0] == "pixgen" and "my file.yaml" in words and made.prompt in words
    assert [p.text for p in grammar.parse(made.prompt)] == ["$(rm x) 'quoted'", "{a}"]


def test_the_command_writes_a_file_and_names_what_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "castle.yaml").write_text(B)
    assert pixgen(["import-pixray", "castle.yaml"]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == "castle-pixgen.yaml" and "lost:" in said.err and "draw it with: pixgen" in said.err
    written = (tmp_path / "castle-pixgen.yaml").read_text()
    assert yaml.safe_load(written)["steps"] == 300 and "# lost: " in written
    assert pixgen(["import-pixray", "castle.yaml", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["path"] != "castle-pixgen.yaml" and record["settings"]["size"] == "480x270"  # nothing is replaced


def test_a_command_line_in_quotes_is_taken_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "--drawer pixel --prompts 'a fox on stones' -o x.png"
    assert pixgen(["import-pixray", line, "-o", str(tmp_path / "fox.yaml"), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["prompt"] == "a fox on stones" and record["output"].endswith("x.png")


def test_every_flag_is_a_setting() -> None:
    assert {option.name for option in BY_FLAG.values()} == OPTIONS.keys()


# -- old notebooks, old pictures --------------------------------------------------------------------------------------

QUICK: Mapping[str, Any] = {"prompts": "a red apple", "size": [64, 64], "iterations": 4, "num_cuts": 2, "seed": 3}


def test_an_old_notebook_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pixray.reset_settings()
    pixray.add_settings(**QUICK)
    pixray.add_settings(display_every=3, output="apple.png")
    assert pixray.get_settings()["iterations"] == 4
    applied = pixray.apply_settings()
    assert applied.size == (64, 64) and Path(applied.outdir).is_dir() and applied.outdir.endswith("_01")
    pixray.do_init(applied)
    assert pixray.do_run(applied, return_display=True) is False
    assert metadata.read(Path(applied.outdir) / "apple.png").steps_done == 3
    assert pixray.do_run(applied, return_display=True) is True
    assert metadata.read(Path(applied.outdir) / "apple.png").steps_done == 4
    pixray.run("a red apple", **{name: value for name, value in QUICK.items() if name != "prompts"})
    assert len(list(tmp_path.glob("outputs/*_02/output.png"))) == 1


def test_an_old_notebook_is_told_what_is_wrong() -> None:
    pixray.reset_settings()
    with pytest.raises(UsageError, match="call do_init"):
        pixray.do_run(pixray.SimpleNamespace())
    pixray.add_settings(promts="a fox")
    with pytest.raises(UsageError, match="did you mean 'prompts'"):
        pixray.apply_settings()
    pixray.reset_settings()
    with pytest.raises(UsageError, match="nothing says what to draw"):
        pixray.apply_settings()


def test_again_draws_a_picture_of_pixray_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = picture(
        tmp_path / "old.png",
        Software="pixray (v1.9)",
        pixray_prompts="a red apple",
        pixray_size="[64, 64]",
        pixray_iterations="3",
        pixray_num_cuts="2",
        pixray_seed_used="3",
    )
    assert pixgen(["again", str(old), "-o", str(tmp_path / "new.png")]) == 0
    drawn = metadata.read(tmp_path / "new.png")
    assert (drawn.prompt, drawn.seed, drawn.steps_done, drawn.size) == ("a red apple", 3, 3, (64, 64))
    assert "was drawn by Pixray" in capsys.readouterr().err
    plain = tmp_path / "plain.png"
    Image.new("RGB", (8, 8)).save(plain, pnginfo=PngInfo())
    assert pixgen(["again", str(plain)]) == 2
    assert "no pixgen metadata" in capsys.readouterr().err


# -- VQGAN-CLIP -------------------------------------------------------------------------------------------------------


def test_a_command_line_of_vqgan_clip() -> None:
    line = (
        "python generate.py -p 'a fox:2|snow:0.5:0.1' -ip 'a.png:0.3' -s 320 240 -i 300 -cuts 8 -sd 7 -o fox.png -zvid"
    )
    made = vqgan_clip.convert(vqgan_clip.read(line))
    assert made.prompt == "a fox :2.0 | snow :0.5:0.1 | image:a.png :0.3" and made.output == "fox.png"
    assert made.settings == {"size": "320x240", "steps": 300, "cutouts": 8, "chunk": 8, "seed": 7}
    assert "-zvid" in made.lost and "-m" in made.near


def test_the_defaults_of_vqgan_clip_with_its_own_networks() -> None:
    made = vqgan_clip.convert(vqgan_clip.read("-p 'a fox'"), real_models=True)
    assert made.settings["generator"] == {"type": "vqgan", "model": "vqgan-imagenet-f16-16384"}
    assert made.settings["perceptors"]["ViT-B-32"]["model"] == "ViT-B-32-openai"
    assert made.settings["optimizer"] == {"type": "Adam", "lr": 0.1}
    assert (made.settings["size"], made.settings["steps"], made.settings["cutouts"]) == ("512x512", 500, 32)
    configs.resolve([Layer(made.settings, "a test")])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-p 'a", "cannot be read"),
        ("-q 3 --itrations 5", "'-q'.*'--itrations'; did you mean 'iterations'"),
        ("-s 300", "has 1 values; it takes 2"),
        ("-i many", "must be whole numbers"),
    ],
)
def test_what_vqgan_clip_would_not_take(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        vqgan_clip.read(line)


@settings(max_examples=60)
@given(st.text(max_size=100))
def test_no_text_breaks_the_reader_of_vqgan_clip(text: str) -> None:
    try:
        found = vqgan_clip.read(f"-p {shlex.quote(text)}")
    except UsageError:
        return
    vqgan_clip.convert(found)


@pytest.mark.parametrize("flag", vqgan_clip.FLAGS, ids=lambda flag: flag.names[1])
def test_no_flag_is_dropped_in_silence(flag: vqgan_clip.Flag) -> None:
    assert flag.pixgen or flag.note
    values = {str: "x", int: "64", float: "0.5", bool: ""}[flag.kind]
    said = f"-{flag.names[0]} " + " ".join([values] * max(1, flag.count))
    plain = vqgan_clip.convert(vqgan_clip.read("-p 'a fox'"))
    made = vqgan_clip.convert(vqgan_clip.read(f"-p 'a fox' {said}"))
    told = f"-{flag.names[0]}" in {*made.lost, *made.near}
    changed = (made.settings, made.prompt, made.output) != (plain.settings, plain.prompt, plain.output)
    assert told or changed or flag.names[1] in ("deterministic", "vqgan_config", "vqgan_checkpoint", "optimiser")
