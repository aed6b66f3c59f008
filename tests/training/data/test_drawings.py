"""Drawings from a package of ten small SVGs of our own, and the table of what can be drawn."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixgen.errors import PixgenError, UsageError
from pixgen.evaluation.contact_sheet import contact_sheet
from pixgen.scenery.subjects import load_subjects, table
from pixgen.training.data import drawings
from pixgen.training.data.drawings import IconSet, fetch, load_drawings, load_sprites, rasterise
from pixgen.training.data.sprites import sprite

SIDE = 24
DISC = '<circle cx="16" cy="16" r="6" fill="{}"/>'
BAR = '<path d="M4 10h20v4H4z" fill="{}"/>'
ICONS = {
    "cat": DISC.format("orange"),
    "dog-face": DISC.format("brown"),
    "teacher": BAR.format("gold"),
    "teacher-dark": BAR.format("saddlebrown"),
    "teacher-medium-dark": BAR.format("sienna"),
    "man-teacher": BAR.format("navy"),
    "man-teacher-light-skin-tone": BAR.format("pink"),
    "tennisball": DISC.format("lime"),
    "red-apple": "<circle this is no svg",
    "green-apple": "",
}
ALIASES = {"pig": {"parent": "cat", "hFlip": True}, "unheard-of": {"parent": "cat"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def ours(folder: Path) -> IconSet:
    """A pinned package in `folder` with ten drawings."""
    icons = {"width": 32, "height": 32, "icons": {k: {"body": v} for k, v in ICONS.items()}, "aliases": ALIASES}
    data = json.dumps(icons).encode()
    ours = IconSet("noto", "0.0.1", "", "CC0-1.0", "pixgen")
    with tarfile.open(folder / ours.tarball, "w:gz") as packed:
        entry = tarfile.TarInfo("package/icons.json")
        entry.size = len(data)
        packed.addfile(entry, io.BytesIO(data))
    return replace(ours, sha256=hashlib.sha256((folder / ours.tarball).read_bytes()).hexdigest())


def test_drawings_are_matched_to_their_subjects(folder: Path, ours: IconSet) -> None:
    found = {(d.name, d.tone): d for d, _ in load_drawings(folder, [ours])}
    assert set(found) == {
        ("cat", ""), ("dog-face", ""), ("teacher", ""), ("teacher", "dark"), ("man-teacher", ""),
        ("man-teacher", "light"), ("tennis", ""), ("pig", ""), ("red-apple", ""), ("green-apple", ""),
    }  # fmt: skip
    assert found["dog-face", ""].group == "dog"
    assert found["man-teacher", "light"].sex == "male"
    assert found["man-teacher", "light"].role == found["teacher", ""].role == "teacher"
    assert found["green-apple", ""].colour == "green"


def test_an_alias_may_be_a_mirror_image(folder: Path, ours: IconSet) -> None:
    svgs = {d.name: svg for d, svg in load_drawings(folder, [ours])}
    assert "scale(-1 1)" in svgs["pig"]
    lopsided = svgs["pig"].replace('cx="16"', 'cx="6"').replace("</g>", '<path d="M20 0h1v1z"/></g>')
    assert sprite(lopsided, SIDE)[3, -6:, -4:].max() > 0  # what was on the left is on the right


def test_a_row_may_name_a_drawing_for_one_set_only() -> None:
    row = {"name": "sunglasses", "also": "shades|fxemoji/darksunglasses|emojione/-"}
    assert list(drawings._keys(row, "fxemoji")) == ["darksunglasses"]
    assert list(drawings._keys(row, "emojione")) == []
    assert list(drawings._keys(row, "noto")) == ["sunglasses", "shades"]


def test_broken_drawings_are_named_and_left_out(folder: Path, ours: IconSet) -> None:
    with pytest.warns(UserWarning, match=r"noto/(red|green)-apple was left out: .+") as caught:
        assert rasterise(folder, folder / "cache", SIDE, [ours], processes=1)
    assert len(caught) == 2
    sprites, index = load_sprites(folder / "cache")
    assert sprites.shape == (8, 4, SIDE, SIDE) and sprites.dtype == np.uint8
    assert len(index) == 8 and not {d.name for d in index} & {"red-apple", "green-apple"}
    assert not rasterise(folder, folder / "cache", SIDE, [ours], processes=1)  # up to date: nothing to do
    assert {p.name for p in (folder / "cache").iterdir()} == {"sprites.npy", "index.json", "made-from.txt"}


def test_two_processes_draw_what_one_does(folder: Path, ours: IconSet) -> None:
    with pytest.warns(UserWarning):
        rasterise(folder, folder / "one", SIDE, [ours], processes=1)
        rasterise(folder, folder / "two", SIDE, [ours], processes=2)
    assert np.array_equal(load_sprites(folder / "one")[0], load_sprites(folder / "two")[0])


def test_sprites_fill_the_square_and_are_premultiplied() -> None:
    bar = '<path d="M4 8h12v6H4z" fill="#f00" opacity=".5"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{bar}</svg>'
    drawn = sprite(svg, SIDE)
    alpha = drawn[3]
    assert (drawn[:3] <= alpha).all()  # premultiplied
    assert alpha[:, 0].max() > 0 and alpha[:, -1].max() > 0  # the longest side reaches both edges
    height = (alpha.max(1) > 64).sum()
    assert abs(height - SIDE / 2) <= 1  # twice as wide as high
    assert np.array_equal(alpha[SIDE // 4 : -SIDE // 4 or None].mean(1) > 60, np.ones(SIDE // 2, bool))
    red = drawn[0, SIDE // 2, SIDE // 2]
    assert 120 <= red <= 135  # red at half opacity


def test_an_empty_drawing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is drawn"):
        sprite('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"></svg>')


def test_a_package_that_is_not_the_pinned_one_is_refused(folder: Path, ours: IconSet) -> None:
    fetch(folder, [ours])
    with pytest.raises(PixgenError, match=r"0\.0\.1\.tgz has sha256 .*expected 000.*delete it and fetch again"):
        fetch(folder, [replace(ours, sha256="0" * 64)])


def test_without_npm_the_way_out_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawings.shutil, "which", lambda name: None)
    missing = IconSet("noto", "9.9.9", "", "", "")
    with pytest.raises(PixgenError, match=r"npm is needed.*iconify-json-noto-9\.9\.9\.tgz into"):
        fetch(folder, [missing])
    with pytest.raises(UsageError, match=r"iconify-json-noto-9\.9\.9\.tgz is not in .*pixgen train data"):
        load_drawings(folder, [missing])


def test_a_missing_cache_says_how_to_make_it(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"no drawings in .*pixgen train data"):
        load_sprites(folder / "nowhere")


def test_contact_sheet(folder: Path, ours: IconSet) -> None:
    with pytest.warns(UserWarning):
        rasterise(folder, folder / "cache", SIDE, [ours], processes=1)
    contact_sheet(folder / "cache", folder / "sheet.png", subjects=3, tile=16)
    sheet = np.asarray(Image.open(folder / "sheet.png"))
    assert sheet.min() < 100 and sheet.max() == 255


# -- the table -------------------------------------------------------------------------------------------


def test_names_are_unique() -> None:
    names = [row["name"] for row in table()]
    assert len(names) == len(set(names))


def test_every_subject_has_words_in_both_languages() -> None:
    for row in table():
        assert row["en"] and all(w == w.strip().lower() and w for w in row["en"].split("|")), row
        gender, _, words = row["pt"].partition(":")
        assert gender in ("m", "f") and all(w == w.strip() and w for w in words.split("|")), row
        assert not row["en"].startswith(("a ", "an ", "the ")) and not words.startswith(("um ", "uma ")), row


def test_ranks_are_contiguous_and_rows_of_one_subject_stand_together() -> None:
    subjects = load_subjects()
    assert sorted(s.rank for s in subjects.values()) == list(range(1, len(subjects) + 1))
    assert all(int(row["rank"]) == subjects[row["group"]].rank for row in table())
    assert list(subjects) == [group for group, _ in itertools.groupby(row["group"] for row in table())]


def test_the_first_word_means_one_subject() -> None:
    for language in ("en", "pt"):
        first = [getattr(s, language)[0] for s in load_subjects().values()]
        assert len(first) == len(set(first)), {w for w in first if first.count(w) > 1}


def test_enough_subjects_are_drawn_by_many_hands() -> None:
    most: dict[str, int] = {}
    for row in table():
        most[row["group"]] = max(most.get(row["group"], 0), int(row["hands"]))
    assert sum(hands >= 3 for hands in most.values()) >= 400


def test_columns_hold_known_values() -> None:
    kinds = {"animal", "plant", "food", "object", "vehicle", "building", "place", "weather", "person", "face", "symbol"}
    for row in table():
        assert row["kind"] in kinds, row
        assert row["person_age"] in {"", "baby", "child", "adult", "old"}, row
        assert row["person_sex"] in {"", "male", "female"}, row


def test_women_have_their_own_names_in_portuguese() -> None:
    teacher = load_subjects()["teacher"]
    assert (teacher.pt[0], teacher.pt_gender) == ("professor", "m")
    assert (teacher.pt_male[0], teacher.pt_female[0]) == ("professor", "professora")
    assert load_subjects()["mermaid"].pt == ("sereia",)
    assert load_subjects()["cat"].pt_female == ()
