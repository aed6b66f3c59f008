"""Nothing that comes from a file or a person is HTML of the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pixgen.recognition.search import Match
from pixgen.ui import gallery, html, texts
from pixgen.ui.looking import Answer
from pixgen.ui.window import View

EVIL = '<img src=x onerror="alert(1)">\'"&'


def as_it_is(line: str) -> str:
    return line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (8, 8)).save(tmp_path / "a'b&c.png")
    return tmp_path


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_foreign_text_is_escaped_everywhere(language: str, folder: Path) -> None:
    path = folder / "a'b&c.png"
    view = View("failed", problem=EVIL, notes=[EVIL], losses={EVIL: [1.0, 2.0]}, files=[path], done=1, steps=2)
    found = [
        html.status(language, view, folder, as_it_is),
        html.losses(language, view),
        html.presets(language, {EVIL: EVIL}, [EVIL], {EVIL: EVIL}),
        html.details(language, path.name, {"prompt_fact": EVIL}, EVIL, EVIL),
        html.answer(language, Answer({EVIL: 1.0}, EVIL, [EVIL]), as_it_is),
        html.cards([(EVIL, EVIL, EVIL)], EVIL),
        html.problem(EVIL),
        html.gallery(language, gallery.page(folder, 0)),
        html.found([Match(path, 0.5)], folder, [EVIL], as_it_is),
    ]
    for text in found:
        assert "<img src=x" not in text and 'onerror="' not in text and "'b&c" not in text


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (View(), "press Draw"),
        (View("preparing"), "preparing"),
        (View("drawing", done=3, steps=9), "step 3 of 9"),
        (View("stopped", done=3, steps=9, files=[Path("fox.png")]), "stopped after 3 of 9 steps; saved as fox.png"),
        (View("stopped", steps=9), "stopped before the first step"),
        (View("finished", done=9, steps=9, seconds=4.2, seed=5, files=[Path("fox.png")]), "9 steps in 4 s, seed 5"),
        (View("failed", problem="no such thing"), "no such thing"),
    ],
)
def test_the_status_says_what_a_window_does(view: View, said: str, tmp_path: Path) -> None:
    assert said in html.status("en", view, tmp_path, lambda line: "translated")
    assert html.status("pt", view, tmp_path, as_it_is)


def test_the_library_s_lines_are_translated_for_a_portuguese_browser(tmp_path: Path) -> None:
    view = View("failed", problem="no such thing", notes=["a warning"])
    assert "NO SUCH THING" in html.status("pt", view, tmp_path, str.upper)
    assert "A WARNING" in html.status("pt", view, tmp_path, str.upper)
    assert "no such thing" in html.status("en", view, tmp_path, str.upper)


def test_a_finished_picture_is_shown_by_its_path(folder: Path) -> None:
    view = View("finished", files=[folder / "a'b&c.png"])
    address = html.shown_picture(view, folder)
    assert address is not None and address.startswith("/pictures/a%27b%26c.png?")
    assert html.newest(folder) == address
    assert html.shown_picture(View("drawing", preview=b"x"), folder) == "data:image/jpeg;base64,eA=="
    assert html.shown_picture(View("drawing"), folder) is None
    assert html.shown_picture(View("finished", files=[Path("/elsewhere/fox.png")]), folder) is None
