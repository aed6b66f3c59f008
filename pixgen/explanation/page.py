"""The page of an explanation: HTML without scripts, which asks for nothing but the pictures beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from PIL import Image

from pixgen.explanation import figures
from pixgen.explanation.words import WORDS
from pixgen.io import own_files
from pixgen.io.terminal import visible

PAGE = "index.html"

_STYLE = """
:root { color-scheme: light; --ink: #22222a; --soft: #6a6a76; --line: #e4e4ea; --accent: #c43e4c; }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, "Segoe UI", Roboto, sans-serif; color: var(--ink); background: #f4f4f7; margin: 0; }
main, header div { max-width: 1080px; margin: 0 auto; padding: 0 1.5rem; }
header { background: #1d1836; color: #fff; padding: 2.4rem 0; }
header div { display: flex; gap: 2rem; align-items: center; flex-wrap: wrap; }
header img { width: 240px; border-radius: .6rem; box-shadow: 0 .4rem 1.6rem rgba(0, 0, 0, .45); }
header section { flex: 1; min-width: 18rem; padding: 0; background: none; box-shadow: none; margin: 0; }
h1 { margin: 0 0 .6rem; font-size: 1.9rem; line-height: 1.2; }
blockquote { margin: .6rem 0; padding-left: .9rem; border-left: 3px solid #f37819; font-size: 1.15rem; }
blockquote, figcaption { overflow-wrap: anywhere; }
header section > p { margin: .4rem 0; color: #cfcbe4; }
section { background: #fff; margin: 1.4rem 0; padding: 1.3rem 1.6rem 1.6rem; border-radius: .7rem; }
section { box-shadow: 0 1px 4px rgba(20, 20, 50, .08); }
h2 { margin: 0 0 .3rem; font-size: 1.3rem; } h2 b { color: var(--accent); margin-right: .5rem; }
main section > p { margin: 0 0 1.1rem; max-width: 46rem; color: #44444e; }
.row { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(var(--cell), 1fr)); }
.row + .row { margin-top: 1rem; }
figure { margin: 0; } img { display: block; max-width: 100%; height: auto; border-radius: .3rem; }
.row img { width: 100%; }
figcaption { font-size: .85rem; color: var(--soft); margin-top: .3rem; }
@media print { body { background: #fff; } section { break-inside: avoid; box-shadow: none; } }
"""


@dataclass
class Page:
    """A page and its pictures, filled part by part. files: name -> content, the page itself not among them."""

    language: str
    files: dict[str, bytes] = field(default_factory=dict)
    _parts: list[str] = field(default_factory=list)
    _head: str = ""

    def say(self, key: str, **values: object) -> str:
        """A text of the table as HTML, with these values in its gaps."""
        return escaped(WORDS[self.language][key].format_map(values))

    def head(self, heading: str, picture: Image.Image, quotes: Iterable[str], lines: Iterable[str]) -> None:
        """The top of the page. heading: its key. lines: HTML."""
        said = "".join(f'<blockquote dir="auto">{escaped(text)}</blockquote>' for text in quotes)
        said += "".join(f"<p>{line}</p>" for line in lines)
        source = self._file("picture.png", picture)
        image = f'<img src="{source}" width="{picture.width}" height="{picture.height}" alt="">'
        self._head = f"<header><div>{image}<section><h1>{self.say(heading)}</h1>{said}</section></div></header>"

    def part(self, key: str, sentences: str, *rows: str) -> None:
        """One part: its title, what explains it (HTML), and rows of pictures."""
        number = len(self._parts) + 1
        self._parts.append(
            f'<section id="{key}"><h2><b>{number}</b>{self.say(key)}</h2><p>{sentences}</p>{"".join(rows)}</section>'
        )

    def row(self, cell: int, found: Sequence[tuple[str, Image.Image, str]]) -> str:
        """Pictures side by side, each at least `cell` pixels wide: name of the file, picture, caption (HTML)."""
        shown = "".join(self._figure(*one) for one in found)
        return f'<div class="row" style="--cell: {cell}px">{shown}</div>'

    def html(self, title: str) -> bytes:
        """The whole page. title: of the window."""
        language = "pt-BR" if self.language == "pt" else "en"
        return (
            f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
            f'<meta name="generator" content="{own_files.EXPLANATION.decode()}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src * data:; '
            "style-src 'unsafe-inline'\">"
            f"<title>{escaped(title)}</title><style>{_STYLE}</style></head>\n"
            f"<body>{self._head}<main>{''.join(self._parts)}</main></body></html>\n"
        ).encode(errors="replace")

    def _figure(self, name: str, image: Image.Image, caption: str) -> str:
        source = self._file(name, image)
        image_tag = f'<img src="{source}" width="{image.width}" height="{image.height}" alt="{caption}">'
        return f"<figure>{image_tag}<figcaption>{caption}</figcaption></figure>"

    def _file(self, name: str, image: Image.Image) -> str:
        self.files[name] = figures.png(image)
        return name


def escaped(text: object) -> str:
    """Foreign text in HTML, on one line; what is not seen is shown as `\\u202e`."""
    return escape(visible(" ".join(str(text).split())))
