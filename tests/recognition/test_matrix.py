"""The matrix as a picture: a row a label, a column a picture, dark where they fit."""

from __future__ import annotations

import pytest

from pixgen.errors import UsageError
from pixgen.recognition import matrix
from pixgen.recognition.classify import Classified
from tests.recognition.conftest import DOCS


def classified(**cosines: float) -> Classified:
    return Classified("a.png", dict.fromkeys(cosines, 0.5), cosines)


def test_dark_cells_are_large_cosines() -> None:
    sheet = matrix.figure(
        [classified(apple=0.6, teacher=0.1), classified(apple=0.0, teacher=0.3)], [DOCS / "apple.png"] * 2
    )
    light = {
        (column, row): sum(sheet.paper.getpixel((x + 5, y + 5)))  # type: ignore[arg-type, misc]
        for column in (0, 1)
        for row in (1, 2)
        for x, y in [sheet.corner(column, row)]
    }
    assert sorted(light, key=light.__getitem__) == [(0, 1), (1, 2), (0, 2), (1, 1)]


def test_a_figure_that_nobody_can_read_is_refused() -> None:
    many = classified(**{f"label {i}": 0.0 for i in range(51)})
    with pytest.raises(UsageError, match="51 labels cannot be read; the most is 50"):
        matrix.figure([many], [DOCS / "apple.png"])
