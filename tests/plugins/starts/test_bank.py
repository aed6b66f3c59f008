"""The start `bank` reads prompts of both languages, and draws what they name where they say."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.contracts import Session
from pixgen.errors import UsageError
from pixgen.io import files
from pixgen.prompts import grammar
from pixgen.scenery import compose
from pixgen.scenery.bank import NETWORK_FILES, Bank, BankEntry, save_bank
from pixgen.scenery.reader import ParsedScene, ParsedThing, Reader
from pixgen.scenery.subjects import load_subjects
from pixgen.scenery.synonyms import phrases
from pixgen.scenery.vocabulary import COLOURS
from tests.training.pair import write_pair

SUBJECTS: dict[str, dict[str, Any]] = {
    group: subject.names() for group, subject in load_subjects().items() if subject.rank <= 440
}
READER = Reader(SUBJECTS)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a yellow deer on a red background", "a deer on a red background"),
        ("um pato laranja em fundo vermelho", "um pato em fundo vermelho"),
        ("an orange cat and an orange", "an cat and an orange"),
        ("a Red and White cat, in watercolor", "a cat, in watercolor"),
        ("a watercolor of a teacher with a blue book", "a watercolor of a teacher with a book"),
        ("a green-eyed cat", "a green-eyed cat"),
        ("a yellow xylozoo", "a xylozoo"),
        ("red cat white dog", "cat dog"),
        *((text, text) for text in ("An Orange", "uma rosa vermelha", "red", "", "a deer", "red, blue | of the")),
    ],
)
def test_the_colours_of_things_can_be_left_out(text: str, plain: str) -> None:
    assert READER.uncoloured(text) == plain


def brief(text: str) -> tuple[object, ...]:
    """What a reading says but for the words themselves."""
    said = READER.read(text)
    things = [(t.group, t.colour, t.count, t.age, t.sex, tuple(h.group for h in t.holds)) for t in said.things]
    return things, said.style, said.place, said.ground, said.relation, said.closeup


PLAIN = (None, 1, None, None, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat", ([("cat", *PLAIN)], "drawing", None, None, None, False)),
        ("um gato", ([("cat", *PLAIN)], "drawing", None, None, None, False)),
        ("a red apple on a blue background", ([("apple", "red", *PLAIN[1:])], "drawing", None, "blue", None, False)),
        ("uma maçã vermelha em fundo azul", ([("apple", "red", *PLAIN[1:])], "drawing", None, "blue", None, False)),
        ("a tropical fish in the sea", ([("tropical-fish", *PLAIN)], "drawing", "sea", None, None, False)),
        ("um esboço a lápis de um cavalo", ([("horse", *PLAIN)], "pencil", None, None, None, False)),
        ("um lápis", ([("pencil", *PLAIN)], "drawing", None, None, None, False)),
        ("three cats", ([("cat", None, 3, None, None, ())], "drawing", None, None, None, False)),
        ("an orange cat", ([("cat", "orange", *PLAIN[1:])], "drawing", None, None, None, False)),
        ("an orange", ([("orange", *PLAIN)], "drawing", None, None, None, False)),
        (
            "um gato laranja à esquerda de uma rosa",
            ([("cat", "orange", *PLAIN[1:]), ("rose", *PLAIN)], "drawing", None, None, "left", False),
        ),
        ("um gato a noite", ([("cat", *PLAIN)], "drawing", "night", None, None, False)),
        (
            "a closeup oil portrait of an old male teacher of mathematics in front of a blackboard",
            ([("teacher", None, 1, "old", "male", ())], "oil", "blackboard", None, None, True),
        ),
        (
            "um retrato em aquarela de uma jovem professora de literatura com um livro",
            ([("teacher", None, 1, "young", "female", ("book",))], "watercolor", None, None, None, True),
        ),
        ("an old woman judge", ([("judge", None, 1, "old", "female", ())], "drawing", None, None, None, False)),
        ("a dog above a car", ([("dog", *PLAIN), ("car", *PLAIN)], "drawing", None, None, "above", False)),
        ("", ([], "drawing", None, None, None, False)),
    ],
)
def test_prompts_are_read(text: str, expected: tuple[object, ...]) -> None:
    assert brief(text) == expected


def test_accents_need_not_be_typed_but_count_where_they_are() -> None:
    assert brief("um passaro no ceu") == brief("um pássaro no céu")
    assert [READER.read(w).things[0].group for w in ("uma avó", "um avô")] == ["old-woman", "old-man"]


def test_only_names_of_one_sex_tell_it() -> None:
    texts = ("um médico", "uma médica", "um cientista", "a professor", "um professor", "um casal")
    sexes = [READER.read(text).things[0].sex for text in texts]
    assert sexes == ["male", "female", None, None, "male", None]


def test_words_of_no_table_are_kept() -> None:
    said = READER.read("a splendid cat with a zeppelin")
    assert said.rest == ["splendid", "zeppelin"] and said.things[0].group == "cat"


WORDS = [
    word for values in phrases().values() for said in values.values() for phrase in said for word in phrase.split()
]
NAMES = [name for subject in SUBJECTS.values() for name in (*subject["en"], *subject["pt"])]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from([*WORDS, *NAMES, ",", "a", "of"]), max_size=12).map(" ".join)))
def test_no_text_breaks_the_reader(text: str) -> None:
    said = READER.read(text)
    assert all(thing.group in SUBJECTS for thing in said.things)
    assert all(thing.count >= 1 and thing.sex in (None, "male", "female") for thing in said.things)


# -- where things stand -------------------------------------------------------------------------------------


def square(rgb: tuple[float, float, float]) -> Tensor:
    """A drawing that is one colour, premultiplied, with clear borders."""
    sprite = torch.zeros(4, 128, 128)
    sprite[:3, 20:108, 20:108] = torch.tensor(rgb)[:, None, None]
    sprite[3, 20:108, 20:108] = 1
    return sprite


RED, GREEN = (0.9, 0.1, 0.1), (0.1, 0.8, 0.1)


def centre(picture: Tensor, rgb: tuple[float, float, float]) -> tuple[float, float]:
    """Where a colour lies in a picture (1, 3, H, W): x and y in [0, 1]."""
    near = (picture[0] - torch.tensor(rgb)[:, None, None]).abs().amax(0) < 0.2
    assert near.any(), "the colour is nowhere"
    y, x = near.nonzero(as_tuple=True)
    return x.float().mean().item() / near.shape[1], y.float().mean().item() / near.shape[0]


@pytest.mark.parametrize("size", [(128, 128), (64, 64), (64, 128), (160, 96)])
@pytest.mark.parametrize(
    ("relation", "across", "down"), [("left", -1, 0), ("right", 1, 0), ("above", 0, -1), ("below", 0, 1), ("on", 0, -1)]
)
def test_two_things_stand_as_they_are_said_to(relation: str, across: int, down: int, size: tuple[int, int]) -> None:
    one, two = ParsedThing("one"), ParsedThing("two")
    reading = ParsedScene([one, two], relation=relation)
    sprites = [(p, square(RED if p.thing is one else GREEN)) for p in compose.layout(reading, set())]
    picture = compose.compose(reading, sprites, size, torch.Generator().manual_seed(0))
    assert picture.shape == (1, 3, *size) and picture.min() >= 0 and picture.max() <= 1
    (x1, y1), (x2, y2) = centre(picture, RED), centre(picture, GREEN)
    if across:
        assert (x1 - x2) * across > 0.25
    else:
        assert (y1 - y2) * down > 0.25


def test_counts_and_props_are_all_drawn() -> None:
    three = compose.layout(ParsedScene([ParsedThing("cats", "cat", count=3)]), set())
    assert len(three) == 3 and len({(p.x, p.y) for p in three}) == 3
    holding = ParsedThing("teacher", "teacher", holds=[ParsedThing("book", "book")])
    person, prop = compose.layout(ParsedScene([holding]), {"teacher"})
    assert prop.size < person.size / 2 and abs(prop.x) < 1 and prop.y > person.y


def test_a_closeup_is_larger() -> None:
    far, near = (
        compose.layout(ParsedScene([ParsedThing("m", "man")], closeup=c), {"man"})[0].size for c in (False, True)
    )
    assert near > far


@pytest.mark.parametrize("colour", COLOURS)
def test_the_ground_has_the_colour_asked_for(colour: str) -> None:
    picture = compose.compose(ParsedScene(ground=colour), [], (32, 32), torch.Generator().manual_seed(0))
    assert (picture[0, :, 16, 16] - torch.tensor(COLOURS[colour][0])).abs().max() < 0.02


def test_a_cut_out_keeps_the_subject_and_drops_its_ground() -> None:
    mask = torch.zeros(1, 64, 64, dtype=torch.bool)
    mask[:, 16:48, 16:48] = True
    cut = compose.cut_out(torch.full((1, 3, 128, 128), 0.5), mask)
    assert cut.shape == (1, 4, 128, 128)
    assert cut[0, 3, 64, 64] > 0.95 and cut[0, 3, 8, 8] < 0.01 and cut[0, :3, 8, 8].max() < 0.01


# -- which drawings -----------------------------------------------------------------------------------------


def entry(group: str, rgb: tuple[float, float, float] = RED, **more: str) -> BankEntry:
    return BankEntry(group, "noto", captions=0, rgb=rgb, **more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy networks and a bank made by hand: a cat in two colours, teachers of both sexes, an old man, a sky."""
    place = tmp_path_factory.mktemp("pair")
    write_pair(place)
    entries = [
        entry("cat"), entry("cat", GREEN), entry("cat"), entry("dog"),
        entry("teacher", sex="male"), entry("teacher", sex="female"), entry("old-man", sex="male", age="old"),
        entry("book"), BankEntry("", place="sky", captions=1),
    ]  # fmt: skip
    random = torch.Generator().manual_seed(0)
    masks = torch.zeros(len(entries), 128, 128, dtype=torch.bool)
    masks[:, 20:108, 20:108] = True
    normal = torch.nn.functional.normalize
    bank = Bank(
        entries,
        {g: SUBJECTS[g] for g in ("cat", "dog", "teacher", "old-man", "book")},
        torch.randint(64, (len(entries), 32, 32), generator=random),
        masks,
        normal(torch.randn(len(entries), 16, generator=random), dim=1),
        normal(torch.randn(2, 16, generator=random), dim=1),
        {name: files.sha256(place / file) for name, file in NETWORK_FILES.items()},
    )
    save_bank(bank, place / "bank.safetensors")
    return place


