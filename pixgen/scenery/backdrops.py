"""What stands behind people, drawn by ourselves as SVG bodies in a square of 100 by 100."""

from __future__ import annotations

import random
from collections.abc import Callable

BACKDROP_WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "blackboard": (
        ("in front of a blackboard", "at the blackboard"),
        ("em frente a um quadro-negro", "no quadro-negro"),
    ),
    "bookshelf": (
        ("in front of a bookshelf", "in a library", "among books"),
        ("em frente a uma estante", "em uma biblioteca", "entre livros"),
    ),
    "office": (
        ("in front of a computer screen", "in an office", "at a desk"),
        ("em frente a uma tela de computador", "em um escritório", "na mesa de trabalho"),
    ),
    "laboratory": (("in a laboratory", "in a lab"), ("em um laboratório", "no laboratório")),
    "stage": (("on a stage", "on stage"), ("em um palco", "no palco")),
    "playing-field": (
        ("on a soccer field", "on a sports field"),
        ("em um campo de futebol", "na quadra"),
    ),
    "playground": (("in a playground",), ("em um parquinho", "no parquinho")),
    "studio": (("in an art studio", "in front of an easel"), ("em um ateliê", "em frente a um cavalete")),
    "map": (("in front of a world map", "in front of a map"), ("em frente a um mapa-múndi", "em frente a um mapa")),
}
"""Place -> (English, Portuguese), as in PLACE_WORDS; `blackboard` is one there as well."""


def svg_body(name: str, rng: random.Random) -> str:
    """The drawing of a place, in a square of 100; where everything stands is drawn from `rng`."""
    return BACKDROPS[name](rng)


# -- chalk: each sign as strokes on a field 4 wide and 6 high, y downwards -----------------------------------

_SIGNS = {
    "0": "M2 0Q0 0 0 3Q0 6 2 6Q4 6 4 3Q4 0 2 0", "1": "M1 1L2 0V6", "2": "M0 1Q2-1 4 1Q4 3 0 6H4",
    "3": "M0 0H4L2 2.5Q5 3 3 5.500Q1 6.500 0 5", "4": "M3 6V0L0 4H4", "5": "M4 0H1V2.500Q4 2 4 4Q4 6 0 6",
    "7": "M0 0H4L1 6", "8": "M2 3Q0 2 2 0Q4 2 2 3Q0 5 2 6Q4 5 2 3",
    "x": "M0 2L4 6M4 2L0 6", "y": "M0 2L2 4.500M4 2L1 7.500", "a": "M4 2V6M4 3Q1 1 0 4Q1 7 4 5",
    "b": "M0 0V6M0 4Q2 1 4 4Q3 7 0 5.500", "c": "M4 2.500Q1 1 0 4Q1 7 4 5.500",
    "e": "M0 4H4Q3 1 1 2Q-1 4 1 6Q3 6 4 5.500", "f": "M4 0Q2-1 2 2V6M0 2.500H4",
    "d": "M4 0V6M4 4Q2 1 0 4Q1 7 4 5.500", "m": "M0 2V6M0 3Q1 1 2 3V6M2 3Q3 1 4 3V6",
    "E": "M4 0H0V6H4M0 3H3", "+": "M2 2V6M0 4H4", "-": "M0 4H4", "=": "M0 3H4M0 5H4", "(": "M3-1Q0 3 3 7",
    ")": "M1-1Q4 3 1 7", "/": "M4-1L0 7", "S": "M4-1Q2-2 2 1V5Q2 8 0 7", "p": "M0 2.500H4M1 2.500V6M3 2.500V6",
    "r": "M0 4L1 4L2 6L3-1H8", "s": "M4 0H0L2 3L0 6H4",
}  # fmt: skip
_FORMULAS = (
    "a2+b2=c2",
    "E=mc2",
    "y=ax+b",
    "S f(x)dx",
    "r2=1.4",
    "x2-4=0",
    "2+2=4",
    "3x+5=8",
    "s x = 10",
    "p=3.14",
    "7-3=4",
)
_RAISED = {"a2", "b2", "c2", "x2"}


