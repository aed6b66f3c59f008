"""Writes docs/pixray.md from the importers' own tables.

python docs/make_pixray.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # the page is of this tree, whatever is installed

from pixgen.compat import vqgan_clip
from pixgen.compat.pixray_counterparts import COUNTERPARTS, DRAWERS, FILTERS, LOSSES, Counterpart
from pixgen.compat.pixray_eras import GONE, RENAMED, REWRITTEN
from pixgen.compat.pixray_options import OPTIONS

PAGE = Path(__file__).parent / "pixray.md"

INTRODUCTION = """\
<!-- written by docs/make_pixray.py -->
# From Pixray and from VQGAN-CLIP

Settings, command lines and pictures of [Pixray](https://github.com/pixray/pixray), of its ancestor
clipit, and of the VQGAN-CLIP scripts become settings of pixgen by one command each:

```sh
pixgen import-pixray settings.yaml
pixgen import-pixray "--drawer pixel --prompts 'a castle at night' --quality better"
pixgen import-pixray old.png -o castle.yaml
pixgen import-vqgan-clip "-p 'a castle in the sky' -s 320 240 -i 300"
```

The file that comes out is a settings file for `pixgen "..." --config FILE`; the command prints the
whole line. What Pixray filled in is written out: size, iterations, cutouts and CLIPs by quality,
units, the number of a seed that was a word. Its older spellings are understood, and since its
defaults changed over time, the spellings tell which ones hold. Whatever is lost, or only near, is
named with the reason, and stands as a comment in the file. `pixgen again old.png` draws a picture
that Pixray saved, without a file in between.

pixgen draws with its own small networks unless `--real-models` asks for the CLIPs and the VQGAN
that the settings name; these must be pulled first (`pixgen models pull`). The same seed gives
another picture than it gave in Pixray: the random numbers are others.

Old notebooks go on with one changed line, `from pixgen.compat import pixray`:

```python
from pixgen.compat import pixray

pixray.reset_settings()
pixray.add_settings(prompts="a castle at night", quality="draft", iterations=4)
settings = pixray.apply_settings()
pixray.do_init(settings)
pixray.do_run(settings)
```
"""


def page() -> str:
    parts = [INTRODUCTION]
    parts += ["## Settings of Pixray", *table("Pixray", COUNTERPARTS)]
    parts += ["## Drawers", *table("drawer", DRAWERS)]
    parts += ["## Losses", *table("loss", LOSSES)]
    parts += ["## Filters", *table("filter", FILTERS)]
    parts += ["## Older spellings", *older()]
    parts += ["## Flags of VQGAN-CLIP", *flags()]
    return "\n".join(parts).rstrip() + "\n"


def table(title: str, rows: Mapping[str, Counterpart]) -> Iterator[str]:
    yield from ["", f"| {title} | default | pixgen | |" if rows is COUNTERPARTS else f"| {title} | pixgen | |"]
    yield "|---|---|---|---|" if rows is COUNTERPARTS else "|---|---|---|"
    for name, counterpart in rows.items():
        default = f" {written(OPTIONS[name].default)} |" if rows is COUNTERPARTS else ""
        yield f"| `{name}` |{default} {counterpart.pixgen or 'none'} | {counterpart.note} |"
    yield ""


def written(default: object) -> str:
    return "" if default in (None, "", ()) else f"`{list(default) if isinstance(default, tuple) else default}`"


def older() -> Iterable[str]:
    yield from ["", "| older | until | now |", "|---|---|---|"]
    for name, (new, until) in RENAMED.items():
        yield f"| `{name}` | {until} | `{new}` |"
    for name, until in REWRITTEN.items():
        yield f"| `{name}` | {until} | another value of a newer setting |"
    for name, why in GONE.items():
        yield f"| `{name}` | | {why} |"
    yield ""


def flags() -> Iterable[str]:
    yield from ["", "| flag | default | pixgen | |", "|---|---|---|---|"]
    for flag in vqgan_clip.FLAGS:
        short, long = flag.names
        default = "" if flag.default in (None, [], False) else f"`{flag.default}`"
        yield f"| `-{short}`, `--{long}` | {default} | {flag.pixgen or 'none'} | {flag.note} |"


if __name__ == "__main__":
    PAGE.write_text(page())
