"""Words and people: what a prompt asks for is what is chosen, and what a caption says is what is there."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from pixgen.errors import PixgenError
from pixgen.scenery import people, portraits, sittings
from pixgen.scenery.captions import SceneDescription, Thing, write
from pixgen.scenery.people import Person, read
from pixgen.scenery.portrait_parts import AVATAR_SETS, HELD_OUT_AVATAR_SET
from pixgen.scenery.subjects import load_subjects

# part -> value -> (English, Portuguese of a man, of a woman); adjectives end in `|`
SAID = {
    "age": {
        "young": ("young|", "jovem|", "jovem|"),
        "old": ("old|", "idoso|", "velha|"),
        "adult": ("middle-aged|", "de meia-idade|", "madura|"),
    },
    "skin": {
        "dark": ("with dark skin", "de pele negra", "de pele escura"),
        "light": ("with fair skin", "de pele branca", "de pele clara"),
        "brown": ("with brown skin", "de pele parda", "de pele morena"),
    },
    "hair": {
        "bald": ("bald|", "careca|", "careca|"),
        "long": ("with long hair", "de cabelo comprido", "de cabelos longos"),
        "short": ("with short hair", "com cabelo curto", "com cabelo curto"),
        "bun": ("with a bun", "com um coque", "de coque"),
        "curly": ("with curly hair", "com cabelo cacheado", "com cabelos crespos"),
    },
    "headwear": {
        "hat": ("with a hat", "de chapéu", "com chapéu"),
        "turban": ("with a turban", "de turbante", "com um turbante"),
        "hijab": ("in a hijab", "de véu", "com um hijab"),
    },
    "beard": {
        "beard": ("with a beard", "de barba", "com barba"),
        "": ("without a beard", "sem barba", "sem barba"),
    },
    "glasses": {
        "glasses": ("with glasses", "de óculos", "com óculos"),
        "sunglasses": ("with sunglasses", "de óculos escuros", "com óculos de sol"),
        "": ("without glasses", "sem óculos", "sem óculos"),
    },
    "expression": {
        "smiling": ("smiling|", "sorridente|", "sorridente|"),
        "serious": ("serious|", "sério|", "séria|"),
        "sad": ("sad|", "triste|", "triste|"),
    },
    "clothes": {
        "jacket": ("in a jacket", "de paletó", "de blazer"),
        "t-shirt": ("in a t-shirt", "de camiseta", "de camiseta"),
    },
}
NOUNS = {"male": ("man", "homem"), "female": ("woman", "mulher")}


def asked_for(rng: random.Random) -> dict[str, str]:
    """Parts that somebody may ask for together."""
    parts = {part: rng.choice(list(SAID[part])) for part in rng.sample(list(SAID), rng.randint(0, 4))}
    if "headwear" in parts and "hair" in parts:
        del parts["hair"]
    parts["sex"] = rng.choice(people.SEXES)
    if parts["sex"] == "female":
        parts.pop("beard", None)
    return parts


def prompt(parts: dict[str, str], portuguese: bool) -> str:
    form = 1 + (parts["sex"] == "female") if portuguese else 0
    words = [SAID[part][value][form] for part, value in parts.items() if part != "sex"]
    adjectives = [word[:-1] for word in words if word.endswith("|")]
    noun, others = NOUNS[parts["sex"]][portuguese], [word for word in words if not word.endswith("|")]
    return " ".join([noun, *adjectives, *others] if portuguese else ["a", *adjectives, noun, *others])


def chosen(person: Person, part: str) -> str:
    value: str = getattr(person, part)
    return "bald" if value == "balding" else value


@pytest.mark.parametrize("seed", range(200))
def test_the_words_of_a_prompt_are_the_parts_of_the_person(seed: int) -> None:
    rng = random.Random(seed)
    parts = asked_for(rng)
    text = prompt(parts, portuguese=seed % 2 == 1)
    assert read(text) == parts, text
    try:
        person = portraits.person_from_words(text, seed, portraits.TRAINED)
    except PixgenError:
        pytest.skip("no avatar set draws all of it")
    assert {part: chosen(person, part) for part in parts} == parts, text


@pytest.mark.parametrize(
    "text",
    ["a teacher", "um professor", "an old woman with glasses", "a bald man with a beard", "uma professora jovem negra",
     "a woman in a hijab", "a boy", "a smiling young man with long hair in a red sweater"],
)  # fmt: skip
def test_six_seeds_give_six_people_whom_the_words_fit(text: str) -> None:
    parts = read(text, frozenset({"professora"}), frozenset({"professor"}))
    found = [portraits.person_from_words(parts, seed) for seed in range(6)]
    assert len({portraits.svg(person) for person in found}) == 6
    for person in found:
        assert {part: chosen(person, part) for part in parts} == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a watercolor of a young male teacher of literature with a book", {"age": "young", "sex": "male"}),
        ("an old photograph of a man", {"sex": "male"}),
        ("an old black and white photo of a young woman", {"age": "young", "sex": "female"}),
        ("a teenage boy", {"age": "young", "sex": "male"}),
        ("a man in a black suit and a white shirt", {"clothes": "jacket", "clothes_colour": "black", "sex": "male"}),
        ("um velho de barba branca", {"age": "old", "beard": "beard", "hair_colour": "white", "sex": "male"}),
        ("a man with no hair", {"hair": "bald", "sex": "male"}),
        ("a man with an old book and two glasses of wine", {"sex": "male"}),
        ("a white cat and a black hat stand", {"headwear": "hat"}),
        ("a black woman with grey hair", {"skin": "dark", "sex": "female", "hair_colour": "grey"}),
        ("a blond girl", {"hair_colour": "blond", "age": "child", "sex": "female"}),
        ("a man with long black hair", {"hair": "long", "hair_colour": "black", "sex": "male"}),
        ("a bearded man in a green sweater",
         {"beard": "beard", "sex": "male", "clothes": "sweater", "clothes_colour": "green"}),
        ("uma senhora de cabelo grisalho e óculos", {"sex": "female", "hair_colour": "grey", "glasses": "glasses"}),
        ("retrato de uma avó sorridente", {"sex": "female", "age": "old", "expression": "smiling"}),
        ("um homem ruivo com barba e gorro",
         {"sex": "male", "hair_colour": "red", "beard": "beard", "headwear": "winter-hat"}),
    ],
)  # fmt: skip
def test_words_mean_what_people_mean(text: str, parts: dict[str, str]) -> None:
    assert read(text) == parts


def test_no_profession_says_how_somebody_looks() -> None:
    for group in sittings.ROLES:
        subject = load_subjects()[group]
        for name in (*subject.en, *subject.pt):
            assert set(read(f"a {name}")) <= {"sex"}, name


def test_nobody_in_particular_is_of_either_sex_every_age_and_every_skin() -> None:
    found = [portraits.person_from_words("a teacher", seed) for seed in range(540)]
    for part, values in (("sex", 2), ("age", 3), ("skin", 3)):
        counts = Counter(getattr(person, part) for person in found)
        assert len(counts) == values and min(counts.values()) > 0.85 * len(found) / values, counts


def test_what_cannot_be_drawn_together_is_an_error_that_says_what() -> None:
    with pytest.raises(PixgenError, match="beard moustache.*headwear cap.*skin dark"):
        portraits.person_from_words({"skin": "dark", "headwear": "cap", "beard": "moustache"}, 0)


def test_the_held_out_hand_takes_no_part() -> None:
    assert HELD_OUT_AVATAR_SET in AVATAR_SETS and HELD_OUT_AVATAR_SET not in portraits.TRAINED
    people_drawn = [portraits.person_from_words("a bald man", seed, portraits.TRAINED) for seed in range(60)]
    assert HELD_OUT_AVATAR_SET not in {person.avatar_set for person in people_drawn}


@pytest.mark.parametrize("portuguese", [False, True])
def test_captions_tell_what_is_there(portuguese: bool) -> None:
    subjects, rng = load_subjects(), random.Random(5)
    told = 0
    for _ in range(250):
        portrait, scene = sittings.sitting(rng, subjects)
        if len(portrait.people) > 1:
            continue
        caption = write(scene, rng, portuguese)
        person = portrait.people[0]
        for part, value in read(caption, frozenset(), frozenset()).items():
            assert value == chosen(person, part), caption
            told += 1
    assert told > 150


def test_a_caption_says_the_parts_it_is_asked_to() -> None:
    person = Person(
        "avataaars", "female", "old", "dark", "long", "grey", "", "", "glasses", "smiling", "sweater", "green"
    )
    thing = Thing(load_subjects()["teacher"], person=person, age="old", sex="female",
                  saying=("expression", "hair", "glasses", "clothes"))  # fmt: skip
    rng = random.Random(0)
    said = {write(SceneDescription([thing]), rng, False) for _ in range(40)}
    assert "an old smiling female teacher with long grey hair and glasses in a green sweater" in said
    said = {write(SceneDescription([thing]), rng, True) for _ in range(40)}
    assert "uma professora idosa sorridente com cabelo comprido grisalho e óculos vestindo suéter verde" in said
