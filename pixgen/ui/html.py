"""Pieces of the page as HTML. Everything that comes from files or people is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from pixgen.recognition.search import Match
from pixgen.ui import pictures, plot, previews, texts
from pixgen.ui.gallery import Page, listing
from pixgen.ui.looking import Answer
from pixgen.ui.window import View

THUMBNAILS = "/thumbnails/"
"""The route of small pictures."""


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
    wrong, notes = problem(said(view.problem)) if view.problem else "", _notes(view.notes, said)
    told = f'<p class="px-line" role="status">{escape(line)}</p>' if line else ""
    return f'<div class="px-status px-{view.state}">{bar}{told}{wrong}{notes}{_links(language, view, folder)}</div>'


def losses(language: str, view: View) -> str:
    """The curves of a view's losses."""
    return plot.svg(view.losses, view.steps, texts.say(language, "loss_plot"))


def shown_picture(view: View, folder: Path) -> str | None:
    """The address of the picture to show, a finished one by its path; None where the one shown stays."""
    if view.files and view.state != "drawing":
        try:
            path = view.files[-1]
            return f"{pictures.address(pictures.name_of(folder, path))}?{path.stat().st_mtime_ns}"
        except (ValueError, OSError):  # it had to be saved elsewhere
            return None
    return previews.data_address(view.preview) if view.preview else None


def newest(folder: Path) -> str:
    """The address of the newest picture, which a window shows when it is opened; empty without one."""
    entries = listing(folder)
    return f"{pictures.address(entries[0].name)}?{entries[0].changed}" if entries else ""


def gallery(language: str, shown: Page, chosen: str = "") -> str:
    """A page of the gallery as cards."""
    if not shown.total:
        return f'<p class="px-empty-gallery">{escape(texts.say(language, "empty_gallery"))}</p>'
    return cards([(entry.name, _thumbnail(entry.name, entry.changed), "") for entry in shown.entries], chosen)


def page_line(language: str, shown: Page) -> str:
    """Which page that is."""
    line = texts.say(language, "page_of", number=shown.number + 1, count=shown.count, total=shown.total)
    return f'<p class="px-line">{escape(line)}</p>' if shown.total else ""


def found(matches: Sequence[Match], folder: Path, notes: Sequence[str], say: texts.Translate) -> str:
    """Search results as cards with their scores."""
    items = []
    for match in matches:
        try:
            name, changed = pictures.name_of(folder, match.file), match.file.stat().st_mtime_ns
        except (ValueError, OSError):  # it went meanwhile
            continue
        items.append((name, _thumbnail(name, changed), f"{match.score:.3f}"))
    return cards(items) + _notes(notes, say)


def cards(items: Sequence[tuple[str, str, str]], chosen: str = "") -> str:
    """A button for each picture: its name, the address of its thumbnail, and what stands under it."""
    buttons = [
        f'<button type="button" class="px-card" data-name="{escape(name)}" title="{escape(name)}"'
        f' aria-pressed="{"true" if name == chosen else "false"}"><img src="{escape(address)}" alt="{escape(name)}"'
        f' loading="lazy">{f"<span>{escape(under)}</span>" if under else ""}</button>'
        for name, address, under in items
    ]
    return f'<div class="px-cards">{"".join(buttons)}</div>'


def details(language: str, name: str, facts: Mapping[str, str], command: str, problem: str = "") -> str:
    """A picture of the gallery, large, with how it was made."""
    if not name:
        return f'<p class="px-line">{escape(texts.say(language, "choose"))}</p>'
    address = escape(pictures.address(name))
    rows = "".join(
        f"<dt>{escape(texts.say(language, key))}</dt><dd>{escape(value)}</dd>" for key, value in facts.items()
    )
    if command:
        rows += f"<dt>{escape(texts.say(language, 'command_fact'))}</dt><dd><code>{escape(command)}</code></dd>"
    said = f'<p class="px-note">{escape(problem)}</p>' if problem else ""
    link = _download(language, name)
    return (
        f'<figure class="px-details"><a href="{address}" target="_blank"><img src="{address}" alt="{escape(name)}"></a>'
        f"<figcaption>{escape(name)}</figcaption></figure>{link}{said}<dl>{rows}</dl>"
    )


def answer(language: str, found: Answer, say: texts.Translate) -> str:
    """The labels with their probabilities, a bar each."""
    rows = "".join(
        f'<div class="px-row"><span>{escape(label)}</span><div class="px-share"><div style="width:{share:.1%}"></div>'
        f"</div><b>{percent(share, language)}</b></div>"
        for label, share in found.scores.items()
    )
    unlike = ""
    if found.unlike:
        line = texts.say(language, "unlike", instead=found.unlike)
        unlike = f'<p class="px-warning" role="alert">{escape(line)}</p>'
    return f'<div class="px-answer">{unlike}{rows}{_notes(found.notes, say)}</div>'


def percent(share: float, language: str) -> str:
    """A share, 0 to 1, as the language writes it."""
    return f"{share:.1%}".replace(".", ",") if language == "pt" else f"{share:.1%}"


def results(view: View, folder: Path) -> str:
    """The pictures that a window has finished, as cards, where there are several."""
    items = []
    for path in view.files if len(view.files) > 1 else ():
        try:
            name = pictures.name_of(folder, path)
            items.append((name, _thumbnail(name, path.stat().st_mtime_ns), ""))
        except (ValueError, OSError):
            continue
    return cards(items) if items else ""


def problem(line: str) -> str:
    """What went wrong."""
    return f'<p class="px-problem" role="alert">{escape(line)}</p>'


def _thumbnail(name: str, changed: int) -> str:
    return f"{pictures.address(name, THUMBNAILS)}?{changed}"


def _notes(notes: Sequence[str], say: texts.Translate) -> str:
    return "".join(f'<p class="px-note">{escape(say(note))}</p>' for note in notes)


def _download(language: str, name: str) -> str:
    address, file = escape(pictures.address(name)), escape(Path(name).name)
    return f'<a class="px-download" href="{address}" download="{file}">{texts.say(language, "download")}</a>'


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
    if view.state == "drawing" or len(view.files) != 1:
        return ""
    try:
        return _download(language, pictures.name_of(folder, view.files[0]))
    except ValueError:  # it had to be saved elsewhere
        return ""


def _same(line: str) -> str:
    return line