def _advance(before: str, sign: str) -> float:
    """How far the next sign stands from this one, at size 1."""
    if before + sign in _RAISED:
        return 3.4
    return 2.5 if sign in ". " else 10.5 if sign == "r" else 5.6


def _width(text: str) -> float:
    return sum(map(_advance, " " + text, text))


def _chalked(text: str, x: float, y: float, size: float) -> str:
    """Strokes of a formula from its left upper corner; a 2 after a letter is a square."""
    path, at = "", x
    for before, sign in zip(" " + text, text, strict=False):
        small = before + sign in _RAISED
        scale = size * (0.6 if small else 1.0)
        if sign == ".":
            path += f'<circle cx="{at + size}" cy="{y + 6 * size}" r="{0.5 * size}"/>'
        elif sign != " ":
            up = y - 1.6 * size if small else y
            path += f'<path transform="translate({at:.2f} {up:.2f}) scale({scale:.3f})" d="{_SIGNS[sign]}"/>'
        at += _advance(before, sign) * size
    return path


def _blackboard(rng: random.Random) -> str:
    slate = rng.choice(("#23513f", "#1f4a3c", "#27343a", "#2b3b35"))
    chalk = ""
    texts = rng.sample(_FORMULAS, 6)
    for text, (x, y) in zip(texts, ((7, 10), (68, 10), (7, 28), (68, 28), (7, 46), (68, 46))):
        size = min(1.2, 26 / _width(text))
        chalk += _chalked(text, x + rng.uniform(0, 1), y + rng.uniform(-1, 1), size)
    if rng.random() < 0.6:  # a curve over its axes, a triangle
        x, y = rng.choice(((10, 76), (70, 76)))
        axes, curve = f"M{x} {y - 10}V{y + 8}M{x - 2} {y + 5}H{x + 20}", f"M{x + 1} {y + 4}q8-28 16 0"
        chalk += f'<path d="{axes}{curve}"/>'
    if rng.random() < 0.6:
        x = rng.choice((8, 74))
        chalk += f'<path d="M{x} 84V68L{x + 17} 84Z"/>'
    return (
        f'<rect width="100" height="100" fill="#9a6a3a"/><rect x="4" y="4" width="92" height="92" fill="{slate}"/>'
        '<ellipse cx="50" cy="45" rx="40" ry="26" fill="#fff" fill-opacity=".05"/>'
        f'<g fill="none" stroke="#f1f4ee" stroke-width=".95" stroke-linecap="round" stroke-linejoin="round">{chalk}</g>'
    )


_SPINES = ("#b5413a", "#2f6ca8", "#3b8f5a", "#d9a441", "#7a4b93", "#e0ddd0", "#41505f", "#c46a2d", "#2b8c8c")


def _bookshelf(rng: random.Random) -> str:
    wood, shade = rng.choice((("#7b4f2b", "#573519"), ("#a97a4b", "#7a5430"), ("#5e3d28", "#3e2717")))
    found = f'<rect width="100" height="100" fill="{shade}"/>'
    for top in (-3, 22, 47, 72):
        x = 3.0
        while x < 96:
            width, tall = rng.uniform(3.2, 6.4), rng.uniform(15, 21)
            if rng.random() < 0.07:
                x += width
                continue
            colour = rng.choice(_SPINES)
            found += (
                f'<rect x="{x:.1f}" y="{top + 23 - tall:.1f}" width="{width - 0.4:.1f}" height="{tall:.1f}" '
                f'fill="{colour}"/>'
            )
            if rng.random() < 0.5:
                found += (
                    f'<path d="M{x + 0.6:.1f} {top + 27 - tall:.1f}h{width - 1.6:.1f}" stroke="#f5e6b8" '
                    'stroke-width="1.200"/>'
                )
            x += width
        found += f'<rect y="{top + 23}" width="100" height="2.800" fill="{wood}"/>'
    return found + f'<rect width="3" height="100" fill="{wood}"/><rect x="97" width="3" height="100" fill="{wood}"/>'


