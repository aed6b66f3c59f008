"""A cache of one's own pictures is whole or is made again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from pixgen.errors import PixgenError, UsageError
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


def _svg(colour: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="6" height="6" fill="{colour}"/></svg>'
    )


def test_a_table_of_captions_names_only_what_is_in_its_folder(pictures: Path, tmp_path: Path) -> None:
    private = tmp_path / "private.png"
    Image.new("RGB", (30, 30), "pink").save(private)
    (pictures / "link.png").symlink_to(private)
    (pictures / "sub").mkdir()
    Image.new("RGB", (30, 30), "navy").save(pictures / "sub" / "a.png")
    names = [str(private), "../private.png", "sub/../../private.png", "link.png", "sub\\a.png", "C:\\a.png", "~/a.png"]
    lines = [f'"{name}",a private wall' for name in [*names, "//host/a.png", "nul.png", "x" * 300, "none.png"]]
    (pictures / "captions.csv").write_text("\n".join(["file,caption", *lines, "sub/a.png,a navy wall"]))
    kept, left_out = user_pictures.captioned(pictures)
    assert [(each.path, each.en) for each in kept] == [(pictures / "sub" / "a.png", "navy wall")]
    assert [line.split(": ")[0] for line in left_out] == [f"captions.csv:{n}" for n in range(2, 13)]
    assert all(len(line) < 400 and "\n" not in line for line in left_out)


def test_links_out_and_pipes_are_not_learnt_from(pictures: Path, tmp_path: Path) -> None:
    private = tmp_path / "private.png"
    Image.new("RGB", (30, 30), "pink").save(private)
    (pictures / "pink door.png").symlink_to(private)
    (pictures / "zero.svg").symlink_to("/dev/zero")
    os.mkfifo(pictures / "pipe.svg")
    kept, left_out = user_pictures.captioned(pictures)
    assert len(kept) == 8 and left_out == [f"pink door.png is a link that leads out of {pictures}"]
    (tmp_path / "captions.csv").write_text("file,caption\n")
    (pictures / "captions.csv").symlink_to(tmp_path / "captions.csv")
    with pytest.raises(UsageError, match="is a link that leads out"):
        user_pictures.captioned(pictures)


def test_svgs_that_refer_to_other_files_are_left_out(pictures: Path, tmp_path: Path) -> None:
    private = tmp_path / "private.png"
    Image.new("RGB", (30, 30), "pink").save(private)
    (pictures / "green tree.svg").write_text(_svg("green"))
    hostile = _svg("red").replace("<rect", f'<image width="9" height="9" href="{private}"/><rect')
    (pictures / "pink door.svg").write_text(hostile)
    (pictures / "deep hole.svg").write_text(_svg("red").replace("<rect", "<g>" * 100_000 + "<rect"))
    count, left_out = user_pictures.rasterise(pictures, tmp_path / "cache", 32)
    assert count == 9 and [line.split(":")[0] for line in left_out] == ["deep hole.svg", "pink door.svg"]
    sprites, index = load_sprites(tmp_path / "cache")
    tree = sprites[[icon.group for icon in index].index("green tree")]
    assert tree[:, 16, 16].tolist() == [0, 128, 0, 255]
