"""`index.html` of a list: every picture with its prompt, seed and settings to copy. No script; the browser searches."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from pixgen.batch.command_line import command
from pixgen.batch.manifest import Manifest
from pixgen.batch.records import Record
from pixgen.io import files, own_files
from pixgen.io.terminal import visible

PER_PAGE = 500
"""Pictures on a page, which a browser still shows at once."""

_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #222; background: #fafafa; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1.2rem; }
figure { margin: 0; padding: .7rem; background: #fff; border: 1px solid #ddd; border-radius: .4rem; }
img { width: 100%; height: auto; display: block; }
code { display: block; background: #f0f0f0; padding: .3rem; user-select: all; }
code { overflow-wrap: anywhere; white-space: pre-wrap; }
bdi { background: #fd8; } bdi::before { content: attr(title); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0 .6rem; margin: .4rem 0; }
dt { color: #666; } dd { margin: 0; overflow-wrap: anywhere; } .failed { color: #a00; }
"""


def write_page(folder: Path) -> list[Path]:
    """Write `index.html`, and `index-2.html` and so on for long lists; their paths.

    They replace earlier ones of pixgen's, and nobody else's (`own_files.series`). Raises PixgenError where the folder
    cannot be written.
    """
    with Manifest(folder, readonly=True) as manifest:
        total = sum(manifest.counts().values())
        pages = max(1, -(-total // PER_PAGE))
        records = manifest.records()
        place = own_files.series(folder, "index", ".html", pages, own_files.PAGE)
        names = [place(number).name for number in range(1, pages + 1)]
        paths = []
        for number in range(1, pages + 1):
            some = list(itertools.islice(records, PER_PAGE))
            text = _page(folder.resolve().name, some, number, names, total)
            paths.append(files.write(place(number), text.encode(errors="replace"), overwrite=True))
    return paths


def _page(title: str, records: Sequence[Record], number: int, names: Sequence[str], total: int) -> str:
    links = " ".join(
        f"<b>{n}</b>" if n == number else f'<a href="{name}">{n}</a>' for n, name in enumerate(names, 1) if names[1:]
    )
    figures = "\n".join(map(_figure, records))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{own_files.PAGE.decode()}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{_text(title)}</h1>
<p>{total} pictures. {links}</p>
<main>
{figures}
</main>
<p>{links}</p>
</body>
</html>
"""


def _figure(record: Record) -> str:
    facts = {"seed": str(record.seed), "file": record.file}
    facts |= {axis: value if isinstance(value, str) else json.dumps(value) for axis, value in record.axes.items()}
    if record.template:
        facts["from"] = record.template
    facts["steps"] = f"{record.steps} of {record.planned}"
    numbers = {f"loss {name}": value for name, value in record.losses.items()} | dict(record.scores)
    facts |= {name: f"{value:.4f}" for name, value in numbers.items()}
    listed = "".join(f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in facts.items())
    source = escape(quote(record.file))
    image = ""
    if record.steps > 0:  # also of a draft that then failed
        image = f'<a href="{source}"><img src="{source}" alt="{_text(record.prompt)}" loading="lazy"></a>'
    if record.state not in ("done", "draft"):
        image += f'<p class="failed">{_text(record.state)}: {_text(record.error or "not drawn yet")}</p>'
    shown = command(record.settings, record.prompt, record.seed)
    return (
        f'<figure>{image}<figcaption><p dir="auto">{_text(record.prompt)}</p><dl>{listed}</dl>'
        f"<details><summary>draw it again</summary><code>{_to_copy(shown)}</code></details></figcaption></figure>"
    )


def _text(text: str) -> str:
    """Text of the list in HTML, its line breaks as spaces, whatever else is not seen as `\\u202e`."""
    return escape(visible(" ".join(text.split())))


def _to_copy(line: str) -> str:
    """A command in HTML from which every character is copied.

    What is not seen, or reorders the line, is kept from its surroundings, and the style sheet shows its number.
    """
    return "".join(map(_kept, escape(line)))


def _kept(char: str) -> str:
    if char in "\n\t" or visible(char) == char:
        return char
    return f'<bdi title="{visible(char)}">&#x{ord(char):x};</bdi>'
