"""Pixray's settings of every era, read and worked out as `../shared/PIXRAY.md` has them, and turned into pixgen's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pixgen.compat import pixray_import, pixray_reading, pixray_run
from pixgen.compat.pixray_options import OPTIONS
from pixgen.compat.pixray_run import Run
from pixgen.errors import UsageError
from pixgen.io import palettes

ROOT = Path(__file__).parent.parent.parent

A = """
quality: better
use_pixeldraw: True
size: [320,320]
pixel_size: [64, 64]
iterations: 120
learning_rate_drops: [80]
prompts: "silk hood #pixelart | white background:0.5"
output: outputs/loot/hood.png
"""
B = r"""
drawer: pixel
quality: draft
scale: 2.5
pixel_scale: 0.5
pixel_type: hex
prompts: castle at night #pixelart
custom_loss: smoothness:0.5, saturation
filters: lookup
palette: black->red\8;[white]
iterations: 300
overlay_image: in.png
overlay_every: 10%
overlay_offset: 5
overlay_until: 50%
seed: rabbit
"""
C = """
drawer: fft
fft_use_dwt: true
color_mapper: wallpaper
wallpaper_shift: true
size: !!python/tuple [256, 128]
vector_prompts: no
init_noise: None
"""


def worked_out(text: str, tmp_path: Path) -> Run:
    (tmp_path / "settings.yaml").write_text(text)
    return pixray_run.work_out(pixray_reading.read_file(tmp_path / "settings.yaml"), tmp_path)


def test_an_example_of_the_autumn_of_2021(tmp_path: Path) -> None:
    run = worked_out(A, tmp_path)
    assert (run["drawer"], run.grid, run.size) == ("pixel", (64, 64), (320, 320))
    assert [(p.text, p.weight) for p in run.prompts] == [("silk hood #pixelart", 1), ("white background", 0.5)]
    assert (run.drops, run.outdir, run.output) == ((95,), "outputs/loot", "hood.png")
    assert (run.num_cuts, run.batches, run["vector_prompts"]) == (32, 2, "")
    made = pixray_import.convert(run)
    assert made.output == "outputs/loot/hood.png" and made.prompt == "silk hood #pixelart | white background :0.5"
    assert made.settings["cutouts"] == 64 and made.settings["chunk"] == 32


def test_an_example_of_2022(tmp_path: Path) -> None:
    run = worked_out(B, tmp_path)
    assert (run.size, run.grid, run.seed, run.num_cuts) == ((480, 270), (161, 127), 4034916910, 24)
    assert [p.text for p in run.prompts] == ["castle at night"]  # what follows is a comment of YAML's
    assert run.overlay is not None and run.overlay.steps() == [5, 35, 65, 95, 125]
    assert [(each.text, each.weight) for each in run.losses] == [("smoothness", 0.5), ("saturation", 1)]
    assert len(palettes.parse(run["palette"])) == 9
    made = pixray_import.convert(run).settings
    assert made["generator"] == {
        "type": "pixel", "pixel_size": 2, "cells": "hexagon", "cell_width": 3, "palette": "black->red\\8;[white]"
    }  # fmt: skip
    assert made["losses"]["saturation"] == {"type": "colourfulness", "weight": 0.1}


def test_an_example_that_mixes_eras(tmp_path: Path) -> None:
    run = worked_out(C, tmp_path)
    assert (run["drawer"], run["fft_use"], run.iterations, run.num_cuts) == ("fft", "dwt", 250, 30)
    assert [each.text for each in run.filters] == ["wallpaper"] and run["wallpaper_type"] == "shift"
    assert run["vector_prompts"] == "" and run["init_noise"] == "None"
    made = pixray_import.convert(run)
    assert made.settings["generator"]["type"] == "dwt"
    assert made.settings["filters"] == {"wallpaper": {"type": "tile", "shift": 0.5}}
    assert "256x256" in made.near["wallpaper_type"] and made.prompt == "" and "prompt" in made.near["prompts"]


ERAS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "clipit, July 2021": (
        "{clip_model: ViT-B/32, max_iterations: 90, cutn: 20, prompts: sunset, quality: draft}",
        {"iterations": 90, "num_cuts": 20, "batches": 1, "clips": ("ViT-B/32",), "size": (200, 112),
         "vector_prompts": ""},
    ),
    "clipit, best": (
        "{display_freq: 5, quality: best, aspect: square}",
        {"iterations": 500, "num_cuts": 40, "size": (600, 600), "clips": ("RN50x4", "ViT-B/32", "ViT-B/16"),
         "save_every": 5},
    ),
    "clipit, annealed losses": (
        "{enforce_smoothness: 100, enforce_saturation: 400, max_iterations: 200}",
        {"losses": [("smoothness", 1), ("saturation", 1)], "smoothness_weight": 2, "saturation_weight": 0.5},
    ),
    "September 2021": (
        "{use_clipdraw: true, quality: supreme}",
        {"drawer": "clipdraw", "num_cuts": 8, "batches": 12, "iterations": 400, "size": (960, 540), "strokes": 1024},
    ),
    "September 2021, the initial image as overlay": (
        "{use_pixeldraw: yes, init_image: in.png, overlay_every: 20, iterations: 60}",
        {"overlay steps": [0, 20, 40], "overlay path": "in.png"},
    ),
    "September 2021, several image prompts": (
        "{use_pixeldraw: yes, image_prompts: a.png | b.png}", {"image_prompts": "{a.png,b.png}"},
    ),
    "October 2021": (
        "{smoothness: 2, saturation: 3, custom_loss: [symmetry]}",
        {"losses": [("symmetry", 1), ("smoothness", 1), ("saturation", 1)], "smoothness_weight": 2,
         "saturation_weight": 6, "num_cuts": 48, "vector_prompts": "textoff"},
    ),
    "November 2021": (
        r"{target_palette: 'red\4', enforce_palette_annealing: 1000, iterations: 200}",
        {"palette": "red\\4", "losses": [("palette", 1)], "palette_weight": 1, "batches": 1},
    ),
    "January 2022": (
        "{transparency: true, drawer: pixel, aspect: square, quality: draft}",
        {"transparent": True, "transparent_weight": 1, "grid": (40, 40), "size": (144, 144)},
    ),
    "2022, supreme": (
        "{quality: supreme, ezsize: medium, aspect: portrait, learning_rate_drops: [50, 75]}",
        {"size": (256, 320), "iterations": 400, "num_cuts": 8, "batches": 4, "drops": (199, 299),
         "clips": ("RN50x4", "RN101", "ViT-B/32", "ViT-B/16")},
    ),
    "2022, a size wins": ("{size: [100, 50], scale: 3, ezsize: large}", {"size": (100, 50)}),
    "2022, a scale wins": ("{scale: 0.5, ezsize: large, quality: best}", {"size": (96, 54)}),
    "2022, line sketch": (
        "{drawer: line_sketch}", {"strokes": 24, "min_stroke_width": 0.5, "max_stroke_width": 2, "stroke_length": 8},
    ),
    "2022, mixed": ("{perceptors: mixed, quality: best}", {"clips": ("RN50x4", "ViT-B/16", "SLIP_VITB16")}),
    "2022, slip": ("{perceptors: slip}", {"clips": ("SLIP_VITB16", "SLIP_CC3M")}),
    "2022, triangles": ("{drawer: pixel, pixel_type: tri, aspect: square}", {"size": (288, 288), "grid": (57, 40)}),
    "2022, diamonds": ("{drawer: pixel, pixel_type: diamond, aspect: portrait}", {"grid": (41, 101)}),
    "2022, hexagons counted": ("{drawer: pixel, pixel_type: hex, pixel_size: [20, 12]}", {"grid": (21, 13)}),
    "2022, more cells than pixels": ("{drawer: fast_pixel, pixel_size: [600, 10], size: [320, 240]}",
                                     {"grid": (320, 10)}),
    "2022, aesthetic": (
        "{target_ava: 9, aesthetic_weight: 0.02}", {"losses": [("aesthetic", 1)], "aesthetic_target": 9},
    ),
    "2022, an overlay that never comes": (
        "{overlay_image: a.png, overlay_every: 5, overlay_offset: 5}", {"overlay steps": []},
    ),
    "2022, no overlay": ("{overlay_image: a.png, overlay_every: 0}", {"overlay": None}),
}  # fmt: skip
"""Settings of all eras, and what they meant, worked out by hand from PIXRAY.md."""


@pytest.mark.parametrize("era", ERAS)
def test_settings_mean_what_they_meant_then(era: str, tmp_path: Path) -> None:
    text, expected = ERAS[era]
    run = worked_out(text, tmp_path)
    for name, value in expected.items():
        assert _of(run, name) == value, name


def _of(run: Run, name: str) -> Any:
    if name == "losses":
        return [(each.text, each.weight) for each in run.losses]
    if name == "overlay steps":
        return run.overlay and run.overlay.steps()
    if name == "overlay path":
        return run.overlay and run.overlay.path
    return (
        run.values[name]
        if name in OPTIONS and name not in ("size", "iterations", "num_cuts", "batches")
        else (getattr(run, name))
    )


@pytest.mark.parametrize(
    ("value", "iterations", "expected"),
    [("29%", 100, 28), ("10 p", 250, 25), ("7", 100, 7), (7, 100, 7), ("12 iterations", 5, 12), ("3.9", 9, 3)],
)
def test_units(value: Any, iterations: int, expected: int) -> None:
    assert pixray_run.iterations_of(value, iterations, "x") == expected


@pytest.mark.parametrize("value", ["67.", "-3", "ten", "", "5 x", True])
def test_what_is_no_unit(value: Any) -> None:
    with pytest.raises(UsageError, match="a share of them"):
        pixray_run.iterations_of(value, 100, "save_every")


@pytest.mark.parametrize(("seed", "number"), [("42", 42), ("'007'", 7), ("rabbit", 4034916910), ("~", None)])
def test_seeds(seed: str, number: int | None, tmp_path: Path) -> None:
    assert worked_out(f"seed: {seed}", tmp_path).seed == number


def test_prompts_take_their_numbers_from_the_right() -> None:
    found = pixray_run.weighted_list("a 16:9 frame | b:2 | c:-0.5:0.25 | d: e:1e2 | 3:4:5 | f:x:2")
    assert [(p.text, p.weight, p.stop) for p in found] == [
        ("a 16:9 frame", 1, float("-inf")),
        ("b", 2, float("-inf")),
        ("c", -0.5, 0.25),
        ("d: e", 100, float("-inf")),
        ("3", 4, 5),
        ("f:x", 2, float("-inf")),
    ]


# -- a command line, a picture ---------------------------------------------------------------------------------------


def test_a_command_line_says_what_the_file_says(tmp_path: Path) -> None:
    line = (
        "python pixray.py --drawer pixel --size 320 320 --pixel_size 64 64 -i 120 -lrd 80 --quality=better "
        '-p "silk hood #pixelart | white background:0.5" --video no'
    )
    run = pixray_run.work_out(pixray_reading.read_command(line))
    file = worked_out(A, tmp_path)
    assert (run.size, run.grid, run.drops, run.prompts) == (file.size, file.grid, file.drops, file.prompts)
    assert run["make_video"] is False


def test_flags_go_over_the_file_that_they_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{quality: best, iterations: 10}")
    given = pixray_reading.read_command("run.py a.yaml --iterations 20", tmp_path)
    assert given.values == {"quality": "best", "iterations": 20}


def picture(path: Path, **chunks: str) -> Path:
    text = PngInfo()
    for name, value in chunks.items():
        text.add_text(name, value)
    Image.new("RGB", (8, 8)).save(path, pnginfo=text)
    return path


def test_a_picture_of_pixray_s(tmp_path: Path) -> None:
    old = picture(
        tmp_path / "old.png",
        Software="pixray (v1.8.3)",
        pixray_prompts="a red fox|snow:0.5",
        pixray_size="[320, 320]",
        pixray_make_video="False",
        pixray_learning_rate_drops="[50.0]",
        pixray_drawer="fast_pixel",
        pixray_seed_used="77",
    )
    run = pixray_run.work_out(pixray_reading.read_file(old))
    assert (run.size, run.seed, run["make_video"], run.drops) == ((320, 320), 77, False, (124,))
    assert [p.text for p in run.prompts] == ["a red fox", "snow"] and run["drawer"] == "fast_pixel"


def test_a_picture_that_tells_its_prompts_alone(tmp_path: Path) -> None:
    given = pixray_reading.read_file(picture(tmp_path / "old.png", comment="['a fox', 'in the \"snow\"']"))
    assert given.values == {"prompts": 'a fox | in the "snow"'} and "prompts alone" in given.notes["prompts"]


def test_a_picture_of_somebody_else_s(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither pixgen nor Pixray"):
        pixray_reading.read_file(picture(tmp_path / "x.png", comment="made by hand"))


# -- what cannot be read ---------------------------------------------------------------------------------------------

WRONG = {
    "unknown settings, all of them": ("{promts: a, iteratons: 3}", r"'promts'; did you mean 'prompts'.*'iteratons'"),
    "a list where a text was": ("{prompts: [a, b]}", r'prompts is a list.*prompts: "a \| b"'),
    "a number in quotes": ("{iterations: '120'}", "iterations is '120'; it must be a number, without quotes"),
    "another tag of Python's": ("{seed: !!python/object/apply:os.system [true]}", ":1: .*only tuples"),
    "a tag of nobody's": ("{seed: !x 3}", "only tuples"),
    "one number of two": ("{size: [320]}", "it has 2 numbers"),
    "an unknown quality": ("{quality: bester}", "quality is 'bester'.*did you mean 'better'"),
    "an unknown drawer": ("{drawer: vqgn}", "drawer is 'vqgn'.*'vqgan'"),
    "an unknown loss": ("{custom_loss: 'smoothnes:2'}", "'smoothnes'.*'smoothness'"),
    "no iterations": ("{iterations: 0}", "iterations is 0; it must be at least 1"),
    "a size beyond reason": ("{scale: 1000000.0}", "sides are 1 to"),
    "a number that is none": ("{scale: .nan}", "scale is nan; it must be a finite number"),
    "no mapping": ("- a", "not list"),
    "no YAML": ("{a: [", ":1: "),
    "an alias": ("{prompts: &a b, labels: *a}", "aliases"),
    "no end of brackets": ("a: " + "[" * 5000, "nested|deep"),
    "retain without a picture": ("{aspect: retain}", "needs an init_image"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_read_is_refused_with_the_place(what: str, tmp_path: Path) -> None:
    text, message = WRONG[what]
    with pytest.raises(UsageError, match=message) as refused:
        worked_out(text, tmp_path)
    assert "settings.yaml" in str(refused.value) and "\n" not in str(refused.value)


def test_a_quoted_no_is_said_to_be_yes(tmp_path: Path) -> None:
    made = pixray_import.convert(worked_out("{make_video: 'no', prompts: a}", tmp_path))
    assert "took for yes" in made.near["make_video"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--prompts 'a", "cannot be read: no closing quotation"),
        ("--promts a --iterations 3 --colour red", "'--promts'; did you mean 'prompts'.*'--colour'"),
        ("--size 3", "has 1 numbers; it takes 2"),
        ("--video perhaps", "must be yes or no"),
        ("--iterations many", "must be a whole number"),
        ("--quality", "--quality has no value"),
        ("--overlay_every 67.", "a share of them"),
    ],
)
def test_a_command_line_that_cannot_be_read(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pixray_reading.read_command(line)


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        run = pixray_run.work_out(pixray_reading.read_command(text))
    except UsageError:
        return
    pixray_import.convert(run)
