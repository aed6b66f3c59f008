"""The tab that makes variations of a picture, or edits it by a text, everywhere or under a mask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from pixgen.errors import UsageError
from pixgen.ui import html, parts, texts, uploads
from pixgen.ui.altering import MOST_VARIATIONS, Alteration
from pixgen.ui.choices import whole_number
from pixgen.ui.parts import DRAWING, QUIET, key_of, language_of
from pixgen.ui.service import Service

PAINT = "#f97316"


@dataclass(frozen=True)
class EditTab:
    """greeted: components whose values depend on the language. greet: language -> those values.

    picture, what, before: of the form. chosen: values of `picked` for a picture's path. results: cards.
    """

    greeted: Sequence[Any]
    greet: Callable[[str], list[Any]]
    picture: gr.Image
    what: gr.Radio
    before: gr.Textbox
    results: gr.HTML


def build(service: Service) -> EditTab:
    """Make the tab inside the page."""
    t = I18nData
    with gr.Row(elem_classes="px-columns"):
        with gr.Column(scale=4, min_width=340, elem_classes="px-form"):
            picture = parts.handed("edit-picture", 240, t("picture"))
            what = gr.Radio(_ways("en"), value="vary", label=t("alter_what"), elem_id="edit-what")
            with gr.Column(visible=False) as editing:
                with gr.Row():
                    before = gr.Textbox(
                        label=t("text_before"), placeholder=t("text_before_hint"), min_width=120, elem_id="edit-before"
                    )
                    after = gr.Textbox(
                        label=t("text_after"), placeholder=t("text_after_hint"), min_width=120, elem_id="edit-after"
                    )
                with gr.Accordion(t("mask"), open=False, elem_id="mask-box"):
                    gr.Markdown(t("mask_hint"), elem_classes="px-hint")
                    painter = gr.ImageEditor(
                        type="pil", sources=(), layers=False, transforms=(), show_label=False, elem_id="painter",
                        brush=gr.Brush(default_size=32, colors=[PAINT], default_color=PAINT, color_mode="fixed"),
                        eraser=gr.Eraser(default_size=32), buttons=[], height=420,
                    )  # fmt: skip
                    mask = parts.handed("mask-file", 140, t("mask_file"))
            with gr.Column() as varying:
                count = gr.Slider(1, 12, 6, step=1, label=t("count"), elem_id="edit-count")
            with gr.Row():
                strength = gr.Slider(0, 1, 0.75, step=0.05, label=t("strength"), min_width=140)
                steps = gr.Textbox("0", label=t("steps"), min_width=70, max_lines=1, elem_id="edit-steps")
                seed = gr.Textbox(
                    label=t("seed"), placeholder=t("random"), min_width=70, max_lines=1, elem_id="edit-seed"
                )
            with gr.Row(elem_classes="px-buttons"):
                start = gr.Button(t("start_button"), variant="primary", elem_id="edit-start", min_width=80)
                stop = gr.Button(t("stop"), elem_id="edit-stop", min_width=80, interactive=False)
                unused = gr.Button(visible=False)  # an alteration is not continued
        with gr.Column(scale=7, min_width=340):
            shown = parts.stage("edit-stage")
            status = gr.HTML("", elem_id="edit-status")
            results = parts.cards("", "edit-results")
            plot = gr.HTML("")

    outputs = [shown, status, plot, results, stop, unused]

    def look(path: str | None, request: gr.Request) -> tuple[Any, str]:
        """Take a picture that was handed over; what is not one is refused, and said."""
        empty: dict[str, Any] = {"background": None, "layers": [], "composite": None}
        if not path:
            return empty, ""
        try:
            image = uploads.look(path)
        except UsageError as error:
            return empty, html.problem(parts.says(service, request)(str(error)))
        return {**empty, "background": uploads.to_paint_on(image)}, ""

    def switch(way: str) -> list[Any]:
        edits = way == "edit"
        return [
            gr.update(visible=edits),
            gr.update(visible=not edits),
            gr.update(value=0.5 if edits else 0.75),
            gr.update(value="40" if edits else "0"),
        ]

    def begin(
        request: gr.Request, path: str | None, way: str, old: str, new: str, painted: Any, given: str | None,
        many: float, share: float, number: str, first: str,
    ) -> Iterator[list[Any]]:  # fmt: skip
        def ask() -> Alteration:
            if not path:
                raise UsageError(texts.say(language_of(request), "choose_picture"))
            edits = way == "edit"
            if edits and not (new or "").strip():
                raise UsageError(texts.say(language_of(request), "say_after"))
            layers = [layer for layer in (painted or {}).get("layers", []) if layer is not None] if edits else []
            hole = uploads.keep(service.folder, given) if edits and given else None
            if hole is None and any(layer.convert("RGBA").getchannel("A").getbbox() for layer in layers):
                hole = uploads.keep_mask(service.folder, layers, (layers[0].height, layers[0].width))
            return Alteration(
                picture=uploads.keep(service.folder, path),
                text=new.strip() if edits else "",
                before=(old or "").strip() if edits else "",
                mask=hole,
                strength=None if hole is not None and share == 0.5 else share,
                steps=whole_number(number or "0", "steps"),
                seed=whole_number(first, "seed") if (first or "").strip() else None,
                count=min(int(many), MOST_VARIATIONS),
            )

        yield from parts.shown(service, service.window(key_of(request)).alter(ask, service.pair), request)

    def end(request: gr.Request) -> None:
        service.window(key_of(request)).stop()

    picture.change(look, picture, [painter, status], **QUIET)
    what.change(switch, what, [editing, varying, strength, steps], queue=False, **QUIET)
    inputs = [picture, what, before, after, painter, mask, count, strength, steps, seed]
    start.click(begin, inputs, outputs, **DRAWING)
    stop.click(end, None, None, queue=False, **QUIET)

    def greet(language: str) -> list[Any]:
        return [gr.update(choices=_ways(language))]

    return EditTab([what], greet, picture, what, before, results)


def _ways(language: str) -> list[tuple[str, str]]:
    return [(texts.say(language, "vary"), "vary"), (texts.say(language, "edit_by_text"), "edit")]
