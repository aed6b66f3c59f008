"""Trainings end the same whether they were killed or not, resume from what they shipped, and learn."""

import importlib
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from pixgen.errors import UsageError
from pixgen.networks import store
from pixgen.networks.clip import TinyCLIP, TinyConfig
from pixgen.networks.vqgan import load
from pixgen.training import clip, codebook, runs, vqgan
from pixgen.training.data import drawings
from pixgen.training.data.pool import ScenePool, camera, mirror_caption, open_pool
from pixgen.training.data.scenes import Scenes
from tests.training.shapes import SHAPES, pack
from tests.training.trained import kill_after, train


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trainings")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawings.rasterise(folder, folder / "cache", 96, pack(folder, SHAPES), processes=1)
    return folder / "cache"


LOUD = pytest.mark.filterwarnings("ignore")  # so short a run may warn
CASES: dict[str, tuple[str, dict[str, int]]] = {
    "clip": ("learner", {"pictures": 32, "pool": 8}),
    # Long enough for codes (from 20 % on) and the critic (from 75 %).
    "vqgan": ("model", {"crops": 20, "pool": 40}),
}


@pytest.mark.slow
@LOUD
@pytest.mark.parametrize("name", CASES)
def test_a_training_that_was_killed_ends_as_one_that_was_not(name: str, cache: Path, tmp_path: Path) -> None:
    training = importlib.import_module(f"pixgen.training.{name}")
    network, values = CASES[name]
    whole = train(training, tmp_path / "whole", cache=cache, **values)
    kill_after(2, training, tmp_path / "cut", cache=cache, **values)
    resumed = train(training, tmp_path / "cut", cache=cache, **values)
    assert whole["step"] == resumed["step"] > 2
    assert all(torch.equal(whole[network][key], resumed[network][key]) for key in whole[network])


@pytest.mark.parametrize("name", ["clip", "vqgan", "tokens", "prior", "judge"])
def test_a_training_without_drawings_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    training = importlib.import_module(f"pixgen.training.{name}")
    with pytest.raises(UsageError, match="no drawings in .*pixgen train data"):
        training.main(training.Options(run=tmp_path / "run", cache=tmp_path / "none"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["clip", "vqgan", "tokens", "prior", "judge"])
def test_a_training_does_not_begin_among_the_files_of_others(name: str, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "vqgan.safetensors").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"holds vqgan.safetensors, of no training of pixgen; .* --runs"):
        runs.require_same_inputs(importlib.import_module(f"pixgen.training.{name}").Options(run=tmp_path, cache=cache))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "vqgan.safetensors"]


def test_captions_taken_by_length_are_embedded_as_all_at_once() -> None:
    torch.manual_seed(0)
    model = TinyCLIP(TinyConfig(vocabulary=50)).eval()
    lengths = torch.tensor([3, 24, 1, 7, 7, 2, 15])
    ids = torch.randint(1, 50, (7, 24)) * (torch.arange(24) < lengths[:, None])
    torch.testing.assert_close(clip.encode_by_length(model, ids), model.encode_text(ids), atol=1e-5, rtol=0)
    torch.testing.assert_close(clip.encode_by_length(model, ids[:2]), model.encode_text(ids[:2]), atol=1e-5, rtol=0)


@pytest.mark.slow
@LOUD
def test_a_perceptor_resumes_from_what_was_shipped(cache: Path, tmp_path: Path) -> None:
    train(clip, tmp_path / "old", cache=cache, pictures=16, pool=8)
    shipped = tmp_path / "old" / "perceptor.safetensors"
    train(clip, tmp_path / "new", cache=cache, pictures=24, pool=8, restart=shipped)
    old, new = store.about(shipped), store.about(tmp_path / "new" / "perceptor.safetensors")
    assert (old["pictures"], new["pictures"]) == (16, 24) and old["tokenizer"] == new["tokenizer"]


@pytest.mark.slow
@LOUD
def test_a_vqgan_resumes_from_the_codes_that_were_shipped(cache: Path, tmp_path: Path) -> None:
    train(vqgan, tmp_path / "old", cache=cache, crops=12, pool=40)
    shipped = tmp_path / "old" / "vqgan.safetensors"
    # Of so long a run the codes would be unknown still, had it begun from nothing.
    kill_after(1, vqgan, tmp_path / "new", cache=cache, crops=1000, pool=40, restart=shipped)
    checkpoint = runs.load_checkpoint(tmp_path / "new" / "checkpoint.pt")
    assert checkpoint is not None and checkpoint["seen"] == 14 and checkpoint["codes"]["counts"].sum() > 0
    key = "quantize.embedding.weight"
    kept = (checkpoint["model"][key] - load(shipped).state_dict()[key]).norm(dim=1) < 1e-3
    assert kept.float().mean() > 0.5


