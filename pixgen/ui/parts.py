"""What the tabs share: the large picture, cards that can be clicked, and who asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils
from gradio.utils import get_upload_folder

from pixgen.ui import html, texts
from pixgen.ui.service import Service
from pixgen.ui.window import View

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
  next.onload = () => { image.src = address; };
  next.src = address;
};
watch('value', show);
show();
"""

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Of every event."""

DRAWING: dict[str, Any] = {**QUIET, "concurrency_id": "draw", "concurrency_limit": 1, "trigger_mode": "once"}
"""Of events that draw: one at a time, in all windows together."""

LOOKING: dict[str, Any] = {**QUIET, "concurrency_id": "look", "concurrency_limit": 1}
"""Of classification and search."""


def stage(id: str) -> gr.HTML:
    """A large picture; its value is the picture's address."""
    template = '<div class="px-stage px-empty"><img alt=""></div>'
    return gr.HTML("", html_template=template, js_on_load=STAGE, elem_id=id, padding=False)


def handed(id: str, height: int, label: Any = None) -> gr.Image:
    """A picture that is handed to the page; its value is the path of the uploaded file, which nobody has opened yet."""
    image = gr.Image(
        type="filepath", sources=["upload", "clipboard"], label=label, show_label=label is not None, height=height,
        elem_id=id,
    )  # fmt: skip
    # Gradio would open it, bomb or not; `pixgen.ui.uploads` does that with bounds, and says what is wrong.
    image.preprocess = lambda payload: payload.path if payload is not None else None
    return image


def hand_over(path: Path) -> str:
    """One of the folder's own pictures as the value of `handed`: a copy of the same name among the uploads."""
    return str(processing_utils.save_file_to_cache(path, get_upload_folder()))


def cards(value: str, id: str) -> gr.HTML:
    """Cards of `html`; `clicked` gives the name on the one that was clicked."""
    return gr.HTML(value, js_on_load=CLICKED, elem_id=id, padding=False)


def clicked(event: gr.EventData) -> str:
    """The name on the card."""
    return str(event._data["name"])


def key_of(request: gr.Request) -> str:
    """Of the window that a request comes from."""
    return str(request.session_hash)


def language_of(request: gr.Request) -> str:
    """Of the browser."""
    return texts.language(request.headers.get("accept-language", ""))


def says(service: Service, request: gr.Request) -> texts.Translate:
    """From the library's lines to those in the browser's language."""
    return service.translate if language_of(request) == "pt" else lambda line: line


def shown(service: Service, views: Iterator[View], request: gr.Request) -> Iterator[list[Any]]:
    """Views as the values of a stage, a status, curves, cards of the results, and the buttons to stop and continue."""
    language = language_of(request)
    for view in views:
        address = html.shown_picture(view, service.folder)
        yield [
            gr.skip() if address is None else address,
            html.status(language, view, service.folder, service.translate),
            html.losses(language, view),
            html.results(view, service.folder),
            gr.update(interactive=view.state in ("preparing", "drawing")),
            gr.update(interactive=view.can_go_on),
        ]
