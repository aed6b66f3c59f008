"""Who may ask for the page: this machine's browser, from the page itself.

A page of another site that is open in the same browser can send requests here (CSRF), and can give its own name this
machine's address (DNS rebinding). Both show in headers that a page cannot set: Host, Origin and Sec-Fetch-Site.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOCAL = ("127.0.0.1", "localhost")
"""The names of this machine that the page answers to."""

CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "media-src 'self' data: blob:; frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
)
"""Nothing is loaded from anywhere else, and no other page may show this one in a frame. Gradio runs inline scripts."""

HEADERS = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

_FETCHING = ("/gradio_api/file=http:", "/gradio_api/file=https:", "/gradio_api/proxy=", "/gradio_api/deep_link")
"""Gradio's routes that would fetch an address of somebody else's choice, or keep a page's state for a link."""


class Guard:
    """ASGI middleware that refuses whoever is not to be answered. port: that the page is served at."""

    def __init__(self, app: App, port: int) -> None:
        self._app, self._port = app, port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a websocket is closed where nobody accepts it
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if problem := refusal(scope["method"], scope["path"], headers, self._port, _peer(scope)):
            await _refuse(send, problem)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*_without_ours(message.get("headers", ())), *HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def refusal(method: str, path: str, headers: MutableMapping[str, str], port: int, peer: str = "127.0.0.1") -> str:
    """Why a request is refused, in one line; empty where it is answered. headers: by lower-case name."""
    page = f"http://127.0.0.1:{port}"
    if not (peer.startswith("127.") or peer in ("::1", "")):
        return f"this page is for its own machine alone; open {page} there"
    hosts = {f"{name}:{port}" for name in LOCAL} | (set(LOCAL) if port == 80 else set())
    host = headers.get("host", "").lower()
    if host not in hosts:
        return f"this page is not {host[:80] or 'without a Host'}; open {page}"
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"http://{host}":
        return f"another site asked for this page; open {page} itself"
    site, opened = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-dest") == "document"
    a_link = method in ("GET", "HEAD") and path == "/" and headers.get("sec-fetch-mode") == "navigate" and opened
    if site not in ("same-origin", "none") and not a_link:
        return f"another site asked for this page; open {page} itself"
    if unquote(path).lower().startswith(_FETCHING):
        return "this page fetches nothing from elsewhere"
    return ""


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _without_ours(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    ours = {name for name, _ in HEADERS}
    return [(name, value) for name, value in headers if name.lower() not in ours]


async def _refuse(send: Send, problem: str) -> None:
    body = f"pixgen: {problem}\n".encode()
    kind = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": [*kind, *HEADERS]})
    await send({"type": "http.response.body", "body": body})
