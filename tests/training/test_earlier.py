"""Runs that earlier versions began are resumed: their checkpoints, their notes of what they learn from, their logs.

`earlier/NAME.json` records what a training wrote before 0.1.0: learns-from.json as it is, and the checkpoint's keys,
shapes and types, from which one is made here with small random numbers.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from pixgen.errors import UsageError
from pixgen.networks import store
from pixgen.training import monitor
from pixgen.training.data import drawings
from tests.networks.toys import networks
from tests.training.shapes import SHAPES, pack
from tests.training.trained import options, train

RECORDS = Path(__file__).parent / "earlier"
MORE: dict[str, dict[str, Any]] = {
    "clip": {"pictures": 40, "pool": 8},
    "vqgan": {"crops": 22, "pool": 40},
    "tokens": {"grids": 24, "scenes": 8, "width": 32, "depth": 1, "subjects": 10**6},
    "prior": {"pairs": 48, "scenes": 16, "subjects": 10**6},
    "judge": {"pictures": 28, "pool": 12, "subjects": 1000},
}
"""One step more than the recorded runs saw."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache as earlier versions wrote it, and a perceptor and a VQGAN next to it."""
    folder = tmp_path_factory.mktemp("earlier")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawings.rasterise(folder, folder / "cache", 96, pack(folder, SHAPES), processes=1)
    index = folder / "cache" / "index.json"
    entries = json.loads(index.read_text())
    index.write_text(json.dumps([{"hand": entry.pop("icon_set"), **entry} for entry in entries]))
    networks(folder / "pair")
    return folder


def rebuilt(record: Any, rng: torch.Generator) -> Any:
    """What a record describes: numbers near 0.01, positive, for some are variances."""
    ((kind, value),) = [pair for pair in record.items() if pair[0] != "dtype"]
    if kind == "dict":
        return OrderedDict((key, rebuilt(one, rng)) for key, one in value)
    if kind in ("list", "tuple"):
        return [rebuilt(one, rng) for one in value]
    if kind == "shape":
        dtype = getattr(torch, record["dtype"])
        numbers = torch.rand(value, generator=rng) * 0.02 + 1e-4
        return numbers.to(dtype) if dtype.is_floating_point else torch.full(value, 5, dtype=dtype)
    return value


def begun(name: str, folder: Path, run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run as an earlier version left it in `run`: its checkpoint, and the options that resume it."""
    record = json.loads((RECORDS / f"{name}.json").read_text())
    run.mkdir()
    values = {"cache": folder / "cache", **MORE[name]}
    if name in ("tokens", "prior"):
        values["pair"] = folder / "pair"
    made_by = {key: value for key, value in record["learns-from"].items() if key in ("perceptor", "vqgan")}
    noted = record["learns-from"] | {key: store.fingerprint(folder / "pair" / f"{key}.safetensors") for key in made_by}
    (folder / "cache" / "made-from.txt").write_text(noted["drawings"] + "0" * 56)
    (run / "learns-from.json").write_text(json.dumps(noted))
    (run / "log.jsonl").write_text('{"seconds": 0.1, "pictures": 8, "loss": 3.0}\n')
    checkpoint = rebuilt(record["checkpoint"], torch.Generator().manual_seed(0))
    torch.save(checkpoint, run / "checkpoint.pt")
    return checkpoint, values


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # so short a run may warn
@pytest.mark.parametrize("name", MORE)
def test_a_run_that_an_earlier_version_began_is_resumed(name: str, folder: Path, tmp_path: Path) -> None:
    training = importlib.import_module(f"pixgen.training.{name}")
    before, values = begun(name, folder, tmp_path / "run")
    after = train(training, tmp_path / "run", **values)
    assert after["step"] == before["step"] + 1 and set(before) <= set(after)
    assert list(after["average"]) == list(before["average"])
    assert monitor.series(tmp_path / "run" / "log.jsonl")["loss"] == ([8], [3.0])
    noted = json.loads((RECORDS / f"{name}.json").read_text())["learns-from"]
    assert set(noted) <= set(json.loads((tmp_path / "run" / "learns-from.json").read_text()))


def test_what_an_earlier_version_noted_is_still_held_against_the_options(folder: Path, tmp_path: Path) -> None:
    from pixgen.training import clip

    _, values = begun("clip", folder, tmp_path / "run")
    with pytest.raises(UsageError, match="was begun with pool 8, and now it is 12"):
        clip.main(options(clip, tmp_path / "run", **{**values, "pool": 12}))


def test_a_vqgan_that_an_earlier_version_began_keeps_the_size_of_its_codebook(folder: Path, tmp_path: Path) -> None:
    from pixgen.training import vqgan

    _, values = begun("vqgan", folder, tmp_path / "run")
    assert "codes" not in json.loads((tmp_path / "run" / "learns-from.json").read_text())
    with pytest.raises(UsageError, match="was begun with codes 1024, and now it is 48"):
        vqgan.main(options(vqgan, tmp_path / "run", **values, codes=48))
