"""The tab of the pictures that are there: cards on the left, the chosen one with how it was made on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from pixgen.errors import PixgenError, UsageError
from pixgen.settings import config as configs
from pixgen.settings import memory, replay
from pixgen.settings.config import RenderConfig
from pixgen.ui import gallery, html, parts, pictures
from pixgen.ui.draw_tab import DrawTab
from pixgen.ui.edit_tab import EditTab
from pixgen.ui.parts import DRAWING, QUIET, key_of, language_of
from pixgen.ui.service import Service


@dataclass(frozen=True)
class GalleryTab:
    """greeted: components whose values depend on the language. greet: language -> those values.

    open: a card anywhere was clicked -> values of `opened`, which show it here.
    """

    greeted: Sequence[Any]
    greet: Callable[[str], list[Any]]
    opened: Sequence[Any]
    open: Callable[..., list[Any]]


def build(service: Service, tabs: gr.Tabs, tab: gr.Tab, draw: DrawTab, edit: EditTab) -> GalleryTab:
    """Make the tab inside the page."""
    t = I18nData
    number, chosen = gr.State(0), gr.State("")
    with gr.Row(elem_classes="px-columns"):
        with gr.Column(scale=6, min_width=340):
            with gr.Row(elem_classes="px-buttons"):
                newer = gr.Button(t("newer"), size="sm", min_width=80, elem_id="newer")
                older = gr.Button(t("older"), size="sm", min_width=80, elem_id="older")
                refresh = gr.Button(t("refresh"), size="sm", min_width=80, elem_id="refresh")
            line = gr.HTML("", elem_id="gallery-line")
            cards = parts.cards("", "gallery")
        with gr.Column(scale=5, min_width=340):
            with gr.Row(elem_classes="px-buttons", visible=False) as actions:
                again = gr.Button(t("again"), size="sm", min_width=80, elem_id="again")
                vary = gr.Button(t("vary"), size="sm", min_width=80, elem_id="vary")
                change = gr.Button(t("edit_by_text"), size="sm", min_width=80, elem_id="change")
                use = gr.Button(t("use_as_start"), size="sm", min_width=80, elem_id="use")
            about = gr.HTML(html.details("en", "", {}, ""), elem_id="details")

    def show(page: int, name: str, request: gr.Request) -> list[Any]:
        found, language = gallery.page(service.folder, page), language_of(request)
        return [found.number, html.gallery(language, found, name), html.page_line(language, found)]

    def choose(name: str, request: gr.Request) -> list[Any]:
        language, say = language_of(request), parts.says(service, request)
        try:
            path = pictures.find(service.folder, name)
        except UsageError as error:
            return ["", html.problem(say(str(error))), gr.update(visible=False), gr.update()]
        try:
            made = gallery.read(service.folder, name)
        except PixgenError as error:
            details = html.details(language, name, {}, "", say(str(error)))
            return [name, details, gr.update(visible=True), gr.update(visible=False)]
        details = html.details(language, name, gallery.facts(made), gallery.command(made, path))
        return [name, details, gr.update(visible=True), gr.update(visible=gallery.is_drawn(made))]

    def open_here(event: gr.EventData, page: int, request: gr.Request) -> list[Any]:
        name = parts.clicked(event)
        return [*choose(name, request), *show(page, name, request)]

    def open_there(event: gr.EventData, request: gr.Request) -> list[Any]:
        return [gr.Tabs(selected="gallery"), *open_here(event, 0, request)]

    def draw_again(request: gr.Request, name: str) -> Iterator[list[Any]]:
        prompt = ""
        until: list[int] = []

        def ask() -> RenderConfig:
            nonlocal prompt
            path = pictures.find(service.folder, name)
            made = gallery.read(service.folder, name)
            config = configs.resolve_auto(replay.config_of(made, path.parent, str(path)))
            memory.require(config)
            prompt = config.prompt
            return config

        try:
            made = gallery.read(service.folder, name)
            until = [made.steps_done] if made.steps_done < made.steps_planned else []
            template = made.template
        except PixgenError:
            template = ""  # `ask` says what is wrong
        views = service.window(key_of(request)).draw(ask, until=until[0] if until else None, template=template)
        for i, values in enumerate(parts.shown(service, views, request)):
            yield [gr.Tabs(selected="draw") if i == 0 else gr.skip(), prompt or gr.skip(), *values]

    def hand_over(way: str) -> Callable[..., list[Any]]:
        def hand(name: str) -> list[Any]:
            path = pictures.find(service.folder, name)
            try:
                made = gallery.read(service.folder, name).prompt
            except PixgenError:
                made = ""
            return [gr.Tabs(selected="edit"), parts.hand_over(path), way, made]

        return hand

    def start_from(name: str) -> list[Any]:
        return [gr.Tabs(selected="draw"), parts.hand_over(pictures.find(service.folder, name))]

    listed = [number, cards, line]
    opened = [chosen, about, actions, again, *listed]
    refresh.click(show, [number, chosen], listed, queue=False, **QUIET)
    tab.select(show, [number, chosen], listed, queue=False, **QUIET)
    newer.click(lambda page: page - 1, number, number, queue=False, **QUIET).then(
        show, [number, chosen], listed, queue=False, **QUIET
    )
    older.click(lambda page: page + 1, number, number, queue=False, **QUIET).then(
        show, [number, chosen], listed, queue=False, **QUIET
    )
    cards.click(open_here, number, opened, queue=False, **QUIET)
    again.click(draw_again, chosen, [tabs, draw.prompt, *draw.outputs], **DRAWING)
    vary.click(hand_over("vary"), chosen, [tabs, edit.picture, edit.what, edit.before], **QUIET)
    change.click(hand_over("edit"), chosen, [tabs, edit.picture, edit.what, edit.before], **QUIET)
    use.click(start_from, chosen, [tabs, draw.start], **QUIET)
    edit.results.click(open_there, None, [tabs, *opened], queue=False, **QUIET)

    def greet(language: str) -> list[Any]:
        found = gallery.page(service.folder, 0)
        return [html.details(language, "", {}, ""), html.gallery(language, found), html.page_line(language, found)]

    return GalleryTab([about, cards, line], greet, [tabs, *opened], open_there)
