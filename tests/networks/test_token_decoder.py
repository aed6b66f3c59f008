"""The token decoder is causal in any order, draws what its logits say, and keeps what is known."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from pixgen.errors import UsageError
from pixgen.networks.token_decoder import Prefix, TokenDecoder
from tests.networks.toys import SMALL, decoder


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grids(n: int, seed: int = 0) -> Tensor:
    return torch.randint(SMALL.codes, (n, SMALL.grid, SMALL.grid), generator=rng(seed))


def embeddings(n: int, seed: int = 0) -> Tensor:
    rows = torch.randn(n, SMALL.embedding, generator=rng(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(rows, dim=1)


def in_grid(model: TokenDecoder, logits: Tensor, order: Tensor) -> Tensor:
    """Logits (1, patches, slots, codes) in their order -> the likeliest code of every place of the grid."""
    best = torch.zeros(1, SMALL.patches, SMALL.slots, dtype=torch.long)
    best[0, order] = logits[0].argmax(-1)
    return model.grids(best)


def test_patches_and_grids_are_the_same_codes() -> None:
    model, codes = decoder(), torch.arange(SMALL.grid**2).view(1, SMALL.grid, SMALL.grid)
    assert model.patches(codes)[0, 0].tolist() == [0, 1, 6, 7] and model.patches(codes)[0, 3, 0] == 12
    assert torch.equal(model.grids(model.patches(codes)), codes)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_code_never_changes_the_logits_of_an_earlier_one(shuffled: bool) -> None:
    model, prefix = decoder(), decoder().of_image(embeddings(1))
    order = torch.randperm(SMALL.patches, generator=rng(3))[None] if shuffled else None
    places = order[0] if order is not None else torch.arange(SMALL.patches)
    codes = grids(1)
    before = model(codes, prefix, order)[0].flatten(0, 1)
    for turn, slot in ((0, 0), (2, 1), (5, 3), (8, 2)):
        patches = model.patches(codes).clone()
        patches[0, places[turn], slot] = (patches[0, places[turn], slot] + 1) % SMALL.codes
        after = model(model.grids(patches), prefix, order)[0].flatten(0, 1)
        given = turn * SMALL.slots + slot + 1
        torch.testing.assert_close(after[:given], before[:given])
        later = (after[given:] - before[given:]).abs().amax(-1)
        assert (later > 1e-6).all()  # and everything that comes after it has seen it


def test_the_loss_is_the_mean_of_what_the_logits_say_of_the_codes() -> None:
    model, codes, prefix = decoder(), grids(2), decoder().of_image(embeddings(2))
    chances = model(codes, prefix).log_softmax(-1)
    said = chances.gather(-1, model.patches(codes)[..., None])[..., 0]
    torch.testing.assert_close(model.loss(codes, prefix), -said.mean((1, 2)))


def test_padding_is_ignored_and_a_dropped_prefix_is_unconditional() -> None:
    model, codes = decoder(), grids(2)
    states = torch.randn(2, 5, SMALL.text_width, generator=rng(), dtype=torch.float64)
    mask = torch.tensor([[True] * 3 + [False] * 2] * 2)
    whole = embeddings(2)
    long, short = model.of_text(states, mask, whole), model.of_text(states[:, :3], mask[:, :3], whole)
    torch.testing.assert_close(model(codes, long), model(codes, short))
    unconditional = model(codes, model.unconditional(2))
    dropped = model(codes, long.drop(torch.tensor([True, False])))
    torch.testing.assert_close(dropped[0], unconditional[0])
    assert (dropped[1] - unconditional[1]).abs().max() > 1e-3


@pytest.mark.parametrize("guidance", [1.0, 2.5])
@pytest.mark.parametrize("holes", [False, True])
def test_a_grid_is_drawn_as_the_whole_forward_pass_says(guidance: float, holes: bool) -> None:
    model = decoder()
    prefix, known, mask = model.of_image(embeddings(1)), None, None
    order = torch.arange(SMALL.patches)
    if holes:  # the middle is resampled, and a single code of the first patch
        known, mask = grids(1, 5)[0], torch.zeros(SMALL.grid, SMALL.grid, dtype=torch.bool)
        mask[2:4, 2:6] = mask[0, 1] = True
        resampled = model.patches(mask[None])[0].any(1)
        order = torch.cat((order[~resampled], order[resampled]))
    drawn = model.sample(prefix, 1, temperature=0, guidance=guidance, known=known, mask=mask)
    conditional = model(drawn, prefix, order[None])
    unconditional = model(drawn, model.unconditional(1), order[None])
    best = in_grid(model, unconditional + guidance * (conditional - unconditional), order)
    if known is not None and mask is not None:
        best = torch.where(mask, best, known)
        assert torch.equal(drawn[0][~mask], known[~mask])
    assert torch.equal(drawn, best)


def test_guidance_of_one_is_none() -> None:
    model = decoder()
    prefix = model.of_image(embeddings(1))
    plain = model.sample(prefix, 2, generator=rng())
    assert torch.equal(plain, model.sample(prefix, 2, guidance=1 + 1e-12, generator=rng()))
    assert not torch.equal(plain, model.sample(prefix, 2, guidance=6.0, generator=rng()))


def test_the_same_generator_draws_the_same_grids() -> None:
    model = decoder()
    prefix = model.of_image(embeddings(3))
    first, again, other = (model.sample(prefix, 3, generator=rng(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == (3, SMALL.grid, SMALL.grid) and first.min() >= 0 and first.max() < SMALL.codes


def test_top_k_of_one_takes_the_likeliest() -> None:
    model = decoder()
    prefix = model.of_image(embeddings(1))
    likeliest = model.sample(prefix, 1, temperature=0)
    assert torch.equal(model.sample(prefix, 1, top_k=1, generator=rng()), likeliest)
    assert not torch.equal(model.sample(prefix, 1, top_k=8, generator=rng()), likeliest)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"guidance": -0.5}, "guidance"),
        ({"known": torch.zeros(6, 6, dtype=torch.long)}, "mask"),
        ({"known": torch.zeros(5, 6, dtype=torch.long), "mask": torch.zeros(6, 6, dtype=torch.bool)}, "shape"),
        ({"known": torch.full((6, 6), 12), "mask": torch.zeros(6, 6, dtype=torch.bool)}, "from 0 to 11"),
    ],
)
def test_options_that_cannot_be_are_named(options: dict[str, Any], message: str) -> None:
    model = decoder()
    with pytest.raises(UsageError, match=message):
        model.sample(model.unconditional(1), 1, **options)


def test_prefixes_are_one_or_one_each() -> None:
    prefix: Prefix = decoder().unconditional(2)
    assert len(prefix.expand(2).tokens) == 2
    with pytest.raises(ValueError, match="2 prefixes for 3"):
        prefix.expand(3)


@pytest.mark.slow
def test_it_learns_which_grid_belongs_to_which_picture() -> None:
    torch.manual_seed(0)
    model, codes, shown = TokenDecoder(SMALL), grids(2, 7), embeddings(2, 8).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    first = float(model.loss(codes, model.of_image(shown)).mean().detach())
    for _ in range(80):
        loss = model.loss(codes, model.of_image(shown)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2 * first and abs(first - math.log(SMALL.codes)) < 0.5
    assert torch.equal(model.sample(model.of_image(shown), 2, temperature=0), codes)


def test_codes_that_look_alike_begin_alike() -> None:
    model = TokenDecoder(SMALL)
    codebook = torch.nn.functional.normalize(torch.randn(SMALL.codes, 4, generator=rng()), dim=1)
    codebook[1] = codebook[0]
    model.init_codes(codebook)
    for weight in (model.code.weight, model.head.out.weight):
        torch.testing.assert_close(weight[0], weight[1])
        assert (weight[0] - weight[2]).norm() > 1e-3


@pytest.mark.slow
def test_a_second_condition_is_followed_by_its_weight() -> None:
    model = decoder()
    one, other = model.of_image(embeddings(1)), model.of_image(embeddings(1, 5))

    def drawn(prefix: Prefix, guidance: float = 3.0, **options: Any) -> Tensor:
        return model.sample(prefix, 4, guidance=guidance, generator=rng(), **options)

    shorter = Prefix(other.tokens[:, :2], other.mask[:, :2])
    for second in (other, shorter):
        for guidance in (1.0, 3.0):
            assert torch.equal(drawn(one, guidance, second=second, second_weight=1.0), drawn(second, guidance))
            assert torch.equal(drawn(one, guidance, second=second, second_weight=0.0), drawn(one, guidance))
            between = drawn(one, guidance, second=second, second_weight=0.5)
            assert not torch.equal(between, drawn(one, guidance)) and not torch.equal(between, drawn(second, guidance))
    assert torch.equal(drawn(one, second=one, second_weight=0.3), drawn(one))
    with pytest.raises(UsageError, match="second_weight 1.5"):
        drawn(one, second=other, second_weight=1.5)
