"""Classification and search as the page asks for them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pixgen.errors import UsageError
from pixgen.io import resources
from pixgen.recognition import clip_models
from pixgen.recognition.clip_models import ClipModel
from pixgen.ui import looking

DOCS = Path(__file__).parent.parent.parent / "docs"

pytestmark = pytest.mark.skipif(
    not list(resources.embedded().glob("*.safetensors")), reason="the models are not in this checkout"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The apple and the teacher, and the apple once more as it was handed over."""
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    place = tmp_path / "outputs"
    (place / "uploads").mkdir(parents=True)
    for name in ("apple.png", "teacher.png"):
        shutil.copy(DOCS / name, place)
    shutil.copy(DOCS / "apple.png", place / "uploads")
    return place


@pytest.fixture(scope="module")
def clip() -> ClipModel:
    return clip_models.load()


def test_a_picture_is_classified_the_best_label_first(clip: ClipModel) -> None:
    answer = looking.classify(clip, DOCS / "apple.png", "cat, house,apple")
    assert next(iter(answer.scores)) == "apple" and sum(answer.scores.values()) == pytest.approx(1)
    assert list(answer.scores.values()) == sorted(answer.scores.values(), reverse=True)
    assert answer.unlike == ""


def test_pictures_are_found_by_text_and_by_picture_without_what_was_handed_over(clip: ClipModel, folder: Path) -> None:
    matches, notes = looking.search(clip, folder, "a red apple")
    assert [match.file.name for match in matches] == ["apple.png", "teacher.png"] and notes == []
    assert all("uploads" not in match.file.parts for match in matches)
    matches, _ = looking.search(clip, folder, "", DOCS / "teacher.png", count=1)
    assert [match.file.name for match in matches] == ["teacher.png"]


@pytest.mark.parametrize("labels", ["", "cat", "cat,cat", "x" * 100_000])
def test_labels_that_cannot_be_are_refused(clip: ClipModel, labels: str) -> None:
    with pytest.raises(UsageError):
        looking.classify(clip, DOCS / "apple.png", labels)


def test_what_cannot_be_looked_at_is_refused(clip: ClipModel, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"not a picture")
    with pytest.raises(UsageError, match="choose a picture"):
        looking.classify(clip, None, "a,b")
    with pytest.raises(UsageError, match="not a picture"):
        looking.classify(clip, tmp_path / "x.png", "a,b")
    for text, picture in (("", None), ("a fox", DOCS / "apple.png"), ("x" * 100_000, None)):
        with pytest.raises(UsageError):
            looking.search(clip, folder, text, picture)
    with pytest.raises(UsageError, match="no pictures"):
        (tmp_path / "empty").mkdir()
        looking.search(clip, tmp_path / "empty", "a fox")


@pytest.mark.parametrize("name", ["/etc/passwd", "ViT-B-32-openai", "", "../x.safetensors"])
def test_only_the_clips_that_are_here_may_be_asked(name: str) -> None:
    assert looking.clips() == ["pixgen-tiny"]
    assert looking.require_clip("pixgen-tiny") == "pixgen-tiny"
    with pytest.raises(UsageError, match="no CLIP"):
        looking.require_clip(name)