def session(text: str, generator: dict[str, Any] | None = None, seeds: tuple[int, ...] = (3,)) -> Session:
    made = registry.create("generator", generator or {"type": "pixel"})
    made.prepare(torch.device("cpu"))
    return Session(torch.device("cpu"), made, {}, [grammar.parse(text) for _ in seeds], [Streams(s) for s in seeds])


def begun(folder: Path, text: str, **options: Any) -> tuple[Any, Session]:
    known = session(text)
    start = registry.create("start", {"type": "bank", "folder": str(folder), **options})
    start.prepare(known)
    return start, known


def shown(start: Any) -> list[list[str]]:
    return [[start._bank.entries[i].group for i in found] for _, found in start._plans[0].choices]


def test_named_subjects_are_found_whatever_the_embeddings_say(folder: Path) -> None:
    start, _ = begun(folder, "a cat to the left of a dog")
    assert shown(start) == [["cat"] * 3, ["dog"]]


def test_sex_and_age_choose_among_people(folder: Path) -> None:
    for text, sex in (("a male teacher", "male"), ("uma professora", "female")):
        start, _ = begun(folder, text)
        assert {start._bank.entries[i].sex for i in start._plans[0].choices[0][1]} == {sex}
    start, _ = begun(folder, "an old teacher of literature")
    assert shown(start) == [["old-man"], ["book"]]


