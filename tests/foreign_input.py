"""What strangers could hand over: strategies for hypothesis, with the oddities that were met among them."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

from hypothesis import strategies as st

from pixgen import registry
from pixgen.settings.config import COMPONENTS, TERMS, RenderConfig

ODD_TEXTS = [
    "", " ", "\0", "\ud800", "\x1b[31m", "~", "~nobody-at-all/x", "../x", "a" * 300, "${x}", "???", "{", "}",
    "{a|b}", "|",
    "a:0.5", "__a__", "auto", "null", "true", "yes", "1e400", "nan", "-inf", "0x10", "1:30", "2026-11-27", "9" * 5000,
    "image:x", "cuda:0", "32x32", "0", "-1", ".", "a.b", "=", "#fff", "雪", "\u202e", "\r", "\n", "a,b", "0,5",
    "{a: 1}", "[",
]  # fmt: skip
TEXT = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=12))
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 2, 3, 8, 32, 10**6, 2**31, 2**63, 2**64, 10**400, -(10**400), 0.5, 1.0, 1e308]),
    st.integers(),
    st.floats(),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT)
PLUGINS = [name for kind in registry.KINDS for name in registry.names(kind)]
KEYS = st.one_of(
    st.sampled_from(
        ["type", "weight", "lr", "start", "path", "a", "clip", "tiny", "steps", "size", "cutouts", "model"]
    ),
    TEXT,
)
TYPES = st.one_of(st.sampled_from(PLUGINS), SCALARS)
OPTIONS = st.one_of(
    st.dictionaries(KEYS, SCALARS, max_size=3),
    st.builds(lambda type, more: {**more, "type": type}, TYPES, st.dictionaries(KEYS, SCALARS, max_size=2)),
)
DATA = st.recursive(
    SCALARS | OPTIONS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
DEEP = st.builds(
    lambda depth, last: json.loads("[" * depth + json.dumps(last) + "]" * depth), st.integers(1, 300), TEXT
)
FIELDS = [field.name for field in dataclasses.fields(RenderConfig)]


def _plugin_keys() -> list[str]:
    """The dotted name of every option that there is."""
    found = []
    for kind in {*COMPONENTS.values(), *TERMS.values()} - {"optimizer"}:
        for name in registry.names(kind):
            where = kind if kind in COMPONENTS else next(key for key, value in TERMS.items() if value == kind) + ".x"
            found += [f"{where}.type={name} {where}.{option.name}" for option in registry.options(kind, name)]
    return found


PLUGIN_KEYS = _plugin_keys()


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """Settings of a run, some of them wrong."""
    values = draw(st.dictionaries(st.sampled_from(FIELDS), DATA | DEEP, max_size=3))
    for word in draw(st.lists(st.sampled_from(PLUGIN_KEYS), max_size=2)):
        named, key = word.split(" ")
        head, _, type = named.partition(".type=")
        *parents, option = key.split(".")
        options: Any = {"type": type, option: draw(SCALARS | st.lists(SCALARS, max_size=3))}
        for part in reversed(parents[1:] if len(parents) > 1 else []):
            options = {part: options}
        values[head.split(".")[0]] = options
    if draw(st.booleans()):
        values[draw(TEXT)] = draw(DATA)
    return values


def mutated(data: bytes, seed: int) -> bytes:
    """Some bytes changed, cut out, doubled or cut off."""
    dice, found = random.Random(seed), bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 5, 20])):
        at = dice.randrange(len(found) + 1)
        match dice.randrange(5):
            case 0 if at < len(found):
                found[at] = dice.randrange(256)
            case 1:
                del found[at : at + dice.choice([1, 4, 50])]
            case 2:
                found[at:at] = bytes(dice.randrange(256) for _ in range(dice.choice([1, 4])))
            case 3:
                found[at:at] = found[at : at + 100]
            case _ if dice.random() < 0.2:
                del found[at:]
    return bytes(found)


YAML_PIECES = st.sampled_from([
    "steps", "size", "seed", "losses", "clip", "type", "weight", "start", "stages", ": ", ":", "- ", "\n", "\n  ",
    "\n\t", "{",
    "}", "[", "]", ", ", "'", '"', "|\n", ">\n", "&a ", "*a", "<<: ", "? ", "!!int ", "!x ", "# ", "---\n",
    "...\n", "%YAML 1.1\n",
    "~", "yes", "no", "true", "1", "1e3", ".inf", ".nan", "0o7", "1:30", "2026-11-27", "9" * 30, "\r", "\r\n",
    "\0", "\ufeff", "@",
    "`", "\\ud800", '"\\ud800"', "\x85", "\u2028", "${a}", "prompt", "auto", "32x32", "bank", "vqgan", "linear",
])  # fmt: skip
YAML = st.one_of(
    st.lists(YAML_PIECES, max_size=12).map("".join),
    configurations().map(lambda values: json.dumps(values)),
    st.text(max_size=40),
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "shift_jis"])


def encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, errors="surrogatepass" if encoding.startswith("utf") else "replace")


LIST_PIECES = st.sampled_from([
    "prompt", "Prompt", "seed", "name", "preset", "size", "losses.clip.weight", "a fox", "draft", ",", ";", "\t",
    '"', "'", "\n",
    "\r\n", "\r", "sep=;\n", "\0", "\ufeff", "{", "}", "[", "]", '{"prompt": "', '"}', '": ', ": ", "- ", "1",
    "0,5", "9" * 30, "NaN",
    "null", "\\ud800", "{a|b}", "__a__", "#", "é", "\u2028", " ",
])  # fmt: skip
ROWS = st.dictionaries(st.sampled_from(["prompt", "Prompt", "seed", "name", "preset", "noise.a", *FIELDS]), DATA | DEEP)


@st.composite
def list_texts(draw: st.DrawFn) -> str:
    match draw(st.integers(0, 3)):
        case 0:
            return draw(st.text(max_size=40))
        case 1:
            return "".join(draw(st.lists(LIST_PIECES, max_size=25)))
        case 2:
            head = draw(
                st.lists(
                    st.sampled_from(["prompt", "Seed", "name", "steps", "size", "losses.a.weight", ""]), min_size=1
                )
            )
            cells = st.lists(TEXT.map(lambda text: text.replace("9" * 5000, "9")), max_size=len(head) + 1)
            lines = [["prompt", *head], *draw(st.lists(cells, max_size=3))]
            return draw(st.sampled_from(["\n", "\r", "\r\n"])).join(
                draw(st.sampled_from(",;\t")).join(line) for line in lines
            )
    rows = [{"prompt": "a fox"} | row for row in draw(st.lists(ROWS, max_size=3))]
    start, end = draw(st.sampled_from([("", "\n"), ("- ", "\n"), ("", "\r")]))
    return "".join(f"{start}{json.dumps(row)}{end}" for row in rows)


COMMANDS: list[list[str]] = [
    ["show", "config"], ["show"], ["again"], ["vary"], ["morph"], ["edit"], ["report"], ["presets"], ["plugins",
    "show"],
    ["models", "show"], ["models", "path"], ["models", "verify"], ["batch", "--status"], ["batch", "--dry-run"], [],
]  # fmt: skip
FLAGS = [
    "--size", "--seed", "--steps", "--device", "--config", "--model", "-p", "-o", "-n", "--init-image",
    "--method", "--json",
    "--temperature", "--top-k", "--grid", "--seeds", "--by", "--format", "--wildcards", "--scores", "--strength",
    "--quiet",
    "--csv", "--axis", "--baseline", "--", "--sources", "--finish", "--threads", "--workers", "--frames", "--guidance",
]  # fmt: skip
WORDS = st.one_of(st.sampled_from(FLAGS), TEXT, st.builds(lambda key, value: f"{key}={value}", KEYS, TEXT))
