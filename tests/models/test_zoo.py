"""The zoo's files: whole, with the settings that suit, agreeing with open_clip; pairs, bundles and defaults."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from pixgen.cli import model_findings
from pixgen.errors import PixgenError, UsageError
from pixgen.io import resources
from pixgen.io.yaml_files import Layer
from pixgen.models import cache, clips, vqgans, zoo
from pixgen.models.entry import Entry
from pixgen.networks.vqgan import TINY
from pixgen.settings import config, layers, profiles
from pixgen.settings.config import RenderConfig, StageConfig

ENTRIES = zoo.entries()
NAMES = [entry.name for entry in ENTRIES]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path))
    return tmp_path


def resolved(*said: dict[str, Any]) -> RenderConfig:
    return config.resolve(layers.gather((), None, [Layer(values, "a test") for values in said]))


BIG = {
    "generator": {"type": "vqgan", "model": "vqgan-imagenet-f16-16384"},
    "perceptors": {"tiny": None, "clip": {"type": "open_clip", "model": "ViT-L/14"}},
}


def test_what_was_asked_for_is_there() -> None:
    aliases = {alias for entry in ENTRIES for alias in entry.aliases}
    for kind in ("imagenet_f16_1024", "imagenet_f16_16384", "openimages_f16_8192", "coco", "sflckr", "faceshq"):
        assert kind in aliases
    assert {"vq-f8", "vq-f8-n256", "ade20k", "wikiart_1024", "wikiart_16384", "vq_ds16_c2i", "vq_ds8_c2i"} <= aliases
    assert {"RN50", "RN101", "RN50x4", "RN50x16", "RN50x64", "ViT-B/32", "ViT-B/16", "ViT-L/14"} <= aliases
    assert {"ViT-L/14@336px", "ViT-H-14/laion2b_s32b_b79k", "ViT-L-14/datacomp_xl_s13b_b90k"} <= aliases
    assert {"ViT-B-16-SigLIP2-256/webli", "MobileCLIP-S1/datacompdr", "ViT-L-14/fare4"} <= aliases


def test_names_and_aliases_mean_one_model_each() -> None:
    said = [name.lower() for entry in ENTRIES for name in (entry.name, *set(entry.aliases) - {entry.name})]
    assert len(set(said)) == len(said)
    for entry in ENTRIES:
        assert all(zoo.get(name) == entry for name in (entry.name, *entry.aliases))


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_every_entry_is_whole(entry: Entry) -> None:
    assert entry.about and entry.licence and entry.source.startswith("https://")
    assert entry.profile and entry.profile_source
    for file in entry.files:
        assert file.sources or entry.name == "vqgan-ade20k"
        assert all(re.match(r"https://\S+$|hub:[\w.-]+/[\w.-]+/\S+$", source) for source in file.sources)
        assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.bytes is None or file.bytes > 100_000_000
    names = [file.name for file in entry.files]
    assert entry.architecture or "model.yaml" in names


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.kind == "clip"], ids=lambda entry: entry.name)
def test_clips_are_what_open_clip_says_of_them(entry: Entry) -> None:
    open_clip = clips.open_clip()
    name, pretrained = entry.architecture["name"], entry.architecture["pretrained"]
    assert f"{name}/{pretrained}" in entry.aliases
    text = open_clip.get_model_config(name)["text_cfg"]
    assert ("tokenizer.json" in [file.name for file in entry.files]) == ("hf_tokenizer_name" in text)
    if pretrained.startswith("fare"):
        return  # open_clip's table does not list them
    known = open_clip.get_pretrained_cfg(name, pretrained)
    assert entry.architecture["quick_gelu"] == bool(known.get("quick_gelu"))
    sources = " ".join(source for file in entry.files for source in file.sources)
    assert (known.get("url") or known["hf_hub"].rstrip("/")) in sources
    if pretrained == "openai":
        assert entry.files[0].sha256 in known["url"]


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.kind == "vqgan" and e.architecture], ids=lambda e: e.name)
def test_vqgans_can_be_built_as_they_say(entry: Entry) -> None:
    from pixgen.networks.vqgan import VQModel

    with torch.device("meta"):
        model = VQModel(entry.architecture)
    match = re.search(r"-f(\d+)", entry.name)
    assert match and model.factor == int(match[1])
    assert (
        model.codes(torch.zeros(1, 2, 2, dtype=torch.int64, device="meta")).shape[1] == entry.architecture["embed_dim"]
    )


def test_any_model_of_open_clip_s_has_a_name() -> None:
    entry = zoo.get("ViT-B-16/laion400m_e32")
    assert entry.files[0].sources[0] == "hub:timm/vit_base_patch16_clip_224.laion400m_e32/open_clip_model.safetensors"
    assert not entry.architecture["quick_gelu"] and zoo.get("ViT-B-16/dfn2b").architecture["quick_gelu"]


def test_unknown_names_are_met_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no model called 'vqgan-imagenet-f16-16348'; did you mean '.*16384'"):
        zoo.get("vqgan-imagenet-f16-16348")
    with pytest.raises(UsageError, match="no model called 'ViT-B-32/nobody'"):
        zoo.get("ViT-B-32/nobody")
    with pytest.raises(UsageError, match="ViT-B/32 is a clip, not a vqgan"):
        zoo.get("ViT-B/32", "vqgan")


def test_a_big_pair_brings_its_own_settings() -> None:
    small, big = resolved(), resolved(BIG)
    assert (big.size, big.steps, big.cutouts, big.starts) == ((512, 512), 500, 32, 1)
    assert big.stages == [StageConfig()] and big.noise == 0 and big.average == 0 and "init" not in big.losses
    assert (small.steps, small.starts, len(small.stages)) == (12, 1, 1) and "init" in small.losses
    assert small.start["type"] == "bank" and big.start["type"] == "random"
    assert resolved(BIG, {"steps": 7, "optimizer": {"lr": 0.3}}).steps == 7


def test_a_pair_s_settings_depend_on_where_it_begins() -> None:
    bank, random = resolved(), resolved({"start": "random"})
    assert (bank.steps, random.steps, len(random.stages)) == (12, 180, 3)
    assert bank.optimizer["lr"] < random.optimizer["lr"] and bank.cutter == random.cutter
    assert random.generator["init_from"] == "gradient"
    assert resolved({"start": "random", "steps": 7}).steps == 7
    assert resolved({"start": "random"}, {"start": {"type": "bank", "top": 2}}).steps == 12


@pytest.mark.parametrize(
    "said",
    [
        {"generator": {"type": "vqgan", "model": "/mine/last.ckpt"}},
        {"perceptors": {"tiny": None, "clip": {"type": "open_clip", "model": "ViT-B-16/laion400m_e32"}}},
        {"generator": "multires", "perceptors": {"tiny": None, "clip": "open_clip"}},
    ],
)
def test_models_of_one_s_own_are_not_drawn_under_the_tiny_pair_s_settings(said: dict[str, Any]) -> None:
    made = resolved(said)
    assert made.cutouts == 32 and made.stages == [StageConfig()] and "init" not in made.losses


def test_a_vqgan_trained_as_the_embedded_one_keeps_its_settings(home: Path) -> None:
    from pixgen.networks import store
    from pixgen.networks.vqgan import VQModel

    store.save(VQModel({**TINY, "n_embed": 4}), home / "mine.safetensors")
    assert len(resolved({"generator": {"type": "vqgan", "model": str(home / "mine.safetensors")}}).stages) == 1


@pytest.mark.slow
def test_bundles_name_known_models_and_settings_that_hold() -> None:
    for name, bundle in profiles.bundles().items():
        for tier in [value for key, value in bundle.items() if key.isdecimal()]:
            assert zoo.get(tier["generator"], "vqgan") and [zoo.get(each, "clip") for each in tier["perceptors"]]
            profiles.choose(tier["generator"], tier["perceptors"], tier["settings"])
            made = resolved()
            assert made.generator["model"] == tier["generator"] and "tiny" not in made.perceptors
            assert [each["model"] for each in made.perceptors.values()] == tier["perceptors"], name
            assert config.format_size(made.size) == tier["settings"]["size"] and made.steps == 500
    tiers = {profiles.bundle("artist", size)[0] for size in (5.9, 7.9, 11.6, 15.9, 24, 80)}  # type: ignore[index]
    assert tiers == {"6", "8", "12", "24"}
    with pytest.raises(UsageError, match=r"needs a GPU of 6 GB or more and 0\.0 GB are here.*--memory 6"):
        profiles.bundle("artist", 0)
    assert profiles.bundle("nothing", 8) is None


@pytest.mark.slow
def test_the_default_models_lie_beneath_the_user_s_own_settings(home: Path) -> None:
    profiles.choose("vqgan-coco", ["ViT-B/32"])
    resources.user_config().write_text("steps: 9\n")
    made = resolved()
    assert (made.generator["model"], made.steps, made.size) == ("vqgan-coco", 9, (512, 512))
    profiles.choose(None, ["RN50", "ViT-B/16"])
    assert [each["model"] for each in resolved().perceptors.values()] == ["RN50", "ViT-B/16"]
    assert resolved().generator["model"] == "vqgan-coco"
    assert resolved({"generator": "pixel"}).generator["type"] == "pixel"
    profiles.reset()
    assert resolved() == resolved({"steps": 9}) and "tiny" in resolved().perceptors


def test_a_model_that_is_not_here_says_how_it_comes(home: Path) -> None:
    from pixgen import registry

    generator = registry.create("generator", {"type": "vqgan", "model": "imagenet"})
    said = (
        rf"vqgan-imagenet-f16-16384 is not here; `pixgen models pull vqgan-imagenet-f16-16384` fetches 980 MB to {home}"
    )
    with pytest.raises(UsageError, match=said):
        generator.prepare(torch.device("cpu"))
    perceptor = registry.create("perceptor", {"type": "open_clip", "model": "ViT-B/32"})
    with pytest.raises(UsageError, match=r"`pixgen models pull ViT-B-32-openai` fetches 354 MB to "):
        perceptor.prepare(torch.device("cpu"))


@pytest.mark.slow
def test_a_doctor_hears_of_what_is_missing_and_half_here(home: Path) -> None:
    assert all(finding.ok for finding in model_findings.findings()) and len(model_findings.findings()) == 2
    profiles.choose("vqgan-coco", ["ViT-B/32"])
    bad = [finding for finding in model_findings.findings() if not finding.ok]
    assert [finding.way_out for finding in bad] == [
        "pixgen models pull vqgan-coco",
        "pixgen models pull ViT-B-32-openai",
    ]
    assert "354 MB" in bad[1].state and str(home) in bad[1].state
    place = cache.place(zoo.get("vqgan-coco"), zoo.get("vqgan-coco").files[0])
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x")
    assert any("vqgan-coco is partly here" in finding.state for finding in model_findings.findings())
    profiles.default_file().write_text("generator: [1]\n")
    assert "pixgen models use pixgen-tiny" in [finding.way_out for finding in model_findings.findings()]


def test_an_entry_of_the_user_s_that_is_wrong_is_named(home: Path) -> None:
    (home / "models").mkdir()
    (home / "models" / "mine.yaml").write_text("kind: vqgam\nabout: x\narchitecture: {}\nfiles: []\n")
    with pytest.raises(UsageError, match=r"mine\.yaml\.kind is 'vqgam'.*did you mean 'vqgan'"):
        zoo.get("mine")


@pytest.mark.parametrize("put", ["pipe", "device", "bytes", "megabytes"])
def test_a_file_among_the_models_that_describes_none_is_named(put: str, home: Path) -> None:
    (home / "models").mkdir()
    path = home / "models" / "mine.yaml"
    if put == "pipe":
        os.mkfifo(path)
    elif put == "device":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(b"\xff\xfe\0files:" if put == "bytes" else b"files: []\n" * 200_000)
    for ask in (zoo.entries, lambda: zoo.find("mine"), lambda: list(zoo.pairs())):
        with pytest.raises(UsageError, match=r"mine\.yaml describes no model: .*; mend it, or move it"):
            ask()


def test_a_header_tells_the_architecture_without_the_weights(home: Path) -> None:
    vqgans.write({"a": torch.zeros(3)}, TINY, home / "a.safetensors")
    assert vqgans.described(home / "a.safetensors") == TINY
    vqgans.write({"a": torch.zeros(3)}, {**TINY, "ddconfig": [1, 2]}, home / "a.safetensors")
    with pytest.raises(PixgenError, match=r"a\.safetensors is not a VQGAN .*ddconfig is '\[1, 2\]' \(list\)"):
        vqgans.described(home / "a.safetensors")
    (home / "b.safetensors").write_bytes(b"\xff" * 8 + b"{")
    assert vqgans.described(home / "b.safetensors") is None and vqgans.described(home / "none.safetensors") is None
