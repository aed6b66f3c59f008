"""Weights files of others: read without running anything, named when they cannot be read."""

from __future__ import annotations

import collections
import os
import pickle
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch import nn

from pixgen.errors import PixgenError, UsageError
from pixgen.models import weights

STATE = {"encoder.weight": torch.arange(6.0).reshape(2, 3), "loss.weight": torch.ones(1)}


class Bomb:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


@pytest.fixture
def lightning(monkeypatch: pytest.MonkeyPatch) -> type:
    """lightning's ModelCheckpoint under its own name, without lightning: only its name is in a file."""
    name = "pytorch_lightning.callbacks.model_checkpoint"
    for part in ("pytorch_lightning", "pytorch_lightning.callbacks", name):
        monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    cls = type("ModelCheckpoint", (), {"__module__": name})
    monkeypatch.setattr(sys.modules[name], "ModelCheckpoint", cls, raising=False)
    return cls


def test_a_lightning_checkpoint_with_all_that_real_ones_hold(tmp_path: Path, lightning: type) -> None:
    import numpy as np

    path = tmp_path / "last.ckpt"
    held = {
        "epoch": 3,
        "pytorch-lightning_version": "1.0.8",
        "callbacks": {lightning: {"best_model_score": torch.tensor(0.5), "monitor": "val/rec_loss"}},
        "optimizer_states": [
            {"state": {0: {"step": 1, "exp_avg": torch.zeros(2)}}, "param_groups": [{"betas": (0, 1)}]}
        ],
        "hyper_parameters": OmegaConf.create({"ch_mult": [1, 2], "deep": {"rate": 4.5e-6}}),
        "score": np.float64(0.25),
        "seen": collections.defaultdict(int, {"a": 1}),
        "state_dict": collections.OrderedDict(STATE),
    }
    torch.save(held, path)
    found, _ = weights.read(path)
    assert set(found) == set(STATE) and torch.equal(found["encoder.weight"], STATE["encoder.weight"])


def test_the_allowed_names_are_allowed_no_longer_afterwards(tmp_path: Path, lightning: type) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"callbacks": {lightning: 1}, "state_dict": STATE}, path)
    weights.read(path)
    with pytest.raises(pickle.UnpicklingError, match="ModelCheckpoint"):
        torch.load(path, weights_only=True)


@pytest.mark.slow
@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_pickle_is_refused_and_not_run(legacy: bool, tmp_path: Path) -> None:
    path, target = tmp_path / "evil.ckpt", tmp_path / "was-run"
    torch.save({"state_dict": STATE, "bomb": Bomb(target)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(PixgenError, match=r"evil\.ckpt was not loaded: .*(system|posix).*Nothing of it was run"):
        weights.read(path)
    assert not target.exists()
    if legacy:
        return
    # The trap is real: whoever loads it as Python's own pickle makes the file.
    program = f"import torch; torch.load({str(path)!r}, weights_only=False)"
    subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert target.exists()


def test_a_class_of_torch_s_own_is_refused_as_well(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(PixgenError, match=r"torch\.nn\.modules\.linear\.Linear, which is code"):
        weights.read(path)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ({"model": STATE, "ema": {"encoder.weight": torch.zeros(1)}}, {"encoder.weight"}),
        ({"model": STATE, "optimizer": {}}, set(STATE)),
        (STATE, set(STATE)),
        ({f"module.{name}": value for name, value in STATE.items()}, set(STATE)),
    ],
)
def test_the_weights_are_found_wherever_programs_keep_them(held: Any, expected: set[str], tmp_path: Path) -> None:
    torch.save(held, tmp_path / "a.pt")
    assert set(weights.read(tmp_path / "a.pt")[0]) == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_torchscript_archive_gives_its_weights_without_its_program(dtype: torch.dtype, tmp_path: Path) -> None:
    class Tower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
            self.register_buffer("input_resolution", torch.tensor(32))
            self.sizes = [1, 2]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for block in self.blocks:
                x = block(x)
            return x

    with pytest.warns(DeprecationWarning):
        torch.jit.save(torch.jit.script(Tower().to(dtype)), tmp_path / "ViT.pt")
    with pytest.warns(DeprecationWarning):
        expected = torch.jit.load(tmp_path / "ViT.pt").state_dict()
    assert weights.sniff(tmp_path / "ViT.pt") == "torchscript"
    found, _ = weights.read(tmp_path / "ViT.pt")
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert torch.equal(found[name], value) and found[name].dtype == value.dtype


def test_a_torchscript_archive_with_a_foreign_pickle_is_refused(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "evil.pt", "w") as archive:
        archive.writestr("evil/constants.pkl", b"\x80\x02).")
        archive.writestr("evil/data.pkl", pickle.dumps(Bomb(tmp_path / "was-run"), protocol=2))
    with pytest.raises(PixgenError, match=r"it holds posix\.system"):
        weights.read(tmp_path / "evil.pt")
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("kind", ["zip", "pickle", "safetensors"])
@pytest.mark.parametrize("part", [0, 0.5, 0.95])
def test_cut_off_files_are_named(kind: str, part: float, tmp_path: Path) -> None:
    path = tmp_path / "whole"
    big = {"weight": torch.rand(1000)}
    if kind == "safetensors":
        save_file(big, path)
    else:
        torch.save(big, path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(PixgenError, match=r"whole is (empty|damaged)"):
        weights.read(path)


def test_files_that_are_no_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "page.ckpt").write_text("<html>Too many requests</html>")
    (tmp_path / "text.ckpt").write_text("version https://git-lfs.github.com/spec/v1")
    torch.save({"epoch": 3}, tmp_path / "bare.ckpt")
    for name, said in {
        "page": "web page",
        "text": "not a weights file",
        "bare": "holds no weights; it holds epoch",
    }.items():
        with pytest.raises(PixgenError, match=rf"{name}\.ckpt .*{said}"):
            weights.read(tmp_path / f"{name}.ckpt")
    with pytest.raises(UsageError, match="not found"):
        weights.read(tmp_path / "none.ckpt")
