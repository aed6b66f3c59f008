"""People drawn by a program: chosen part by part, composed as SVG from the definitions of dicebear, rendered by resvg.

Words fix parts and a seed chooses the rest (`person_from_words`); every option of every drawing is chosen
(`options`), none is left to dicebear's own dice.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping, Sequence

from torch import Tensor

from pixgen.errors import PixgenError
from pixgen.scenery import people
from pixgen.scenery.people import Person
from pixgen.scenery.portrait_parts import (
    AVATAR_SETS,
    CLOTHES,
    COAT,
    HAIR,
    HELD_OUT_AVATAR_SET,
    SKIN,
    AvatarSet,
    Options,
    Part,
)
from pixgen.scenery.rendering import rendered

PAINTED = ("avataaars", "toon-head", "personas")
"""Avatar sets in flat colour; the others draw ink lines."""
TRAINED = tuple(name for name in AVATAR_SETS if name != HELD_OUT_AVATAR_SET)
"""Whoever draws for trainings and for prompts."""
_NATURAL = {  # what colour hair is likely to be, by age and skin
    "old": ("grey", "white", "grey", "white"),
    "light": ("brown", "blond", "black", "red", "brown"),
    "brown": ("black", "brown", "black"),
    "dark": ("black", "black", "brown"),
}


def person_from_words(
    text: str | Mapping[str, str], seed: int, avatar_sets: Sequence[str] = PAINTED, words: Sequence[frozenset[str]] = ()
) -> Person:
    """Somebody whom the words fit. The seed chooses what they leave open, so seeds in a row give different people.

    text: a prompt in English or Portuguese, or parts as `people.read` gives them. avatar_sets: which may draw; the
    first of all that can draw what is asked for where none of them can. words: feminine and masculine names, as
    `people.read` has them. Raises PixgenError when no avatar set can draw what is asked for together.
    """
    asked = dict(people.read(text, *words) if isinstance(text, str) else text)
    asked = {part: value for part, value in asked.items() if part in people.PARTS}
    able = [name for name in avatar_sets if _can(AVATAR_SETS[name], asked)] or [
        n for n in TRAINED if _can(AVATAR_SETS[n], asked)
    ]
    if not able:
        said = ", ".join(f"{part} {value or 'none'}" for part, value in sorted(asked.items()))
        raise PixgenError(f"no avatar set can draw a person with {said}; ask for less at once")
    strata = list(itertools.product(able, _open(asked, "sex"), _open(asked, "age"), _open(asked, "skin")))
    strata = [s for s in strata if _can(AVATAR_SETS[s[0]], asked | {"sex": s[1], "age": s[2]})]
    key = json.dumps(sorted(asked.items()))
    random.Random(key).shuffle(strata)
    # Not one die for each: the strata come in turn, so that sex, age and skin are balanced over seeds in a row.
    avatar_set, sex, age, skin = strata[seed % len(strata)]
    return _completed(asked | {"sex": sex, "age": age}, AVATAR_SETS[avatar_set], skin, random.Random(f"{key}/{seed}"))


def _open(asked: Mapping[str, str], part: str) -> tuple[str, ...]:
    if part in asked:
        return (asked[part],)
    return {"sex": people.SEXES, "age": ("young", "adult", "old"), "skin": people.SKINS}[part]


def _can(avatar_set: AvatarSet, asked: Mapping[str, str]) -> bool:
    """Whether an avatar set has drawings of every part that was asked for, in the colour that was asked for."""
    if "age" in asked and asked["age"] not in avatar_set.ages:
        return False
    if "skin" in asked and not avatar_set.colours["skin"]:
        return False
    if "clothes_colour" in asked and not (avatar_set.colours["clothes"] or "shoulders" in avatar_set.own):
        return False
    sexes = [asked["sex"]] if "sex" in asked else list(people.SEXES)
    colours = _colours(asked, avatar_set)
    covered = asked.get("headwear", "")
    for sex in sexes:
        if covered:
            parts = [list(avatar_set.headwear.get(covered, ()))]
        elif asked.get("hair"):
            parts = [_fit(avatar_set.hair.get(asked["hair"], ()), sex, colours)]
        else:
            parts = [[part for kind in avatar_set.hair.values() for part in _fit(kind, sex, colours)]]
        for part in ("beard", "glasses", "expression", "clothes"):
            if asked.get(part):
                parts.append(
                    _fit(getattr(avatar_set, part).get(asked[part], ()), sex, colours if part == "beard" else None)
                )
        if all(parts):
            return True
    return False


def _colours(asked: Mapping[str, str], avatar_set: AvatarSet) -> tuple[str, ...] | None:
    """The colours of hair that may be taken, None for any."""
    if "hair_colour" in asked:
        return (asked["hair_colour"],)
    return ("grey", "white") if asked.get("age") == "old" and avatar_set.colours["hair"] else None


def _fit(parts: Sequence[Part], sex: str, colours: Sequence[str] | None) -> list[Part]:
    """Those that suit a sex, and hair that has one of the colours: what is drawn in ink is black."""
    right = [p for p in parts if sex[0] in p.sexes]
    return [p for p in right if not p.inked or colours is None or "black" in colours]


def _completed(asked: Mapping[str, str], avatar_set: AvatarSet, skin: str, rng: random.Random) -> Person:
    """Every part that was not asked for, chosen among what the avatar set can draw."""
    sex, age = asked["sex"], asked["age"]
    painted = bool(avatar_set.colours["skin"])
    covered = asked.get("headwear")
    if covered is None:
        # Few hats on women: most avatar sets draw them without the hair that tells a woman from a man.
        own = {"male": ("hat", "turban", "cap", "winter-hat"), "female": ("hijab", "hijab", "hijab", "hat")}[sex]
        likely = [h for h in own if h in avatar_set.headwear]
        bare = "hair" in asked or "hair_colour" in asked or rng.random() > 0.12 or not likely
        covered = "" if bare else rng.choice(likely)
    colour = asked.get("hair_colour") or rng.choice(_NATURAL["old" if age == "old" else skin])
    if not painted:
        colour = "black"
    hair = "" if covered else asked.get("hair") or _hair(avatar_set, sex, age, colour, rng)
    if hair and not _fit(avatar_set.hair[hair], sex, [colour]):  # drawn in ink: no colour was asked for
        colour = "black"
    beard = asked.get("beard")
    if beard is None:
        shares = {"child": 0.0, "young": 0.2, "adult": 0.35, "old": 0.45}
        able = [kind for kind, parts in avatar_set.beard.items() if _fit(parts, sex, [colour])]
        # With long hair always, or who could tell him from a woman?
        share = 1.0 if hair == "long" and age != "child" else avatar_set.beards * shares[age]
        wanted = sex == "male" and rng.random() < share and able
        beard = rng.choices(able, [1 if k == "moustache" else 2 for k in able])[0] if wanted else ""
    glasses = asked.get("glasses")
    if glasses is None:
        share = {"child": 0.1, "young": 0.2, "adult": 0.25, "old": 0.4}[age]
        glasses = "glasses" if "glasses" in avatar_set.glasses and rng.random() < share else ""
    moods = [m for m in ("smiling", "smiling", "smiling", "serious", *avatar_set.moods) if m in avatar_set.expression]
    clothes = asked.get("clothes") or rng.choice(_garments(avatar_set, sex, age, rng))
    worn = asked.get("clothes_colour") or rng.choice(people.CLOTHES_COLOURS)
    return Person(
        avatar_set.style, sex, age, skin if painted else "", hair, colour, covered, beard, glasses,
        asked.get("expression") or rng.choice(moods), clothes, worn if painted else "black", rng.getrandbits(16),
    )  # fmt: skip


def _hair(avatar_set: AvatarSet, sex: str, age: str, colour: str, rng: random.Random) -> str:
    """A kind of hair that a person of this sex and age may well have, in this colour if there is any."""
    by_sex: dict[str, dict[str, float]] = {
        "male": {"short": 6, "curly": 2, "bald": 1, "long": 0.5, "bun": 0.3},
        "female": {"long": 5, "bob": 3, "bun": 2, "curly": 2, "short": 1},
    }
    weights = by_sex[sex]
    if age == "old":
        weights = (
            {"short": 4, "balding": 4, "bald": 1.5, "curly": 1}
            if sex == "male"
            else {"bun": 4, "bob": 3, "curly": 2, "short": 2, "long": 1}
        )
    if age == "old" and sex == "female" and avatar_set.old_women:
        weights = dict.fromkeys(avatar_set.old_women, 1.0)
    if age == "child":
        weights = {"short": 5, "curly": 2} if sex == "male" else {"long": 4, "bob": 3, "bun": 1}
    for wanted in ([colour], None):
        kinds = [k for k in weights if weights[k] and _fit(avatar_set.hair.get(k, ()), sex, wanted)]
        if kinds:
            return rng.choices(kinds, [weights[k] for k in kinds])[0]
    return next(kind for kind, parts in avatar_set.hair.items() if _fit(parts, sex, None))


def _garments(avatar_set: AvatarSet, sex: str, age: str, rng: random.Random) -> list[str]:
    kinds = [kind for kind, parts in avatar_set.clothes.items() if kind != "coat" and _fit(parts, sex, None)]
    fitting = [k for k in kinds if k != "jacket"] if age == "child" else kinds
    return fitting or kinds


# -- drawing -----------------------------------------------------------------------------------------------


def options(person: Person) -> Options:
    """What dicebear is told of a person: every component and every colour of the style."""
    avatar_set, rng = AVATAR_SETS[person.avatar_set], random.Random(f"{person.look}")
    found: Options = dict(avatar_set.fixed)

    def take(parts: Sequence[Part]) -> None:
        found.update(rng.choice(list(parts)).options)

    colours = [person.hair_colour] if person.hair_colour else None
    take(
        avatar_set.headwear[person.headwear]
        if person.headwear
        else _fit(avatar_set.hair[person.hair], person.sex, colours)
    )
    take(avatar_set.expression[person.expression])
    take(_fit(avatar_set.clothes[person.clothes], person.sex, None))
    if avatar_set.nose:
        take(avatar_set.nose)
    if person.age == "old" and "nose" in avatar_set.wrinkled:
        found.update(avatar_set.wrinkled["nose"].options)
    if person.beard:
        take(_fit(avatar_set.beard[person.beard], person.sex, colours))
    if person.glasses:
        take(avatar_set.glasses[person.glasses])
    found |= _coloured(person, avatar_set, rng)
    return found


def _coloured(person: Person, avatar_set: AvatarSet, rng: random.Random) -> Options:
    found: Options = {}
    if person.skin:
        found |= dict.fromkeys(avatar_set.colours["skin"], rng.choice((avatar_set.skin or SKIN)[person.skin]))
        found |= dict.fromkeys(avatar_set.colours["hair"], rng.choice(HAIR[person.hair_colour]))
        found |= dict.fromkeys(avatar_set.colours["clothes"], cloth(person))
    if person.headwear:
        found |= dict.fromkeys(
            avatar_set.colours.get("hat", ()), rng.choice(("#25557c", "#7c3042", "#3a4a3f", "#4b3b6b", "#2a2d34"))
        )
    return found


def cloth(person: Person) -> str:
    """The colour of what somebody wears, as #rrggbb."""
    shades = CLOTHES[person.clothes_colour]
    return COAT if person.clothes == "coat" else shades[person.look % len(shades)]


