"""The trainings of the token decoder and the prior: killed or not they end the same, and scenes are made once."""

import importlib
import random
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixgen.networks import store
from pixgen.networks.pair import load
from pixgen.networks.prior import Prior, PriorConfig
from pixgen.networks.token_decoder import TokenConfig, TokenDecoder
from pixgen.training import runs, tokens
from pixgen.training.data import drawings, grids
from pixgen.training.data.grids import CleanScenes, Grids
from tests.networks.toys import networks
from tests.training.shapes import SHAPES, pack
from tests.training.trained import kill_after, train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of drawings, and a perceptor and a VQGAN next to it."""
    folder = tmp_path_factory.mktemp("tokens")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawings.rasterise(folder, folder / "cache", 96, pack(folder, SHAPES), processes=1)
    networks(folder / "pair")
    return folder


TOKENS = {"scenes": 8, "grids": 20, "width": 32, "depth": 1}
CASES: dict[str, dict[str, int]] = {"tokens": TOKENS, "prior": {"scenes": 16, "pairs": 40}}


def among(folder: Path) -> dict[str, Any]:
    """The options by which a training finds what lies in `folder`."""
    return {"cache": folder / "cache", "pair": folder / "pair", "subjects": 10**6}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_training_that_was_killed_ends_as_one_that_was_not(name: str, folder: Path, tmp_path: Path) -> None:
    training = importlib.import_module(f"pixgen.training.{name}")
    values = {**among(folder), **CASES[name]}
    whole = train(training, tmp_path / "whole", **values)
    kill_after(3, training, tmp_path / "cut", **values)
    resumed = train(training, tmp_path / "cut", **values)
    assert whole["step"] == resumed["step"] == 5
    assert all(torch.equal(whole["model"][key], resumed["model"][key]) for key in whole["model"])
    config, network = {"tokens": (TokenConfig, TokenDecoder), "prior": (PriorConfig, Prior)}[name]
    shipped, about = store.load(tmp_path / "cut" / f"{name}.safetensors", config, network, "")
    assert about["perceptor"] == store.fingerprint(folder / "pair" / "perceptor.safetensors")
    assert all(value.isfinite().all() for value in shipped.state_dict().values())


@pytest.mark.slow
def test_a_decoder_resumes_from_what_was_shipped(folder: Path, tmp_path: Path) -> None:
    train(tokens, tmp_path / "run", **{**among(folder), **TOKENS, "grids": 8})
    shipped = tmp_path / "old.safetensors"
    (tmp_path / "run" / "tokens.safetensors").rename(shipped)
    values = {**among(folder), **TOKENS, "width": 192, "grids": 12, "restart": shipped, "lr": 0.0}
    state = train(tokens, tmp_path / "new", **values)
    old, about = store.load(shipped, TokenConfig, TokenDecoder, "")
    assert (about["grids"], state["seen"], state["step"]) == (8, 12, 3)
    assert all(torch.equal(value, state["model"][key]) for key, value in old.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_whoever_stops_it_at_a_checkpoint_has_its_weights(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = importlib.import_module(f"pixgen.training.{name}")
    save = runs.save_atomically

    def stopped(state: dict[str, object], path: Path) -> None:
        save(state, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "save_atomically", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(training, tmp_path, **among(folder), **CASES[name])
    assert (tmp_path / f"{name}.safetensors").is_file()


def test_scenes_that_are_drawn_otherwise_now_are_encoded_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, scenes, places = load(folder / "pair"), CleanScenes(folder / "cache", 4, 0, 10**6), np.arange(4)
    Grids(tmp_path, scenes, pair, 4, chunk=1).rows(places, torch.Generator())
    for embedded in tmp_path.rglob("*.npy"):
        embedded.unlink()  # as by another perceptor
    other = CleanScenes(folder / "cache", 4, 1, 10**6)
    other.seed = 0
    monkeypatch.setattr(other, "batch_at", lambda step, n: CleanScenes(folder / "cache", 4, 1, 10**6).batch_at(step, n))
    codes, embeddings, _ = Grids(tmp_path, other, pair, 4, chunk=1).rows(places, torch.Generator())
    images = other.batch_at(0, grids.WORDINGS).images
    assert torch.equal(codes, pair.codes(images))
    torch.testing.assert_close(embeddings, pair.embed(images), atol=1e-3, rtol=0)


@pytest.mark.slow
def test_a_decoder_with_more_layers_says_at_first_what_it_said(folder: Path) -> None:
    made = Grids(folder / "grown", CleanScenes(folder / "cache", 4, 0, 10**6), load(folder / "pair"), 4)
    model = tokens.new_decoder(tokens.Options(run=folder, cache=folder, width=32, depth=1), load(folder / "pair"), made)
    codes, embeddings, _ = made.rows(np.arange(4), torch.Generator())
    deeper = tokens.deepened(model, 3)
    assert len(deeper.layers) == 3 and tokens.deepened(deeper, 1).config.depth == 3
    before, after = (network.loss(codes, network.of_image(embeddings)) for network in (model, deeper))
    torch.testing.assert_close(before, after)
    after.mean().backward()
    assert deeper.layers[2].out.weight.grad is not None and deeper.layers[2].out.weight.grad.any()  # and will learn


def test_scenes_are_encoded_once_and_as_the_pair_encodes_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, scenes = load(folder / "pair"), CleanScenes(folder / "cache", 4, 0, 10**6)
    made = Grids(tmp_path, scenes, pair, 7, chunk=1)
    assert len(made) == 8 and not list(made.folder.glob("*.npz"))
    codes, embeddings, captions = made.rows(np.array([5, 4]), torch.Generator().manual_seed(0))
    assert [path.name[:5] for path in made.folder.iterdir()] == ["00001", "00001"]
    batch = scenes.batch_at(1, grids.WORDINGS)
    assert torch.equal(codes, pair.codes(batch.images)[[1, 0]])
    torch.testing.assert_close(embeddings, pair.embed(batch.images)[[1, 0]], atol=1e-3, rtol=0)
    assert captions[0] in batch.wordings[1] and captions[1] in batch.wordings[0]
    again = Grids(tmp_path, scenes, pair, 7, chunk=1)
    monkeypatch.setattr(scenes, "batch_at", None)  # not drawn again
    assert torch.equal(again.rows(np.array([5, 4]), torch.Generator().manual_seed(0))[0], codes)
    orders = [again.order(epoch) for epoch in (0, 1, 2)]
    assert list(orders[0]) == list(range(8)) and all(sorted(order) == list(range(8)) for order in orders)
    assert list(orders[1]) != list(orders[2])


def test_another_perceptor_embeds_scenes_again_and_their_codes_stay(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder / "pair", tmp_path / "pair")
    scenes, places = CleanScenes(folder / "cache", 4, 0, 10**6), np.arange(4)
    first = Grids(tmp_path, scenes, load(tmp_path / "pair"), 4, chunk=1)
    codes, embeddings, captions = first.rows(places, torch.Generator())
    networks(tmp_path / "other", seed=1)
    (tmp_path / "other" / "perceptor.safetensors").replace(tmp_path / "pair" / "perceptor.safetensors")
    pair = load(tmp_path / "pair")
    monkeypatch.setattr(pair, "codes", None)  # not encoded again
    again = Grids(tmp_path, scenes, pair, 4, chunk=1).rows(places, torch.Generator())
    assert torch.equal(again[0], codes) and again[2] == captions
    assert (again[1] - embeddings).abs().amax() > 0.01


def test_orders_are_mostly_row_by_row_and_holes_come_last() -> None:
    found = tokens.orders(2000, 4, torch.Generator().manual_seed(0))
    assert (found.sort(1).values == torch.arange(16)).all()
    rows = (found == torch.arange(16)).all(1)
    assert 0.78 < rows.float().mean() < 0.9
    # The late patches and the others each stay row by row: the order falls once at most.
    assert ((found.diff(dim=1) < 0).sum(1) == 1).equal(~rows)
    alone = (found.diff(dim=1) > 1).sum(1)  # a rectangle leaves few gaps, scattered places many
    assert (alone > 4).float().mean() > 0.03 and ((alone > 0) & (alone < 4)).float().mean() > 0.03


def test_blurred_and_dropped_prefixes_are_for_training_alone(folder: Path) -> None:
    pair = load(folder / "pair")
    model = TokenDecoder(TokenConfig(width=32, depth=1, heads=1, embedding=16, text_width=12))
    embeddings = torch.nn.functional.normalize(torch.randn(200, 16, generator=torch.Generator().manual_seed(0)), dim=1)
    captions = ["a cat"] * 200
    plain = tokens.condition(model, pair, "image", embeddings, captions, None)
    trained = tokens.condition(model, pair, "image", embeddings, captions, torch.Generator().manual_seed(0))
    assert plain.mask.all() and not torch.equal(plain.tokens, trained.tokens)
    assert 0.03 < (~trained.mask[:, 1]).float().mean() < 0.2 and trained.mask[:, 0].all()
    assert tokens.condition(model, pair, "unconditional", embeddings, captions, None).tokens.shape[1] == 1


def test_most_scenes_show_one_subject_in_the_middle(folder: Path) -> None:
    scenes, rng = CleanScenes(folder / "cache", 4, 0, 10**6), random.Random(0)
    first = [scenes.sketch(rng).placed[0] for _ in range(400)]
    middle = [p for p in first if (p.x, p.angle, p.flip) == (0, 0, False) and p.size in (grids.WHOLE, grids.CLOSE)]
    assert abs(len(middle) / 400 - grids.PLAIN) < 0.08


def test_scenes_show_one_icon_set_where_it_drew_the_subject(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = CleanScenes(folder / "cache", 4, 0, 10**6).drawings
    group = next(iter(everything))
    i, drawing = everything[group][0]
    load_sprites = drawings.load_sprites

    def with_another_set(cache: Path) -> tuple[np.ndarray, list[drawings.Icon]]:
        sprites, index = load_sprites(cache)
        return sprites, [replace(d, icon_set=grids.ICON_SET) if n == i else d for n, d in enumerate(index)]

    monkeypatch.setattr("pixgen.training.data.scenes.load_sprites", with_another_set)
    shown = CleanScenes(folder / "cache", 4, 0, 10**6).drawings
    assert shown[group] == [(i, replace(drawing, icon_set=grids.ICON_SET))]
    assert {g: shown[g] for g in shown if g != group} == {g: everything[g] for g in everything if g != group}


def test_half_of_the_grids_are_read_with_faults() -> None:
    codes = torch.arange(400)[:, None, None].expand(400, 16, 16)
    seen = tokens.corrupt(codes, torch.Generator().manual_seed(0))
    assert ((seen == codes) | (seen == codes.roll(1, 0))).all()
    faults = (seen != codes).float().mean((1, 2))
    assert 0.4 < (faults == 0).float().mean() < 0.6 and 0.7 < faults.max() < 0.9
