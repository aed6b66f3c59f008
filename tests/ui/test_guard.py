"""The page answers its own machine's browser, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from pixgen.ui.guard import Guard, refusal

OWN = {"host": "127.0.0.1:7860"}
SAME = {**OWN, "origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}
LINK = {**OWN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "peer"),
    [
        ("GET", "/", OWN, "127.0.0.1"),
        ("GET", "/", {"host": "localhost:7860"}, "127.0.0.1"),
        ("GET", "/", {**OWN, "sec-fetch-site": "none"}, "127.0.0.1"),
        ("GET", "/", LINK, "127.0.0.1"),
        ("POST", "/gradio_api/queue/join", SAME, "127.0.0.1"),
        ("GET", "/pictures/a-fox.png", {**OWN, "sec-fetch-site": "same-origin"}, "127.0.0.1"),
    ],
)
def test_its_own_page_is_answered(method: str, path: str, headers: dict[str, str], peer: str) -> None:
    assert refusal(method, path, dict(headers), 7860, peer) == ""


@pytest.mark.parametrize(
    ("method", "path", "headers", "peer"),
    [
        ("GET", "/", OWN, "192.168.0.7"),  # another machine
        ("GET", "/", OWN, "2001:db8::1"),
        ("GET", "/", {}, "127.0.0.1"),
        ("GET", "/", {"host": "attacker.example:7860"}, "127.0.0.1"),  # DNS rebinding
        ("GET", "/", {"host": "127.0.0.1:7860.attacker.example"}, "127.0.0.1"),
        ("GET", "/", {"host": "127.0.0.1:8000"}, "127.0.0.1"),
        ("POST", "/gradio_api/queue/join", {**OWN, "origin": "https://attacker.example"}, "127.0.0.1"),
        ("POST", "/gradio_api/queue/join", {**OWN, "origin": "null"}, "127.0.0.1"),
        ("POST", "/gradio_api/queue/join", {**OWN, "origin": "http://127.0.0.1:8000"}, "127.0.0.1"),
        ("POST", "/gradio_api/upload", {**OWN, "origin": "http://localhost:7860"}, "127.0.0.1"),
        ("POST", "/gradio_api/queue/join", {**OWN, "sec-fetch-site": "cross-site"}, "127.0.0.1"),
        ("POST", "/", LINK, "127.0.0.1"),
        ("GET", "/pictures/a-fox.png", LINK, "127.0.0.1"),
        ("GET", "/pictures/a-fox.png", {**OWN, "sec-fetch-site": "same-site"}, "127.0.0.1"),
        ("GET", "/", {**LINK, "sec-fetch-dest": "iframe"}, "127.0.0.1"),
        ("GET", "/gradio_api/file=http://attacker.example/x", SAME, "127.0.0.1"),
        ("GET", "/gradio_api/file=HTTPS%3A//attacker.example/x", SAME, "127.0.0.1"),
        ("GET", "/gradio_api/proxy=http://attacker.example/x", SAME, "127.0.0.1"),
    ],
)
def test_everybody_else_is_refused(method: str, path: str, headers: dict[str, str], peer: str) -> None:
    problem = refusal(method, path, dict(headers), 7860, peer)
    assert problem and "\n" not in problem


def ask(headers: dict[str, str]) -> tuple[list[MutableMapping[str, Any]], list[str]]:
    """What the guard sends for a request, and the paths that reached the page behind it."""
    reached: list[str] = []
    sent: list[MutableMapping[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"ALLOW")]})
        await send({"type": "http.response.body", "body": b"the page"})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(Guard(app, 7860)(scope, receive, send))
    return sent, reached


def test_a_refused_request_never_reaches_the_page() -> None:
    sent, reached = ask({"Host": "attacker.example"})
    assert sent[0]["status"] == 403 and reached == []
    assert b"open http://127.0.0.1:7860" in sent[1]["body"]


def test_an_answer_forbids_what_comes_from_elsewhere() -> None:
    sent, reached = ask({"Host": "127.0.0.1:7860"})
    assert reached == ["/"] and sent[1]["body"] == b"the page"
    headers = [(name.lower(), value) for name, value in sent[0]["headers"]]
    assert dict(headers)[b"x-frame-options"] == b"DENY" and len(headers) == len(dict(headers))
    policy = dict(headers)[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy and "http" not in policy and "*" not in policy
