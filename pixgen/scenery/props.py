"""What people hold, drawn by ourselves as SVG bodies in a square of 100 by 100, readable at 60 pixels."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

_COVERS = ("#c0392b", "#2e6fb7", "#2f8f5b", "#8e44ad", "#d98c1f", "#16808a")


@dataclass(frozen=True)
class Prop:
    """A thing to hold. group: the subject in subjects.csv that it is. names by language, the usual one first.

    grip: where two hands hold it, heights and distances from the middle in its square of 100. width: how much of
    its square it fills from left to right.
    """

    group: str
    en: tuple[str, ...]
    pt: tuple[str, ...]
    pt_gender: str
    grip: tuple[float, float] = (72, 36)
    width: float = 84


PROPS: dict[str, Prop] = {
    "book": Prop("book", ("book", "open book"), ("livro", "livro aberto"), "m", (74, 40), 92),
    "laptop": Prop("laptop", ("computer", "laptop"), ("computador", "notebook"), "m", (84, 43), 96),
    "globe": Prop("earth", ("globe",), ("globo", "globo terrestre"), "m", (88, 20), 70),
    "flask": Prop("alembic", ("flask",), ("frasco",), "m", (62, 26), 64),
    "palette": Prop("palette", ("palette", "paint palette"), ("paleta", "paleta de pintor"), "f", (70, 40), 94),
    "brush": Prop("paintbrush", ("brush", "paintbrush"), ("pincel",), "m", (70, 10), 40),
    "guitar": Prop("guitar", ("guitar",), ("violão", "guitarra"), "m", (66, 40), 100),
    "ball": Prop("soccer-ball", ("ball", "soccer ball"), ("bola", "bola de futebol"), "f", (70, 38), 84),
    "microscope": Prop("microscope", ("microscope",), ("microscópio",), "m", (86, 30), 70),
    "microphone": Prop("microphone", ("microphone",), ("microfone",), "m", (66, 10), 34),
}


def svg_body(name: str, rng: random.Random) -> str:
    """The drawing of a prop, in a square of 100; colours that do not matter are drawn from `rng`."""
    return _BODIES[name](rng)


def _book(rng: random.Random) -> str:
    cover = rng.choice(_COVERS)
    lines = "".join(f"M{x} {y}h27" for x in (14, 59) for y in range(32, 74, 8))
    return (
        f'<path d="M3 22Q27 12 50 24Q73 12 97 22V86Q73 76 50 88Q27 76 3 86Z" fill="{cover}"/>'
        '<path d="M8 18Q29 10 50 21V82Q29 72 8 80Z" fill="#fffdf5"/><path d="M92 18Q71 10 50 21V82Q71 72 92 '
        '80Z" fill="#f3efe2"/>'
        f'<path d="{lines}" stroke="#8d8a80" stroke-width="2.6"/><path d="M50 21V82" stroke="#a9a496" '
        'stroke-width="2"/>'
    )


def _laptop(rng: random.Random) -> str:
    screen = rng.choice(("#1f2f4d", "#15324a", "#23273a"))
    rows = ""
    for i in range(6):
        x, tint = 22 + 5 * rng.choice((0, 1, 2)), rng.choice(("#7ee787", "#79c0ff", "#ffa657", "#e6edf3"))
        rows += f'<path d="M{x} {27 + 6.6 * i}h{rng.randint(14, 74 - x)}" stroke="{tint}" stroke-width="3"/>'
    return (
        '<rect x="12" y="14" width="76" height="58" rx="5" fill="#3a3f47"/>'
        f'<rect x="17" y="19" width="66" height="48" rx="1.5" fill="{screen}"/>{rows}'
        '<path d="M4 86L12 73H88L96 86Z" fill="#c9ced6"/><path d="M18 76H82L86 82H14Z" fill="#8b929c"/>'
        '<rect x="4" y="86" width="92" height="5" rx="2.5" fill="#9aa1ab"/>'
    )


def _globe(rng: random.Random) -> str:
    return (
        '<path d="M50 84V92M30 95H70" stroke="#8a5a2b" stroke-width="6" stroke-linecap="round"/>'
        '<path d="M76 14A43 43 0 0 1 40 83" fill="none" stroke="#c98f3c" stroke-width="5" stroke-linecap="round"/>'
        '<circle cx="47" cy="44" r="34" fill="#3d9be0"/><path d="M21 30Q26 17 41 15Q46 21 40 26Q44 32 36 '
        "35Q30 33 27 40Q20 40 21 30Z"
        "M38 44Q48 41 50 50Q50 57 45 62Q42 72 39 70Q38 61 34 55Q33 47 38 44ZM54 18Q66 19 73 30Q78 38 76 46Q70 45 66 38"
        'Q60 41 57 35Q52 34 55 29Q51 24 54 18ZM60 46Q68 46 69 54Q65 64 60 62Q57 54 60 46Z" fill="#57b65a"/>'
        '<path d="M30 22A30 30 0 0 0 20 40" fill="none" stroke="#fff" stroke-opacity=".55" stroke-width="4" '
        'stroke-linecap="round"/>'
    )


def _flask(rng: random.Random) -> str:
    liquid = rng.choice(("#35c26b", "#3c8df0", "#b04fe0", "#f0713c", "#e8497f"))
    return (
        '<path d="M40 8H60M43 8V38L20 82Q16 92 27 92H73Q84 92 80 82L57 38V8" fill="#e8f4fb" fill-opacity=".85" '
        'stroke="#54687a" stroke-width="4" stroke-linejoin="round" stroke-linecap="round"/>'
        f'<path d="M33.500 60H66.500L77 82Q79.500 89 73 89H27Q20.500 89 23 82Z" fill="{liquid}"/>'
        '<circle cx="42" cy="74" r="4" fill="#fff" fill-opacity=".7"/><circle cx="57" cy="69" r="3" '
        'fill="#fff" fill-opacity=".7"/>'
        f'<circle cx="53" cy="48" r="3" fill="{liquid}"/>'
    )


def _palette(rng: random.Random) -> str:
    spots = ((26, 40, "#d9342b"), (44, 26, "#f0c419"), (66, 27, "#3bb44a"), (80, 44, "#2f6fd6"), (76, 64, "#8e44ad"))
    dabs = "".join(f'<ellipse cx="{x}" cy="{y}" rx="8" ry="7" fill="{c}"/>' for x, y, c in spots)
    return (
        '<path d="M50 10C78 10 96 30 96 52C96 72 80 76 68 72C58 69 52 76 56 84C59 92 50 94 42 92C18 88 4 72 '
        '4 50C4 26 24 10 50 10Z" '
        f'fill="#d9a867" stroke="#8a5a2b" stroke-width="3"/>{dabs}<ellipse cx="34" cy="72" rx="8" ry="6" '
        'fill="#8a5a2b"/>'
    )


def _brush(rng: random.Random) -> str:
    paint = rng.choice(("#d9342b", "#2f6fd6", "#f0a019", "#3bb44a"))
    return (
        '<path d="M46 98L54 98L57 46H43Z" fill="#b5763a"/><rect x="41" y="32" width="18" height="16" rx="2" '
        'fill="#b8bec6"/>'
        f'<path d="M41 32Q36 18 50 3Q64 18 59 32Z" fill="{paint}"/>'
    )


def _guitar(rng: random.Random) -> str:
    wood = rng.choice(("#c9803a", "#d99a4e", "#b5622d"))
    return (
        '<g transform="translate(-3 14) scale(.78) rotate(58 50 50)"><rect x="46" y="-22" width="8" '
        'height="62" fill="#5b3a21"/>'
        '<path d="M43 -36H57L56 -20H44Z" fill="#3d2716"/><path d="M43 -32h-4M43 -26h-4M57 -32h4M57 -26h4" '
        'stroke="#e0d6c0" stroke-width="3"/>'
        '<path d="M50 34C66 34 70 46 64 56C76 62 80 74 76 86C70 100 30 100 24 86C20 74 24 62 36 56C30 46 34 '
        f'34 50 34Z" fill="{wood}" '
        'stroke="#5b3413" stroke-width="3"/><circle cx="50" cy="62" r="9" fill="#2c1b10"/><rect x="38" '
        'y="82" width="24" height="5" fill="#3d2716"/>'
        '<path d="M48 -30V84M52 -30V84" stroke="#f5efe0" stroke-width="1.2"/></g>'
    )


def _ball(rng: random.Random) -> str:
    def pentagon(x: float, y: float, r: float, turn: float) -> str:
        points = [(x + r * math.sin(turn + i * 1.2566), y - r * math.cos(turn + i * 1.2566)) for i in range(5)]
        return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in points) + "Z"

    outer = [(50 + 36 * math.sin(i * 1.2566 + math.pi), 50 - 36 * math.cos(i * 1.2566 + math.pi)) for i in range(5)]
    spots = pentagon(50, 50, 14, 0) + "".join(pentagon(x, y, 11, math.pi) for x, y in outer)
    rays = [(math.sin(i * 1.2566), -math.cos(i * 1.2566)) for i in range(5)]
    seams = "".join(f"M{50 + 14 * x:.1f} {50 + 14 * y:.1f}L{50 + 28 * x:.1f} {50 + 28 * y:.1f}" for x, y in rays)
    return (
        '<clipPath id="b"><circle cx="50" cy="50" r="41"/></clipPath><circle cx="50" cy="50" r="41" '
        'fill="#fff" stroke="#222" stroke-width="3"/>'
        f'<g clip-path="url(#b)"><path d="{spots}" fill="#222"/><path d="{seams}" stroke="#222" stroke-width="3"/></g>'
    )


def _microscope(rng: random.Random) -> str:
    return (
        '<path d="M22 94H80" stroke="#39424e" stroke-width="8" stroke-linecap="round"/>'
        '<path d="M58 30Q84 44 74 70Q70 82 58 90" fill="none" stroke="#5b6673" stroke-width="9" '
        'stroke-linecap="round"/>'
        '<rect x="24" y="68" width="40" height="6" rx="2" fill="#39424e"/>'
        '<g transform="rotate(-24 46 38)"><rect x="38" y="14" width="17" height="40" rx="3" fill="#e9edf2" '
        'stroke="#39424e" stroke-width="3"/>'
        '<rect x="41" y="3" width="11" height="12" rx="2" fill="#39424e"/><rect x="42" y="54" width="9" '
        'height="11" fill="#39424e"/></g>'
    )


def _microphone(rng: random.Random) -> str:
    return (
        '<path d="M44 42L46 96H54L56 42Z" fill="#30343c"/><rect x="38" y="35" width="24" height="9" rx="3" '
        'fill="#7b828c"/>'
        '<circle cx="50" cy="20" r="17" fill="#9aa1ab"/><path d="M36 12H64M33 20H67M36 28H64M43 5V35M50 '
        '3V37M57 5V35" stroke="#5d646e" stroke-width="1.800"/>'
    )


_BODIES = {
    "book": _book,
    "laptop": _laptop,
    "globe": _globe,
    "flask": _flask,
    "palette": _palette,
    "brush": _brush,
    "guitar": _guitar,
    "ball": _ball,
    "microscope": _microscope,
    "microphone": _microphone,
}