@pytest.mark.slow
@LOUD
def test_a_vqgan_resumes_shipped_weights_with_more_codes(cache: Path, tmp_path: Path) -> None:
    train(vqgan, tmp_path / "old", cache=cache, crops=12, pool=40)
    shipped = tmp_path / "old" / "vqgan.safetensors"
    values = {"cache": cache, "crops": 16, "pool": 40, "restart": shipped, "codes": 1100}
    with pytest.raises(UsageError, match=r"--decoder keeps all codes, and .* has 1024; give --codes 1024"):
        train(vqgan, tmp_path / "new", **values, decoder=True)
    assert not (tmp_path / "new").exists()
    train(vqgan, tmp_path / "new", **values)
    codes = load(tmp_path / "new" / "vqgan.safetensors").quantize.codebook
    assert len(codes) == 1100 and len(load(shipped).quantize.codebook) == 1024
    assert torch.allclose(codes.norm(dim=1), torch.ones(1100), atol=1e-3) and len(codes.unique(dim=0)) > 550
    with pytest.raises(UsageError, match="was begun with codes 1100, and now it is 1024"):
        train(vqgan, tmp_path / "new", **{**values, "crops": 20, "codes": 1024})
    train(vqgan, tmp_path / "new", **{**values, "crops": 20, "codes": None})
    assert len(load(tmp_path / "new" / "vqgan.safetensors").quantize.codebook) == 1100


@pytest.mark.slow
@LOUD
def test_a_vqgan_s_discriminator_comes_in_when_it_is_asked_to(cache: Path, tmp_path: Path) -> None:
    for share, comes in ((0.5, True), (1.0, False)):
        train(vqgan, tmp_path / str(share), cache=cache, crops=6, pool=40, critic=share)
        assert (tmp_path / str(share) / "discriminator.safetensors").exists() == comes


@pytest.mark.slow
@LOUD
def test_a_decoder_that_learns_alone_leaves_every_code_its_meaning(cache: Path, tmp_path: Path) -> None:
    train(vqgan, tmp_path / "old", cache=cache, crops=12, pool=40)
    shipped = tmp_path / "old" / "vqgan.safetensors"
    values = {"cache": cache, "crops": 20, "pool": 40, "decoder": True}
    with pytest.raises(UsageError, match="--restart"):
        train(vqgan, tmp_path / "none", **values)
    state = train(vqgan, tmp_path / "new", **values, restart=shipped)
    old, new = load(shipped).state_dict(), state["model"]
    changed = {key.split(".")[0] for key in old if not torch.equal(old[key], new[key])}
    assert changed == {"decoder", "post_quant_conv"}
    assert store.fingerprint(tmp_path / "new" / "vqgan.safetensors") == store.fingerprint(shipped)
    further = train(vqgan, tmp_path / "old", **values)  # the run of the whole network resumes with its decoder alone
    assert (further["seen"], further["begun"]) == (20, 6)
    assert store.fingerprint(tmp_path / "old" / "vqgan.safetensors") == store.fingerprint(shipped)


def test_an_average_keeps_what_is_frozen_to_the_bit() -> None:
    model = torch.nn.Linear(2, 1)
    model.weight.data = torch.tensor([[-0.0, 0.3]])
    model.weight.requires_grad_(False)
    average = runs.WeightAverage(model)
    for step in range(3):
        model.bias.data += 1
        average.update(model, step)
    assert average.model.weight.signbit().equal(model.weight.signbit()) and average.model.weight.equal(model.weight)
    assert average.model.bias.item() < model.bias.item()


def test_clusters_lie_where_the_latents_are() -> None:
    torch.manual_seed(0)
    centres = torch.nn.functional.normalize(torch.randn(6, 8), dim=1)
    latents = torch.nn.functional.normalize(centres.repeat_interleave(50, 0) + 0.05 * torch.randn(300, 8), dim=1)
    codebook = vqgan.Codes(24, 8).cluster(latents)
    torch.testing.assert_close(codebook.norm(dim=1), torch.ones(24))
    assert ((latents @ codebook.T).amax(1) > 0.95).all()


