"""`pixgen models`, as people meet it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import save

from pixgen.cli import doctor
from pixgen.cli.main import run
from pixgen.models import zoo
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.settings import profiles
from tests.models import small
from tests.models.server import Server, running

SMALL = {**TINY, "ddconfig": {**TINY["ddconfig"], "ch_mult": [1, 2]}, "n_embed": 16, "quantizer": "vq"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    for name in ("PIXGEN_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as told:
        yield told


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A VQGAN's lightning checkpoint, and its config beside it under another name."""
    torch.save({"state_dict": VQModel(SMALL).state_dict()}, tmp_path / "last.ckpt")
    params = {key: SMALL[key] for key in ("ddconfig", "n_embed", "embed_dim")}
    text = yaml.safe_dump({"model": {"target": "taming.models.vqgan.VQModel", "params": params}})
    (tmp_path / "project.yaml").write_text(text)
    return tmp_path / "last.ckpt"


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert run(["models", *words]) == code, capsys.readouterr().err
    out = capsys.readouterr()
    assert "Traceback" not in out.err
    return out.out, out.err


def test_list_names_every_model_and_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, "list")
    assert len(out.splitlines()) == len(zoo.entries()) + len(profiles.bundles())
    assert "vqgan-imagenet-f16-16384" in out and "980 MB  not here" in out and "artist" in out
    records = [json.loads(line) for line in said(capsys, "list", "--json")[0].splitlines()]
    assert [record["name"] for record in records] == [entry.name for entry in zoo.entries()]
    assert said(capsys, "list", "--here")[0] == ""


@pytest.mark.slow
def test_show_tells_all(capsys: pytest.CaptureFixture[str]) -> None:
    about = yaml.safe_load(said(capsys, "show", "ViT-B/32")[0])
    assert about["name"] == "ViT-B-32-openai" and about["state"] == "not here" and about["files"][0]["sha256"]
    assert json.loads(said(capsys, "show", "ViT-B/32", "--json")[0]) == about
    assert "did you mean" in said(capsys, "show", "ViT-B/23", code=2)[1]


