"""One format of network files; those that were written before it was one stay readable."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors.torch import save_file

from pixgen.errors import PixgenError
from pixgen.io import resources
from pixgen.networks import store, vqgan
from pixgen.networks.prior import Prior, PriorConfig
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.training import judge
from pixgen.training.data.labels import LABELS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.safetensors"


def old(tensors: dict[str, torch.Tensor], path: Path, about: dict) -> None:
    """A file as trainings wrote it."""
    halved = {name: value.half().contiguous() for name, value in tensors.items()}
    save_file(halved, path, metadata={"pixgen": json.dumps(about)})


def test_a_network_is_read_as_it_was_written(path: Path) -> None:
    model = Prior(PriorConfig(16, 16, 1))
    store.save(model, path, pairs=7)
    assert store.about(path) == {"architecture": {"embedding": 16, "width": 16, "blocks": 1}, "pairs": 7}
    loaded, about = store.load(path, PriorConfig, Prior, "pixgen train prior")
    assert about == store.about(path) and not loaded.training
    for mine, theirs in zip(model.state_dict().values(), loaded.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def test_a_vqgan_that_keeps_its_facts_apart_stays_readable(path: Path) -> None:
    config = {**TINY, "n_embed": 8}
    old(VQModel(config).state_dict(), path, {**config, "about": {"crops": 12, "seed": 0}})
    assert vqgan.load(path).config == config
    assert store.about(path)["crops"] == 12


def test_a_judge_that_keeps_its_architecture_beside_its_facts_stays_readable(path: Path) -> None:
    network = judge.Judge(3, (4, 6), 32)
    facts = {"judge": "final", "pictures": 9, "widths": [4, 6], "side": 32, "groups": ["a", "b", "c"], "labels": LABELS}
    old(network.state_dict(), path, facts)
    loaded, groups = judge.load(path)
    assert (loaded.side, groups, store.about(path)["pictures"]) == (32, ["a", "b", "c"], 9)


@pytest.mark.parametrize("name", ["perceptor", "vqgan", "tokens", "prior", "judge", "discriminator"])
def test_what_comes_with_pixgen_says_what_it_has_seen(name: str) -> None:
    about = store.about(resources.embedded() / f"{name}.safetensors")
    counted = {"pictures", "crops", "grids", "pairs"} & about.keys()
    assert len(counted) == 1 and about[counted.pop()] > 1000


def test_files_that_are_missing_damaged_or_another_s_are_named(path: Path) -> None:
    with pytest.raises(PixgenError, match=r"prior weights not found: .*network\.safetensors; train it"):
        store.read(path, "prior", missing="train it")
    path.write_bytes(b"x" * 40)
    with pytest.raises(PixgenError, match=r"network\.safetensors is damaged: .*; train it again"):
        store.read(path, "prior", damaged="train it again")
    with pytest.raises(PixgenError, match="is damaged, or no weights of `pixgen train`"):
        store.about(path)
    for metadata in (None, {"pixgen": "{"}, {"pixgen": "[]"}):
        save_file({"a": torch.zeros(1)}, path, metadata=metadata)
        assert store.read(path, "prior")[1] == {}
        with pytest.raises(PixgenError, match="its metadata says nothing"):
            store.about(path)


def test_a_full_disk_leaves_the_file_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write({"a": torch.ones(3)}, path, {"pictures": 1})

    def full(_: dict, temporary: Path, **__: object) -> None:
        Path(temporary).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    said = r"cannot write to .*network\.safetensors: no space left on device; the last checkpoint is kept"
    with pytest.raises(PixgenError, match=said):
        store.write({"a": torch.zeros(3)}, path, {"pictures": 2})
    assert store.about(path) == {"pictures": 1} and [each.name for each in path.parent.iterdir()] == [path.name]
