"""The bank is made by one command, fits what it was made with, and comes back from its file as it was."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from pixgen.errors import PixgenError, UsageError
from pixgen.scenery.bank import NETWORK_FILES, load_bank, save_bank
from pixgen.scenery.places import PLACES
from pixgen.training import bank
from pixgen.training.data import drawings
from tests.training.pair import write_pair
from tests.training.shapes import GROUPS, SHAPES, pack

pytestmark = pytest.mark.slow  # the bank that all read takes five seconds to make


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with toy networks, the bank made with them, and the cache it was made from."""
    place = tmp_path_factory.mktemp("bank")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawings.rasterise(place, place / "cache", 192, pack(place, SHAPES), processes=1)
    write_pair(place)
    bank.main(options(place, place / "bank.safetensors", perceptor=None, vqgan=None))  # of the networks next to it
    yield place


def options(place: Path, out: Path, **more: Any) -> bank.Options:
    networks = {name: place / f"{name}.safetensors" for name in ("perceptor", "vqgan")}
    return bank.Options(**{"out": out, "cache": place / "cache", "subjects": 10_000, "each": 2, **networks, **more})


def test_every_subject_and_place_is_in_it(folder: Path) -> None:
    made = load_bank(folder)
    assert set(made.subjects) == set(GROUPS) == {e.group for e in made.entries if not e.place}
    assert sum(e.place == "blackboard" for e in made.entries) == bank.VIEWS
    assert made.codes.shape == (len(made.entries), 32, 32) and made.codes.max() < 64
    assert torch.allclose(made.images.norm(dim=1), torch.ones(len(made.entries)), atol=1e-3)
    assert made.captions.shape == (len(GROUPS) + len(PLACES), 16)


def test_masks_hold_the_subject_and_not_its_ground(folder: Path) -> None:
    made = load_bank(folder)
    for entry, mask in zip(made.entries, made.masks, strict=True):
        share = mask.float().mean().item()
        assert share == 1 if entry.place else 0.1 < share < 0.85, entry
    car = made.masks[next(i for i, e in enumerate(made.entries) if e.group == "car")]
    assert not car[:20].any() and car[64].any()  # wide and low


def test_the_same_seed_makes_the_same_file(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    bank.main(options(folder, again))
    with safe_open(again, "pt") as one, safe_open(folder / "bank.safetensors", "pt") as two:
        assert one.metadata() == two.metadata()
        assert all(torch.equal(one.get_tensor(name), two.get_tensor(name)) for name in two.keys())  # noqa: SIM118


def test_it_is_small(folder: Path) -> None:
    made = load_bank(folder)
    with safe_open(folder / "bank.safetensors", "pt") as file:
        masks, about = len(file.get_tensor("masks")), len(file.metadata()["pixgen"])
    drawing = 32 * 32 * 2 + 192 * 2 + (masks + about) / len(made.entries)
    # 440 subjects, about three drawings of each, and one caption's embedding a subject: below five megabytes.
    assert 1480 * drawing + 454 * 192 * 2 < 5e6


def test_a_file_comes_back_as_it_was_written(folder: Path, tmp_path: Path) -> None:
    made = load_bank(folder)
    save_bank(made, tmp_path / "bank.safetensors")
    for name in NETWORK_FILES.values():
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    again = load_bank(tmp_path)
    assert again.entries == made.entries and again.subjects == made.subjects
    assert torch.equal(again.masks, made.masks) and torch.equal(again.codes, made.codes)
    torch.testing.assert_close(again.images, made.images, atol=1e-3, rtol=0)


def test_icon_sets_that_differ_come_first() -> None:
    def drawn(icon_set: str, margin: float) -> bank.Candidate:
        return bank.Candidate(0, drawings.Icon(icon_set, "cat", "cat", "", "", "", "", "", ""), margin)

    bucket = [drawn("noto", 0.3), drawn("noto", 0.29), drawn("fluent-emoji", 0.1), drawn("fxemoji", -0.1)]
    assert [c.drawing.icon_set for c in bank._varied(bucket, 3)] == ["noto", "fluent-emoji", "fxemoji"]
    assert len(bank._varied(bucket, 9)) == 4


def test_a_cache_without_subjects_is_named(folder: Path, tmp_path: Path) -> None:
    warnings.simplefilter("ignore")
    drawings.rasterise(tmp_path, tmp_path / "owls", 192, pack(tmp_path, {"owl": SHAPES["owl"]}), processes=1)
    with pytest.raises(UsageError, match="no drawing of the first 3 subjects"):
        bank.main(options(folder, tmp_path / "b.safetensors", cache=tmp_path / "owls", subjects=3))
    with pytest.raises(UsageError, match="pixgen train data"):
        bank.main(options(folder, tmp_path / "b.safetensors", cache=tmp_path))
    with pytest.raises(UsageError, match="--each must be at least 1"):
        options(folder, tmp_path, each=0)


def test_what_is_missing_damaged_or_of_other_networks_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"pixgen\.training\.bank"):
        load_bank(tmp_path)
    path = tmp_path / "bank.safetensors"
    whole = (folder / "bank.safetensors").read_bytes()
    for broken in (b"", b"nonsense", whole[: len(whole) // 2], (folder / "vqgan.safetensors").read_bytes()):
        path.write_bytes(broken)
        with pytest.raises(PixgenError, match=r"bank\.safetensors"):
            load_bank(tmp_path)
    path.write_bytes(whole)
    for name in NETWORK_FILES.values():
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    load_bank(tmp_path)
    (tmp_path / "vqgan.safetensors").write_bytes(b"another")
    with pytest.raises(PixgenError, match="made with another vqgan"):
        load_bank(tmp_path)


@pytest.mark.parametrize("change", ["entries", "codes", "subjects"])
def test_what_does_not_fit_together_is_no_bank(folder: Path, tmp_path: Path, change: str) -> None:
    from safetensors.torch import save_file

    with safe_open(folder / "bank.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = json.loads(file.metadata()["pixgen"])
    if change == "codes":
        tensors["codes"] = tensors["codes"][:3]
    else:
        del about[change]
    save_file(tensors, tmp_path / "bank.safetensors", {"pixgen": json.dumps(about)})
    with pytest.raises(PixgenError, match="damaged or not a bank"):
        load_bank(tmp_path)