def skin_colour(person: Person) -> str:
    """The colour of somebody's skin, as #rrggbb; white where ink is drawn on paper."""
    name = AVATAR_SETS[person.avatar_set].colours["skin"]
    return str(options(person)[name[0]]) if name else "#ffffff"


def svg(person: Person) -> str:
    """The person as SVG on nothing, square."""
    from pixgen.scenery import dicebear_svg  # jsonschema comes with it, which is slow to import

    avatar_set = AVATAR_SETS[person.avatar_set]
    drawn = dicebear_svg.draw(avatar_set.style, options(person))
    own = _own_lines(person, avatar_set, dicebear_svg.definition(avatar_set.style)["canvas"]["width"])
    return drawn.replace("</svg>", f"{own}</svg>") if own else drawn


def _own_lines(person: Person, avatar_set: AvatarSet, side: float) -> str:
    """Glasses, wrinkles and shoulders where the style has none, in its own coordinates."""
    left, right, y, r = (v * side for v in avatar_set.eyes)
    found = ""
    if person.age == "old" and "wrinkles" in avatar_set.own:
        width, middle, chin = 0.008 * side, side / 2, avatar_set.chin * side
        low = y + 0.62 * (chin - y)
        lines = [f"M{left - 0.6 * r} {y + 1.15 * r}q{0.6 * r} {0.35 * r} {1.2 * r} 0",
                 f"M{right - 0.6 * r} {y + 1.15 * r}q{0.6 * r} {0.35 * r} {1.2 * r} 0"]  # fmt: skip
        for way in (-1, 1):
            x = middle + way * 0.085 * side
            lines.append(
                f"M{x - way * 0.02 * side} {low - 0.11 * side}"
                f"q{way * 0.05 * side} {0.05 * side} {way * 0.04 * side} {0.1 * side}"
            )
        found += (
            f'<path d="{"".join(lines)}" fill="none" stroke="#000" stroke-opacity=".28" stroke-width="{width}" '
            'stroke-linecap="round"/>'
        )
    if person.glasses and "glasses" in avatar_set.own:
        found += (
            f'<g fill="#fff" fill-opacity=".18" stroke="#262e33" stroke-width="{0.014 * side}">'
            f'<circle cx="{left}" cy="{y}" r="{r}"/><circle cx="{right}" cy="{y}" r="{r}"/>'
            f'<path fill="none" d="M{left + r} {y}q{(right - left) / 2 - r} {-0.3 * r} {right - left - 2 * r} 0'
            f'M{left - r} {y}l{-0.5 * r} {-0.25 * r}M{right + r} {y}l{0.5 * r} {-0.25 * r}"/></g>'
        )
    if "shoulders" in avatar_set.own:
        found += (
            f'<path d="M90 1000C92 905 165 880 285 845C330 925 560 945 650 838C770 870 855 900 862 1000Z" '
            f'fill="{cloth(person)}" stroke="#000" stroke-width="15"/>'
        )
    return found


def drawn(person: Person, side: int) -> Tensor:
    """The person on nothing, premultiplied RGBA float32 (4, side, side) in [0, 1]."""
    return rendered(svg(person), side)