def _office(rng: random.Random) -> str:
    wall = rng.choice(("#dfe7ee", "#e9e4da", "#d5e3df", "#e3dcea"))
    left = rng.random() < 0.5
    x = 5 if left else 57
    code = ""
    for i in range(7):
        at = x + 4 + 3 * rng.choice((0, 1, 2))
        tint = rng.choice(("#7ee787", "#79c0ff", "#ffa657", "#e6edf3"))
        line = f"M{at} {27 + 4.2 * i:.1f}h{rng.uniform(8, x + 33 - at):.1f}"
        code += f'<path d="{line}" stroke="{tint}" stroke-width="1.700"/>'
    other = 76 if left else 8
    return (
        f'<rect width="100" height="100" fill="{wall}"/><rect y="70" width="100" height="30" fill="#a9794c"/>'
        '<rect y="70" width="100" height="2.500" fill="#835a34"/>'
        f'<rect x="{other}" y="10" width="17" height="22" fill="#fff" stroke="#8f9aa5" stroke-width="1.500"/>'
        f'<path d="M{other + 3} {28}l4-7 3 4 4-9" fill="none" stroke="#3c6fd0" stroke-width="1.500"/>'
        f'<rect x="{x + 15}" y="58" width="8" height="10" fill="#6f7782"/><rect x="{x + 9}" y="67" width="20" '
        'height="3" rx="1" fill="#5b626c"/>'
        f'<rect x="{x}" y="20" width="38" height="40" rx="2" fill="#32373f"/><rect x="{x + 2}" y="22" '
        f'width="34" height="35" fill="#172338"/>{code}'
    )


def _laboratory(rng: random.Random) -> str:
    found = (
        '<rect width="100" height="100" fill="#dcebf0"/>'
        '<path d="M0 20H100M0 40H100M0 60H100M0 80H100M20 0V100M40 0V100M60 0V100M80 0V100" stroke="#c6dbe3" '
        'stroke-width=".8"/>'
        '<rect y="33" width="100" height="3.500" fill="#8a9aa6"/><rect y="62" width="100" height="3.500" '
        'fill="#8a9aa6"/>'
    )
    for base in (33, 62):
        for column in range(4, 96, 15):
            x = column + rng.randint(0, 3)
            tint = rng.choice(("#35c26b", "#3c8df0", "#b04fe0", "#f0713c", "#e8c33c"))
            match rng.randrange(3):
                case 0:
                    found += (
                        f'<path d="M{x + 3} {base - 16}v6l-4 8.500q-.500 1.500 1 1.500h10q1.500 0 '
                        '1-1.500l-4-8.500v-6z" fill="#f5fbfd" stroke="#5b7080"/>'
                        f'<path d="M{x + 1.2} {base - 5}h7.600l1.600 3.200q.300 1.300-.800 '
                        f'1.300h-9.200q-1.100 0-.800-1.300z" fill="{tint}"/>'
                    )
                case 1:
                    found += (
                        f'<rect x="{x}" y="{base - 14}" width="8" height="14" rx="1.500" fill="{tint}" '
                        'stroke="#5b7080"/>'
                        f'<rect x="{x + 2}" y="{base - 18}" width="4" height="4" fill="#5b7080"/><rect '
                        f'x="{x + 1.5}" y="{base - 9}" width="5" height="4.500" fill="#fff"/>'
                    )
                case _:
                    for i in range(3):
                        found += (
                            f'<rect x="{x + 3.6 * i:.1f}" y="{base - 15}" width="2.800" height="15" '
                            'rx="1.400" fill="#f5fbfd" stroke="#5b7080" stroke-width=".7"/>'
                            f'<rect x="{x + 0.4 + 3.6 * i:.1f}" y="{base - 8}" width="2" height="7.600" '
                            f'rx="1" fill="{tint}"/>'
                        )
    return (
        f'{found}<rect y="82" width="100" height="18" fill="#6f8794"/>'
        '<rect y="82" width="100" height="2.500" fill="#4e636f"/>'
    )