def test_the_colour_asked_for_comes_first(folder: Path) -> None:
    start, _ = begun(folder, "a green cat", top=1)
    assert start._plans[0].choices[0][1][0] == 1


def test_a_drawing_takes_another_colour_where_it_has_its_main_one() -> None:
    drawn = square(RED)
    drawn[:, 50:60, 50:60] = torch.tensor((0.1, 0.7, 0.1, 1.0)).view(4, 1, 1)  # its leaf
    blue = torch.tensor(COLOURS["blue"][0])
    turned = compose.recoloured(drawn, COLOURS["blue"][0])
    assert (turned[:3, 90, 90] - blue).abs().max() < 0.1
    assert (turned[:, 55, 55] - drawn[:, 55, 55]).abs().max() < 0.05
    assert torch.equal(turned[3], drawn[3])
    assert torch.equal(compose.recoloured(drawn, COLOURS["red"][0]), drawn)
    grey = compose.recoloured(square((0.5, 0.5, 0.5)), COLOURS["blue"][0])
    assert (grey[:3, 90, 90] - blue).abs().max() < 0.1


def test_a_phrase_gives_the_style_that_no_prompt_names(folder: Path) -> None:
    for text, said, style in (
        ("a cat", ["an ink drawing"], "ink"),
        ("a pencil sketch of a cat", ["an ink drawing"], "pencil"),
        ("a cat", ["something bright"], "drawing"),
    ):
        start = registry.create("start", {"type": "bank", "folder": str(folder)})
        start.prepare(replace(session(text), phrases=said))
        assert start._plans[0].reading.style == style


