"""The tab that draws: the form on the left, the picture as it grows on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from pixgen.errors import PixgenError
from pixgen.settings import layers
from pixgen.settings.methods import METHODS
from pixgen.ui import choices, html, presets, texts
from pixgen.ui.choices import Choices
from pixgen.ui.service import Service
from pixgen.ui.window import View

SLIDERS = 8
"""Losses whose weights can be changed on the page."""

SIZES = ("128x128", "256x256", "384x384", "512x512", "512x384", "384x512")

CLICKED = """
element.addEventListener('click', (event) => {
  const card = event.target.closest('[data-name]');
  if (card) trigger('click', {name: card.dataset.name});
});
"""
"""Tells the page which card was clicked."""

STAGE = """
const show = () => {
  const address = props.value;
  const image = element.querySelector('img');
  element.querySelector('.px-stage').classList.toggle('px-empty', !address);
  if (!address || image.getAttribute('src') === address) return;
  const next = new Image();  // the old picture stays until the new one can be shown
  next.onload = () => { image.src = address; image.dataset.count = 1 + Number(image.dataset.count || 0); };
  next.src = address;
};
watch('value', show);
show();
"""


@dataclass(frozen=True)
class DrawTab:
    """greeted: components whose values depend on the language. greet: language -> those values."""

    greeted: Sequence[Any]
    greet: Callable[[str], list[Any]]
    start: gr.Image


def stage(id: str) -> gr.HTML:
    """A large picture; its value is the picture's address."""
    return gr.HTML(
        "", html_template='<div class="px-stage"><img alt=""></div>', js_on_load=STAGE, elem_id=id, padding=False
    )


