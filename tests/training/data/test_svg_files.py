"""SVGs of strangers refer to nothing outside, and take no more than a stated time and memory."""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from pixgen.training.data import svg_files

HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10" '
    'width="10" height="10">'
)
RED = '<rect width="5" height="5" fill="red"/>'


def _png() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


@pytest.fixture(scope="module")
def render() -> Iterator[svg_files.Renderer]:
    with svg_files.Renderer() as renderer:
        yield renderer


@pytest.mark.parametrize(
    "svg",
    [
        HEAD + RED + "</svg>",
        f'<?xml version="1.0" encoding="UTF-8"?><!-- by hand -->{HEAD}<style>rect {{ fill: red }}</style>{RED}</svg>',
        f'{HEAD}<image width="5" height="5" xlink:href="{_png()}"/></svg>',
        f'{HEAD}<g id="a">{RED}</g><use href="#a"/></svg>',
        f'{HEAD}<linearGradient id="g"><stop stop-color="red"/></linearGradient>{RED.replace("red", "url(#g)")}</svg>',
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
        f"{HEAD}{RED}</svg>",
        f'<!DOCTYPE svg [<!ENTITY c "red">]>{HEAD}{RED.replace("red", "&c;")}</svg>',
        HEAD + "<g>" * 150 + RED + "</g>" * 150 + "</svg>",
    ],
    ids=["plain", "style", "data", "use", "gradient", "doctype", "entity", "deep"],
)
def test_what_artists_save_is_drawn(svg: str, render: svg_files.Renderer) -> None:
    image = render(svg, 40)
    assert (image.mode, image.size) == ("RGBA", (40, 40))
    assert image.getpixel((5, 5)) == (255, 0, 0, 255) and image.getpixel((30, 30)) == (0, 0, 0, 0)


HOSTILE = {
    "absolute": ('<image width="9" height="9" href="/abs/private.png"/>', "refers to '/abs/private.png'"),
    "xlink": ('<image width="9" height="9" xlink:href="private.png"/>', "refers to 'private.png'"),
    "other prefix": ('<image xmlns:q="http://www.w3.org/1999/xlink" q:href="private.png"/>', "refers to 'private.png'"),
    "escaped": ('<image width="9" height="9" href="&#47;abs/private.png"/>', "refers to '/abs/private.png'"),
    "web": ('<image width="9" height="9" href="https://example.org/x.png"/>', "refers to"),
    "file": ('<image width="9" height="9" href=" file:///abs/private.png"/>', "refers to"),
    "filter": ('<filter id="f"><feImage href="private.png"/></filter>', "refers to 'private.png'"),
    "use": ('<use href="other.svg#part"/>', "refers to 'other.svg#part'"),
    "svg within": ('<image href="data:image/svg+xml;base64,PHN2Zy8+"/>', "refers to"),
    "paint": ('<rect fill="url(other.svg#g)"/>', "refers to 'other.svg#g'"),
    "style": ("<rect style=\"fill: url( '/abs/x.svg#g' )\"/>", "refers to '/abs/x.svg#g'"),
    "style sheet": ("<style>rect { fill: url(/abs/x.svg#g) }</style>", "refers to '/abs/x.svg#g'"),
    "import": ("<style>@import '/abs/x.css';</style>", "imports a style sheet"),
    "deep": ("<g>" * 100_000 + "</g>" * 100_000, "nested more than 200 deep"),
    "many": ("<g/>" * 300_000, "more than 200,000 elements"),
    "cut off": ("<g>", "is not XML"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_leads_out_or_is_too_much_is_named(what: str, tmp_path: Path) -> None:
    body, message = HOSTILE[what]
    (tmp_path / "a.svg").write_text(f"{HEAD}{RED}{body}</svg>")
    with pytest.raises(ValueError, match=message):
        svg_files.read(tmp_path / "a.svg")


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE svg [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE svg [<!ENTITY % a "x"> %a;]>',
        '<?xml-stylesheet href="/abs/x.css"?>',
    ],
)
def test_programs_of_xml_are_refused(head: str) -> None:
    with pytest.raises(ValueError, match="entity|instruction"):
        svg_files.require_harmless(f"{head}{HEAD}<text>&a;</text></svg>")


def test_a_reference_through_an_entity_is_seen() -> None:
    with pytest.raises(ValueError, match="refers to '/abs/private.png'"):
        svg_files.require_harmless(
            f'<!DOCTYPE svg [<!ENTITY a "/abs/private.png">]>{HEAD}<image width="9" height="9" href="&a;"/></svg>'
        )


ENDLESS = (
    f'{HEAD}<filter id="f" x="-99999" y="-99999" width="999999" height="999999"><feTurbulence baseFrequency="1" '
    'numOctaves="1000000000"/></filter><rect width="9" height="9" filter="url(#f)"/></svg>'
)
HUGE = (
    f'{HEAD}<pattern id="p" width="100000" height="100000" patternUnits="userSpaceOnUse"><rect width="99999" '
    'height="9999"/></pattern><rect width="9" height="9" fill="url(#p)"/></svg>'
)


def test_what_takes_for_ever_is_ended_and_the_next_is_drawn() -> None:
    with svg_files.Renderer(seconds=1.5) as render:
        with pytest.raises(ValueError, match="takes more than 1.5 s"):
            render(ENDLESS, 40)
        assert render(HEAD + RED + "</svg>", 40).size == (40, 40)


@pytest.mark.skipif(sys.platform != "linux", reason="no limit of memory there")
def test_what_takes_all_memory_ends_its_own_process(render: svg_files.Renderer) -> None:
    with pytest.raises(ValueError, match="too much memory"):
        render(HUGE, 40)
    assert render(HEAD + RED + "</svg>", 40).size == (40, 40)


def test_files_are_regular_small_and_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.svg"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + RED + "</svg>").encode())
    assert svg_files.read(path).startswith("<svg")
    monkeypatch.setattr(svg_files, "MOST_BYTES", 10)
    with pytest.raises(ValueError, match="at most 10 are read"):
        svg_files.read(path)
    path.write_bytes(b"\xff\xfe<\0s\0")
    with pytest.raises(ValueError, match="not UTF-8"):
        svg_files.read(path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.svg")
        with pytest.raises(ValueError, match="not a regular file"):
            svg_files.read(tmp_path / "pipe.svg")
