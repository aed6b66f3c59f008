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
from pixgen.settings.config import RenderConfig
from pixgen.settings.methods import METHODS
from pixgen.ui import choices, html, parts, presets, texts, uploads
from pixgen.ui.choices import Choices
from pixgen.ui.parts import DRAWING, QUIET, key_of, language_of
from pixgen.ui.service import Service
from pixgen.ui.window import View

SLIDERS = 8
"""Losses whose weights can be changed on the page."""

SIZES = ("128x128", "256x256", "384x384", "512x512", "512x384", "384x512")


@dataclass(frozen=True)
class DrawTab:
    """greeted: components whose values depend on the language. greet: language -> those values.

    outputs: of whatever draws here. prompt, start: of the form.
    """

    greeted: Sequence[Any]
    greet: Callable[[str], list[Any]]
    outputs: Sequence[Any]
    prompt: gr.Textbox
    start: gr.Image


def build(service: Service) -> DrawTab:
    """Make the tab inside the page."""
    t = I18nData
    descriptions, drawn = layers.presets(), presets.drawn()
    chosen, ids = gr.State([]), gr.State([])
    with gr.Row(elem_classes="px-columns"):
        with gr.Column(scale=4, min_width=340, elem_classes="px-form"):
            prompt = gr.Textbox(label=t("prompt"), placeholder=t("prompt_hint"), lines=3, elem_id="prompt")
            with gr.Row(elem_classes="px-buttons"):
                button = gr.Button(t("draw_button"), variant="primary", elem_id="draw", min_width=80)
                stop = gr.Button(t("stop"), elem_id="stop", min_width=80, interactive=False)
                go_on = gr.Button(t("continue"), elem_id="continue", min_width=80, interactive=False)
            cards = parts.cards(html.presets("en", descriptions, [], drawn), "presets")
            with gr.Accordion(t("settings"), open=True):
                with gr.Row():
                    size = gr.Dropdown(
                        [("auto", ""), *SIZES],
                        value="",
                        label=t("size"),
                        allow_custom_value=True,
                        min_width=130,
                        scale=2,
                    )
                    steps = gr.Textbox(
                        label=t("steps"), placeholder=t("auto"), max_lines=1, min_width=80, elem_id="steps"
                    )
                    seed = gr.Textbox(
                        label=t("seed"), placeholder=t("random"), max_lines=1, min_width=80, elem_id="seed"
                    )
                with gr.Row():
                    method = gr.Dropdown(list(METHODS), value="loop", label=t("method"), min_width=100)
                    generators = [("auto", ""), *choices.generators()]
                    generator = gr.Dropdown(generators, value="", label=t("generator"), min_width=100)
            with gr.Accordion(t("losses"), open=False, elem_id="losses-box"):
                gr.Markdown(t("weights_hint"), elem_classes="px-hint")
                added = gr.Dropdown(choices.losses(), multiselect=True, label=t("add_losses"))
                sliders = [
                    gr.Slider(-5, 10, 1, step=0.05, visible=False, elem_id=f"weight-{i}") for i in range(SLIDERS)
                ]
            with gr.Accordion(t("start"), open=False):
                start = parts.handed("start", 200)
            with gr.Accordion(t("more"), open=False, elem_id="more-box"):
                hint = "optimizer.lr=0.02\nfilters.squares.type=pixelate"
                more = gr.Textbox(show_label=False, lines=3, elem_id="more", placeholder=hint)
        with gr.Column(scale=7, min_width=340):
            picture = parts.stage("stage")
            status = gr.HTML(html.status("en", View(), service.folder, service.translate), elem_id="status")
            plot = gr.HTML("", elem_id="losses")
            results = gr.HTML("", visible=False)

    form = [chosen, generator, method, size, steps, seed, start, added, more]
    outputs = [picture, status, plot, results, stop, go_on]

    def choose(event: gr.EventData, names: list[str], request: gr.Request) -> tuple[list[str], str]:
        name = parts.clicked(event)
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
        def ask() -> RenderConfig:
            weights = dict(zip(terms, values[len(form) :], strict=False))
            return _choices(text, values[: len(form)], weights, service.folder).config()

        yield from parts.shown(service, service.window(key_of(request)).draw(ask), request)

    def continue_drawing(request: gr.Request) -> Iterator[list[Any]]:
        yield from parts.shown(service, service.window(key_of(request)).go_on(), request)

    def stop_drawing(request: gr.Request) -> None:
        service.window(key_of(request)).stop()

    def set_weight(place: int) -> Callable[..., None]:
        def change(weight: float, terms: list[str], request: gr.Request) -> None:
            if place < len(terms):
                service.window(key_of(request)).set_weight(terms[place], weight)

        return change

    gr.on([button.click, prompt.submit], start_drawing, [prompt, ids, *form, *sliders], outputs, **DRAWING)
    go_on.click(continue_drawing, None, outputs, **DRAWING)
    stop.click(stop_drawing, None, None, queue=False, **QUIET)
    cards.click(choose, chosen, [chosen, cards], queue=False, **QUIET)
    changed = [chosen.change, generator.change, method.change, added.change, more.blur]
    gr.on(changed, show_terms, form, [ids, *sliders], **QUIET)
    for place, slider in enumerate(sliders):
        slider.input(set_weight(place), [slider, ids], queue=False, trigger_mode="always_last", **QUIET)

    def greet(language: str) -> list[Any]:
        terms = show_terms([], "", "loop", "", "", "", None, [], "")
        auto = ("", texts.say(language, "automatic"))[::-1]
        return [
            html.newest(service.folder),
            html.presets(language, descriptions, [], drawn),
            html.status(language, View(), service.folder, service.translate),
            gr.update(choices=[auto, *SIZES]),
            gr.update(choices=[auto, *generators[1:]]),
            *terms,
        ]

    return DrawTab([picture, cards, status, size, generator, ids, *sliders], greet, outputs, prompt, start)


def _choices(text: str, values: Sequence[Any], weights: dict[str, float], folder: Path | None = None) -> Choices:
    """The form's values; a start picture is kept in `folder`."""
    names, generator, method, size, steps, seed, start, added, more = values
    return Choices(
        prompt=text or "",
        presets=names,
        generator=generator or "",
        method=method or "loop",
        size=size or "",
        steps=steps or "",
        seed=seed or "",
        start=uploads.keep(folder, start) if start and folder is not None else None,
        losses=added or [],
        weights=weights,
        more=more or "",
    )
