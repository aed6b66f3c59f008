"""A window draws what `pixgen` draws, stops, continues, changes weights, and frees everything when it is closed."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from pixgen.errors import UsageError
from pixgen.io import metadata
from pixgen.loop.build import Models
from pixgen.loop.drawing import Drawing
from pixgen.settings import replay
from pixgen.settings.config import RenderConfig
from pixgen.ui import previews
from pixgen.ui.window import View, Window

Toy = Callable[..., RenderConfig]


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview after every step."""
    monkeypatch.setattr(previews.Pace, "due", lambda self: True)


def last(views: Iterator[View]) -> View:
    return list(views)[-1]


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


def test_it_saves_what_the_loop_draws(window: Window, toy: Toy) -> None:
    view = last(window.draw(toy))
    assert (view.state, view.done, view.steps, view.seed) == ("finished", 4, 4, 1)
    drawing = Drawing([toy()])
    list(drawing)
    (path,) = view.files
    assert path == window.folder / "a-fox.png"
    assert pixels(path) == drawing.images()[0].tobytes()
    assert metadata.read(path).steps_done == 4
    assert not window.is_stopped


@pytest.mark.usefixtures("every_step")
def test_the_picture_grows_before_it_is_finished(window: Window, toy: Toy) -> None:
    views = list(window.draw(toy))
    assert [view.state for view in views] == ["preparing", *["drawing"] * 4, "finished"]
    growing = [view.preview for view in views if view.preview]
    assert len(set(growing)) == 4 and all(data.startswith(b"\xff\xd8") for data in growing)
    assert [len(view.losses["clip"]) for view in views[1:5]] == [1, 2, 3, 4]
    assert set(views[1].losses) == {"clip", "smooth"}


@pytest.mark.usefixtures("every_step")
def test_stopped_and_continued_it_is_the_same_file_as_in_one_go(window: Window, toy: Toy, tmp_path: Path) -> None:
    views = window.draw(toy)
    while next(views).done < 2:
        pass
    window.stop()
    stopped = last(views)
    assert (stopped.state, stopped.done) == ("stopped", 2)
    about = metadata.read(stopped.files[0])
    assert (about.steps_done, about.steps_planned) == (2, 4)
    finished = last(window.go_on())
    assert (finished.state, finished.done, finished.files) == ("finished", 4, stopped.files)
    whole = last(Window(tmp_path / "whole", Models(keep_text_towers=True)).draw(toy))
    assert finished.files[0].read_bytes() == whole.files[0].read_bytes()


@pytest.mark.usefixtures("every_step")
def test_a_file_that_somebody_changed_meanwhile_is_left_alone(window: Window, toy: Toy) -> None:
    views = window.draw(toy)
    while next(views).done < 2:
        pass
    window.stop()
    (path,) = last(views).files
    path.write_bytes(b"mine")
    finished = last(window.go_on())
    assert path.read_bytes() == b"mine"
    assert finished.files == [window.folder / "a-fox-2.png"]


def test_there_is_nothing_to_continue_at_first(window: Window) -> None:
    assert [view.state for view in window.go_on()] == ["ready"]


@pytest.mark.usefixtures("every_step")
def test_a_weight_changed_on_the_way_is_stored_so_that_it_is_drawn_again(window: Window, toy: Toy) -> None:
    views = window.draw(toy)
    while (view := next(views)).done < 2:
        pass
    assert view.weights["smooth"] == 0.5
    window.set_weight("smooth", 5.0)
    view = last(views)
    assert view.weights["smooth"] == 5.0
    (path,) = view.files
    plain = last(window.draw(toy))
    assert pixels(plain.files[0]) != pixels(path)
    about = metadata.read(path)
    again = last(window.draw(lambda: replay.config_of(about, path.parent, str(path))))
    assert again.files[0].read_bytes() == path.read_bytes()


def test_two_windows_at_once_draw_what_they_draw_one_after_another(toy: Toy, tmp_path: Path) -> None:
    models = Models(keep_text_towers=True)
    prompts = {"a fox": 1, "a red house": 2}
    alone = {}
    for prompt, seed in prompts.items():
        view = last(Window(tmp_path / "alone", models).draw(lambda p=prompt, s=seed: toy(p, s)))  # type: ignore[misc]
        alone[prompt] = view.files[0].read_bytes()
    together = {
        prompt: Window(tmp_path / "both", models).draw(lambda p=prompt, s=seed: toy(p, s))  # type: ignore[misc]
        for prompt, seed in prompts.items()
    }
    found: dict[str, View] = {}
    while together:
        for prompt, views in list(together.items()):
            if (view := next(views, None)) is None:  # type: ignore[assignment]
                del together[prompt]
            else:
                found[prompt] = view
    assert {prompt: view.files[0].read_bytes() for prompt, view in found.items()} == alone


def test_two_windows_in_two_threads_draw_the_same_too(toy: Toy, tmp_path: Path) -> None:
    models = Models(keep_text_towers=True)
    expected = last(Window(tmp_path / "alone", models).draw(toy)).files[0].read_bytes()
    windows = [Window(tmp_path / str(i), models) for i in range(2)]
    threads = [threading.Thread(target=lambda w=w: list(w.draw(toy))) for w in windows]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(w.folder / "a-fox.png").read_bytes() for w in windows] == [expected] * 2


@pytest.mark.usefixtures("every_step")
def test_closed_in_the_middle_of_a_run_it_stops_saves_and_frees_the_memory(window: Window, toy: Toy) -> None:
    views = window.draw(toy)
    while next(views).done < 2:
        pass
    assert window._run is not None
    drawing = weakref.ref(window._run.drawing)
    window.close()
    rest = list(views)
    assert rest[-1].done == 2
    assert metadata.read(window.folder / "a-fox.png").steps_done == 2
    del views, rest
    gc.collect()
    assert drawing() is None


def test_closed_while_it_is_prepared_it_draws_nothing(window: Window, toy: Toy) -> None:
    def ask() -> RenderConfig:
        window.closed = True
        return toy()

    assert [view.state for view in window.draw(ask)] == ["preparing"]
    assert list(window.folder.glob("*.png")) == []


def test_what_cannot_be_drawn_is_said_in_one_line(window: Window) -> None:
    def refuse() -> RenderConfig:
        raise UsageError("no such thing")

    view = last(window.draw(refuse))
    assert (view.state, view.problem) == ("failed", "no such thing")


def test_an_unforeseen_failure_keeps_the_picture_reached(
    window: Window, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Drawing.__next__

    def fail(self: Drawing) -> object:
        if self.done == 2:
            raise RuntimeError("out of luck\nand of lines")
        return original(self)

    monkeypatch.setattr(Drawing, "__next__", fail)
    view = last(window.draw(toy))
    assert view.problem == "unexpected RuntimeError: out of luck"
    assert metadata.read(view.files[0]).steps_done == 2


def test_warnings_are_shown_in_the_window_that_caused_them(window: Window, toy: Toy) -> None:
    view = last(window.draw(lambda: toy(size="30x30")))
    assert view.notes == ["size 30x30 becomes 32x32: sides must be multiples of 4"]
