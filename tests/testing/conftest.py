from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def as_before(registry_as_before: None) -> None:
    """Whatever a test registers is forgotten after it."""