def test_unknown_subjects_get_the_nearest_and_one_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        start, known = begun(folder, "a sunflower")  # the perceptor knows the word, the bank has none
        assert len(caplog.records) == 1 and "sunflower" in caplog.text
        caplog.clear()
        begun(folder, "a zeppelin")  # of that the perceptor warns itself
        begun(folder, "a cat")
        assert not caplog.records
    assert start(known, 0, (32, 32), 0)["pixels"].shape == (1, 3, 32, 32)


def test_weights_order_the_prompts_and_negative_ones_are_ignored(folder: Path) -> None:
    start, _ = begun(folder, "in the sky :0.5 | a cat | a dog :-0.3 | a watercolor :0.2")
    reading = start._plans[0].reading
    assert [t.group for t in reading.things] == ["cat"] and reading.place == "sky" and reading.style == "watercolor"
    start, known = begun(folder, "a dog :-1")
    assert start(known, 0, (32, 32), 0)["pixels"].isfinite().all()


def test_a_picture_among_the_prompts_finds_the_nearest_picture(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (40, 40), (200, 30, 30)).save(tmp_path / "p.png")
    start, known = begun(folder, f"image:{tmp_path / 'p.png'}")
    assert start(known, 0, (32, 32), 0)["pixels"].shape == (1, 3, 32, 32)
    with pytest.raises(UsageError, match="picture"):
        begun(folder, "image:missing.png")


@pytest.mark.parametrize("text", ["a cat", "a cat in the sky, watercolor", "an old teacher with a book", "no céu"])
def test_the_same_seed_and_attempt_give_the_same_start(folder: Path, text: str) -> None:
    start, known = begun(folder, text)
    one, again, other = (start(known, 0, (32, 32), attempt)["pixels"] for attempt in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_people_are_composed_of_named_parts_where_that_is_asked_for(folder: Path) -> None:
    start, known = begun(folder, "an old teacher with a book", portraits=True)
    one, again, other = (start(known, 0, (64, 64), attempt)["pixels"] for attempt in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
    without, _ = begun(folder, "an old teacher with a book")
    assert not torch.equal(one, without(known, 0, (64, 64), 0)["pixels"])
    # In a long shape a head would be cut off.
    assert torch.equal(start(known, 0, (32, 64), 0)["pixels"], without(known, 0, (32, 64), 0)["pixels"])


@pytest.mark.parametrize("text", ["a cat", "a cat to the left of a teacher", "a dog in the sky, watercolor"])
def test_other_prompts_begin_as_without_portraits(folder: Path, text: str) -> None:
    starts = [begun(folder, text, portraits=chosen)[0] for chosen in (True, False)]
    known = session(text)
    assert torch.equal(*(start(known, 0, (64, 64), 0)["pixels"] for start in starts))


@pytest.mark.slow
def test_all_the_best_are_tried_before_any_comes_again(folder: Path) -> None:
    start, known = begun(folder, "a cat", top=3)
    firsts = [start(known, 0, (32, 32), attempt)["pixels"] for attempt in range(3)]
    assert len({tuple(p.flatten().tolist()) for p in firsts}) == 3


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 64), (256, 256), (64, 128)])
@pytest.mark.parametrize("kind", ["pixel", "multires", "vqgan"])
def test_every_generator_that_encodes_begins_from_it(folder: Path, kind: str, size: tuple[int, int]) -> None:
    own = {"model": str(folder / "vqgan.safetensors")} if kind == "vqgan" else {}
    known = session("a cat", {"type": kind, **own})
    start = registry.create("start", {"type": "bank", "folder": str(folder)})
    params = start(known, 0, size, 0)
    pictures = known.generator.decode(params)
    assert pictures.shape == (1, 3, *size) and pictures.isfinite().all()
    if kind == "vqgan" and size == (256, 256):  # the bank's own codes, as they are
        codes = known.generator.network.quantize.nearest(params["latent"])[0]  # type: ignore[attr-defined]
        assert any(torch.equal(codes, start._bank.codes[i]) for i in range(3))


@pytest.mark.slow
def test_noise_moves_the_picture(folder: Path) -> None:
    (quiet, known), (loud, _) = begun(folder, "a cat"), begun(folder, "a cat", noise=0.2)
    assert (quiet(known, 0, (32, 32), 0)["pixels"] - loud(known, 0, (32, 32), 0)["pixels"]).std() > 0.05


@pytest.mark.parametrize("options", [{"top": 0}, {"noise": -1.0}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        registry.create("start", {"type": "bank", **options})


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"start\.folder"):
        begun(tmp_path / "nowhere", "a cat")