def _stage(rng: random.Random) -> str:
    cloth, fold = rng.choice((("#9e1f2e", "#7a1420"), ("#6a2387", "#4d1664"), ("#8c2f1c", "#6a2012")))
    folds = "".join(f'<rect x="{x}" y="8" width="3.500" height="84" fill="{fold}"/>' for x in (5, 14, 84, 93))
    beams = "".join(
        f'<path d="M{x} 0L{x + lean - 13} 92H{x + lean + 13}Z" fill="{tint}" fill-opacity=".32"/>'
        for x, lean, tint in ((26, 6, "#ffe9a8"), (50, 0, "#fff6d8"), (74, -6, "#ffe9a8"))
    )
    scallops = "".join(f'<circle cx="{x}" cy="8" r="9"/>' for x in range(0, 110, 18))
    return (
        f'<rect width="100" height="100" fill="#241a2e"/>{beams}<rect y="86" width="100" height="14" '
        'fill="#8a5d36"/><rect y="86" width="100" height="2" fill="#b98652"/>'
        f'<path d="M0 0H22Q20 50 12 88H0ZM100 0H78Q80 50 88 88H100Z" fill="{cloth}"/><g>{folds}</g><g '
        f'fill="{cloth}"><rect width="100" height="9"/>{scallops}</g>'
    )


def _outdoors(rng: random.Random) -> str:
    clouds = ""
    for _ in range(3):
        x, y, r = rng.uniform(5, 95), rng.uniform(8, 30), rng.uniform(4, 7)
        clouds += (
            f'<g fill="#fff"><circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/><circle cx="{x + r:.1f}" '
            f'cy="{y + 1:.1f}" r="{0.8 * r:.1f}"/><circle cx="{x - r:.1f}" cy="{y + 1:.1f}" r="{0.75 * r:.1f}"/>'
            "</g>"
        )
    return f'<rect width="100" height="100" fill="#9ed2f2"/>{clouds}'


def _trees(rng: random.Random, base: float) -> str:
    found = ""
    for column in range(-4, 106, 12):
        x, r = column + rng.uniform(-3, 3), rng.uniform(7, 11)
        found += (
            f'<circle cx="{x:.1f}" cy="{base - 6:.1f}" r="{r:.1f}" '
            f'fill="{rng.choice(("#3f8f4c", "#357f44", "#4a9d55"))}"/>'
        )
    return found


def _playing_field(rng: random.Random) -> str:
    stripes = "".join(f'<rect y="{y}" width="100" height="6" fill="#4ca64f"/>' for y in (58, 70, 82, 94))
    x = rng.choice((8, 54))
    net = "".join(f"M{x + i} 34V58" for i in range(4, 38, 5)) + "".join(f"M{x} {34 + i}h38" for i in range(4, 24, 5))
    return (
        f'{_outdoors(rng)}{_trees(rng, 54)}<rect y="52" width="100" height="48" fill="#5bb75c"/>{stripes}'
        f'<path d="{net}" stroke="#fff" stroke-opacity=".6" stroke-width=".6"/><path d="M{x} '
        f'58V33H{x + 38}V58" fill="none" stroke="#fff" stroke-width="2.200"/>'
        '<path d="M0 62H100" stroke="#fff" stroke-width="1.200"/>'
    )


def _playground(rng: random.Random) -> str:
    swing, slide = (6, 62) if rng.random() < 0.5 else (62, 6)
    return (
        f'{_outdoors(rng)}{_trees(rng, 56)}<rect y="56" width="100" height="44" fill="#7cc36a"/><rect y="76" '
        'width="100" height="24" fill="#e2c68d"/>'
        f'<path d="M{swing} 78L{swing + 7} 34H{swing + 27}L{swing + 34} 78" fill="none" stroke="#d9443a" '
        'stroke-width="2.500"/>'
        f'<path d="M{swing + 13} 35V62M{swing + 21} 35V62" stroke="#6b6b6b" stroke-width="1.200"/><rect '
        f'x="{swing + 11}" y="61" width="12" height="3" fill="#2f6fd6"/>'
        f'<path d="M{slide + 4} 80V44M{slide + 12} 80V44M{slide + 4} 54h8M{slide + 4} 64h8M{slide + 4} 73h8" '
        'stroke="#3c6fd0" stroke-width="2"/>'
        f'<path d="M{slide + 10} 45Q{slide + 18} 48 {slide + 22} 64T{slide + 34} 78" fill="none" '
        'stroke="#f0b429" stroke-width="4.500"/>'
    )


