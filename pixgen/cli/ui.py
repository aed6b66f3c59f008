"""`pixgen ui`: the page that draws in the browser."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile

import click

from pixgen.cli import options, portuguese
from pixgen.cli.console import result, say
from pixgen.errors import UsageError
from pixgen.io import files, paths

PORT = 7860

OFFLINE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    **{f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")},
}
"""What keeps the libraries of the page from telling anybody that it is used."""

EPILOG = """\b
Examples:
  pixgen ui
  pixgen ui --port 8000 --folder pictures/
"""


@click.command(epilog=EPILOG)
@click.option(
    "--port",
    metavar="N",
    type=options.WholeRange(0, 65535),
    default=PORT,
    show_default=True,
    help="Port of 127.0.0.1 to serve at; 0 takes a free one.",
)
@click.option(
    "--folder",
    metavar="FOLDER",
    type=options.CheckedPath(),
    default="outputs",
    show_default=True,
    help="Folder of the pictures; the page sees no other.",
)
@click.option("--no-browser", is_flag=True, help="Print the page's address and do not open it.")
@options.quiet
@options.debug
def ui(port: int, folder: str, no_browser: bool, quiet: bool) -> int:
    """Draw in the browser: a page with a growing picture, the gallery, classification and search.

    The page is served to this machine alone, and works without internet. Ctrl-C ends it.
    """
    if importlib.util.find_spec("gradio") is None:
        raise UsageError('pixgen ui needs Gradio: pip install -c constraints.txt ".[ui]"')
    place = paths.written(folder)
    files.require_folder(place)
    files.check_writable(place)
    with tempfile.TemporaryDirectory(prefix="pixgen-ui-", ignore_cleanup_errors=True) as uploads:
        # Gradio reads these when it is imported; this process is the page's alone.
        os.environ.update(OFFLINE, GRADIO_TEMP_DIR=uploads)
        from pixgen.ui import server
        from pixgen.ui.service import Service

        listening = server.bound(port)
        if not quiet:
            say("starting the page")

        def started(address: str) -> None:
            result(address)
            sys.stdout.flush()
            if not quiet:
                say(f"pictures go to {place}; press Ctrl-C to end")
            if not no_browser and _has_desktop():
                import webbrowser

                webbrowser.open(address)

        server.serve(Service(place, portuguese.in_portuguese), listening, started)
    return 0


def _has_desktop() -> bool:
    """Whether a browser that was opened would be seen."""
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
