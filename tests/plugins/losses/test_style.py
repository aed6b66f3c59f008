"""Style and content: told by pictures whose style and content are known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.contracts import Frame, Loss, Session
from pixgen.errors import UsageError
from pixgen.io import pictures
from pixgen.testing import ToyGenerator


def session() -> Session:
    return Session(torch.device("cpu"), ToyGenerator(), {}, [()], [Streams(0)])


def stripes(offset: int = 0, width: int = 4, size: int = 64) -> torch.Tensor:
    """Black and white stripes, float32 (1, 3, size, size)."""
    places = (torch.arange(size) + offset) // width % 2
    return places.float().expand(1, 3, size, size).contiguous()


def grain(seed: int) -> torch.Tensor:
    """Grey grain of two pixels, float32 (1, 3, 256, 256): the same texture for every seed."""
    noise = torch.rand(1, 1, 128, 128, generator=torch.Generator().manual_seed(seed))
    return noise.repeat_interleave(2, 2).repeat_interleave(2, 3).expand(1, 3, 256, 256).contiguous()


def blobs(seed: int = 0, size: int = 64) -> torch.Tensor:
    small = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, size=(size, size), mode="bicubic").clamp(0, 1)


def saved(image: torch.Tensor, path: Path) -> Path:
    pictures.to_image(image).save(path)
    return path


def made(kind: str, **options: object) -> Loss:
    loss: Loss = registry.create("loss", {"type": kind, **options})
    loss.prepare(session())
    return loss


def value(loss: Loss, image: torch.Tensor) -> float:
    return float(loss(Frame(0, 0.0, image, {}))[0].detach())


@pytest.mark.parametrize("method", ["gram", "sliced", "relaxed"])
def test_a_style_is_the_same_wherever_it_lies_and_another_is_not(method: str, tmp_path: Path) -> None:
    loss = made("style", path=saved(grain(0), tmp_path / "s.png"), method=method)
    assert value(loss, grain(1)) < 0.3 * value(loss, blobs(size=256))
    assert value(loss, grain(0)) < 0.05 * value(loss, blobs(size=256))


@pytest.mark.parametrize("method", ["gram", "sliced", "relaxed"])
def test_the_gradient_of_style_leads_to_the_style(method: str, tmp_path: Path) -> None:
    loss = made("style", path=saved(stripes(), tmp_path / "s.png"), method=method)
    image = blobs().requires_grad_()
    before = value(loss, image)
    for _ in range(4):
        (grad,) = torch.autograd.grad(loss(Frame(0, 0.0, image, {})).sum(), image)
        image = (image - 0.02 * grad.sign()).clamp(0, 1).detach().requires_grad_()
    assert value(loss, image) < 0.8 * before


def test_content_is_the_same_things_at_their_places(tmp_path: Path) -> None:
    loss = made("content", path=saved(blobs(1), tmp_path / "c.png"))
    assert value(loss, blobs(1)) < 0.01
    assert value(loss, blobs(1) * 0.9 + 0.05) < value(loss, blobs(1).flip(3)) and value(loss, blobs(2)) > 0.1


def test_content_without_a_picture_is_that_of_the_first_step() -> None:
    loss = made("content")
    assert value(loss, blobs(3)) == 0 and value(loss, blobs(4)) > 0.1 and value(loss, blobs(3)) == 0


def test_a_style_needs_a_picture(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no")
    with pytest.raises(UsageError):
        made("style", path=tmp_path / "no.png")
    with pytest.raises(UsageError):
        made("style", path=tmp_path / "nothing.png")
    Image.new("RGB", (1, 1), "red").save(tmp_path / "one.png")
    assert value(made("style", path=tmp_path / "one.png"), blobs()) > 0


def test_pictures_of_other_sizes_are_looked_at(tmp_path: Path) -> None:
    loss = made("style", path=saved(blobs(0, 64), tmp_path / "s.png"), method="sliced")
    wide = torch.rand(2, 3, 40, 104, generator=torch.Generator().manual_seed(0))
    assert loss(Frame(0, 0.0, wide, {})).shape == (2,)
