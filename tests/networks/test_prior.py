"""The prior draws embeddings that belong to a text: nearer than a linear map says, and as various as true ones."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.networks.prior import Prior, PriorConfig
from pixgen.training.prior import energy_distance, nearness

CONFIG = PriorConfig(embedding=8, width=48, blocks=1)


def pairs(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Texts, and for each a picture that bends with it and lies on one of two sides, whichever the text is."""
    random = torch.Generator().manual_seed(seed)
    texts = F.normalize(torch.randn(n, 8, generator=random), dim=1)
    side = torch.randint(2, (n, 1), generator=random) * 2.0 - 1
    bent = torch.cat((texts[:, :3].abs(), texts[:, 3:6], 0.6 * side, torch.ones(n, 1)), 1)
    return texts, F.normalize(bent + 0.05 * torch.randn(n, 8, generator=random), dim=1)


@pytest.fixture(scope="module")
def learnt() -> tuple[Prior, Prior]:
    """The linear map it begins from, and the prior after some steps."""
    texts, images = pairs(2000, 0)
    torch.manual_seed(0)
    model, linear = Prior(CONFIG), Prior(CONFIG)
    model.fit_regression(texts, images)
    linear.load_state_dict(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    for step in range(250):
        random = torch.Generator().manual_seed(step)
        rows = torch.randint(len(texts), (256,), generator=random)
        loss = model.loss(texts[rows], images[rows], random)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return linear.eval(), model.eval()


def test_the_regression_is_the_linear_map_that_there_is() -> None:
    random = torch.Generator().manual_seed(0)
    texts = F.normalize(torch.randn(500, 8, generator=random), dim=1)
    images = F.normalize(texts @ torch.linalg.qr(torch.randn(8, 8, generator=random))[0], dim=1)
    model = Prior(CONFIG)
    model.fit_regression(texts, images, strength=1e-6)
    assert nearness(model.regression(texts), images) > 0.999 and model.spread < 1e-3


@pytest.mark.slow
def test_samples_are_nearer_than_the_regression_and_more_like_true_ones(learnt: tuple[Prior, Prior]) -> None:
    linear, model = learnt
    texts, images = pairs(400, 1)
    drawn, sample, mean = (
        model.sample(texts, torch.Generator().manual_seed(0), 1, truncation) for truncation in (1.0, 0.25, 0.0)
    )
    torch.testing.assert_close(sample.norm(dim=1), torch.ones(400))
    torch.testing.assert_close(mean, model.mean_embedding(texts))
    ridge = linear.regression(texts)
    assert nearness(mean, images) > nearness(sample, images) > nearness(ridge, images) > nearness(texts, images)
    assert nearness(sample.roll(1, 0), images) < nearness(sample, images) - 0.1
    assert energy_distance(drawn, images) < 0.5 * energy_distance(ridge, images)
    assert energy_distance(sample, images) < energy_distance(ridge, images)


@pytest.mark.slow
def test_the_better_of_two_is_more_like_its_text(learnt: tuple[Prior, Prior]) -> None:
    model, (texts, _) = learnt[1], pairs(200, 2)
    one, two = (model.sample(texts, torch.Generator().manual_seed(5), n, truncation=1.0) for n in (1, 2))
    likeness = [(drawn * texts).sum(1) for drawn in (one, two)]
    assert (likeness[1] >= likeness[0] - 1e-6).all() and likeness[1].mean() > likeness[0].mean() + 1e-3


@pytest.mark.slow
def test_the_same_generator_draws_the_same_embeddings(learnt: tuple[Prior, Prior]) -> None:
    model, (texts, _) = learnt[1], pairs(5, 3)
    first, again, other = (model.sample(texts, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.allclose(first, other, atol=1e-3)


def test_the_energy_distance_tells_clouds_apart() -> None:
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 400, 4, generator=random)
    assert abs(energy_distance(a, b)) < 0.05
    assert energy_distance(a, b + 1) > 0.3 and energy_distance(a, 0.2 * b) > 0.3
