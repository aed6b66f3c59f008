"""Scenes: one seed, one data set; captions say what the picture shows; every style and place at any size."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import torch

from pixgen.scenery.captions import Thing, write
from pixgen.scenery.places import PLACES
from pixgen.scenery.styles import STYLES
from pixgen.scenery.subjects import Subject, load_subjects
from pixgen.scenery.vocabulary import COLOURS, PLACE_WORDS, STYLE_WORDS
from pixgen.training.data import drawings
from pixgen.training.data.drawings import Icon
from pixgen.training.data.scenes import Scenes
from pixgen.training.data.sketches import Sketcher, twin
from pixgen.training.data.user_pictures import USER_SET
from pixgen.training.options import QUICK_SUBJECTS
from tests.training.shapes import SHAPES, pack


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawings")
    drawings.rasterise(folder, folder / "cache", sets=pack(folder, SHAPES))
    return folder / "cache"


def scenes(cache: Path, **options: object) -> Scenes:
    return Scenes(cache, **{"batch": 16, "side": 32, "seed": 3, "subjects": 10**6, **options})  # type: ignore[arg-type]


def test_a_toy_knows_people_and_things() -> None:
    first = [s for s in load_subjects().values() if s.rank <= QUICK_SUBJECTS]
    people = [s for s in first if s.kind == "person"]
    assert len(first) == QUICK_SUBJECTS and 4 <= len(people) <= 16 and first[0].group == "teacher"
    assert {"apple", "cat", "book"} <= {s.group for s in first}


@pytest.mark.slow
def test_the_same_seed_and_step_give_the_same_batch(cache: Path) -> None:
    one, two, other = scenes(cache)[5], scenes(cache)[5], scenes(cache)[6]
    assert torch.equal(one.images, two.images) and one.captions == two.captions
    assert one.captions != other.captions


@pytest.mark.parametrize("side", [32, 64])
def test_pictures_are_pictures(cache: Path, side: int) -> None:
    images = scenes(cache, side=side)[1].images
    assert images.shape == (16, 3, side, side) and images.dtype == torch.float32
    assert images.isfinite().all() and images.min() >= 0 and images.max() <= 1
    assert images.std((1, 2, 3)).min() > 0.005


@pytest.mark.parametrize("name", STYLES)
def test_a_style_changes_the_picture_and_keeps_its_range(name: str) -> None:
    picture = torch.rand(2, 3, 8, 8).repeat_interleave(6, 2).repeat_interleave(6, 3)
    styled = STYLES[name](picture.clone(), torch.Generator().manual_seed(0))
    assert styled.expand_as(picture).shape == picture.shape and styled.isfinite().all()
    assert styled.min() >= -1e-6 and styled.max() <= 1 + 1e-6
    assert name == "drawing" or (styled - picture).abs().mean() > 0.01


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("side", [32, 49])
def test_a_place_fills_any_size(name: str, side: int) -> None:
    place = PLACES[name](3, side, torch.Generator().manual_seed(1)).expand(3, 3, side, side)
    assert place.isfinite().all() and place.min() >= -1e-6 and place.max() <= 1 + 1e-6


def test_every_style_and_place_has_words_in_both_languages() -> None:
    assert set(STYLE_WORDS) == set(STYLES) and set(PLACE_WORDS) == set(PLACES)
    assert all(all(words) for words in (*STYLE_WORDS.values(), *PLACE_WORDS.values()))


def test_a_caption_names_its_first_subject(cache: Path) -> None:
    source, rng = scenes(cache), random.Random(0)
    for number in range(200):
        sketch = source.sketch(rng)
        thing = sketch.scene.things[0]
        if thing.count > 1:
            continue
        portuguese = number % 2 == 1
        names = thing.subject.pt if portuguese else thing.subject.en
        caption = write(sketch.scene, rng, portuguese)
        assert any(name.split(" ")[0][:4] in caption for name in names), caption


def test_what_is_not_counted_has_no_article() -> None:
    subjects, rng = load_subjects(), random.Random(0)

    def said(group: str, colour: str | None) -> set[str]:
        return {Thing(subjects[group], colour=colour).said(rng, False) for _ in range(40)}

    assert "an apple" in said("apple", None) and "a green apple" in said("apple", "green")
    assert "honey" in said("honey", None) and "red honey" in said("honey", "red")
    assert {"meat", "a meat on the bone"} & said("meat", None) and "a meat" not in said("meat", None)


@pytest.mark.slow
def test_twins_differ_in_caption_or_picture_only_by_one_thing(cache: Path) -> None:
    rng = random.Random(1)
    for _ in range(50):
        one = scenes(cache).sketch(rng)
        two = twin(one, rng)
        assert [p.sprite for p in one.placed] == [p.sprite for p in two.placed]
        different = [f for f in ("style", "relation", "ground") if getattr(one.scene, f) != getattr(two.scene, f)]
        colours = [t.colour for t in one.scene.things] != [t.colour for t in two.scene.things]
        assert len(different) + colours == 1


def test_a_user_s_captions_are_never_bent() -> None:
    names = ["red square", "owl", "círculo azul"]
    subjects = {name: Subject(name, "thing", i, (name,), (name,), "m") for i, name in enumerate(names)}
    drawings = {name: [(i, Icon(USER_SET, name, name, "", "", "", "", "", ""))] for i, name in enumerate(names)}
    sketcher, rng = Sketcher(drawings, subjects), random.Random(0)
    scenes = [sketcher.single(rng).scene for _ in range(600)] + [sketcher._several(rng).scene for _ in range(100)]
    said = {write(scene, rng, portuguese=False) for scene in scenes}
    assert any("owls" in caption for caption in said) and any("red owl" in caption for caption in said)
    for caption in said:
        colours = [word for word in re.findall(r"\w+", caption) if word in COLOURS]
        assert "squares" not in caption and "reds" not in caption and "círculos" not in caption
        assert colours == ["red"] or "square" not in caption, caption
        assert not colours or "azul" not in caption, caption
