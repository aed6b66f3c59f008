"""Serves the page on 127.0.0.1 until the program is interrupted."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.responses import FileResponse, PlainTextResponse, Response

from pixgen.errors import PixgenError, UsageError, reason
from pixgen.ui import gallery, page, pictures, presets
from pixgen.ui.guard import Guard
from pixgen.ui.service import Service

ADDRESS = "127.0.0.1"


def bound(port: int) -> socket.socket:
    """A socket at this port of 127.0.0.1; at a free one for 0. Raises PixgenError where another program has it."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name != "nt":  # there it would share the port with another program
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((ADDRESS, port))
        found.listen(128)
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise PixgenError(f"port {port} is in use by another program; choose another: --port {port + 1}") from None
        raise PixgenError(f"cannot use port {port}: {reason(error).lower()}; choose another with --port") from None
    return found


def application(service: Service, port: int, started: Callable[[], object] = lambda: None) -> Guard:
    """The whole page as an ASGI application. started: called once it answers."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        started()
        yield

    def picture(name: str) -> Response:
        return _file(lambda: pictures.find(service.folder, name))

    def thumbnail(name: str) -> Response:
        try:
            data = gallery.thumbnail(service.folder, name)
        except (UsageError, OSError) as error:
            return PlainTextResponse(f"pixgen: {error}\n", 404)
        # The address has the time of the last change in it.
        return Response(data, media_type="image/webp", headers={"cache-control": "private, max-age=86400"})

    def preset(name: str) -> Response:
        return _file(lambda: presets.find(name))

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_api_route("/pictures/{name:path}", picture, response_class=Response, response_model=None)
    app.add_api_route("/thumbnails/{name:path}", thumbnail, response_class=Response, response_model=None)
    app.add_api_route("/presets/{name}", preset, response_class=Response, response_model=None)
    page.mount(app, service)
    return Guard(app, port)


def serve(service: Service, listening: socket.socket, started: Callable[[str], object]) -> None:
    """Serve until interrupted. started: called with the page's address once it answers."""
    port = listening.getsockname()[1]
    app = application(service, port, lambda: started(f"http://{ADDRESS}:{port}"))
    settings = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    try:
        uvicorn.Server(settings).run(sockets=[listening])
    finally:
        service.close_all()


def _file(find: Callable[[], Path]) -> Response:
    try:
        path = find()
    except UsageError as error:
        return PlainTextResponse(f"pixgen: {error}\n", 404)
    headers = {"cache-control": "no-cache", "content-security-policy": "sandbox"}
    return FileResponse(path, media_type=pictures.media_type(path), headers=headers)
