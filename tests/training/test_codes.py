"""Codes are added behind those of the token decoder, which stay as they are to the bit."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from pixgen.errors import UsageError
from pixgen.networks import store, vqgan
from pixgen.training import codes
from pixgen.training.data import drawings
from tests.training.pair import write_pair
from tests.training.shapes import SHAPES, pack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with toy networks of 64 codes, and a cache of drawings."""
    place = tmp_path_factory.mktemp("codes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawings.rasterise(place, place / "cache", 192, pack(place, SHAPES), processes=1)
    write_pair(place)
    return place


def add(folder: Path, out: Path, count: int, **more: Any) -> None:
    values = {"cache": folder / "cache", "vqgan": folder / "vqgan.safetensors", "each": 2, "portraits": 0.0}
    codes.main(codes.Options(out=out, codes=count, **{**values, **more}))


@pytest.mark.slow
def test_the_first_codes_and_all_else_stay(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "VALIDATION", 2)
    out = tmp_path / "vqgan.safetensors"
    add(folder, out, 300)
    old, new = vqgan.load(folder / "vqgan.safetensors"), vqgan.load(out)
    assert (old.token_codes, new.token_codes, len(new.quantize.codebook)) == (64, 64, 300)
    before, after = old.state_dict(), new.state_dict()
    assert torch.equal(after[store.CODEBOOK][:64], before[store.CODEBOOK])
    assert all(torch.equal(after[name], before[name]) for name in before if name != store.CODEBOOK)
    assert store.fingerprint(out) == store.fingerprint(folder / "vqgan.safetensors")
    said = json.loads(capsys.readouterr().out)
    assert (said["codes"], said["of_the_token_decoder"]) == (300, 64)

    again = tmp_path / "again.safetensors"
    add(folder, again, 100, vqgan=out)
    assert torch.equal(vqgan.load(again).state_dict()[store.CODEBOOK][:64], before[store.CODEBOOK])
    assert (vqgan.load(again).token_codes, len(vqgan.load(again).quantize.codebook)) == (64, 100)


def test_what_adds_no_code_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--codes 64 adds none: the token decoder has 64"):
        add(folder, tmp_path / "vqgan.safetensors", 64)
    with pytest.raises(UsageError, match="--each"):
        codes.extended(vqgan.load(folder / "vqgan.safetensors"), 100, torch.ones(99, 4))
    assert not (tmp_path / "vqgan.safetensors").exists()
