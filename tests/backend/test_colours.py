import torch

from pixgen.backend.colours import nearest, oklab, palette_of


def test_oklab_has_lightness_first_and_greys_without_colour() -> None:
    lab = oklab(torch.tensor([[0.0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0]]))
    torch.testing.assert_close(lab[1], torch.tensor([1.0, 0, 0]), atol=1e-3, rtol=0)
    assert lab[0].abs().max() < 1e-3 and lab[2, 1:].abs().max() < 1e-3
    torch.testing.assert_close(lab[3], torch.tensor([0.628, 0.225, 0.126]), atol=2e-3, rtol=0)


def test_the_nearest_colour_is_nearest_to_the_eye() -> None:
    palette = torch.tensor([[0.0, 0, 0], [1, 1, 1], [0.2, 0.2, 0.8]])
    assert nearest(torch.tensor([[0.1, 0.0, 0.1], [0.9, 1, 0.8], [0.3, 0.1, 0.9]]), palette).tolist() == [0, 1, 2]


def test_the_palette_of_a_picture_keeps_a_small_spot_of_its_own_colour() -> None:
    image = torch.full((3, 40, 40), 0.5)
    image[:, :20] = 0.52
    image[:, 3:5, 3:5] = torch.tensor([1.0, 0, 0]).view(3, 1, 1)
    image[2, 30:] = 1.0
    found = palette_of(image, 3)
    assert found.shape == (3, 3) and torch.equal(found, palette_of(image, 3))
    assert (found - torch.tensor([1.0, 0, 0])).abs().sum(1).min() < 0.02
    assert torch.equal(found, (found * 255).round() / 255)


def test_a_picture_of_fewer_colours_gives_fewer() -> None:
    assert palette_of(torch.zeros(3, 8, 8), 16).tolist() == [[0.0, 0.0, 0.0]]
