"""Errors say why in one line."""

from __future__ import annotations

import pytest

from pixgen.errors import reason


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "/tmp/a.png"), "No space left on device"),
        (OSError("no number"), "no number"),
        (ValueError("first\nsecond"), "first"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_reason_is_one_line_and_never_empty(error: Exception, said: str) -> None:
    assert reason(error) == said
