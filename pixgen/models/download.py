"""Downloads one address into a part file, resuming where it was cut off. Standard library only; uses system proxies."""

from __future__ import annotations

import contextlib
import http.client
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


class DownloadFailed(Exception):
    """A source that did not give the file; the text says why. `again`: whether trying it again may help."""

    def __init__(self, reason: str, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True)
class Patience:
    """timeout: seconds without a byte that count as cut off. tries: attempts without progress. wait: between them."""

    timeout: float = 30.0
    tries: int = 4
    wait: float = 1.0


def fetch(
    url: str,
    part: Part,
    wanted: int | None,
    hashed: bool,
    report: Report,
    room: Callable[[int], None],
    patience: Patience,
) -> None:
    """Bring the whole of `url` into the part, over as many connections as it takes while each brings something.

    wanted: the size it must have, in bytes. hashed: its hash is known, so that a part begun from another source may be
    resumed. room: called with the number of bytes still to come; raises where the disk has no room for them.
    Raises DownloadFailed, or what `room` raises.
    """
    left = patience.tries
    while True:
        before = part.have
        try:
            _attempt(url, part, wanted, hashed, report, room, patience.timeout)
            return
        except DownloadFailed as failed:
            left = patience.tries if part.have > before else left - 1
            if not failed.again or left <= 0:
                raise
            time.sleep(patience.wait)


def _attempt(
    url: str, part: Part, wanted: int | None, hashed: bool, report: Report, room: Callable[[int], None], timeout: float
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
            opener = urllib.request.build_opener(_Redirects)
            answer: Any = stack.enter_context(
                opener.open(urllib.request.Request(url, headers=headers), timeout=timeout)
            )
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416:  # it has less than is here already
                part.begin(url, "")
            raise DownloadFailed(
                f"answers {error.code} {error.reason}", error.code in (408, 416, 429) or error.code >= 500
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DownloadFailed(_why(error), not isinstance(error, ValueError)) from None
        total = _begin(answer, url, part)
        if wanted is not None and total is not None and total != wanted:
            part.begin(url, "")
            raise DownloadFailed(f"offers {total:,} bytes, not {wanted:,}")
        if total is not None or wanted is not None:
            room((total or wanted or 0) - part.have)
        _copy(answer, part, total, wanted, report)


def _begin(answer: Any, url: str, part: Part) -> int | None:
    """Make the part ready for the answer's bytes; gives the size of the whole file, None where it is not said."""
    length = answer.headers.get("Content-Length", "")
    if answer.status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if match and int(match[1]) == part.have:
            if match[2] != "*":
                return int(match[2])
            return part.have + int(length) if length.isdecimal() else None
        part.begin(url, "")
        raise DownloadFailed("answers with another piece than was asked for", again=True)
    # The whole file: the server knows no pieces, or the file has changed.
    weak = answer.headers.get("ETag", "").startswith("W/")
    part.begin(url, ("" if weak else answer.headers.get("ETag", "")) or answer.headers.get("Last-Modified", ""))
    return int(length) if length.isdecimal() else None


def _copy(answer: Any, part: Part, total: int | None, wanted: int | None, report: Report) -> None:
    limit = total if total is not None else wanted
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
            file.write(block)
            done += len(block)
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


def _why(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return "went silent"
    text = str(getattr(reason, "strerror", None) or reason) or type(reason).__name__
    return f"cannot be reached ({text})" if isinstance(error, urllib.error.URLError) else f"broke off ({text})"
