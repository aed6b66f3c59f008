"""Previews are small, and rare enough to cost little."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image

from pixgen.ui import previews
from pixgen.ui.previews import Pace


def test_previews_take_their_share_of_the_time_and_no_more() -> None:
    now, spent, shown = 0.0, 0.0, 0
    pace = Pace(share=0.1, clock=lambda: now)
    for _ in range(10_000):
        now += 0.01  # a step
        if pace.due():
            with pace.showing():
                now += 0.05
            spent, shown = spent + 0.05, shown + 1
        assert spent <= 0.05 or spent <= 0.1 * (now - spent) + 1e-9
    assert spent / (now - spent) > 0.09 and shown > 100


def test_the_first_is_shown_at_once() -> None:
    now = 5.0
    pace = Pace(share=0.1, clock=lambda: now)
    assert pace.due()
    with pace.showing():
        now += 1.0
    now += 19.9
    assert not pace.due()
    now += 0.2
    assert pace.due()


def test_slow_steps_are_all_shown() -> None:
    now, shown = 0.0, 0
    pace = Pace(share=0.1, clock=lambda: now)
    for _ in range(20):
        now += 10.0
        if pace.due():
            with pace.showing():
                now += 0.1
            shown += 1
    assert shown == 20


@pytest.mark.parametrize(("size", "expected"), [((32, 48), (48, 32)), ((1280, 640), (320, 640)), ((8, 2000), (640, 3))])
def test_a_preview_is_a_jpeg_of_bounded_size(size: tuple[int, int], expected: tuple[int, int]) -> None:
    images = torch.ones(2, 3, *size) * torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1)
    with Image.open(io.BytesIO(previews.jpeg(images))) as image:
        assert (image.format, image.size) == ("JPEG", expected)
        red, green, blue = image.getpixel((1, 1))  # type: ignore[misc]
        assert red > 245 and 120 < green < 136 and blue < 10


def test_an_address_holds_the_bytes() -> None:
    assert previews.data_address(b"abc") == "data:image/jpeg;base64,YWJj"
