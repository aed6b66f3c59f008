"""A tensor becomes the same 8 bits wherever it becomes a picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from pixgen.io import pictures


@pytest.mark.parametrize("batched", [False, True])
def test_a_tensor_becomes_rounded_bytes_and_is_read_back(tmp_path: Path, batched: bool) -> None:
    image = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0)).requires_grad_()
    picture = pictures.to_image(image[None] if batched else image)
    assert (picture.mode, picture.size) == ("RGB", (7, 5))
    picture.save(tmp_path / "a.png")
    assert (pictures.read(tmp_path / "a.png")[0] - image).abs().max() <= 0.5 / 255 + 1e-6


def test_what_is_beyond_the_range_is_cut_off() -> None:
    image = torch.tensor([-1.0, 0.4999 / 255, 0.5001 / 255, 2.0]).expand(3, 1, 4)
    assert pictures.to_bytes(image)[0, :, 0].tolist() == [0, 0, 1, 255]


def test_tensors_become_pictures_in_one_place() -> None:
    package = Path(pictures.__file__).parent.parent
    rounded = re.compile(r"\* 255\)\.round\(\)\.(byte|to)\([^)]*\)\.permute")
    found = [path.name for path in package.rglob("*.py") if rounded.search(path.read_text())]
    assert found == ["pictures.py"]
