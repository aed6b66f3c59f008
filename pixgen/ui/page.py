"""The layout of the page in Gradio: what lies where, and which method of a window each button calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.i18n import I18nData

from pixgen.ui import draw_tab, edit_tab, gallery_tab, html, look_tabs, parts, texts, uploads
from pixgen.ui.service import Service

HERE = Path(__file__).parent

QUEUED = 32
"""Runs that may wait for their turn."""


def mount(app: FastAPI, service: Service) -> None:
    """Put the page at the root of an application."""
    gr.mount_gradio_app(
        app,
        blocks(service),
        path="/",
        server_name="127.0.0.1",
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        max_file_size=uploads.MOST_BYTES,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        i18n=gr.I18n(**{"en": texts.table("en"), "pt": texts.table("pt"), "pt-BR": texts.table("pt")}),
        theme=theme(),
        css_paths=[HERE / "style.css"],
    )


def blocks(service: Service) -> gr.Blocks:
    """The whole page."""
    t = I18nData
    with gr.Blocks(title="pixgen", analytics_enabled=False, delete_cache=(3600, 86400), fill_width=True) as page:
        header = gr.HTML(html.header("en"), elem_classes="px-top", padding=False)
        with gr.Tabs() as tabs:
            with gr.Tab(t("draw"), id="draw"):
                draw = draw_tab.build(service)
            with gr.Tab(t("edit"), id="edit"):
                edit = edit_tab.build(service)
            with gr.Tab(t("gallery"), id="gallery") as tab:
                gallery = gallery_tab.build(service, tabs, tab, draw, edit)
            with gr.Tab(t("classify"), id="classify"):
                look_tabs.classify(service)
            with gr.Tab(t("search"), id="search"):
                look_tabs.search(service, gallery)
        greeted = (draw, edit, gallery)

        def greet(request: gr.Request) -> list[Any]:
            language = parts.language_of(request)
            return [html.header(language), *(value for one in greeted for value in one.greet(language))]

        def closed(request: gr.Request) -> None:
            service.close(parts.key_of(request))

        components = [header, *(component for one in greeted for component in one.greeted)]
        page.load(greet, None, components, queue=False, **parts.QUIET)
        page.unload(closed)
    page.queue(max_size=QUEUED, default_concurrency_limit=4)
    # Only then does Gradio refuse a path that was sent in place of an upload; `launch` sets it, and mounting does not.
    page.has_launched = True
    return page


def theme() -> gr.themes.Base:
    """Colours and fonts; the system's own, for nothing is fetched from elsewhere."""
    sans = [gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")]
    mono = [gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")]
    return gr.themes.Base(
        primary_hue="orange", secondary_hue="orange", neutral_hue="stone", font=sans, font_mono=mono, radius_size="md"
    )
