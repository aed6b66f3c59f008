"""The tabs of classification and search."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from pixgen.models import zoo
from pixgen.ui import html, looking, parts
from pixgen.ui.gallery_tab import GalleryTab
from pixgen.ui.parts import LOOKING, QUIET, language_of, says
from pixgen.ui.service import Service
from pixgen.ui.window import problem_of


def classify(service: Service) -> None:
    """Make the tab of classification inside the page."""
    t = I18nData
    with gr.Row(elem_classes="px-columns"):
        with gr.Column(scale=4, min_width=340, elem_classes="px-form"):
            picture = parts.handed("classify-picture", 320, t("picture"))
            labels = gr.Textbox(label=t("labels"), placeholder=t("labels_hint"), lines=2, elem_id="labels")
            clip = gr.Dropdown(looking.clips(), value=zoo.EMBEDDED, label=t("clip"))
            button = gr.Button(t("classify_button"), variant="primary", elem_id="classify")
        with gr.Column(scale=7, min_width=340):
            answer = gr.HTML("", elem_id="answer")

    def ask(path: str | None, words: str, name: str, request: gr.Request) -> str:
        say = says(service, request)
        try:
            model = service.clip(looking.require_clip(name))
            return html.answer(language_of(request), looking.classify(model, path, words or ""), say)
        except Exception as error:
            return html.problem(say(problem_of(error)))

    gr.on([button.click, labels.submit], ask, [picture, labels, clip], answer, **LOOKING)


def search(service: Service, gallery: GalleryTab) -> None:
    """Make the tab of search inside the page."""
    t = I18nData
    with gr.Row(elem_classes="px-columns"):
        with gr.Column(scale=4, min_width=340, elem_classes="px-form"):
            text = gr.Textbox(label=t("search_text"), placeholder=t("search_hint"), elem_id="search-text")
            picture = parts.handed("search-picture", 220, t("search_picture"))
            with gr.Row():
                count = gr.Slider(1, looking.MOST_FOUND, 12, step=1, label=t("count"), min_width=140)
                clip = gr.Dropdown(looking.clips(), value=zoo.EMBEDDED, label=t("clip"), min_width=140)
            button = gr.Button(t("search_button"), variant="primary", elem_id="search")
        with gr.Column(scale=7, min_width=340):
            found = parts.cards("", "found")

    def ask(words: str, path: str | None, many: float, name: str, request: gr.Request) -> str:
        say = says(service, request)
        try:
            model = service.clip(looking.require_clip(name))
            matches, notes = looking.search(model, service.folder, words or "", path, int(many))
            return html.found(matches, service.folder, notes, say)
        except Exception as error:
            return html.problem(say(problem_of(error)))

    gr.on([button.click, text.submit], ask, [text, picture, count, clip], found, **LOOKING)
    opened: list[Any] = [*gallery.opened]
    found.click(gallery.open, None, opened, queue=False, **QUIET)
