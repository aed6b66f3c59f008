"""Variations and edits on the page: previews on the way, stopped where asked, saved with their metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixgen.io import metadata
from pixgen.ui import previews
from pixgen.ui.altering import Alteration
from pixgen.ui.window import View, Window
from tests.editing.toy_pair import ToyPair


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "fox.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture(autouse=True)
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews.Pace, "due", lambda self: True)


def last(views: Iterator[View]) -> View:
    return list(views)[-1]


def test_variations_come_one_after_another(window: Window, picture: Path) -> None:
    views = list(window.alter(lambda: Alteration(picture, count=2, steps=0, seed=5), ToyPair))
    assert [len(view.files) for view in views] == [0, 0, 1, 2, 2]
    assert views[1].preview.startswith(b"\xff\xd8")  # the picture itself, until there is more
    assert views[-1].state == "finished"
    first, second = (metadata.read(path) for path in views[-1].files)
    assert (first.seed, second.seed) == (5, 6)
    assert first.command.startswith("pixgen vary") and str(picture) in first.command
    assert [path.name for path in views[-1].files] == ["fox-variation.png", "fox-variation-2.png"]


def test_an_edit_shows_its_steps_and_keeps_what_the_mask_protects(
    window: Window, picture: Path, tmp_path: Path
) -> None:
    mask = Image.new("L", (128, 128), 0)
    mask.paste(255, (32, 32, 96, 96))
    mask.save(tmp_path / "mask.png")
    asked = Alteration(picture, text="a green fox", mask=tmp_path / "mask.png", steps=2, seed=1)
    views = list(window.alter(lambda: asked, ToyPair))
    assert [view.done for view in views if view.preview] == [0, 1, 2]
    view = views[-1]
    assert (view.state, view.steps) == ("finished", 2) and view.losses
    with Image.open(view.files[0]) as made, Image.open(picture) as before:
        changed = np.any(np.array(made) != np.array(before), axis=2)
    assert changed.any() and not changed[:32].any() and not changed[:, 96:].any()


def test_stopped_it_keeps_what_is_reached(window: Window, picture: Path) -> None:
    views = window.alter(lambda: Alteration(picture, count=3, steps=2, seed=1), ToyPair)
    while next(views).done < 1:
        pass
    window.stop()
    view = last(views)
    assert view.state == "stopped" and len(view.files) == 1 and view.done < view.steps
    assert not view.can_go_on


def test_closed_it_ends(window: Window, picture: Path) -> None:
    views = window.alter(lambda: Alteration(picture, count=20, steps=2, seed=1), ToyPair)
    while next(views).done < 1:
        pass
    window.close()
    assert len(last(views).files) <= 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Alteration(Path("/nowhere/fox.png")), "no picture"),
        (Alteration(Path("fox.png"), text="a fox"), "what the picture shows now"),
        (Alteration(Path("fox.png"), text="a fox", before="x" * 2000), "1,000 characters"),
        (Alteration(Path("fox.png"), count=0), "it must be 1 to"),
        (Alteration(Path("fox.png"), count=10_000), "it must be 1 to"),
        (Alteration(Path("fox.png"), strength=7.0), "strength"),
        (Alteration(Path("fox.png"), steps=-1), "steps"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(window: Window, picture: Path, asked: Alteration, said: str) -> None:
    asked = Alteration(**{**vars(asked), "picture": picture if asked.picture == Path("fox.png") else asked.picture})
    view = last(window.alter(lambda: asked, ToyPair))
    assert view.state == "failed" and said in view.problem and "\n" not in view.problem
