"""Every plugin that comes with pixgen keeps the contract of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import pixgen.testing
from pixgen import registry

OPTIONS: Mapping[str, Mapping[str, Any]] = {}
"""What a plugin is checked with besides its defaults: `options`, and what else its check takes."""

SLOW = {"generator.vqgan"}
"""Those that take most of a second or more."""

CHECKED = ("generator",)


def plugins() -> list[Any]:
    """Those of pixgen and of torch; other tests register some of their own."""
    return [
        pytest.param(kind, name, marks=pytest.mark.slow if f"{kind}.{name}" in SLOW else ())
        for kind in CHECKED
        for name in registry.names(kind)
        if registry.get(kind, name).__module__.partition(".")[0] in ("pixgen", "torch")
    ]


@pytest.mark.parametrize(("kind", "name"), plugins())
def test_every_plugin_keeps_its_contract(kind: str, name: str) -> None:
    check = getattr(pixgen.testing, f"check_{kind}")
    check(name, **OPTIONS.get(f"{kind}.{name}", {}))