def test_codes_are_added_where_those_that_are_there_are_far() -> None:
    torch.manual_seed(0)
    centres = torch.nn.functional.normalize(torch.randn(6, 8), dim=1)
    latents = torch.nn.functional.normalize(centres.repeat_interleave(50, 0) + 0.05 * torch.randn(300, 8), dim=1)
    kept = centres[:3]
    whole = vqgan.Codes(30, 8).extend(kept, latents)
    assert torch.equal(whole[:3], kept)
    torch.testing.assert_close(whole.norm(dim=1), torch.ones(30))
    assert (whole[3:] @ centres[3:].T > 0.9).sum() > 18  # most of the new ones lie at the centres that had none
    assert ((latents @ whole.T).amax(1) > 0.95).all()


def test_clusters_are_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    latents = torch.nn.functional.normalize(torch.randn(300, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    found = []
    for held in (codebook.MAX_SIMILARITIES, 24 * 7, 1):
        monkeypatch.setattr(codebook, "MAX_SIMILARITIES", held)
        torch.manual_seed(0)
        found.append(vqgan.Codes(24, 8).cluster(latents))
    torch.testing.assert_close(found[1], found[0])
    torch.testing.assert_close(found[2], found[0])


def test_codes_follow_their_latents_and_idle_ones_are_revived() -> None:
    torch.manual_seed(0)
    codes = vqgan.Codes(4, 2)
    codebook = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    latents = torch.nn.functional.normalize(torch.tensor([[1.0, 0.2], [1.0, 0.3], [0.1, 1.0]]), dim=1)
    for _ in range(200):
        codes.follow(codebook, (latents @ codebook.T).argmax(1), latents)
    torch.testing.assert_close(codebook[1], latents[2], rtol=0, atol=1e-3)
    assert codes.revive(codebook, latents) == 2
    assert all(any(torch.equal(code, row) for row in latents) for code in codebook[2:])


def test_a_pool_is_rendered_once_and_used_in_other_orders(cache: Path, tmp_path: Path) -> None:
    source = Scenes(cache, 4, 32, 0)
    first = open_pool(tmp_path / "pool.npy", source, 10)
    assert len(first) == 12 and first.pictures.dtype == np.uint8 and len(first.wordings[0]) == 4
    again = open_pool(tmp_path / "pool.npy", None, 0)  # type: ignore[arg-type]  # there already: nothing is rendered
    assert np.array_equal(first.pictures, again.pictures)
    orders = [first.order(epoch, 0) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(12)) for order in orders) and not np.array_equal(*orders)
    assert all(one + 1 == two for order in orders for one, two in order.reshape(-1, 2) if one % 2 == 0)


def test_a_pool_s_batch_keeps_each_picture_with_its_own_words(cache: Path, tmp_path: Path) -> None:
    made: ScenePool = open_pool(tmp_path / "pool.npy", Scenes(cache, 4, 32, 0), 8)
    places = np.array([6, 1, 3])
    batch = made.batch(places, 32, torch.Generator().manual_seed(0))
    for row, place in enumerate(sorted(places)):
        said = (batch.captions[row], mirror_caption(batch.captions[row]))
        assert set(said) & set(made.wordings[place]) and batch.subjects[row] == made.subjects[place]
    same = made.batch(places, 32, torch.Generator().manual_seed(0))
    assert torch.equal(batch.images, same.images) and batch.captions == same.captions


def test_a_mirrored_picture_s_caption_names_the_other_side() -> None:
    pictures = np.zeros((8, 3, 64, 64), np.uint8)
    pictures[..., :32] = 255  # light on the left
    words = [["a cat to the left of an owl", "um gato à esquerda de uma coruja"] * 2] * 8
    made = ScenePool(pictures, words, torch.zeros(8), torch.zeros(8))
    batch = made.batch(np.arange(8), 32, torch.Generator().manual_seed(0))
    left = batch.images[..., :10].mean((1, 2, 3)) > batch.images[..., -10:].mean((1, 2, 3))
    assert 0 < left.sum() < 8
    for shown, caption in zip(left.tolist(), batch.captions, strict=True):
        assert ("left of" in caption or "esquerda de" in caption) == shown
        assert mirror_caption(mirror_caption(caption)) == caption


@pytest.mark.parametrize("side", [32, 48])
def test_the_camera_keeps_range_and_size(side: int) -> None:
    images = torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    seen = camera(images, side, torch.Generator().manual_seed(1))
    assert seen.shape == (5, 3, side, side) and seen.min() >= 0 and seen.max() <= 1
    flat = camera(torch.full((5, 3, 64, 64), 0.5), side, torch.Generator().manual_seed(1))
    assert (flat.mean((2, 3)) - 0.5).abs().max() < 0.1
