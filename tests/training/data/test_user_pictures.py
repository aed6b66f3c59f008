"""A cache of one's own pictures is whole or is made again."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pixgen.errors import PixgenError
from pixgen.io import files
from pixgen.training.data import user_pictures
from pixgen.training.data.drawings import load_sprites


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, colour in enumerate(("red", "blue", "green", "white") * 2):
        Image.new("RGB", (30, 30), colour).save(folder / f"{colour} wall {i}.png")
    return folder


def test_a_kill_at_any_file_leaves_a_cache_that_is_made_again(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    replacing = files.replacing

    def killed(path: Path, **options: bool) -> object:
        if path.name == "index.json":
            raise KeyboardInterrupt
        return replacing(path, **options)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(files, "replacing", killed)
        user_pictures.rasterise(pictures, cache, 32)
    assert (cache / "sprites.npy").exists() and not (cache / "index.json").exists()
    assert user_pictures.rasterise(pictures, cache, 32) == (8, [])
    sprites, index = load_sprites(cache)
    assert len(sprites) == len(index) == 8
    before = (cache / "sprites.npy").stat().st_mtime_ns
    assert user_pictures.rasterise(pictures, cache, 32) == (8, [])  # nothing is drawn again
    assert (cache / "sprites.npy").stat().st_mtime_ns == before
    Image.new("RGB", (30, 30), "navy").save(pictures / "navy wall.png")
    with pytest.raises(PixgenError, match="was made from other pictures"):
        user_pictures.rasterise(pictures, cache, 32)
