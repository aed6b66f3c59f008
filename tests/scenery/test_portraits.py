"""Portraits: every option chosen and known to the style, faces never covered, pictures that show what they should."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from dicebear import Avatar, OptionsDescriptor, Style

from pixgen.errors import PixgenError
from pixgen.scenery import dicebear_svg, portraits, sittings
from pixgen.scenery.backdrops import BACKDROP_WORDS, BACKDROPS
from pixgen.scenery.people import Person
from pixgen.scenery.portrait_parts import AVATAR_SETS, HELD_OUT_AVATAR_SET, AvatarSet, Part
from pixgen.scenery.portrait_scenes import (
    CLOSE,
    GROUP,
    HALF,
    Portrait,
    compose_portrait,
    face_box,
    prop_box,
    styled_portrait,
)
from pixgen.scenery.portrait_styles import PALETTE, PORTRAIT_STYLES
from pixgen.scenery.props import PROPS
from pixgen.scenery.subjects import load_subjects
from pixgen.training.data import drawings, labels
from pixgen.training.data.scenes import Scenes
from pixgen.training.data.sketches import twin
from tests.training.shapes import SHAPES, pack


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawings")
    drawings.rasterise(folder, folder / "cache", sets=pack(folder, SHAPES))
    return folder / "cache"


def parts_of(avatar_set: AvatarSet) -> Iterator[Part]:
    for table in (
        avatar_set.hair,
        avatar_set.headwear,
        avatar_set.beard,
        avatar_set.glasses,
        avatar_set.expression,
        avatar_set.clothes,
    ):
        yield from itertools.chain.from_iterable(table.values())
    yield from (*avatar_set.nose, *avatar_set.wrinkled.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", AVATAR_SETS)
def test_every_option_and_value_is_one_of_the_style(name: str) -> None:
    avatar_set = AVATAR_SETS[name]
    known = OptionsDescriptor(Style(dicebear_svg.definition(name))).to_json()
    colours = {option: "#123456" for options in avatar_set.colours.values() for option in options}
    used = [tuple(avatar_set.fixed.items()), tuple(colours.items()), *(part.options for part in parts_of(avatar_set))]
    for option, value in itertools.chain.from_iterable(used):
        assert option in known, f"{name} has no {option}"
        field = known[option]
        if field["type"] == "enum":
            assert value in field["values"], f"{option} of {name} is never {value}"
        elif field["type"] == "color":
            assert re.fullmatch("#[0-9a-f]{6}", str(value)), f"{option} {value}"
        else:
            assert field["min"] <= value <= field["max"]


@pytest.mark.parametrize("name", AVATAR_SETS)
def test_nothing_is_left_to_dicebear_s_own_dice(name: str) -> None:
    for seed in range(60):
        person = portraits.person_from_words({}, seed, (name,))
        options = portraits.options(person)
        drawn = [dicebear_svg.draw(name, {**options, "seed": other}) for other in ("a", "b", "c")]
        same = {re.sub(r"-[0-9a-f]{8}(?=[\"')])", "", markup) for markup in drawn}  # names inside go by the seed
        assert len(same) == 1, person


@pytest.mark.slow
@pytest.mark.parametrize("name", AVATAR_SETS)
def test_it_draws_as_dicebear_itself_does(name: str) -> None:
    options = portraits.options(portraits.person_from_words({}, 3, (name,)))
    whole = Avatar(Style(dicebear_svg.definition(name)), {"seed": "pixgen", **options})
    assert dicebear_svg.draw(name, options) == str(whole)


def test_licences_are_those_that_the_card_credits() -> None:
    card = (Path(__file__).parent.parent.parent / "pixgen" / "embedded" / "README.md").read_text(encoding="utf-8")
    for name in AVATAR_SETS:
        about = dicebear_svg.definition(name)["meta"]
        assert about["source"]["url"] in card and about["creator"]["name"].split(" - ")[0] in card, name
        assert about["license"]["name"].lower() in card.lower(), name


def shown(person: Person) -> torch.Tensor:
    return portraits.drawn(person, 48)


@pytest.mark.parametrize("name", AVATAR_SETS)
def test_glasses_and_beards_are_seen(name: str) -> None:
    avatar_set = AVATAR_SETS[name]
    person = portraits.person_from_words({"sex": "male", "hair": "short", "beard": "", "glasses": ""}, 1, (name,))
    assert person.avatar_set == name
    plain = shown(person)
    for part, value in (("glasses", "glasses"), ("beard", "beard")):
        with_it = shown(replace(person, **{part: value}))
        assert value in getattr(avatar_set, part) and (with_it - plain).abs().amax(0).gt(0.2).sum() > 8


@pytest.mark.parametrize("frame", [CLOSE, HALF])
def test_what_is_held_never_covers_the_face(frame: str) -> None:
    for (name, prop), turned, side in itertools.product(itertools.product(AVATAR_SETS, PROPS), (False, True), (-1, 1)):
        person = portraits.person_from_words({}, 0, (name,))
        held = prop_box(Portrait((person,), frame, prop, turned=turned, side=side))
        face = face_box(person, frame, turned=turned)
        apart = held.top >= face.bottom or held.left >= face.right or held.right <= face.left
        assert apart, (name, prop, frame, held, face)
        assert held.left >= -0.01 and held.right <= 1.01 and held.bottom <= 1.0
        assert held.bottom - held.top >= 0.3  # readable


@pytest.mark.parametrize("side", [32, 49, 128])
def test_a_portrait_fills_any_size_and_shows_its_person(side: int) -> None:
    person, rng = portraits.person_from_words("a black woman", 0), torch.Generator().manual_seed(0)
    portrait = Portrait((person,), HALF, "book", "bookshelf")
    picture = compose_portrait(portrait, side, rng)
    assert picture.shape == (3, side, side) and picture.dtype == torch.float32
    assert picture.isfinite().all() and picture.min() >= 0 and picture.max() <= 1
    empty = compose_portrait(Portrait((), HALF, "", "bookshelf"), side, rng)
    changed = (picture - empty).abs().amax(0) > 0.1
    assert changed[:, side // 3 : -side // 3].float().mean() > 0.5
    assert not changed[: side // 3, : side // 8].any()


def test_two_people_stand_side_by_side() -> None:
    one, two = (portraits.person_from_words(text, 0) for text in ("an old man", "a girl"))
    boxes = [face_box(p, GROUP, x) for p, x in ((one, 0.27), (two, 0.73))]
    assert boxes[0].right < boxes[1].left
    together = compose_portrait(Portrait((one, two), GROUP), 64, torch.Generator())
    alone = compose_portrait(Portrait((one, one), GROUP), 64, torch.Generator())
    assert torch.equal(together[..., :20], alone[..., :20]) and not torch.equal(together, alone)


@pytest.mark.parametrize("name", BACKDROPS)
def test_a_backdrop_is_drawn_and_said(name: str) -> None:
    looks = [compose_portrait(Portrait((), HALF, "", name, look=i), 48, torch.Generator()) for i in range(8)]
    assert all(picture.std() > 0.05 for picture in looks)
    assert any(not torch.equal(looks[0], other) for other in looks)
    assert all(BACKDROP_WORDS[name])


def test_broken_markup_is_named() -> None:
    with pytest.raises(PixgenError, match="resvg cannot draw <svg"):
        portraits.rendered("<svg", 8)


# -- by words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "prop", "backdrop", "frame"),
    [
        ("a closeup watercolor portrait of a young male teacher of literature with a book", "book", "bookshelf", HALF),
        (
            "a closeup oil portrait of a young female teacher of computer science with a computer",
            "laptop",
            "office",
            HALF,
        ),
        (
            "a closeup oil portrait of an old male teacher of mathematics in front of a blackboard",
            "",
            "blackboard",
            CLOSE,
        ),
        ("um retrato em aquarela de um jovem professor de literatura com um livro", "book", "bookshelf", HALF),
        ("retrato a óleo de um velho professor de matemática em frente a um quadro-negro", "", "blackboard", CLOSE),
        ("uma cantora com um violão no palco", "guitar", "stage", HALF),
        ("a man", "", "", HALF),
    ],
)
def test_a_prompt_becomes_a_portrait(text: str, prop: str, backdrop: str, frame: str) -> None:
    made = [sittings.portrait_from_words(text, seed) for seed in range(6)]
    assert {(p.prop, p.backdrop, p.frame) for p in made} == {(prop, backdrop, frame)}
    assert len({p.people[0] for p in made}) == 6


def test_two_are_drawn_by_one_hand_each_as_asked() -> None:
    for seed in range(6):
        made = sittings.portrait_from_words("an old man with a beard", seed, beside="a smiling girl")
        one, two = made.people
        assert (made.frame, made.prop) == (GROUP, "") and one.avatar_set == two.avatar_set
        assert (one.sex, one.age, one.beard) == ("male", "old", "beard")
        assert (two.sex, two.age, two.expression) == ("female", "child", "smiling")


# -- among the scenes of trainings -------------------------------------------------------------------------

BEFORE = [
    "a black dog on an orange background, pop art",
    "a drawing of a purple sunflower to the left of a book in winter",
    "um professor em fundo laranja",
    "cartoon, a teacher over mountains",
    "dois gatos",
    "um desenho de um gato",
]
"""What seed 3, step 5 said before there were portraits."""


def scenes(cache: Path, **options: object) -> Scenes:
    return Scenes(cache, **{"batch": 16, "side": 32, "seed": 3, "subjects": 10**6, **options})  # type: ignore[arg-type]


def test_with_none_all_is_as_before(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sittings, "sitting", lambda *_: pytest.fail("a portrait was made"))
    assert scenes(cache)[5].captions[: len(BEFORE)] == BEFORE
    assert torch.equal(scenes(cache)[5].images, scenes(cache, portraits=0.0)[5].images)


def test_a_share_of_the_scenes_are_portraits(cache: Path) -> None:
    source, rng = scenes(cache, portraits=0.25), random.Random(0)
    sketches = [source.sketch(rng) for _ in range(400)]
    found = [s.portrait for s in sketches if s.portrait]
    assert 70 < len(found) < 130
    assert HELD_OUT_AVATAR_SET not in {person.avatar_set for portrait in found for person in portrait.people}
    batch = scenes(cache, portraits=1.0).batch_at(2, 1)
    assert batch.images.min() >= 0 and batch.images.max() <= 1 and batch.images.std((1, 2, 3)).min() > 0.01
    assert batch.labels.shape == (16, len(labels.LABELS)) and all(batch.things) and all(map(all, batch.wordings))


def test_the_held_out_hand_draws_for_measuring_alone(cache: Path) -> None:
    folder = scenes(cache, portraits=1.0, icon_sets="held-out")
    folder.drawings = folder.subjects  # type: ignore[assignment]
    assert folder.portrait_sets == (HELD_OUT_AVATAR_SET,)


def test_people_need_somebody_among_the_subjects(cache: Path) -> None:
    source = scenes(cache, portraits=1.0)
    source.subjects = {"cat": source.subjects["cat"]}
    assert sittings.groups(source.subjects) == [] and sittings.groups(load_subjects())[0] == "teacher"


def test_twins_of_portraits_differ_in_one_thing(cache: Path) -> None:
    source, rng, changed = scenes(cache, portraits=1.0), random.Random(2), set()
    for _ in range(250):
        one = source.sketch(rng)
        two = twin(one, rng)
        assert one.portrait is not None and two.portrait is not None
        differing = [f for f in ("people", "prop", "ground") if getattr(one.portrait, f) != getattr(two.portrait, f)]
        differing += ["style"] * (one.scene.style != two.scene.style)
        assert len(differing) == 1
        changed |= set(differing)
        assert [t.person for t in two.scene.things] == list(two.portrait.people)
    assert changed == {"people", "prop", "ground", "style"}


@pytest.mark.parametrize("step", range(8))
def test_a_batch_of_one_is_one_picture(cache: Path, step: int) -> None:
    assert len(scenes(cache, portraits=1.0, batch=1)[step].images) == 1


@pytest.mark.parametrize("style", ["watercolor", "oil", "pastel", "stained-glass", "mosaic"])
def test_a_style_keeps_the_face(style: str) -> None:
    person = portraits.person_from_words("a black man with a beard", 1)
    portrait = Portrait((person,), CLOSE, backdrop="bookshelf")
    plain = compose_portrait(portrait, 96, torch.Generator().manual_seed(0))
    usual = PORTRAIT_STYLES[style](plain[None], torch.Generator().manual_seed(0))[0].expand(3, 96, 96)
    kept = styled_portrait(portrait, style, 96, torch.Generator().manual_seed(0))
    box = face_box(person, CLOSE)
    rows, columns = slice(int(96 * box.top), int(96 * box.bottom)), slice(int(96 * box.left), int(96 * box.right))

    def similarity(picture: torch.Tensor) -> float:
        both = torch.stack((picture[:, rows, columns].flatten(), plain[:, rows, columns].flatten()))
        return float(torch.corrcoef(both)[0, 1])

    assert similarity(kept) > min(0.9, similarity(usual) + 0.2) and similarity(kept) > similarity(usual)
    assert torch.allclose(kept[:, :, :5], usual.clamp(0, 1)[:, :, :5], atol=0.02)  # the rest is the style's


@pytest.mark.parametrize("style", ["poster", "comic"])
@pytest.mark.parametrize("text", ["a black man with a beard", "a young white woman", "an old brown woman"])
def test_a_flat_style_keeps_the_hue_of_the_skin(style: str, text: str) -> None:
    portrait = Portrait((portraits.person_from_words(text, 1),), CLOSE)
    plain = compose_portrait(portrait, 192, torch.Generator().manual_seed(0))
    styled = styled_portrait(portrait, style, 192, torch.Generator().manual_seed(0))
    box = face_box(portrait.people[0], CLOSE)
    cheeks = slice(int(192 * (0.4 * box.top + 0.6 * box.bottom)), int(192 * (0.3 * box.top + 0.7 * box.bottom)))

    def hue(picture: torch.Tensor) -> float:
        red, green, blue = picture[:, cheeks, 80:112].flatten(1).median(1).values.tolist()
        return math.atan2(math.sqrt(3) * (green - blue), 2 * red - green - blue)

    assert abs(hue(styled) - hue(plain)) < 0.15


def test_pixel_art_has_room_for_a_face_and_few_colours() -> None:
    portrait = Portrait((portraits.person_from_words("a black man with a beard", 1),), CLOSE)
    picture = styled_portrait(portrait, "pixel-art", 256, torch.Generator().manual_seed(0))
    colours = (picture.flatten(1).T * 255).round().unique(dim=0)
    changes = (picture[:, :, 1:] != picture[:, :, :-1]).any(0).any(0)
    assert len(colours) <= PALETTE and 27 <= int(changes.sum()) + 1 <= 46


@pytest.mark.parametrize(
    ("text", "props", "backdrops", "clothes"),
    [
        ("a scientist", {"flask", "microscope"}, {"laboratory"}, "coat"),
        ("uma pintora", {"palette", "brush"}, {"studio"}, ""),
        ("an old singer", {"microphone"}, {"stage"}, ""),
        ("a scientist with a book", {"book"}, {""}, "coat"),
        ("a scientist in a red sweater", {"flask", "microscope"}, {"laboratory"}, "sweater"),
        ("a bald scientist with sunglasses, a beard and a hat", {"flask", "microscope"}, {"laboratory"}, "coat"),
    ],
)
def test_a_work_that_is_named_is_shown(text: str, props: set[str], backdrops: set[str], clothes: str) -> None:
    made = [sittings.portrait_from_words(text, seed) for seed in range(12)]
    assert {p.prop for p in made} == props and {p.backdrop for p in made} == backdrops
    assert not clothes or {p.people[0].clothes for p in made} == {clothes}
