r"""Palettes as people write them, from names, numbers and files; the grammar is Pixray's, and a little more.

    pico8                   one of the palettes that come with pixgen
    #0f380f, olive, gold    colours, separated by commas; [#0f380f, olive, gold] is the same
    red->blue               sixteen steps from one colour to another, or over several
    rust\8                  eight steps from black to a colour; sixteen without a number
    [red, gold, blue]\9     a list, stretched to nine steps
    red->gold\4; [white]    sections, one after another
    @cat.png\12             the colours of a picture: all it has, where they are few, or the twelve that stand for it
    @retro.hex              a file of colours: .hex (a colour a line), .gpl (GIMP) or .act (Adobe)

A colour is a CSS name, #rgb, #rrggbb, or `(255+128+0)` and `[1+0.5+0]`, as Pixray writes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from pixgen.backend.colours import palette_of, to_8_bits
from pixgen.errors import UsageError, did_you_mean, reason, shown
from pixgen.io import paths, pictures

MOST = 256
"""Colours of a palette."""

STEPS = 16
"""Of a ramp, and colours of a picture, where no number stands behind."""

KNOWN: Mapping[str, str] = {
    "black-and-white": "000000 ffffff",
    "gameboy": "0f380f 306230 8bac0f 9bbc0f",
    "cga": "000000 55ffff ff55ff ffffff",
    "zx-spectrum": "000000 0000d8 d80000 d800d8 00d800 00d8d8 d8d800 d8d8d8 0000ff ff0000 ff00ff 00ff00 00ffff ffff00 "
    "ffffff",
    "c64": "000000 ffffff 68372b 70a4b2 6f3d86 588d43 352879 b8c76f 6f4f25 433900 9a6759 444444 6c6c6c 9ad284 6c5eb5 "
    "959595",
    "pico8": "000000 1d2b53 7e2553 008751 ab5236 5f574f c2c3c7 fff1e8 ff004d ffa300 ffec27 00e436 29adff 83769c ff77a8 "
    "ffccaa",
    "sweetie16": "1a1c2c 5d275d b13e53 ef7d57 ffcd75 a7f070 38b764 257179 29366f 3b5dc9 41a6f6 73eff7 f4f4f4 94b0c2 "
    "566c86 333c57",
    "db16": "140c1c 442434 30346d 4e4a4e 854c30 346524 d04648 757161 597dce d27d2c 8595a1 6daa2c d2aa99 6dc2ca dad45e "
    "deeed6",
}
"""Palettes of old computers and of pixel artists (PICO-8; GrafxKid's Sweetie 16; DawnBringer's 16), by name."""

_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff")
_FILES = (".hex", ".gpl", ".act")
_LARGEST_FILE = 2**20


def parse(text: str | Sequence[str]) -> Tensor:
    """The colours of a palette, float32 (K, 3) sRGB in [0, 1], in their order and without repeats.

    text: as the head of this file says, or a list of colours. Raises UsageError for what is not a palette, for a file
    that cannot be read, and for more than 256 colours.
    """
    if not isinstance(text, str):
        text = f"[{', '.join(text)}]"
    sections = [section.strip() for section in text.split(";")]
    if not all(sections):
        raise _not_a_palette(text, "it is empty" if not text.strip() else "a section between ';' is empty")
    colours = [colour for section in sections for colour in _section(section, text)]
    found = list(dict.fromkeys(tuple(colour) for colour in to_8_bits(torch.tensor(colours)).tolist()))
    if len(found) > MOST:
        raise _not_a_palette(text, f"it has {len(found):,} colours; {MOST} are the most")
    return torch.tensor(found)


def files(text: str | Sequence[str]) -> list[str]:
    """The files that a palette is read from."""
    sections = text.split(";") if isinstance(text, str) else []
    return [found for section in sections if (found := _file(_parted(section.strip(), section)[0]))]


def colour(text: str) -> list[float]:
    """Red, green and blue in [0, 1] of one colour. Raises UsageError."""
    from PIL import ImageColor

    text = text.strip()
    if sums := re.fullmatch(r"\(([^()]*)\)|\[([^\[\]]*)\]", text):
        try:
            numbers = [float(part) for part in (sums[1] or sums[2] or "").split("+")]
        except ValueError:
            numbers = []
        rgb = [number / 255 for number in numbers] if text.startswith("(") else numbers
        if len(rgb) == 3 and all(0 <= number <= 1 for number in rgb):
            return rgb
        raise UsageError(f"{shown(text)} is not a colour; write (255+128+0) or [1+0.5+0]")
    plain = re.fullmatch(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})", text) if text.startswith("#") or len(text) == 6 else None
    try:
        values = ImageColor.getrgb("#" + plain[1] if plain else text.lower())
    except ValueError:
        near = did_you_mean(text.lower(), [*ImageColor.colormap, *KNOWN])
        raise UsageError(f"{shown(text)} is not a colour{near or '; write #rrggbb or a CSS name'}") from None
    return [value / 255 for value in values[:3]]


def _section(section: str, whole: str) -> list[list[float]]:
    body, steps = _parted(section, whole)
    name = body.lower()
    try:
        if file := _file(body):
            return _from_file(file, steps)
        if name in KNOWN:
            return _stretched([colour("#" + each) for each in KNOWN[name].split()], steps)
        if "->" in body:
            return _stretched([colour(each) for each in body.split("->")], steps or STEPS)
        inner = body[1:-1] if body.startswith("[") and body.endswith("]") else None
        if inner is not None and ("+" not in inner or "," in inner):
            return _stretched([colour(each) for each in inner.split(",")], steps)
        if "," in body:
            return _stretched([colour(each) for each in body.split(",")], steps)
        return _stretched([[0.0, 0.0, 0.0], colour(body)], steps or STEPS)
    except UsageError as error:
        if _file(body):
            raise
        raise _not_a_palette(whole, str(error)) from None


def _parted(section: str, whole: str) -> tuple[str, int | None]:
    r"""A section without its `\N`, and N."""
    found = re.fullmatch(r"(.*?)\s*\\\s*([0-9]{1,9})", section)
    if found is None:
        return section, None
    steps = int(found[2])
    if not 1 <= steps <= MOST:
        raise _not_a_palette(whole, f"\\{steps} is a number of colours from 1 to {MOST}")
    return found[1].strip(), steps


def _stretched(colours: list[list[float]], steps: int | None) -> list[list[float]]:
    """The colours, or `steps` that lead over them in equal steps."""
    if steps is None or len(colours) == 1:
        return colours
    if steps == 1:
        return colours[-1:]
    made = []
    for step in range(steps):
        at = step * (len(colours) - 1) / (steps - 1)
        left = min(int(at), len(colours) - 2)
        made.append([a + (b - a) * (at - left) for a, b in zip(colours[left], colours[left + 1], strict=True)])
    return made


def _file(body: str) -> str | None:
    """The path that a section names: behind an @, or a bare one that ends as such files do."""
    if body.startswith("@"):
        return body[1:].strip()
    return body if body.lower().endswith((*_PICTURES, *_FILES)) and "," not in body else None


def _from_file(text: str, steps: int | None) -> list[list[float]]:
    path = paths.written(text)
    if path.suffix.lower() in _FILES:
        return _stretched(_listed(path), steps)
    image = pictures.read(path)[0]
    own = to_8_bits(image.flatten(1).T).unique(dim=0)
    if len(own) <= (steps or MOST):
        found: list[list[float]] = own.tolist()
        return found
    found = palette_of(image, steps or STEPS).tolist()
    return found


def _listed(path: Path) -> list[list[float]]:
    """The colours of a .hex, .gpl or .act file. Raises UsageError."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE)
    except OSError as error:
        raise UsageError(f"cannot read the palette {str(path)!r}: {reason(error)}") from None
    if path.suffix.lower() == ".act":
        count = int.from_bytes(data[768:770], "big") if len(data) >= 772 else MOST
        rows = [list(data[i : i + 3]) for i in range(0, 3 * min(count or MOST, MOST), 3)] if len(data) >= 768 else []
        found = [[value / 255 for value in row] for row in rows]
    elif path.suffix.lower() == ".gpl":
        matches = re.findall(r"(?m)^\s*([0-9]{1,3})\s+([0-9]{1,3})\s+([0-9]{1,3})\b", data.decode("utf-8", "replace"))
        found = [[min(int(value), 255) / 255 for value in row] for row in matches]
    else:
        found = [colour("#" + each) for each in re.findall(r"\b[0-9a-fA-F]{6}\b", data.decode("utf-8", "replace"))]
    if not found:
        raise UsageError(f"the palette {str(path)!r} has no colours; .hex has one a line, as ff8800")
    return found


def _not_a_palette(text: str, why: str) -> UsageError:
    return UsageError(
        f"{shown(text)} is not a palette: {why}; write a name ({', '.join(KNOWN)}), colours (#0f380f, gold), "
        "a ramp (red->blue\\8) or a picture (@cat.png)"
    )
