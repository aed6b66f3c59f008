"""Search and rank: the nearest first, by text and by picture, in both languages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from pixgen.errors import PixgenError, UsageError
from pixgen.recognition import clip_models
from pixgen.recognition.clip_models import ClipModel
from pixgen.recognition.search import nearest, rank, search, sheet
from tests.recognition.conftest import DOCS


def test_the_nearest_are_those_of_a_loop_over_all() -> None:
    rng = torch.Generator().manual_seed(0)
    embeddings, query = F.normalize(torch.randn(500, 16, generator=rng), dim=1), F.normalize(torch.randn(16), dim=0)
    rows = torch.cat((torch.randperm(500, generator=rng), torch.tensor([3, 3])))
    places, scores = nearest(embeddings, rows, query, 7)
    expected = sorted(((float(embeddings[row] @ query), -i) for i, row in enumerate(rows.tolist())), reverse=True)[:7]
    assert scores == pytest.approx([score for score, _ in expected], abs=1e-6)
    assert [float(embeddings[rows[place]] @ query) for place in places] == pytest.approx(scores, abs=1e-6)
    assert len(nearest(embeddings, rows[:3], query, 7)[0]) == 3


@pytest.mark.parametrize("text", ["a red apple on a blue background", "uma maçã vermelha em fundo azul"])
def test_a_text_finds_its_picture(text: str, apples: Path, tiny: ClipModel) -> None:
    found = search(tiny, apples, text, count=2)
    assert [match.file for match in found.matches][:1] == [apples / "apple.png"] and len(found.matches) == 2
    assert found.matches[0].score > found.matches[1].score and found.pictures == 4
    assert list(found.broken) == [apples / "broken.png"] and "broken.png" in found.broken[apples / "broken.png"]


def test_a_picture_finds_itself_and_its_copies(apples: Path, tiny: ClipModel) -> None:
    shutil.copy(apples / "teacher.png", apples / "more" / "copy.png")
    found = search(tiny, apples, by_image=DOCS / "teacher.png", count=3)
    assert {match.file for match in found.matches[:2]} == {apples / "teacher.png", apples / "more" / "copy.png"}
    assert [match.score for match in found.matches[:2]] == pytest.approx([1, 1], abs=1e-5)
    assert found.matches[2].score < 0.9


def test_what_cannot_be_looked_for(apples: Path, tiny: ClipModel, tmp_path: Path) -> None:
    for query, picture, why in (
        (None, None, "say what to look for"),
        ("a cat", DOCS / "apple.png", "not both"),
        ("  ", None, "is empty"),
        ("x" * 100_000, None, "100,000 characters"),
        (None, apples / "broken.png", r"broken\.png"),
    ):
        with pytest.raises(UsageError, match=why):
            search(tiny, apples, query, by_image=picture)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_text("no picture")
    with pytest.raises(PixgenError, match=r"none of the 1 picture files.*a\.png"):
        search(tiny, tmp_path / "bad", "a cat")


def test_pictures_are_ranked_by_the_mean_of_all_clips(open_clip_model: str, tiny: ClipModel, apples: Path) -> None:
    files = [apples / "teacher.png", apples / "apple.png", apples / "more" / "ink.webp"]
    assert next(match.file for match in rank([tiny], "a red apple", files)) == files[1]
    other = clip_models.load(open_clip_model)
    each = [
        {match.file: match.score for match in rank(clips, "a cat", files)} for clips in ([tiny], [other], [tiny, other])
    ]
    for file in files:
        assert each[2][file] == pytest.approx((each[0][file] + each[1][file]) / 2, abs=1e-6)


def test_the_sheet_shows_what_was_found(apples: Path, tiny: ClipModel) -> None:
    found = search(tiny, apples, by_image=apples / "apple.png", count=4)
    (apples / "teacher.png").unlink()
    made = sheet(found.matches, tile=64)
    x, y = made.corner(0, 0)
    red, green, blue = made.paper.getpixel((x + 32, y + 32))  # type: ignore[misc]
    assert red > green + 50 and red > blue + 50
    assert made.paper.size == (4 * 72 + 8, 64 + 34 + 16)