def build(service: Service) -> DrawTab:
    """Make the tab inside the page."""
    t = I18nData
    descriptions = layers.presets()
    drawn = presets.drawn()
    chosen, ids = gr.State([]), gr.State([])
    with gr.Row(elem_classes="px-columns"):
        with gr.Column(scale=4, min_width=340, elem_classes="px-form"):
            prompt = gr.Textbox(label=t("prompt"), placeholder=t("prompt_hint"), lines=3, elem_id="prompt")
            with gr.Row(elem_classes="px-buttons"):
                button = gr.Button(t("draw_button"), variant="primary", elem_id="draw", min_width=80)
                stop = gr.Button(t("stop"), elem_id="stop", min_width=80)
                go_on = gr.Button(t("continue"), elem_id="continue", min_width=80)
            cards = gr.HTML(
                html.presets("en", descriptions, [], drawn), js_on_load=CLICKED, elem_id="presets", padding=False
            )
            with gr.Accordion(t("settings"), open=True):
                with gr.Row():
                    size = gr.Dropdown(
                        [("auto", ""), *SIZES], value="", label=t("size"), allow_custom_value=True, min_width=110
                    )
                    steps = gr.Textbox(label=t("steps"), placeholder=t("automatic"), min_width=90, elem_id="steps")
                    seed = gr.Textbox(label=t("seed"), placeholder=t("random"), min_width=90, elem_id="seed")
                with gr.Row():
                    method = gr.Dropdown(list(METHODS), value="loop", label=t("method"), min_width=110)
                    generator = gr.Dropdown(
                        [("auto", ""), *choices.generators()], value="", label=t("generator"), min_width=110
                    )
            with gr.Accordion(t("losses"), open=False):
                gr.Markdown(t("weights_hint"))
                added = gr.Dropdown(choices.losses(), multiselect=True, label=t("add_losses"))
                sliders = [gr.Slider(-5, 10, 1, step=0.05, visible=False) for _ in range(SLIDERS)]
            with gr.Accordion(t("start"), open=False):
                start = gr.Image(
                    type="filepath", image_mode=None, sources=["upload", "clipboard"], show_label=False, height=200
                )
            with gr.Accordion(t("more"), open=False, elem_id="more-box"):
                more = gr.Textbox(
                    show_label=False,
                    lines=3,
                    elem_id="more",
                    placeholder="optimizer.lr=0.02\nfilters.blocks.type=pixelate",
                )
        with gr.Column(scale=7, min_width=340):
            picture = stage("stage")
            status = gr.HTML(html.status("en", View(), service.folder, service.translate), elem_id="status")
            plot = gr.HTML("", elem_id="losses")

    form = [chosen, generator, method, size, steps, seed, start, added, more]
    outputs = [picture, status, plot]
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

    def choose(event: gr.EventData, names: list[str], request: gr.Request) -> tuple[list[str], str]:
        name = event._data["name"]
        names = [other for other in names if other != name] if name in names else [*names, name]
        return names, html.presets(language_of(request), descriptions, names, drawn)

    def show_terms(*values: Any) -> list[Any]:
        try:
            found = list(_choices("", values, {}).terms().items())[:SLIDERS]
        except PixgenError:  # what is wrong is said when it is drawn
            return [gr.skip()] * (SLIDERS + 1)
        hiding = [gr.update(visible=False)] * (SLIDERS - len(found))
        shown = [gr.update(visible=True, label=id, value=weight) for id, weight in found]
        return [[id for id, _ in found], *shown, *hiding]

    def start_drawing(request: gr.Request, text: str, terms: list[str], *values: Any) -> Iterator[list[Any]]:
        weights = dict(zip(terms, values[len(form) :], strict=False))
        asked = _choices(text, values[: len(form)], weights)
        yield from shown(service.window(key_of(request)).draw(asked.config), request)

    def continue_drawing(request: gr.Request) -> Iterator[list[Any]]:
        yield from shown(service.window(key_of(request)).go_on(), request)

    def stop_drawing(request: gr.Request) -> None:
        service.window(key_of(request)).stop()

    def shown(views: Iterator[View], request: gr.Request) -> Iterator[list[Any]]:
        language = language_of(request)
        for view in views:
            address = html.shown_picture(view, service.folder)
            yield [
                gr.skip() if address is None else address,
                html.status(language, view, service.folder, service.translate),
                html.losses(language, view),
            ]

    def set_weight(place: int) -> Callable[..., None]:
        def change(weight: float, terms: list[str], request: gr.Request) -> None:
            if place < len(terms):
                service.window(key_of(request)).set_weight(terms[place], weight)

        return change

    queued: dict[str, Any] = {"concurrency_id": "draw", "concurrency_limit": 1, **hidden}
    inputs = [prompt, ids, *form, *sliders]
    gr.on([button.click, prompt.submit], start_drawing, inputs, outputs, trigger_mode="once", **queued)
    go_on.click(continue_drawing, None, outputs, trigger_mode="once", **queued)
    stop.click(stop_drawing, None, None, queue=False, **hidden)
    cards.click(choose, chosen, [chosen, cards], queue=False, **hidden)
    gr.on(
        [chosen.change, generator.change, method.change, added.change, more.blur],
        show_terms, form, [ids, *sliders], **hidden,
    )  # fmt: skip
    for place, slider in enumerate(sliders):
        slider.release(set_weight(place), [slider, ids], queue=False, **hidden)

    def greet(language: str) -> list[Any]:
        terms = show_terms([], "", "loop", "", "", "", None, [], "")
        return [
            html.presets(language, descriptions, [], drawn),
            html.status(language, View(), service.folder, service.translate),
            *terms,
        ]

    return DrawTab([cards, status, ids, *sliders], greet, start)


def _choices(text: str, values: Sequence[Any], weights: dict[str, float]) -> Choices:
    names, generator, method, size, steps, seed, start, added, more = values
    return Choices(
        prompt=text or "",
        presets=names,
        generator=generator or "",
        method=method or "loop",
        size=size or "",
        steps=steps or "",
        seed=seed or "",
        start=Path(start) if start else None,
        losses=added or [],
        weights=weights,
        more=more or "",
    )


def key_of(request: gr.Request) -> str:
    """Of the window that a request comes from."""
    return str(request.session_hash)


def language_of(request: gr.Request) -> str:
    """Of the browser."""
    return texts.language(request.headers.get("accept-language", ""))
