"""SVG files that a user may have from anybody: checked, then drawn in a process of its own.

resvg reads the files that an SVG refers to, and a small SVG can ask for endless work, memory or stack. So a file is
looked at with another parser first, and what draws it is limited in time and memory and may be killed.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from xml.parsers import expat

from PIL.Image import Image

from pixgen.errors import shown
from pixgen.io import image_files, untrusted

MOST_BYTES = 10_000_000
"""Of a file; drawings have some hundred thousand at most."""

MOST_DEPTH, MOST_ELEMENTS = 200, 200_000

SECONDS = 20.0
"""That drawing one may take."""

MEMORY = 2 << 30
"""Bytes of address space of the process that draws, where the system can limit it."""

_START_SECONDS = 120.0
_PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp)[;,]", re.IGNORECASE)
_URL = re.compile(r"url\(\s*['\"]?\s*([^)]{0,40})", re.IGNORECASE)


def read(path: Path) -> str:
    """The text of an SVG file that refers to nothing outside itself.

    Raises ValueError, with the reason, for a file that is not regular, too large, not UTF-8, not XML, nested too deep,
    or that refers to anything but its own parts (`#...`) and pictures within it (`data:`); OSError where it cannot be
    opened.
    """
    try:
        text = untrusted.read(path, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    require_harmless(text)
    return text


def require_harmless(svg: str) -> None:
    """Raise ValueError as `read` does, for the text of an SVG."""
    parser = expat.ParserCreate("UTF-8", " ")
    parser.buffer_text = True
    depth = elements = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > MOST_DEPTH:
            raise ValueError(f"it is nested more than {MOST_DEPTH} deep")
        if elements > MOST_ELEMENTS:
            raise ValueError(f"it has more than {MOST_ELEMENTS:,} elements")
        for key, value in attributes.items():
            if key.rpartition(" ")[2].lower() in ("href", "src"):
                _require_inside(value.strip())
            _require_urls_inside(value)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def entity(name: str, parameter: int, value: str | None, *where: str | None) -> None:
        if parameter or value is None or len(value) > 1000 or re.search("[&%<]", value):
            raise ValueError(f"it declares the entity {shown(name)}, which is more than a short text")

    def instruction(target: str, data: str) -> None:
        raise ValueError(f"it has an instruction <?{target[:40]} ...?>")

    def external(*where: str | None) -> int:
        raise ValueError("it refers to an entity outside")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = _require_urls_inside
    parser.EntityDeclHandler = entity
    parser.ProcessingInstructionHandler = instruction
    parser.ExternalEntityRefHandler = external
    try:
        parser.Parse(svg.encode(), True)
    except expat.ExpatError as error:
        raise ValueError(f"it is not XML that can be read ({error})") from error


def _require_inside(reference: str) -> None:
    if reference and not reference.startswith("#") and not _PICTURE.match(reference):
        raise ValueError(
            f"it refers to {shown(reference)}; only its own parts (#...), and PNG, JPEG, GIF and WebP "
            "pictures within it (data:), may be referred to"
        )


def _require_urls_inside(text: str) -> None:
    for found in _URL.finditer(text):
        _require_inside(found[1].strip(" \t\r\n'\""))
    if "@import" in text.lower():
        raise ValueError("it imports a style sheet")


class Renderer:
    """Draws SVGs in one process after another, a new one where the last one had to be ended. A context manager.

    seconds: that one drawing may take.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def __call__(self, svg: str, side: int) -> Image:
        """An SVG as RGBA, the longer side `side` pixels.

        Raises ValueError when it is broken, refers to something outside (`require_harmless`), or takes too long or too
        much memory.
        """
        require_harmless(svg)
        pipe = self._pipe or self._begin()
        try:
            pipe.send_bytes(side.to_bytes(4, "big") + svg.encode())
            if not pipe.poll(self.seconds):
                raise ValueError(f"it takes more than {self.seconds:g} s to draw")
            answer = pipe.recv_bytes(8 * side * side + 100_000)
        except (OSError, EOFError):
            self._end()
            raise ValueError("it needs too much memory, or is nested too deep, to be drawn") from None
        except BaseException:
            self._end()
            raise
        if answer[:1] == b"!":
            raise ValueError(answer[1:].decode(errors="replace"))
        return image_files.png(answer[1:])

    def _begin(self) -> Connection:
        # Not forked: that is unsafe beside torch's threads, and would take all of this process's memory with it.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe = ours
        if not ours.poll(_START_SECONDS):
            self._end()
            raise ValueError("the process that draws SVGs does not start")
        ours.recv_bytes(1)
        return ours

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _serve(pipe: Connection) -> None:
    """The process that draws: answers each SVG with a PNG, or with `!` and why there is none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks is told, and ends this one
    # What resvg says when its stack overflows would stand among the user's messages.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    import resvg_py

    _limit()
    pipe.send_bytes(b"+")
    while True:
        try:
            asked = pipe.recv_bytes()
        except (OSError, EOFError):
            return
        side, svg = int.from_bytes(asked[:4], "big"), asked[4:].decode()
        try:
            answer = b"+" + bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side))
        except Exception as error:
            answer = b"!" + (str(error).strip() or type(error).__name__).splitlines()[0].encode()
        pipe.send_bytes(answer)


def _limit() -> None:
    if sys.platform == "win32":
        return
    import resource

    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(what, (most, hard))
        except (OSError, ValueError):  # macOS has no limit of address space
            continue
