"""SVG documents: metadata put into them, and read from a stranger's without trusting it.

A stranger's document is read as a stream: nothing is kept of it but the one text that is looked for, declarations of
a document type (where entities would be) end the reading, and the file has a greatest size.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

from pixgen.io import untrusted

NAMESPACE = "http://www.w3.org/2000/svg"

MAX_BYTES = 64_000_000
"""Of a document that is read."""

_ROOT = re.compile(r"""<svg(?=[\s>])(?:[^<>"']|"[^"]*"|'[^']*')*(?<!/)>""")
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold, escaped or not."""


def text(words: str) -> str:
    """Any words as the text of an XML element; a character that XML cannot hold becomes a question mark."""
    return escape(_NOT_XML.sub("?", words))


def with_metadata(document: str, title: str, packet: str) -> bytes:
    """A document of a generator with a title and, in `<metadata>`, an XMP packet, in UTF-8.

    packet: XML. Raises ValueError where the document does not begin an `<svg>` element that holds others.
    """
    root = _ROOT.search(document)
    if root is None:
        raise ValueError("it has no opening <svg> tag")
    head = f"<title>{text(title)}</title><metadata>{packet}</metadata>"
    return (document[: root.end()] + head + document[root.end() :]).encode()


def is_svg(path: Path) -> bool:
    """Whether a file looks like an SVG document; False for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            start = file.read(1024)
    except (OSError, ValueError):
        return False
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg"))


def find(path: Path, name: str, most: int) -> str | None:
    """The text of the first element of this name (`NAMESPACE name`) in a document; None where there is none.

    most: characters that the text may have.
    Raises ValueError, in one line, where the file is not SVG, has a document type, or is too large.
    """
    reader = _Reader(name, most)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = reader.characters, reader.doctype
    try:
        data = untrusted.read(path, MAX_BYTES)
        parser.Parse(data, True)
    except _Found:
        pass
    except expat.ExpatError as error:
        raise ValueError(f"it is not an XML document ({error})") from None
    except LookupError:
        raise ValueError("it is in an encoding that there is not") from None
    return reader.found


class _Found(Exception):
    """The text is complete; the rest of the document is not looked at."""


class _Reader:
    def __init__(self, name: str, most: int) -> None:
        self.found: str | None = None
        self._name, self._most = name, most
        self._depth, self._inside = 0, False
        self._parts: list[str] = []
        self._length = 0

    def start(self, name: str, _: object) -> None:
        if self._depth == 0 and name not in (f"{NAMESPACE} svg", "svg"):
            raise ValueError("it is not an SVG document")
        self._depth += 1
        self._inside = self._inside or name == self._name

    def characters(self, data: str) -> None:
        if not self._inside:
            return
        self._length += len(data)
        if self._length > self._most:
            raise ValueError(f"more than {self._most:,} characters")
        self._parts.append(data)

    def end(self, name: str) -> None:
        self._depth -= 1
        if self._inside and name == self._name:
            self.found = "".join(self._parts)
            raise _Found

    def doctype(self, *_: object) -> None:
        raise ValueError("it has a document type, which could define entities; remove its <!DOCTYPE> first")
