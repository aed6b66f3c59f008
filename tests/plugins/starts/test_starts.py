from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixgen import registry
from pixgen.errors import UsageError
from pixgen.io import pictures
from pixgen.testing import scene


def photo(path: Path, mode: str = "RGB", **save: object) -> Path:
    """A picture 40 wide and 20 high, left half dark, right half light."""
    values = np.zeros((20, 40), dtype=np.uint8)
    values[:, 20:] = 200
    Image.fromarray(values).convert(mode).save(path, **save)
    return path


@pytest.mark.parametrize(
    ("mode", "suffix"), [("RGB", "png"), ("L", "png"), ("P", "png"), ("CMYK", "jpg"), ("RGBA", "webp")]
)
def test_pictures_of_every_mode_are_read(mode: str, suffix: str, tmp_path: Path) -> None:
    image = pictures.read(photo(tmp_path / f"p.{suffix}", mode))
    assert image.shape == (1, 3, 20, 40) and image.dtype == torch.float32
    assert image[..., :15].mean() < 0.05 and image[..., 25:].mean() == pytest.approx(200 / 255, abs=0.05)


def test_sixteen_bits_keep_their_range(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 32768, dtype=np.uint16)).save(tmp_path / "deep.png")
    assert pictures.read(tmp_path / "deep.png").mean().item() == pytest.approx(0.5, abs=0.01)


def test_the_camera_s_turn_is_undone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    image = pictures.read(photo(tmp_path / "p.jpg", exif=exif))
    assert image.shape == (1, 3, 40, 20) and image[:, :, :15].mean() < 0.1 < image[:, :, 25:].mean()


def test_transparency_shows_the_ground(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    torch.testing.assert_close(pictures.read(tmp_path / "clear.png"), torch.ones(1, 3, 4, 4))


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for name in ("text.png", "missing.png", "."):
        with pytest.raises(UsageError, match="picture"):
            pictures.read(tmp_path / name)


@pytest.mark.parametrize("size", [(10, 10), (64, 8), (33, 47)])
def test_fit_keeps_the_middle_and_the_range(size: tuple[int, int]) -> None:
    image = pictures.fit(torch.linspace(0, 1, 41).expand(1, 3, 21, 41), size)
    assert image.shape == (1, 3, *size) and image.min() >= 0 and image.max() <= 1
    assert image.mean().item() == pytest.approx(0.5, abs=0.02)


def test_an_image_start_decodes_to_the_image(tmp_path: Path) -> None:
    generator = registry.create("generator", {"type": "pixel"})
    session = scene(generator=generator).session
    start = registry.create("start", {"type": "image", "path": photo(tmp_path / "p.png")})
    start.prepare(session)
    params = start(session, 0, (20, 40), 0)
    torch.testing.assert_close(generator.decode(params), pictures.read(tmp_path / "p.png"), atol=0.02, rtol=0)


def test_attempts_at_a_random_start_differ_and_repeat() -> None:
    session = scene([(4, "a fox"), (5, "a dog")]).session
    start = registry.create("start", {"type": "random"})
    first, again, other, second = (
        start(session, index, (16, 16), attempt)["grid"] for index, attempt in [(0, 0), (0, 0), (0, 1), (1, 0)]
    )
    assert torch.equal(first, again) and not torch.equal(first, other) and not torch.equal(first, second)
