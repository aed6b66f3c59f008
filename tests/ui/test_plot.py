"""The loss plot: a curve for each loss, whatever its name and values."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from pixgen.ui import plot


def points(text: str) -> list[list[tuple[float, float]]]:
    found = ElementTree.fromstring(text).iter("polyline")
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in one.get("points", "").split())] for one in found
    ]


def test_a_curve_goes_as_far_as_the_run_and_falls_where_the_loss_falls() -> None:
    (half,) = points(plot.svg({"clip": [3.0, 2.0, 1.0]}, 5, "Losses"))
    xs, ys = zip(*half, strict=True)
    assert list(xs) == sorted(xs) and xs[-1] == pytest.approx((xs[0] + plot.WIDTH - 64) / 2, abs=1)
    assert list(ys) == sorted(ys)  # down the page


def test_many_losses_and_long_runs_stay_small() -> None:
    text = plot.svg({f"loss{i}": [float(j % 7) for j in range(50_000)] for i in range(5)}, 50_000, "Losses")
    assert len(points(text)) == 5 and all(len(one) <= plot.POINTS + 2 for one in points(text))
    assert len(text) < 60_000


@pytest.mark.parametrize("losses", [{}, {"clip": []}])
def test_nothing_is_drawn_of_nothing(losses: dict[str, list[float]]) -> None:
    assert plot.svg(losses, 4, "Losses") == ""


def test_constant_losses_one_step_and_odd_names() -> None:
    assert len(points(plot.svg({"<b>&": [1.0], "flat": [2.0]}, 1, 'a "title"'))) == 2
