import pytest
import torch

from pixgen.backend.streams import Streams
from pixgen.plugins.cutters.shift import Shift
from pixgen.testing import check_cutter


def test_it_keeps_the_contract() -> None:
    check_cutter("shift", wrong=[{"reach": 0.5}, {"reach": -1}, {"noise": 2}])


def test_views_are_windows_of_the_picture_and_the_first_is_in_the_middle() -> None:
    cutter = Shift(reach=0.25, noise=0.0)
    images = torch.rand(1, 3, 32, 48)
    plan = cutter.plan((32, 48), 9, 16, 0, [Streams(0)], "p")
    views = cutter.cut(images, plan)
    for (top, left), view in zip(plan.corners[0].tolist(), views[0], strict=True):
        assert torch.equal(view, images[0, :, top : top + 16, left : left + 16])
    assert plan.corners[0, 0].tolist() == [8, 16]
    assert len(plan.corners[0].unique(dim=0)) > 6


def test_noise_has_its_width_and_no_mean() -> None:
    cutter = Shift(noise=0.2)
    noise = cutter.plan((32, 32), 20, 16, 0, [Streams(0)], "p").noise
    assert noise.abs().max() <= 0.1 and noise.max() > 0.099 and abs(float(noise.mean())) < 2e-3


def test_wrapped_views_go_on_across_the_edges() -> None:
    cutter = Shift(noise=0.0, wrap=True)
    images = torch.rand(1, 3, 16, 16)
    plan = cutter.plan((16, 16), 8, 16, 0, [Streams(0)], "p")
    for (top, left), view in zip(plan.corners[0].tolist(), cutter.cut(images, plan)[0], strict=True):
        assert torch.equal(view, images[0].roll((-top, -left), (1, 2)))


@pytest.mark.parametrize("size", [(1, 1), (3, 200)])
def test_tiny_and_long_pictures_have_windows(size: tuple[int, int]) -> None:
    plan = Shift(reach=0.45).plan(size, 3, 16, 0, [Streams(0)], "p")
    assert Shift().cut(torch.rand(1, 3, *size), plan).shape == (1, 3, 3, 16, 16)
