"""The rasteriser: coverage, painter's order, culling, and gradients against finite differences."""

from __future__ import annotations

import torch
from torch import Tensor

from pixgen.backend.rasterizer import Curves, draw

WHITE = torch.ones(1, 3, dtype=torch.float64)


def lines(ends: list[tuple[float, float, float, float]], widths: list[float], colours: list[list[float]]) -> Curves:
    """Straight opaque strokes in one picture."""
    t = torch.linspace(0, 1, 5, dtype=torch.float64)[:, None]
    samples = [torch.lerp(torch.tensor(e[:2]).double(), torch.tensor(e[2:]).double(), t) for e in ends]
    one = torch.ones(1, len(ends), dtype=torch.float64)
    return Curves(torch.stack(samples)[None], torch.tensor([colours]).double(), one, torch.tensor([widths]).double())


def square(low: float, high: float, flip: bool = False) -> Tensor:
    corners = torch.tensor([[low, low], [high, low], [high, high], [low, high]], dtype=torch.float64)
    return corners.flip(0) if flip else corners


def test_a_line_covers_the_pixels_under_it() -> None:
    image = draw(lines([(4, 10, 28, 10)], [4], [[0, 0, 0]]), WHITE, (20, 32))
    assert image.shape == (1, 3, 20, 32)
    assert image[0, 0, 8:12, 5:27].max() < 1e-3 and image[0, 0, :7].min() == image[0, 0, 13:].min() == 1
    assert 0.2 < image[0, 0, 9, 1] < 1 or image[0, 0, 9, 2] < 1  # the round end


def test_a_line_thinner_than_a_pixel_covers_its_width() -> None:
    image = draw(lines([(0, 10.5, 64, 10.5)], [0.25], [[0, 0, 0]]), WHITE, (20, 64))
    assert torch.allclose(image[0, 0, 10, 4:60], torch.full((56,), 0.75).double(), atol=1e-3)


def test_later_strokes_lie_above_earlier_ones_as_the_over_operator_says() -> None:
    red, blue = [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]
    curves = lines([(0, 8, 16, 8), (0, 8, 16, 8)], [16, 16], [red, blue])
    assert torch.allclose(draw(curves, WHITE, (16, 16))[0, :, 8, 8], torch.tensor(blue).double(), atol=1e-3)
    half = Curves(curves.samples, curves.colours, torch.tensor([[1.0, 0.25]]).double(), curves.widths)
    wanted = torch.tensor([0.75, 0.0, 0.25]).double()
    assert torch.allclose(draw(half, WHITE, (16, 16))[0, :, 8, 8], wanted, atol=1e-3)


def test_a_shape_is_filled_whichever_way_it_turns_and_larger_than_a_tile() -> None:
    for flip in (False, True):
        one = torch.ones(1, 1, dtype=torch.float64)
        shape = Curves(square(4, 36, flip)[None, None], torch.zeros(1, 1, 3).double(), one)
        image = draw(shape, WHITE, (40, 48))
        assert image[0, 0, 5:35, 5:35].max() < 1e-3
        assert image[0, 0, :3].min() == image[0, 0, :, 38:].min() == 1


def test_pictures_of_a_batch_are_drawn_each_alone() -> None:
    torch.manual_seed(0)
    samples = torch.rand(3, 5, 9, 2).double() * 40
    colours, opacity, widths = (
        torch.rand(3, 5, 3).double(),
        torch.rand(3, 5).double(),
        1 + 4 * torch.rand(3, 5).double(),
    )
    paper = torch.rand(3, 3).double()
    together = draw(Curves(samples, colours, opacity, widths), paper, (24, 40))
    for b in range(3):
        part = slice(b, b + 1)
        alone = draw(Curves(samples[part], colours[part], opacity[part], widths[part]), paper[part], (24, 40))
        assert torch.allclose(together[part], alone, atol=1e-12)


def test_what_lies_outside_leaves_the_paper_alone() -> None:
    image = draw(lines([(-90, -90, -50, -60)], [4], [[0, 0, 0]]), WHITE, (16, 16))
    assert torch.equal(image, torch.ones(1, 3, 16, 16).double())


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    stroke = 4 + 8 * torch.rand(1, 3, 5, 2, dtype=torch.float64)
    angle = torch.arange(6).double() * 1.0472
    shape = 8 + (3 + 2 * torch.rand(1, 2, 6, 1, dtype=torch.float64)) * torch.stack((angle.cos(), angle.sin()), 1)
    size, paper = (14, 17), torch.rand(1, 3, dtype=torch.float64)
    for samples, filled in ((stroke, False), (shape, True)):
        count = samples.shape[1]
        colours, opacity = torch.rand(1, count, 3).double(), 0.2 + 0.6 * torch.rand(1, count).double()
        widths = None if filled else 0.4 + 3 * torch.rand(1, count).double()
        inputs = [x.requires_grad_() for x in (samples, colours, opacity, paper, widths) if x is not None]

        def image(s: Tensor, c: Tensor, o: Tensor, p: Tensor, w: Tensor | None = None) -> Tensor:
            return draw(Curves(s, c, o, w), p, size)

        assert torch.autograd.gradcheck(image, inputs, eps=1e-7, atol=1e-4, rtol=1e-3, fast_mode=True)
