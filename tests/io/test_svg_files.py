"""Metadata in SVG documents: escaped when written, and read from a stranger's document without trusting it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixgen.errors import PixgenError, UsageError
from pixgen.io import metadata, svg_files
from pixgen.io.metadata import Metadata

DOCUMENT = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>'
RENDER = '<r:render xmlns:r="urn:pixgen:1">{}</r:render>'
KIND = "urn:pixgen:1 render"

HOSTILE = [
    "</title></metadata></svg><script>alert(1)</script>",
    '"/><!ENTITY x SYSTEM "file:///etc/passwd">&x;',
    "]]> <![CDATA[ & &amp; &#0; <!-- -->",
    "null \0, bell \x07, lone surrogate \ud800, \ufffe and 雪",
]


def record(prompt: str) -> Metadata:
    return Metadata("0.1.0", prompt, {"generator": {"type": "strokes"}}, 3, 3, 7, (8, 8))


@pytest.mark.parametrize("prompt", HOSTILE)
def test_hostile_words_stay_words(prompt: str, tmp_path: Path) -> None:
    path = metadata.save(DOCUMENT, tmp_path / "a.svg", record(prompt))
    root = ElementTree.fromstring(path.read_bytes())
    assert [child.tag.rpartition("}")[2] for child in root] == ["title", "metadata", "rect"]
    assert metadata.read(path) == record(prompt)


@settings(max_examples=30, deadline=None)
@given(prompt=st.text(st.characters(codec=None), max_size=60))
def test_any_prompt_makes_an_xml_document(prompt: str) -> None:
    data = svg_files.with_metadata(DOCUMENT, prompt, "")
    assert ElementTree.fromstring(data)[0].tag.endswith("title")


@pytest.mark.parametrize("document", ["", "<svg/>", "a <rect/>", '<svgx width="1"></svgx>', "<svg width='1'/><g></g>"])
def test_what_is_no_document_is_not_saved(document: str) -> None:
    with pytest.raises(PixgenError, match="no opening <svg> tag"):
        metadata.encode(document, ".svg", record("a fox"))


def test_the_root_may_have_any_attributes() -> None:
    document = (
        """<?xml version="1.0"?><!-- <svg> --><svg xmlns="http://www.w3.org/2000/svg" a='>"' b="/>">\n<g/></svg>"""
    )
    root = ElementTree.fromstring(svg_files.with_metadata(document.replace("<!-- <svg> -->", ""), "a", ""))
    assert [child.tag.rpartition("}")[2] for child in root] == ["title", "metadata", "g"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<svg xmlns='http://www.w3.org/2000/svg'>" + RENDER.format("[" * 90_000), "cannot be understood"),
        ('<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>' + RENDER.format("&a;") + "</svg>", "document type"),
        ('<?xml version="1.0"?><!DOCTYPE svg SYSTEM "file:///dev/zero"><svg></svg>', "document type"),
        ("<svg>" + RENDER.format("&undefined;") + "</svg>", "not an XML document"),
        ("<svg>" + "<g>" * 50_000, "not an XML document"),
        ("<?xml version='1.0' encoding='klingon'?><svg></svg>", "cannot be read"),
        ("<?xml version='1.0'?><html>" + RENDER.format("{}") + "</html>", "not an SVG document"),
        ("<svg>" + RENDER.format("a" * (metadata.MAX_TEXT + 1)) + "</svg>", "more than 4,000,000 characters"),
        ("<svg>" + RENDER.format("{}") + "</svg>", "cannot be understood"),
        (DOCUMENT, "no pixgen metadata"),
    ],
)
def test_a_strangers_document_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text(text)
    with pytest.raises(PixgenError, match=said) as caught:
        metadata.read(path)
    assert "\n" not in str(caught.value) and "a.svg" in str(caught.value)


def test_a_document_may_not_be_larger_than_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    with open(path, "wb") as file:
        file.write(b"<svg>")
        file.truncate(svg_files.MAX_BYTES + 1)
    with pytest.raises(UsageError, match="at most 64,000,000"):
        metadata.read(path)


def test_the_first_record_counts_and_the_rest_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text("<svg>" + RENDER.format("one") + RENDER.format("two") + "<broken")
    assert svg_files.find(path, KIND, 10) == "one"


def test_other_files_are_no_svg(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert not svg_files.is_svg(tmp_path / "a.svg") and not svg_files.is_svg(tmp_path / "missing.svg")
    (tmp_path / "b.png").write_text("\ufeff \n" + DOCUMENT)
    assert svg_files.is_svg(tmp_path / "b.png")
