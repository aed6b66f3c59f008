"""Variations, morphs and edits: what strength 0 gives back, what a mask holds, what a seed fixes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.editing import masks, operations, refine
from pixgen.editing.operations import Sampling, slerp
from pixgen.errors import UsageError
from pixgen.io import video
from pixgen.loop.build import stages
from pixgen.networks.token_decoder import TokenDecoder
from tests.editing.toy_pair import ToyPair

QUICK = Sampling(candidates=2)


@pytest.fixture(scope="module")
def pair() -> ToyPair:
    return ToyPair()


def picture(height: int = 128, width: int = 128, seed: int = 0) -> Tensor:
    colours = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(colours, size=(height, width), mode="bilinear")


def test_the_arc_has_its_ends_its_middle_and_their_lengths() -> None:
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)
    torch.testing.assert_close(slerp(a, b, 0.5), torch.full((1, 2), 2 / 2**0.5))
    torch.testing.assert_close(slerp(a, a, 0.3), a)


def test_strength_0_gives_the_same_codes_back(pair: ToyPair) -> None:
    image = picture()
    own = pair.codes(image)[0]
    (varied,) = operations.vary(pair, image, 1, strength=0)
    edited = operations.edit(pair, image, "a green apple", "a red apple", strength=0, size=128)
    for made in (varied, edited):
        assert torch.equal(made.codes, own)
        torch.testing.assert_close(made.image, pair.decode(own[None]))


@pytest.mark.slow
def test_variations_follow_their_seed_and_differ_from_each_other(pair: ToyPair) -> None:
    own = pair.codes(picture())[0]
    made = list(operations.vary(pair, picture(), 2, seed=4, sampling=QUICK))
    (again,) = operations.vary(pair, picture(), 1, seed=5, sampling=QUICK)
    assert [one.seed for one in made] == [4, 5]
    assert torch.equal(made[1].codes, again.codes) and torch.equal(made[1].image, again.image)
    assert not torch.equal(made[0].codes, made[1].codes)
    for one in made:
        changed = (one.codes != own).float().mean()
        assert 0.5 < changed <= 0.75  # the untrained decoder repeats a code by chance alone


@pytest.mark.slow
def test_what_a_variation_keeps_is_as_fine_as_the_picture(pair: ToyPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair.vqgan, "token_codes", 20)
    monkeypatch.setattr(pair, "decoder", TokenDecoder(replace(pair.decoder.config, codes=20)).eval())
    own, coarse = pair.codes(picture())[0], pair.token_codes(picture())[0]
    assert own.max() >= 20 > coarse.max()
    (made,) = operations.vary(pair, picture(), 1, strength=0.5, sampling=QUICK)
    kept = made.codes == own
    assert 0.45 < kept.float().mean() < 0.7 and made.codes[~kept].max() < 20 <= made.codes[kept].max()


def test_the_best_candidate_is_kept(pair: ToyPair) -> None:
    codes = torch.randint(0, 64, (5, 16, 16), generator=torch.Generator().manual_seed(1))
    goal = pair.embed(pair.decode(codes[3:4]))
    assert torch.equal(operations._nearest(pair, codes, goal), codes[3])


@pytest.mark.slow
def test_the_loop_comes_nearer_to_the_embedding(pair: ToyPair) -> None:
    made = refine.refine(pair, pair.codes(picture())[0], pair.embed(picture(seed=9)), 0, 4, 128, pull=0.0)
    assert made.steps == len(made.losses["embedding"]) == 4
    assert made.losses["embedding"][-1] < made.losses["embedding"][0]
    assert made.image.shape == (1, 3, 128, 128) and made.codes.shape == (16, 16)


@pytest.mark.slow
def test_the_loop_has_the_settings_of_the_pair_s_profile(
    pair: ToyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path))
    shipped = refine.settings(256, steps=11)
    assert (shipped.optimizer["lr"], shipped.noise, shipped.average, shipped.starts) == (0.05, 0, 0.9, 1)
    assert shipped.cutter["whole"] == 0.5 and list(shipped.losses) == ["init"]
    assert [(s.steps, s.size, s.cutouts) for s in stages(shipped, 128)] == [(8, (128, 128), 16), (3, (256, 256), 12)]
    small = refine.settings(128, steps=11)
    assert [(s.steps, s.size, s.cutouts) for s in stages(small, 128)] == [(11, (128, 128), 16)]

    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "still.yaml").write_text(
        "pair: {generator: vqgan, perceptors: [tiny]}\n"
        "profile: {start: dalle1, filters: {posterize: {levels: 2}}}\n"
        "editing: {optimizer: {lr: 0.0}}\n"
    )
    still = refine.settings(256, steps=11)
    assert list(still.filters) == ["posterize"] and still.optimizer["lr"] == 0 and still.average == 0.9
    own = pair.codes(picture())[0]
    (varied,) = operations.vary(pair, picture(), 1, steps=2, size=128, sampling=QUICK)
    (drawn,) = operations.vary(pair, picture(), 1, sampling=QUICK)
    assert torch.equal(varied.codes, drawn.codes) and not torch.equal(varied.codes, own)  # a rate of 0 moves nothing
    assert len(varied.image.unique()) == 2


@pytest.mark.slow
def test_the_pull_to_the_first_codes_is_weaker_the_stronger_the_edit(pair: ToyPair) -> None:
    codes, target = pair.codes(picture())[0], pair.embed(picture(seed=9))
    free, held = (refine.refine(pair, codes, target, 0, 4, 128, pull=pull) for pull in (0.0, 1000.0))
    assert held.losses["init"][-1] < free.losses["init"][-1]
    assert held.losses["embedding"][-1] > free.losses["embedding"][-1]


@pytest.mark.slow
def test_a_morph_begins_with_the_one_and_ends_with_the_other(pair: ToyPair) -> None:
    first, last = picture(seed=1), picture(90, 200, seed=2)
    frames = list(operations.morph(pair, first, last, 3, steps=1))
    again = list(operations.morph(pair, first, last, 3, steps=1))
    assert torch.equal(frames[0].codes, pair.codes(first)[0])
    assert torch.equal(frames[2].codes, pair.codes(last[:, :, :, 55:145])[0])
    assert [frame.steps for frame in frames] == [0, 1, 0]
    assert torch.equal(frames[1].image, again[1].image)
    with pytest.raises(UsageError, match="at least 2"):
        next(operations.morph(pair, first, last, 1))


def test_an_edit_moves_the_embedding_along_the_texts_difference(pair: ToyPair) -> None:
    own = pair.embed(picture())
    new, old = pair.perceptor.encode_text(["green", "red"])
    moved = [operations.edited(pair, own, "green", "red", strength, Streams(0)) for strength in (0, 0.5, 1)]
    torch.testing.assert_close(moved[0], own)
    along = [float(one @ F.normalize(new - old, dim=0)) for one in moved]
    kept = [float(one @ own[0]) for one in moved]
    assert along[0] < along[1] < along[2] and kept[0] > kept[1] > kept[2] > 0.5
    with pytest.raises(UsageError, match="mean the same"):
        operations.edited(pair, own, "red", "red", 0.5, Streams(0))


def test_colours_are_changed_towards_the_embedding(pair: ToyPair) -> None:
    target = pair.embed(1 - picture())
    coloured = operations._recoloured(pair, picture(), target)
    assert float(pair.embed(coloured)[0] @ target[0]) > float(pair.embed(picture())[0] @ target[0])
    assert coloured.shape == (1, 3, 128, 128) and float(coloured.min()) >= 0 and float(coloured.max()) <= 1


@pytest.mark.slow
def test_an_edit_changes_as_many_places_as_its_strength_says(pair: ToyPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "_nearest", lambda pair, codes, target: codes[-1])  # one that was drawn anew
    own = pair.codes(picture())[0]
    weak, strong = (
        operations.edit(pair, picture(), "green", "red", strength=x, steps=1, size=128, sampling=QUICK)
        for x in (0.25, 0.75)
    )
    changed = [float((made.codes != own).float().mean()) for made in (weak, strong)]
    assert 0.1 < changed[0] <= 0.25 < changed[1] <= 0.75
    with pytest.raises(UsageError, match="--from"):
        operations.edit(pair, picture(), "green")
    with pytest.raises(UsageError, match="strength 1.5"):
        operations.edit(pair, picture(), "green", "red", strength=1.5)


@pytest.mark.slow
def test_outside_the_mask_every_pixel_stays(pair: ToyPair) -> None:
    image = picture(150, 170)
    mask = torch.zeros(1, 1, 150, 170)
    mask[:, :, 40:80, 100:160] = 1
    made = operations.edit(pair, image, "a red balloon", mask=mask, strength=1, steps=1, size=136, sampling=QUICK)
    outside = (mask == 0).expand_as(image)
    assert made.image.shape == image.shape
    assert torch.equal(made.image[outside], image[outside])
    assert (made.image != image)[~outside].float().mean() > 0.5


@pytest.mark.parametrize(("shown", "unlike"), [("the same", False), ("its negative", True), ("noise", True)])
def test_a_picture_that_its_codes_do_not_show_is_unlike(shown: str, unlike: bool, pair: ToyPair) -> None:
    image = picture()
    noise = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    decoded = {"the same": image, "its negative": 1 - image, "noise": noise}[shown]

    class Shows(ToyPair):
        def decode(self, codes: Tensor) -> Tensor:
            return decoded

    assert operations.is_unlike(Shows(), image) is unlike


def test_places_cover_the_share_in_whole_blocks() -> None:
    for share, expected in ((0.01, 4), (0.25, 64), (0.5, 128), (1.0, 256)):
        places = masks.random_places(share, 16, torch.Generator().manual_seed(0))
        assert int(places.sum()) == expected
        blocks = places.view(8, 2, 8, 2).transpose(1, 2).reshape(64, 4)
        assert bool((blocks.all(1) == blocks.any(1)).all())
    height = torch.zeros(1, 1, 128, 128)
    height[:, :, :, 64:] = 1
    assert bool(masks.largest(height, 0.4, 16)[:, 8:].sum() > 0.9 * 0.4 * 256)


def test_the_window_holds_the_mask() -> None:
    mask = torch.zeros(1, 1, 50, 200)
    mask[:, :, 10:20, 150:190] = 1
    window = masks.window(mask)
    assert (window.height, window.width) == (50, 50) and window.cut(mask).sum() == mask.sum()
    mask[:, :, :, 20:190] = 1
    assert masks.window(mask).cut(mask).shape == mask.shape


def test_a_video_is_an_mp4_of_its_frames() -> None:
    import imageio_ffmpeg

    encoded = video.encode([picture(33, 48, seed=i) for i in range(3)], rate=4, comment="a morph")
    assert encoded[4:8] == b"ftyp" and encoded == video.encode(
        [picture(33, 48, seed=i) for i in range(3)], rate=4, comment="a morph"
    )
    assert imageio_ffmpeg.get_ffmpeg_version()
