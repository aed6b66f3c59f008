"""dicebear without its schema checks, which take 80 ms a portrait where drawing it takes two.

The definitions are those of a pinned package, and a test holds every option that we use against them, and this way of
drawing against dicebear's own.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from dicebear.options import Options
from dicebear.renderer import Renderer
from dicebear.resolver import Resolver
from dicebear.style import Style

from pixgen.errors import PixgenError


class _Style(Style):
    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self._meta = self._canvas = self._components = self._colors = None


class _Options(Options):
    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self._tags = None


@cache
def definition(style: str) -> dict[str, Any]:
    """A style's own definition: its parts, and its licence under "meta".

    Raises PixgenError when dicebear-styles is not installed.
    """
    try:
        text = (files("dicebear_styles") / f"{style}.json").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        raise PixgenError(f"no definition of the style {style}; pip install dicebear-styles==10.6.0") from None
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def _style(style: str) -> _Style:
    return _Style(definition(style))


def draw(style: str, options: dict[str, Any]) -> str:
    """The SVG of these options. Those that a style does not know are ignored, as dicebear does."""
    made = _style(style)
    return Renderer(made, Resolver(made, _Options({"seed": "pixgen", **options}))).render()
