"""The index of a folder: what it looks at again, finds again and keeps, and what it makes anew."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pixgen.errors import UsageError
from pixgen.io import resources
from pixgen.recognition import index
from pixgen.recognition.clip_models import ClipModel


@pytest.fixture
def shown(tiny: ClipModel, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures were embedded, call by call."""
    counts: list[int] = []
    encode = tiny.perceptor.encode_image

    def counted(images: Tensor) -> Tensor:
        counts.append(len(images))
        return encode(images)

    monkeypatch.setattr(tiny.perceptor, "encode_image", counted)
    return counts


def updated(folder: Path, clip: ClipModel) -> index.Index:
    found = index.load(folder, clip)
    found.update()
    return found


def vector(found: index.Index, path: str) -> Tensor:
    return found.embeddings[found.pictures[path].row]


def test_a_folder_is_looked_at_once(apples: Path, tiny: ClipModel, shown: list[int]) -> None:
    found = updated(apples, tiny)
    assert sorted(found.pictures) == ["apple.png", "broken.png", "more/ink.webp", "more/neon.WEBP", "teacher.png"]
    assert found.embeddings.shape == (4, tiny.perceptor.dim) and list(found.broken) == ["broken.png"]
    assert sum(shown) == 4
    again = updated(apples, tiny)
    assert sum(shown) == 4 and again.pictures == found.pictures and torch.equal(again.embeddings, found.embeddings)


def test_the_index_is_kept_outside_the_folder(apples: Path, tiny: ClipModel) -> None:
    before = sorted(apples.rglob("*"))
    found = updated(apples, tiny)
    assert sorted(apples.rglob("*")) == before
    assert found.file.is_file() and found.file.is_relative_to(resources.cache())


def test_only_what_changed_is_looked_at_again(apples: Path, tiny: ClipModel, shown: list[int]) -> None:
    first = updated(apples, tiny)
    apple, teacher = vector(first, "apple.png"), vector(first, "teacher.png")
    shown.clear()
    shutil.copy(apples / "teacher.png", apples / "apple.png")
    (apples / "new.png").write_bytes((apples / "more" / "ink.webp").read_bytes() + b"\0")
    os.remove(apples / "more" / "neon.WEBP")
    found = updated(apples, tiny)
    assert sum(shown) == 1  # new.png alone: the bytes of the teacher are known
    assert "more/neon.WEBP" not in found.pictures and len(found.embeddings) == 3
    assert torch.equal(vector(found, "apple.png"), teacher) and not torch.equal(vector(found, "apple.png"), apple)
    shown.clear()
    os.utime(apples / "new.png", ns=(1, 1))  # touched, not changed
    updated(apples, tiny)
    assert shown == []


def test_renamed_files_are_found_again(apples: Path, tiny: ClipModel, shown: list[int]) -> None:
    first = updated(apples, tiny)
    shown.clear()
    (apples / "more").rename(apples / "elsewhere")
    (apples / "apple.png").rename(apples / "fruit.png")
    found = updated(apples, tiny)
    assert shown == []
    assert torch.equal(vector(found, "fruit.png"), vector(first, "apple.png"))
    assert torch.equal(vector(found, "elsewhere/ink.webp"), vector(first, "more/ink.webp"))
    assert "apple.png" not in found.pictures and "more/ink.webp" not in found.pictures


def test_a_file_that_was_broken_and_is_mended_is_found(apples: Path, tiny: ClipModel) -> None:
    assert "broken.png" in updated(apples, tiny).broken
    shutil.copy(apples / "apple.png", apples / "broken.png")
    found = updated(apples, tiny)
    assert found.broken == {} and torch.equal(vector(found, "broken.png"), vector(found, "apple.png"))


def test_an_interrupted_index_resumes(
    apples: Path, tiny: ClipModel, shown: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BATCH", 1)
    look = index.Index._look

    def stopped(self: index.Index, part: dict[str, Any], *rest: Any) -> Any:
        if "more/neon.WEBP" in part:
            raise KeyboardInterrupt
        return look(self, part, *rest)

    monkeypatch.setattr(index.Index, "_look", stopped)
    with pytest.raises(KeyboardInterrupt):
        updated(apples, tiny)
    assert sum(shown) == 2
    monkeypatch.setattr(index.Index, "_look", look)
    found = updated(apples, tiny)
    assert sum(shown) == 4 and len(found.embeddings) == 4


def test_an_interrupt_forgets_no_renamed_file(
    apples: Path, tiny: ClipModel, shown: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    updated(apples, tiny)
    shown.clear()
    (apples / "more").rename(apples / "elsewhere")
    monkeypatch.setattr(index.Index, "_look", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        updated(apples, tiny)
    monkeypatch.undo()
    monkeypatch.setenv("PIXGEN_HOME", str(apples.parent / "home"))
    updated(apples, tiny)
    assert shown == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("cut", "is damaged"),
        ("text", "is damaged"),
        ("rows", "is damaged"),
        ("version", "was made by another version of pixgen"),
        ("weights", "was made with other weights of pixgen-tiny"),
    ],
)
def test_an_index_that_is_no_use_is_made_again_with_a_word(
    harm: str, said: str, apples: Path, tiny: ClipModel, shown: list[int], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    file = updated(apples, tiny).file
    data = file.read_bytes()
    match harm:
        case "cut":
            file.write_bytes(data[: len(data) // 2])
        case "text":
            file.write_text("no index")
        case "rows":
            file.write_bytes(data.replace(b', 3, \\"\\"]', b', 9, \\"\\"]'))
            assert file.read_bytes() != data
        case "version":
            monkeypatch.setattr(index, "VERSION", 2)
        case "weights":
            tiny = replace(tiny, fingerprint="others")
    shown.clear()
    with caplog.at_level(logging.WARNING):
        found = updated(apples, tiny)
    assert sum(shown) == 4 and len(found.embeddings) == 4
    assert said in caplog.text and "it is made again" in caplog.text
    caplog.clear()
    updated(apples, tiny)
    assert sum(shown) == 4 and caplog.text == ""


def test_a_cache_that_cannot_be_written_costs_only_time(
    apples: Path, tiny: ClipModel, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.mkdir(exist_ok=True)
    (home / "cache").write_text("a file in the place of the folder")
    assert len(updated(apples, tiny).embeddings) == 4
    assert "cannot be kept" in caplog.text


def test_a_folder_without_pictures(tmp_path: Path, tiny: ClipModel) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("words")
    for name, why in (("empty", "no pictures in"), ("none", "does not exist"), ("empty/notes.txt", "is a file")):
        with pytest.raises(UsageError, match=why):
            updated(tmp_path / name, tiny)