@pytest.mark.slow
def test_a_model_of_one_s_own_from_an_address_to_a_default(
    server: Server, checkpoint: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.serve("/last.ckpt", checkpoint.read_bytes(), cut=400_000, times=1)
    out, _ = said(capsys, "add", "mine", url, "--config", "project.yaml")
    assert Path(out.strip()) == home / "models" / "mine.yaml"
    assert "already" in said(capsys, "add", "mine", url, "--config", "project.yaml", code=2)[1]
    assert "pixgen models pull mine" in said(capsys, "path", "mine", code=2)[1]
    assert "pixgen models pull mine" in said(capsys, "use", "mine", code=2)[1]
    out, err = said(capsys, "pull", "mine")
    path = home / "cache" / "models" / "mine" / "last.ckpt"
    assert out == f"{path}\n" and "going on after" not in err and f"last.ckpt from {url}" in err
    assert said(capsys, "path", "mine")[0] == out
    assert said(capsys, "verify")[0] == f"{path}: correct, as first downloaded\n"
    assert "mine" in said(capsys, "list", "--here")[0]
    said(capsys, "use", "mine")
    assert "model: mine" in profiles.default_file().read_text()
    assert (
        run(["a fox", "steps=1", "size=32x32", "cutouts=2", "stages=[{steps: 1, size: 1}]", "starts=1", "--quiet"]) == 0
    )
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    out, err = said(capsys, "verify", "mine", code=1)
    assert "its sha256 is" in out and "1 corrupt" in err
    said(capsys, "rm", "mine", "--forget")
    assert not path.exists() and zoo.find("mine") is None
    said(capsys, "use", "pixgen-tiny")
    assert not profiles.default_file().exists()


def test_a_file_of_one_s_own_is_used_where_it_lies(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "add", "mine", "last.ckpt", "--config", "project.yaml")
    assert said(capsys, "path", "mine")[0] == f"{checkpoint}\n"
    assert "nothing to pull" in said(capsys, "pull", "mine", code=2)[1]
    said(capsys, "rm", "mine")
    assert checkpoint.is_file() and zoo.find("mine") is None
    said(capsys, "add", "mine", "last.ckpt", "--config", "project.yaml")
    checkpoint.unlink()
    assert "is gone" in said(capsys, "path", "mine", code=2)[1]


@pytest.mark.slow
def test_a_clip_of_one_s_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pixgen import registry

    small.weights(tmp_path)
    said(capsys, "add", "tuned", "small.safetensors", "--architecture", small.NAME)
    perceptor = registry.create("perceptor", {"type": "open_clip", "model": "tuned"})
    perceptor.prepare(torch.device("cpu"))
    assert perceptor.input_size == 32
    assert (
        "no architecture 'ViT-B-23'; did you mean"
        in said(capsys, "add", "other", "small.safetensors", "--architecture", "ViT-B-23", code=2)[1]
    )
    assert "--config FILE.yaml" in said(capsys, "add", "other", "small.safetensors", code=2)[1]
    assert "not found" in said(capsys, "add", "other", "none.pt", "--architecture", small.NAME, code=2)[1]
    assert (
        "is not a valid name for a model"
        in said(capsys, "add", "../x", "a.pt", "--architecture", small.NAME, code=2)[1]
    )


def test_convert_writes_a_file_that_says_itself_how_it_is_built(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pixgen import registry

    assert "generator.config" in said(capsys, "convert", "last.ckpt", code=2)[1]
    out, _ = said(capsys, "convert", "last.ckpt", "--config", "project.yaml")
    assert out == "last.safetensors\n"
    generator = registry.create("generator", {"type": "vqgan", "model": "last.safetensors"})
    generator.prepare(torch.device("cpu"))
    assert generator.network.config["quantizer"] == "vq"
    assert "exists; choose another file" in said(capsys, "convert", "last.ckpt", "--config", "project.yaml", code=2)[1]
    said(capsys, "convert", "last.ckpt", "--config", "project.yaml", "--overwrite")


def test_convert_leaves_nothing_of_what_does_not_fit(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (tmp_path / "project.yaml").read_text().replace("n_embed: 16", "n_embed: 17")
    (tmp_path / "project.yaml").write_text(text)
    before = sorted(tmp_path.iterdir())
    _, err = said(capsys, "convert", "last.ckpt", "--config", "project.yaml", code=1)
    assert "last.ckpt does not fit project.yaml: quantize.embedding.weight is (16, 8), not (17, 8)" in err
    assert sorted(tmp_path.iterdir()) == before


def test_convert_of_a_clip_keeps_its_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"visual.proj": torch.ones(2).half(), "logit_scale": torch.tensor(1.0)}, tmp_path / "clip.pt")
    said(capsys, "convert", "clip.pt", "-o", "out/clip.safetensors")
    with safe_open(tmp_path / "out" / "clip.safetensors", framework="pt") as file:
        assert file.get_tensor("visual.proj").dtype == torch.float16


def test_a_bundle_is_pulled_and_becomes_the_default(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = save({"a": torch.zeros(3)})
    for name, extra in {"draws": {"config": "project.yaml"}, "sees": {"architecture": "ViT-B-32"}}.items():
        entry = {"kind": "vqgan" if "config" in extra else "clip", "about": name, "architecture": {"name": "ViT-B-32"}}
        url = server.serve(f"/{name}", content)
        zoo.user_folder().mkdir(parents=True, exist_ok=True)
        (zoo.user_folder() / f"{name}.yaml").write_text(
            yaml.safe_dump({**entry, "files": [{"name": "weights", "sources": [url]}]})
        )
    tiers = {"about": "a test", "6": {"generator": "draws", "perceptors": ["sees"], "settings": {"size": "64x64"}}}
    monkeypatch.setattr(profiles, "bundles", lambda: {"artist": tiers})
    assert "0.0 GB are here" in said(capsys, "pull", "artist", code=2)[1] or torch.cuda.is_available()
    out, err = said(capsys, "pull", "artist", "--memory", "7")
    assert [Path(line).parent.name for line in out.splitlines()] == ["draws", "sees"]
    assert "artist for 6 GB is the default now" in err
    written = yaml.safe_load(profiles.default_file().read_text())
    assert written["generator"]["model"] == "draws" and written["perceptors"]["sees"]["model"] == "sees"
    assert written["size"] == "64x64"


def test_misuse_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'artist'" in said(capsys, "pull", "artits", code=2)[1]
    assert "comes with pixgen" in said(capsys, "pull", "pixgen-tiny", code=2)[1]
    assert "`pixgen doctor` checks its files" in said(capsys, "verify", "pixgen-tiny", code=2)[1]
    assert "no model is in" in said(capsys, "verify")[1]
    assert "only one VQGAN" in said(capsys, "use", "vqgan-coco", "vqgan-faceshq", code=2)[1]
    assert "No such command" in said(capsys, "pul", code=2)[1]
    assert "download it from https://k00.fr" in said(capsys, "pull", "ade20k", code=2)[1]


HOSTILE = {
    "name": ("name: ../../../victim/docs\nfiles: []\n", "a model has the name of its file, 'nice'"),
    "absolute name": ("name: /etc\nfiles: []\n", "a model has the name of its file, 'nice'"),
    "file": ("files: [{name: ../../x, sources: ['https://127.0.0.1:9/x']}]\n", "'../../x' has a slash"),
    "drive": ("files: [{name: 'C:x', sources: ['https://127.0.0.1:9/x']}]\n", "has a colon"),
    "device": ("files: [{name: nul.ckpt, sources: ['https://127.0.0.1:9/x']}]\n", "is the name of a device"),
    "local source": ("files: [{name: x, sources: ['file:///etc/passwd']}]\n", "is not an address to download from"),
    "path as source": ("files: [{name: x, sources: [/etc/passwd]}]\n", "is not an address to download from"),
    "profile": (
        "files: []\nprofile: {start: {type: image, path: /etc/a.png}}\n",
        "profile: start.path is '/etc/a.png'",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("command", ["rm", "pull", "show", "verify", "path", "use"])
def test_a_model_of_a_stranger_s_reaches_nothing_outside(
    what: str, command: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "models").mkdir(parents=True)
    text, message = HOSTILE[what]
    (home / "models" / "nice.yaml").write_text(f"kind: vqgan\nabout: nice\narchitecture: {{}}\n{text}")
    docs = tmp_path / "victim" / "docs"
    docs.mkdir(parents=True)
    (docs / "thesis.txt").touch()
    assert message in said(capsys, command, "nice", code=2)[1]
    assert (docs / "thesis.txt").exists() and not (home / "cache").exists() and not (home / "x").exists()


def test_a_file_called_by_a_dot_is_no_model(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "models").mkdir(parents=True)
    (home / "cache" / "models" / "other").mkdir(parents=True)
    (home / "models" / "..yaml").write_text("kind: vqgan\nabout: nice\narchitecture: {}\nfiles: []\n")
    assert "names a folder" in said(capsys, "rm", ".", code=2)[1]
    assert (home / "cache" / "models" / "other").exists()


def test_rm_follows_no_link(home: Path, tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.txt").touch()
    (home / "cache" / "models").mkdir(parents=True)
    (home / "cache" / "models" / "vqgan-coco").symlink_to(outside)
    assert "nothing of vqgan-coco" in said(capsys, "rm", "vqgan-coco")[1]
    assert (outside / "thesis.txt").exists() and not (home / "cache" / "models" / "vqgan-coco").exists()


def test_add_takes_downloads_and_paths_alone(home: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--config", "project.yaml")
    assert "named by its path, /etc/passwd" in said(capsys, "add", "a", "file:///etc/passwd", *words, code=2)[1]
    assert "ftp://a/b' is not an address" in said(capsys, "add", "a", "ftp://a/b", *words, code=2)[1]
    assert "'hub:a/b' is not an address" in said(capsys, "add", "a", "hub:a/b", *words, code=2)[1]
    assert "name of a device" in said(capsys, "add", "nul", str(checkpoint), *words, code=2)[1]
    (home / "models").mkdir(parents=True)
    (home / "models" / "mine.yaml").write_text("notes of my own\n")
    assert "mine.yaml exists" in said(capsys, "add", "mine", str(checkpoint), *words, code=2)[1]
    assert (home / "models" / "mine.yaml").read_text() == "notes of my own\n"
    said(capsys, "add", "odd", "https://127.0.0.1:9/a/..", *words)
    assert "name: weights" in (home / "models" / "odd.yaml").read_text()


def test_offline_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PIXGEN_OFFLINE", "1")
    assert "PIXGEN_OFFLINE forbids the network" in said(capsys, "pull", "ViT-B/32", code=2)[1]


def test_the_doctor_names_what_pulls_a_default_model_its_size_and_its_place(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("_embedded", "_packages", "_precision"):  # what they find is another test's
        monkeypatch.setattr(doctor, name, lambda: iter(()))
    profiles.choose("vqgan-coco", ["ViT-B/32"])
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    for name, size in {"vqgan-coco": "an unknown number of bytes", "ViT-B-32-openai": "354 MB"}.items():
        assert (
            f"BAD  models       model {name} is not here; `pixgen models pull {name}` fetches {size} to {home}" in out
        )
        assert f"-> pixgen models pull {name}\n" in out
