from __future__ import annotations

from collections.abc import Iterator

import pytest

from pixgen import registry


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Whatever a test registers is forgotten after it."""
    for kind in registry.KINDS:
        registry.names(kind)  # what a test loads first would be forgotten with what it registers
    before = {kind: dict(plugins) for kind, plugins in registry._plugins.items()}
    yield
    for kind, plugins in before.items():
        registry._plugins[kind].clear()
        registry._plugins[kind].update(plugins)
