"""Losses on the look of a picture against pictures whose look is known."""

from __future__ import annotations

import pytest
import torch

from pixgen import registry
from pixgen.contracts import Frame, Loss
from pixgen.errors import UsageError


def value(loss: Loss, images: torch.Tensor) -> float:
    return float(loss(Frame(0, 0.0, images.detach(), {})))


def plain(*colour: float) -> torch.Tensor:
    return torch.tensor(colour, dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 8, 8).clone()


HALVES = torch.cat([plain(0, 0, 0), plain(1, 1, 1)], dim=3)


@pytest.mark.parametrize(
    ("options", "images", "expected"),
    [
        ({"type": "palette", "colours": ["#ff0000", "#0000ff"]}, plain(1, 0, 0), 0),
        ({"type": "palette", "colours": ["#ff0000", "#0000ff"]}, plain(0.5, 0, 0), 0.25),
        ({"type": "palette", "colours": ["#000000", "#ffffff"]}, HALVES, 0),
        ({"type": "saturation", "target": 0.5}, plain(0.3, 0.3, 0.3), 0.25),
        ({"type": "saturation", "target": 0.5}, plain(1, 0.5, 0.5), 0),
        ({"type": "brightness", "target": 0.5}, plain(0.5, 0.5, 0.5), 0),
        ({"type": "brightness", "target": 0.0}, plain(0, 1, 0), 0.7152**2),
        ({"type": "contrast", "target": 0.5}, HALVES, 0),
        ({"type": "contrast", "target": 0.5}, plain(1, 0, 0), 0.25),
        ({"type": "edges", "target": 0.0}, plain(0.2, 0.4, 0.6), 0),
        ({"type": "edges", "target": 0.0}, HALVES, (1 / 15) ** 2),
        ({"type": "symmetry"}, HALVES, 1),
        ({"type": "symmetry", "axis": "horizontal"}, HALVES, 0),
    ],
)
def test_known_pictures_have_known_values(options: dict[str, object], images: torch.Tensor, expected: float) -> None:
    assert value(registry.create("loss", options), images) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["palette", "saturation", "brightness", "contrast", "edges", "symmetry"])
def test_descent_lowers_it_even_from_a_flat_picture(name: str) -> None:
    loss = registry.create("loss", {"type": name})
    random = torch.Generator().manual_seed(0)
    images = (0.45 + 0.01 * torch.rand(1, 3, 8, 8, generator=random, dtype=torch.float64)).requires_grad_()
    before = value(loss, images)
    optimizer = torch.optim.Adam([images], lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        loss(Frame(0, 0.0, images, {})).sum().backward()
        optimizer.step()
    assert value(loss, images) < 0.5 * before


def test_a_palette_needs_colours() -> None:
    for colours in ([], ["red"]):
        with pytest.raises(UsageError, match="colour"):
            registry.create("loss", {"type": "palette", "colours": colours})
