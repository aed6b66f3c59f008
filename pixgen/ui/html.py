"""Pieces of the page as HTML. Everything that comes from files or people is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from pixgen.ui import pictures, texts
from pixgen.ui.window import View


def header(language: str) -> str:
    """The line at the top of the page."""
    return f'<div class="px-header"><h1>pixgen</h1><span>{escape(texts.say(language, "subtitle"))}</span></div>'


def presets(language: str, descriptions: Mapping[str, str], chosen: Sequence[str], drawn: Mapping[str, str]) -> str:
    """A button for each preset. descriptions: name -> English. drawn: name -> the address of its picture."""
    buttons = []
    for name, english in descriptions.items():
        about = texts.PRESETS.get(name, english) if language == "pt" else english
        picture = f'<img src="{escape(drawn[name])}" alt="" loading="lazy">' if name in drawn else "<i></i>"
        pressed = "true" if name in chosen else "false"
        buttons.append(
            f'<button type="button" class="px-card" data-name="{escape(name)}" aria-pressed="{pressed}"'
            f' title="{escape(about)}">{picture}<span>{escape(name)}</span></button>'
        )
    hint = escape(texts.say(language, "presets_hint"))
    return f'<div class="px-presets" role="group" aria-label="{hint}">{"".join(buttons)}</div>'


def status(language: str, view: View, folder: Path, translate: texts.Translate) -> str:
    """What a window does: a bar, a line, the warnings, and a link to the file."""
    line, share = _line(language, view, folder), view.done / view.steps if view.steps else 0.0
    bar = "" if view.state == "ready" else f'<div class="px-bar"><div style="width:{share:.1%}"></div></div>'
    said = translate if language == "pt" else _same
    notes = "".join(f'<p class="px-note">{escape(said(note))}</p>' for note in view.notes)
    problem = f'<p class="px-problem" role="alert">{escape(said(view.problem))}</p>' if view.problem else ""
    told = f'<p class="px-line" role="status">{escape(line)}</p>' if line else ""
    return f'<div class="px-status px-{view.state}">{bar}{told}{problem}{notes}{_links(language, view, folder)}</div>'


def losses(language: str, view: View) -> str:
    """The curves of a view's losses."""
    from pixgen.ui import plot

    return plot.svg(view.losses, view.steps, texts.say(language, "loss_plot"))


def shown_picture(view: View, folder: Path) -> str | None:
    """The address of the picture to show, a finished one by its path; None where the one shown stays."""
    from pixgen.ui import previews

    if view.files and view.state != "drawing":
        try:
            path = view.files[-1]
            return f"{pictures.address(pictures.name_of(folder, path))}?{path.stat().st_mtime_ns}"
        except (ValueError, OSError):  # it had to be saved elsewhere
            return None
    return previews.data_address(view.preview) if view.preview else None


def _line(language: str, view: View, folder: Path) -> str:
    say: Callable[..., str] = lambda key, **values: texts.say(language, key, **values)  # noqa: E731
    name = str(view.files[-1]) if view.files else ""
    if view.state == "stopped":
        key = "stopped" if view.files else "stopped_early"
        return say(key, done=view.done, steps=view.steps, name=name)
    if view.state == "finished":
        return say("finished", steps=view.done, seconds=f"{view.seconds:.0f}", seed=view.seed, name=name)
    if view.state == "drawing":
        return say("drawing", done=view.done, steps=view.steps)
    return say(view.state) if view.state in ("ready", "preparing") else name


def _links(language: str, view: View, folder: Path) -> str:
    if view.state == "drawing":
        return ""
    found = []
    for path in view.files:
        try:
            where = escape(pictures.address(pictures.name_of(folder, path)))
        except ValueError:
            continue
        name = escape(path.name)
        found.append(f'<a class="px-download" href="{where}" download="{name}">{texts.say(language, "download")}</a>')
    return "".join(found)


def _same(line: str) -> str:
    return line
