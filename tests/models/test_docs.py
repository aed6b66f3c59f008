"""docs/models.md tells the truth: each of its commands is run, with small files of random weights for large ones."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path

import pytest
import torch
import yaml

from pixgen.cli.main import run
from pixgen.io import resources
from pixgen.models import cache, pull, zoo
from pixgen.models.entry import Entry
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.settings import profiles
from tests.models import small

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()

LINES = [
    line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]

SMALL = {**TINY, "ddconfig": {**TINY["ddconfig"], "ch_mult": [1, 2]}, "n_embed": 16, "quantizer": "vq"}

QUICK = ["steps=1", "size=32x32", "cutouts=2", "starts=1", "stages=[{steps: 1, size: 1}]", "--seed", "0"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own checkpoint, and small files in the places of every large one."""
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": VQModel(SMALL).state_dict()}, tmp_path / "last.ckpt")
    params = {key: SMALL[key] for key in ("ddconfig", "n_embed", "embed_dim")}
    text = yaml.safe_dump({"model": {"target": "taming.models.vqgan.VQModel", "params": params}})
    (tmp_path / "project.yaml").write_text(text)

    weights = small.weights(tmp_path)
    monkeypatch.setattr(pull, "pull", lambda entry, watch: [cache.place(entry, file) for file in entry.files])
    monkeypatch.setattr(cache, "state", lambda entry: "here")
    of_cache = cache.weights
    monkeypatch.setattr(cache, "weights", lambda entry: weights if entry.kind == "clip" else of_cache(entry))
    get = zoo.get

    def tiny(name: str, kind: str | None = None) -> Entry:
        entry = get(name, kind)
        if entry.kind == "clip":
            return dataclasses.replace(entry, architecture={"name": small.NAME, "quick_gelu": True})
        return entry

    monkeypatch.setattr(zoo, "get", tiny)
    return tmp_path


@pytest.mark.skipif(not list(resources.embedded().glob("*.safetensors")), reason="the models are not in this checkout")
@pytest.mark.parametrize("line", LINES)
def test_every_command_runs(line: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(line, comments=True)[1:]
    assert run(words if words[0] == "models" else [*words, *QUICK]) == 0, capsys.readouterr().err
    if words[0] != "models":
        assert list(folder.rglob("*.png"))
    if "artist" in words:
        assert "vqgan-imagenet-f16-16384" in profiles.default_file().read_text()


@pytest.mark.slow
def test_the_python_lines_run(folder: Path) -> None:
    (source,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(source, names)
    assert names["tokens"].shape == (2, 77)  # type: ignore[attr-defined]


def test_every_subcommand_is_shown() -> None:
    from pixgen.cli.models import models

    shown = {shlex.split(line, comments=True)[2] for line in LINES if line.startswith("pixgen models ")}
    assert shown == set(models.commands)
