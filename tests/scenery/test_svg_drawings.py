"""Things and places that pixgen draws itself: the table, the files, what is rendered, and what prompts make of them."""

from __future__ import annotations

import re

import pytest
import torch

from pixgen.plugins.starts.bank import readable
from pixgen.scenery import svg_drawings
from pixgen.scenery.bank import load_bank
from pixgen.scenery.compose import compose
from pixgen.scenery.places import PLACES
from pixgen.scenery.reader import ParsedScene, Reader

THINGS, PLACE_NAMES = sorted(svg_drawings.things()), sorted(svg_drawings.places())


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_file_is_in_the_table_and_every_row_has_a_file():
    for folder, rows in (("things", THINGS), ("places", PLACE_NAMES)):
        assert sorted(path.stem for path in (svg_drawings.FOLDER / folder).glob("*")) == rows


def test_every_thing_has_names_in_both_languages_that_no_other_has():
    names = [name for drawn in svg_drawings.things().values() for name in {*drawn.en, *drawn.pt}]
    assert all(drawn.en and drawn.pt for drawn in svg_drawings.things().values())
    assert len(names) == len(set(names))


def test_every_place_that_the_perceptor_learnt_is_drawn_except_the_blackboard():
    assert set(PLACES) - set(svg_drawings.places()) == {"blackboard"}


def test_the_files_refer_to_nothing_outside():
    for path in svg_drawings.FOLDER.rglob("*.svg"):
        text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"href|url\((?!#)|http|<(?:image|script|style|foreignObject)", text), path


@pytest.mark.parametrize("name", THINGS)
def test_a_thing_fills_its_square_and_leaves_its_corners_free(name: str):
    picture = svg_drawings.sprite(name, 96)
    alpha = picture[3]
    assert picture.shape == (4, 96, 96)
    assert bool((picture[:3] <= alpha + 1e-6).all())
    rows, columns = (alpha > 0.5).any(1).nonzero().flatten(), (alpha > 0.5).any(0).nonzero().flatten()
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    assert abs(int(longer) - svg_drawings.FILL * 96) <= 3
    for edges in (rows, columns):  # in the middle
        assert abs(int(edges[0]) - (95 - int(edges[-1]))) <= 3


@pytest.mark.parametrize("name", PLACE_NAMES)
def test_a_place_fills_the_picture_and_differs_by_seed(name: str):
    one, again, other = (svg_drawings.place(name, 64, stream(seed)) for seed in (1, 1, 2))
    assert one.shape == (1, 3, 64, 64)
    assert 0 <= float(one.min()) <= float(one.max()) <= 1
    assert torch.equal(one, again)
    assert float((one - other).abs().mean()) > 0.002


def test_night_darkens_a_place_and_sunset_warms_it():
    day, night, evening = (svg_drawings.place("hills", 64, stream(), light) for light in ("", "night", "sunset"))
    assert float(night.mean()) < 0.6 * float(day.mean())
    assert float(evening[:, 2].mean() / evening[:, 0].mean()) < float(day[:, 2].mean() / day[:, 0].mean())


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(readable(load_bank()))


@pytest.mark.parametrize(
    ("prompt", "things", "place", "light"),
    [
        ("a samurai", ["samurai"], None, None),
        ("um samurai na praia", ["samurai"], "beach", None),
        ("a lighthouse in a storm", ["lighthouse"], "storm", None),
        ("um farol em uma tempestade", ["lighthouse"], "storm", None),
        ("a castle on a hill at night", ["castle"], "hills", "night"),
        ("a waterfall", [], "waterfall", None),
        ("uma cachoeira ao pôr do sol", [], "waterfall", "sunset"),
        ("a wolf at night", ["wolf"], "night", None),
        ("a dragon and a knight", ["dragon", "knight"], None, None),
        ("a forest", [], "forest", None),
        ("a house", ["house"], None, None),
        ("a cat in a house", ["cat"], "room", None),
        ("a cup of tea in a library", ["tea"], "library", None),
    ],
)
def test_prompts_name_them(reader: Reader, prompt: str, things: list[str], place: str | None, light: str | None):
    scene = reader.read(prompt)
    assert [thing.group for thing in scene.things] == things
    assert (scene.place, scene.light) == (place, light)


def test_known_words_are_those_that_will_be_drawn(reader: Reader):
    assert reader.known_words("A samurai and a glorb at Night") == {"samurai", "and", "at", "night"}


def test_a_scene_shows_its_place_behind_the_thing():
    sprite = svg_drawings.sprite("robot", 128)
    from pixgen.scenery.compose import PlacedThing
    from pixgen.scenery.reader import ParsedThing

    placed = (PlacedThing(ParsedThing("robot", "robot"), size=0.7), sprite)
    picture = compose(ParsedScene(place="forest"), [placed], (128, 128), stream())
    empty = compose(ParsedScene(place="forest"), [], (128, 128), stream())
    assert torch.allclose(picture[..., :10, :10], empty[..., :10, :10], atol=0.02)
    assert float((picture - empty)[..., 48:80, 48:80].abs().mean()) > 0.1
