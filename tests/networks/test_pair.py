"""A pair gives its networks when they are needed, and says which file is wrong and how to make it."""

import dataclasses
import logging
import shutil
from pathlib import Path

import pytest
import torch

from pixgen.errors import PixgenError, UsageError
from pixgen.networks import store, vqgan
from pixgen.networks.pair import Pair, load
from pixgen.training import codes as codebooks
from tests.networks.toys import TOKENS, decoder, pair


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pair(tmp_path_factory.mktemp("pair"))


def copy(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to / "pair"))


@pytest.mark.slow
def test_words_become_pictures_both_ways(folder: Path) -> None:
    pair, random = load(folder), torch.Generator().manual_seed(0)
    embeddings = pair.text_to_image_embedding(["a red cat"], 2, random)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(2))
    for grids in (pair.from_text(["a cat", "in oil"], 2, generator=random), pair.from_embedding(embeddings, 2)):
        assert grids.shape == (2, 16, 16) and grids.dtype == torch.int64 and grids.max() < TOKENS.codes
    pictures = pair.decode(grids)
    assert pictures.shape == (2, 3, 128, 128) and pictures.min() >= 0 and pictures.max() <= 1
    assert pair.embed(pictures).shape == (2, 16) and pair.codes(pictures[:1, :, :100]).shape == (1, 16, 16)


def test_texts_are_told_apart(folder: Path) -> None:
    pair = load(folder)
    cat, dog = (pair.from_text([text], 1, temperature=0) for text in ("a cat", "a dog"))
    assert not torch.equal(cat, dog)


def test_known_codes_stay_and_the_others_are_drawn(folder: Path) -> None:
    pair = load(folder)
    known = torch.randint(TOKENS.codes, (16, 16), generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(16, 16, dtype=torch.bool)
    mask[4:9, 5:11] = True
    embedding = torch.nn.functional.normalize(torch.ones(1, 16), dim=1)
    random = torch.Generator().manual_seed(1)
    drawn = pair.from_embedding(embedding, 2, generator=random, known=known, mask=mask)
    assert (drawn[:, ~mask] == known[~mask]).all() and (drawn[:, mask] != known[mask]).any()


def test_embeddings_are_mixed_by_weight(folder: Path) -> None:
    pair = load(folder)
    one, two = torch.eye(16)[:1], torch.eye(16)[1:2]
    torch.testing.assert_close(pair.mix([one, two], [2.0, 0.0]), one)
    mixed, apart = pair.mix([one, two], [3.0, 1.0]), pair.mix([one, two], [1.0, -0.5])
    assert mixed[0, 0] > mixed[0, 1] > 0 and apart[0, 1] < 0 < apart[0, 0]


@pytest.mark.parametrize("name", ["tokens", "prior"])
def test_a_missing_damaged_or_foreign_file_is_named(name: str, folder: Path, tmp_path: Path) -> None:
    broken = copy(folder, tmp_path)
    path = broken / f"{name}.safetensors"
    network = {"tokens": "decoder", "prior": "prior"}[name]
    whole = path.read_bytes()
    wrongs = {
        "no ": None,
        "damaged": whole[: len(whole) // 2],
        "was not written by": (folder / "vqgan.safetensors").read_bytes(),
    }
    for message, held in wrongs.items():
        path.unlink()
        if held is not None:
            path.write_bytes(held)
        with pytest.raises(PixgenError, match=message) as error:
            getattr(load(broken), network)
        assert str(path) in str(error.value)
        path.write_bytes(whole)


def test_files_of_different_pairs_are_told(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mixed = copy(folder, tmp_path)
    store.save(decoder(TOKENS), mixed / "tokens.safetensors", vqgan="another")
    with caplog.at_level(logging.WARNING):
        assert load(mixed).decoder.config == TOKENS
    assert "another vqgan.safetensors" in caplog.text and "pixgen train tokens" in caplog.text
    store.save(decoder(dataclasses.replace(TOKENS, codes=99)), mixed / "tokens.safetensors")
    with pytest.raises(PixgenError, match=r"does not fit.*of 99 codes.*of 24.*pixgen train tokens"):
        _ = load(mixed).decoder


@pytest.mark.parametrize("codes", [25, 400])
def test_codes_that_were_added_change_nothing_that_the_token_decoder_does(
    codes: int, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    added = copy(folder, tmp_path)
    network = vqgan.load(folder / "vqgan.safetensors")
    store.save(codebooks.extended(network, codes, unit(codes * 4)), added / "vqgan.safetensors")
    old, new = load(folder), load(added)
    with caplog.at_level(logging.WARNING):
        assert new.decoder.config == TOKENS and len(new.vqgan.quantize.codebook) == codes
    assert not caplog.text

    def drawn(pair: Pair) -> torch.Tensor:
        return pair.from_text(["a red cat"], 2, generator=torch.Generator().manual_seed(0))

    assert torch.equal(drawn(old), drawn(new))
    assert torch.equal(old.decode(drawn(old)), new.decode(drawn(new)))
    pictures = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    assert torch.equal(old.codes(pictures), new.token_codes(pictures))


def test_with_more_codes_a_picture_is_encoded_more_finely(folder: Path, tmp_path: Path) -> None:
    added = copy(folder, tmp_path)
    network = vqgan.load(folder / "vqgan.safetensors")
    store.save(codebooks.extended(network, 2000, unit(8000)), added / "vqgan.safetensors")
    pair, pictures = load(added), torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    latents = torch.nn.functional.normalize(pair.vqgan.encode(pictures), dim=1)
    fine, coarse = (pair.vqgan.codes(found) for found in (pair.codes(pictures), pair.token_codes(pictures)))
    assert (fine * latents).sum(1).mean() > (coarse * latents).sum(1).mean()


def unit(count: int) -> torch.Tensor:
    """Unit latents of eight dimensions."""
    return torch.nn.functional.normalize(torch.randn(count, 8, generator=torch.Generator().manual_seed(2)), dim=1)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        load(tmp_path / "nowhere")