def _studio(rng: random.Random) -> str:
    wall = rng.choice(("#efe3cf", "#e6dfe8", "#dfe9e4"))
    x = rng.choice((6, 60))
    other = 66 if x < 50 else 8
    art = rng.choice(
        (
            f'<rect x="{x + 3}" y="21" width="28" height="36" fill="#bfe3f7"/><path d="M{x + 3} 57V46l9-13 8 '
            f'10 5-5 6 7V57Z" fill="#4f9a62"/><circle cx="{x + 24}" cy="29" r="4" fill="#f5c542"/>',
            f'<rect x="{x + 3}" y="21" width="28" height="36" fill="#f7e3c8"/><circle cx="{x + 17}" cy="36" '
            f'r="8" fill="#e0563b"/><path d="M{x + 17} 44V56M{x + 17} 50l6-5" stroke="#3f8f4c" '
            'stroke-width="2"/>',
            f'<rect x="{x + 3}" y="21" width="28" height="36" fill="#31427a"/><circle cx="{x + 12}" cy="31" '
            f'r="5" fill="#f5d76e"/><path d="M{x + 3} 50q7-6 14 0t14 0v7h-28z" fill="#6fa3d8"/>',
        )
    )
    spots = "".join(
        f'<circle cx="{rng.uniform(2, 98):.0f}" cy="{rng.uniform(80, 98):.0f}" r="{rng.uniform(0.8, 2):.1f}" '
        f'fill="{rng.choice(_SPINES)}"/>'
        for _ in range(9)
    )
    return (
        f'<rect width="100" height="100" fill="{wall}"/><rect y="77" width="100" height="23" fill="#b98a5a"/>{spots}'
        f'<path d="M{x + 17} 12L{x + 2} 92M{x + 17} 12L{x + 32} 92" stroke="#7b4f2b" stroke-width="2.500"/>'
        f'<rect x="{x}" y="18" width="34" height="42" fill="#fff" stroke="#7b4f2b" stroke-width="1.500"/>{art}'
        f'<rect x="{x - 1}" y="60" width="36" height="3" fill="#7b4f2b"/>'
        f'<rect x="{other}" y="12" width="26" height="20" fill="#c9803a"/><rect x="{other + 2.5}" y="14.500" '
        f'width="21" height="15" fill="#e8f0f5"/><path d="M{other + 2.5} 29.500l7-8 5 5 4-3 5 6z" '
        'fill="#6d8fb5"/>'
    )


def _map(rng: random.Random) -> str:
    wall = rng.choice(("#e9dfcb", "#dfe5ea", "#e4ead9"))
    land = (
        "M12 22Q22 14 34 20Q36 27 30 30Q29 36 25 38Q22 33 18 32Q12 29 12 22Z"
        "M27 41Q34 41 35 48Q33 56 30 62Q27 62 27 55Q24 47 27 41Z"
        "M47 22Q52 17 58 21Q57 27 52 29Q47 28 47 22ZM47 32Q56 29 60 36Q59 45 55 52Q51 51 50 43Q45 39 47 32Z"
        "M60 20Q74 13 88 20Q91 27 85 31"
        "Q81 39 76 35Q72 41 69 34Q62 31 60 20ZM80 46Q88 44 90 51Q86 56 80 53ZM36 14Q41 11 43 15Q40 19 36 14Z"
    )
    return (
        f'<rect width="100" height="100" fill="{wall}"/><rect y="82" width="100" height="18" fill="#a9794c"/>'
        '<rect x="5" y="8" width="90" height="62" fill="#8fc7ea" stroke="#7b4f2b" stroke-width="2.200"/>'
        '<path d="M5 24H95M5 39H95M5 54H95M28 8V70M50 8V70M72 8V70" stroke="#fff" stroke-opacity=".5" '
        'stroke-width=".6"/>'
        f'<path d="{land}" fill="{rng.choice(("#6bb36a", "#c9b458", "#7fb069"))}" stroke="#4d7f4c" stroke-width=".8"/>'
    )


BACKDROPS: dict[str, Callable[[random.Random], str]] = {
    "blackboard": _blackboard,
    "bookshelf": _bookshelf,
    "office": _office,
    "laboratory": _laboratory,
    "stage": _stage,
    "playing-field": _playing_field,
    "playground": _playground,
    "studio": _studio,
    "map": _map,
}
