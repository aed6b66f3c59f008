import pytest
import torch
import torch.nn.functional as F

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.errors import UsageError
from pixgen.plugins.cutters.warp import Warp

STILL = dict.fromkeys(["affine", "perspective", "brightness", "contrast", "saturation", "hue", "noise"], 0.0)


def still(**options: object) -> Warp:
    return registry.create("cutter", {"type": "warp", **STILL, **options})


def draw(warp: Warp, size: tuple[int, int], count: int = 12, side: int = 16, step: int = 0, seeds=(0,)):
    return warp.plan(size, count, side, step, [Streams(seed) for seed in seeds], "p")


@pytest.mark.parametrize("size", [(64, 64), (40, 56), (16, 129)])
def test_cutouts_have_the_contract_s_shape_and_range(size: tuple[int, int]) -> None:
    plan = draw(Warp(), size, seeds=(0, 1))
    cutouts = Warp().cut(torch.rand(2, 3, *size), plan)
    assert cutouts.shape == (2, 12, 3, 16, 16) and plan.matrices.shape == (2, 12, 3, 3)
    assert cutouts.min() >= 0 and cutouts.max() <= 1


def test_slices_cut_exactly_what_the_whole_cuts() -> None:
    images, plan = torch.rand(2, 3, 70, 50), draw(Warp(), (70, 50), seeds=(0, 1))
    parts = torch.cat([Warp().cut(images, plan[:5]), Warp().cut(images, plan[5:])], dim=1)
    assert torch.equal(parts, Warp().cut(images, plan))


def test_a_picture_s_views_depend_on_its_seed_and_the_step_alone() -> None:
    images, before = torch.rand(2, 3, 32, 32), torch.get_rng_state()
    both = Warp().cut(images, draw(Warp(), (32, 32), seeds=(7, 8)))
    alone = Warp().cut(images[1:], draw(Warp(), (32, 32), seeds=(8,)))
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(both[1:], alone)
    assert not torch.equal(draw(Warp(), (32, 32), step=0).matrices, draw(Warp(), (32, 32), step=1).matrices)


def test_a_whole_view_without_margin_is_the_area_average() -> None:
    images = torch.rand(1, 3, 64, 64)
    warp = still(whole=1.0, margin=0.0)
    cutouts = warp.cut(images, draw(warp, (64, 64), count=2))
    torch.testing.assert_close(cutouts[:, 0], F.avg_pool2d(images, 4), rtol=1e-4, atol=1e-4)


def test_fine_stripes_become_grey_not_moire() -> None:
    stripes = (torch.arange(128) % 2).float().expand(1, 3, 128, 128)
    warp = still(whole=0.0, min_size=0.5, max_size=1.0)
    cutouts = warp.cut(stripes, draw(warp, (128, 128), count=32))
    assert (cutouts - 0.5).abs().mean() < 0.02


def test_crops_sample_bilinearly_where_their_matrix_says() -> None:
    images = torch.rand(1, 3, 20, 30, dtype=torch.float64)
    warp = still(whole=0.0, min_size=0.5, max_size=0.7, overhang=0.0, perspective=0.3, affine=1.0)
    plan = draw(warp, (20, 30), count=6, side=16)
    assert plan.depth == 1
    u = (torch.arange(16, dtype=torch.float64) * 2 + 1) / 16 - 1
    square = torch.stack([u.expand(16, 16), u[:, None].expand(16, 16), torch.ones(16, 16)], dim=-1)
    for n in range(6):
        x, y, w = (square @ plan.matrices[0, n].double().T).unbind(-1)
        grid = torch.stack([x / w, y / w], dim=-1)[None]
        expected = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
        found = warp.cut(images, plan)[:, n]
        inside = (grid.abs() < 0.9).all(-1)[:, None].expand_as(found)
        torch.testing.assert_close(found[inside], expected[inside])


@pytest.mark.parametrize("padding", ["reflection", "border"])
@pytest.mark.parametrize("size", [(32, 32), (24, 60)])
def test_every_pixel_gets_gradient(padding: str, size: tuple[int, int]) -> None:
    images = torch.rand(1, 3, *size, requires_grad=True)
    warp = still(padding=padding, whole=0.25, affine=0.8, perspective=0.2)
    total = sum(warp.cut(images, draw(warp, size, count=64, side=32, step=step)).sum() for step in range(4))
    total.backward()
    grad = images.grad[0, 0]
    assert (grad > 0).all()
    if padding == "reflection":
        edge = torch.cat([grad[0], grad[-1], grad[:, 0], grad[:, -1]]).mean()
        assert edge > 0.4 * grad.mean()


def test_whole_views_come_first_and_hold_every_corner() -> None:
    plan = draw(Warp(whole=0.5), (24, 60), count=8)
    corners = torch.tensor([[-1.0, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]])
    inside = (torch.linalg.inv(plan.matrices[0, :4]) @ corners.T)[:, :2]
    assert inside.abs().max() <= 1 + 1e-5


@pytest.mark.slow
def test_the_gradient_to_the_picture_is_exact() -> None:
    warp = still(whole=0.5, noise=0.1, affine=1.0, brightness=0.1, hue=0.05)
    plan = draw(warp, (9, 7), count=3, side=4)
    images = (0.4 + 0.2 * torch.rand(1, 3, 9, 7, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: warp.cut(x, plan), images)


def test_colours_of_grey_change_in_brightness_alone() -> None:
    warp = registry.create("cutter", {"type": "warp", **STILL, "saturation": 0.5, "hue": 0.2})
    cutouts = warp.cut(torch.full((1, 3, 16, 16), 0.3), draw(warp, (16, 16)))
    torch.testing.assert_close(cutouts, torch.full_like(cutouts, 0.3))


def test_a_spread_plan_gives_each_picture_one_view() -> None:
    images, plan = torch.rand(5, 3, 32, 32), draw(Warp(), (32, 32), count=5)
    spread = Warp().cut(images, plan.spread())
    assert spread.shape == (5, 1, 3, 16, 16)
    for n in range(5):
        torch.testing.assert_close(spread[n, 0], Warp().cut(images[n : n + 1], plan)[0, n])


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("perspective", 2.0, "cutter: perspective is 2; it must be from 0 to 1"),
        ("whole", -1.0, "whole is -1; it must be from 0 to 1"),
        ("scale", 1.5, "scale is 1.5; it must be from 0 to 0.99"),
        ("rotation", -5.0, "rotation is -5"),
        ("min_size", 1.2, "min_size 1.2 is above max_size 1"),
    ],
)
def test_views_that_cannot_be_are_refused(option: str, value: float, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        registry.create("cutter", {"type": "warp", option: value}, "cutter")


def test_a_plan_for_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="plan drawn for"):
        Warp().cut(torch.rand(1, 3, 20, 20), draw(Warp(), (16, 16)))
