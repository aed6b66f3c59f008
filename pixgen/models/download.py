"""Downloads one address into a part file, resuming where it was cut off. Standard library only; uses system proxies."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pixgen.models.partial import Part

Report = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes in all, None where the server does not say."""

BLOCK = 1 << 20

ROOM = 1 << 26
"""Bytes after which the room on the disk is looked at again where nobody says how many there are."""


class DownloadFailed(Exception):
    """A source that did not give the file; the text says why. `again`: whether trying it again may help."""

    def __init__(self, reason: str, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True)
class Patience:
    """When a download is given up.

    timeout: seconds without a byte that count as cut off. tries: attempts without progress, which is at least
    `progress` more bytes than ever before. wait: seconds between attempts.
    pace: bytes a second at least, on average over `window` seconds; less counts as cut off.
    most: bytes of a file whose size nobody says.
    """

    timeout: float = 30.0
    tries: int = 4
    wait: float = 1.0
    progress: int = 65_536
    pace: float = 2_000.0
    window: float = 60.0
    most: int = 16_000_000_000


def fetch(
    url: str,
    part: Part,
    wanted: int | None,
    hashed: bool,
    report: Report,
    room: Callable[[int], None],
    patience: Patience,
) -> None:
    """Bring the whole of `url` into the part, over as many connections as it takes while they make progress.

    wanted: the size it must have, in bytes. hashed: its hash is known, so that a part begun from another source may be
    resumed. room: called with the number of bytes still to come; raises where the disk has no room for them.
    Raises DownloadFailed, or what `room` raises.
    """
    left, reached = patience.tries, part.have
    while True:
        try:
            _attempt(url, part, wanted, hashed, report, room, patience)
            return
        except DownloadFailed as failed:
            # A byte a connection is no progress, nor are the same bytes again and again.
            advanced = part.have - reached >= patience.progress
            left, reached = (patience.tries, part.have) if advanced else (left - 1, reached)
            if not failed.again or left <= 0:
                raise
            time.sleep(patience.wait)


def _attempt(
    url: str,
    part: Part,
    wanted: int | None,
    hashed: bool,
    report: Report,
    room: Callable[[int], None],
    patience: Patience,
) -> None:
    headers = {"User-Agent": "pixgen", "Accept-Encoding": "identity"}
    if part.have and part.have == wanted and hashed:
        return
    if part.have and part.url == url and part.validator:
        headers |= {"Range": f"bytes={part.have}-", "If-Range": part.validator}
    elif part.have and hashed:
        headers["Range"] = f"bytes={part.have}-"
    with contextlib.ExitStack() as stack:
        try:
            opener = urllib.request.build_opener(_Redirects, _Http(patience), _Https(patience))
            request = urllib.request.Request(url, headers=headers)
            answer: Any = stack.enter_context(opener.open(request, timeout=patience.timeout))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416:  # it has less than is here already
                part.begin(url, "")
            raise DownloadFailed(
                f"answers {error.code} {str(error.reason)[:80]}", error.code in (408, 416, 429) or error.code >= 500
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DownloadFailed(_why(error), not isinstance(error, ValueError)) from None
        total = _begin(answer, url, part)
        if wanted is not None and total is not None and total != wanted:
            part.begin(url, "")
            raise DownloadFailed(f"offers {total:,} bytes, not {wanted:,}")
        if total is not None or wanted is not None:
            room((total or wanted or 0) - part.have)
        _copy(answer, part, total if total is not None else wanted, report, room, patience)


def _begin(answer: Any, url: str, part: Part) -> int | None:
    """Make the part ready for the answer's bytes; gives the size of the whole file, None where it is not said."""
    length = _number(answer.headers.get("Content-Length", ""))
    if answer.status == 206:
        match = re.fullmatch(
            r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15}|\*)", answer.headers.get("Content-Range", "")
        )
        if match and int(match[1]) == part.have:
            if match[2] != "*":
                return int(match[2])
            return part.have + length if length is not None else None
        part.begin(url, "")
        raise DownloadFailed("answers with another piece than was asked for", again=True)
    # The whole file: the server knows no pieces, or the file has changed.
    weak = answer.headers.get("ETag", "").startswith("W/")
    part.begin(url, ("" if weak else answer.headers.get("ETag", "")) or answer.headers.get("Last-Modified", ""))
    return length


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else None


def _copy(
    answer: Any, part: Part, limit: int | None, report: Report, room: Callable[[int], None], patience: Patience
) -> None:
    """Append what the answer brings. limit: the bytes of the whole file, None where nobody says."""
    with open(part.data, "ab") as file:
        done = part.have
        report(done, limit)
        while True:
            try:
                block = answer.read1(BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise DownloadFailed(f"{_why(error)} after {done:,} bytes", again=True) from None
            if not block:
                break
            if limit is None and done // ROOM < (done + len(block)) // ROOM:
                room(ROOM)
            file.write(block)
            done += len(block)
            if limit is None and done > patience.most:
                raise DownloadFailed(f"sends more than {patience.most:,} bytes and does not say how many there are")
            if limit is not None and done > limit:
                raise DownloadFailed(f"sends more than the {limit:,} bytes that it should have")
            report(done, limit)
        file.flush()
        os.fsync(file.fileno())  # otherwise a power cut may leave the name without its bytes
    if limit is not None and done < limit:
        raise DownloadFailed(f"was cut off after {done:,} of {limit:,} bytes", again=True)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not from https to what anybody on the way can change."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError("it redirects from https to http")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _TooSlow(OSError):
    """A server that sends, but so little that it would never end."""


class _Paced(io.RawIOBase):
    """What a server sends, headers too; raises _TooSlow where it is less than its pace over a window."""

    def __init__(self, raw: Any, patience: Patience) -> None:
        self._raw, self._patience = raw, patience
        self._since, self._bytes = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        count: int | None = self._raw.readinto(buffer)
        self._bytes += count or 0
        passed = time.monotonic() - self._since
        if passed >= self._patience.window:
            if self._bytes < passed * self._patience.pace:
                raise _TooSlow(f"it sent {self._bytes:,} bytes in {passed:.0f} seconds")
            self._since, self._bytes = time.monotonic(), 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, patience: Patience, *rest: Any, **more: Any) -> None:
        super().__init__(*rest, **more)
        self.fp: Any = io.BufferedReader(_Paced(self.fp.detach(), patience))


def _paced(connection: type, patience: Patience) -> Callable[..., Any]:
    """Makes connections whose answers are paced."""

    def make(*rest: Any, **more: Any) -> Any:
        made = connection(*rest, **more)
        made.response_class = functools.partial(_Response, patience)
        return made

    return make


class _Http(urllib.request.HTTPHandler):
    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._patience = patience

    def http_open(self, req: Any) -> Any:
        return self.do_open(_paced(http.client.HTTPConnection, self._patience), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._patience = patience

    def https_open(self, req: Any) -> Any:
        connection = _paced(http.client.HTTPSConnection, self._patience)
        return self.do_open(connection, req, context=getattr(self, "_context", None))


def _why(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return "went silent"
    text = str(getattr(reason, "strerror", None) or reason) or type(reason).__name__
    return f"cannot be reached ({text})" if isinstance(error, urllib.error.URLError) else f"broke off ({text})"
