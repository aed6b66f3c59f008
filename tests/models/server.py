"""A server on this machine that behaves as badly as it is told."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast


@dataclass
class Behaviour:
    """What is served at one path, and how.

    status: answered instead of the content, `times` times. redirect: where to. cut: bytes after which the connection
    breaks, `times` times. stall: as cut, but it stays open and silent. length: the Content-Length that is claimed.
    ranges: whether pieces are given. wrong_piece: give another piece than was asked for.
    trickle: seconds between single bytes. endless: the content again and again. headers: more of them, or others.
    etag, changes: the ETag; the content that it has from the second request on. gone: 404 from the second request on.
    """

    content: bytes
    status: int = 200
    redirect: str = ""
    cut: int | None = None
    stall: int | None = None
    times: int = 10**9
    length: int | None = None
    no_length: bool = False
    ranges: bool = True
    wrong_piece: bool = False
    etag: str = '"first"'
    changes: bytes | None = None
    gone: bool = False
    slow: float = 0.0
    trickle: float = 0.0
    endless: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """Its address, what it serves, and what it was asked: (path, headers)."""

    address: str
    paths: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def serve(self, path: str, content: bytes, **behaviour: Any) -> str:
        """Serve this, and give its address."""
        self.paths[path] = Behaviour(content, **behaviour)
        return self.address + path

    def ranges(self) -> list[str]:
        """The Range of each request, empty where the whole was asked for."""
        return [headers.get("Range", "") for _, headers in self.asked]


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET(head=True)

    def do_GET(self, head: bool = False) -> None:
        server = cast(Any, self.server).told
        server.asked.append((self.path, dict(self.headers)))
        how: Behaviour | None = server.paths.get(self.path.partition("?")[0])
        if how is None:
            self.send_error(404)
            return
        misbehaves = how.times > 0
        if not head:
            how.times -= 1
        if how.redirect and misbehaves:
            self.send_response(302)
            self.send_header("Location", how.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if how.status != 200 and misbehaves:
            self.send_error(how.status)
            return
        self._send(how, misbehaves, head)
        if how.gone:
            how.status, how.times = 404, 10**9
        if how.changes is not None:
            how.content, how.etag, how.changes = how.changes, '"second"', None

    def _send(self, how: Behaviour, misbehaves: bool, head: bool) -> None:
        content, start = how.content, 0
        asked = self.headers.get("Range", "")
        fresh = self.headers.get("If-Range", how.etag) == how.etag
        if asked and how.ranges and fresh:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
            start = start + 1 if how.wrong_piece else start
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        if not how.no_length and "Content-Length" not in how.headers:
            self.send_header("Content-Length", str(len(body) if how.length is None else how.length))
        self.send_header("ETag", how.etag)
        for name, value in how.headers.items():
            self.send_header(name, value)
        self.send_header("X-Repo-Commit", hashlib.sha1(content).hexdigest())
        self.end_headers()
        if head:
            return
        stop = min(x for x in (how.cut, how.stall, len(body)) if x is not None) if misbehaves else len(body)
        try:
            while how.endless:
                self.wfile.write(body)
            if how.trickle:
                for i in range(stop):
                    self.wfile.write(body[i : i + 1])
                    time.sleep(how.trickle)
            for i in range(0, stop, 50_000):
                self.wfile.write(body[i : min(i + 50_000, stop)])
                time.sleep(how.slow)
            self.wfile.flush()
            if how.stall is not None and misbehaves:
                time.sleep(3)
        except OSError:
            pass  # the other side has had enough
        self.close_connection = True


@contextmanager
def running() -> Iterator[Server]:
    """A server for the time of the block."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    told = Server(f"http://127.0.0.1:{http.server_port}")
    cast(Any, http).told = told
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
