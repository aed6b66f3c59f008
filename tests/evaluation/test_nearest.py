"""The nearest drawing of a picture is the one that it was made of."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from pixgen.evaluation import nearest
from pixgen.plugins.perceptors.tiny import Tiny
from pixgen.training.data import drawings
from tests.networks.toys import networks
from tests.training.shapes import SHAPES, pack


def test_every_drawing_is_nearest_to_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawings.rasterise(tmp_path, tmp_path / "cache", 96, pack(tmp_path, SHAPES), processes=1)
    networks(tmp_path / "pair")
    weights = tmp_path / "pair" / "perceptor.safetensors"
    sprites, index = drawings.load_sprites(tmp_path / "cache")
    learnt = [i for i, drawing in enumerate(index) if drawing.icon_set != drawings.HELD_OUT_ICON_SET]
    perceptor = Tiny(str(weights))
    perceptor.prepare(torch.device("cpu"))
    places, near = nearest.nearest(perceptor, nearest.on_ground(sprites[learnt], 96), sprites[learnt])
    assert torch.allclose(near, torch.ones(len(learnt)), atol=1e-2)  # antialiased twice
    kept = [sprites[learnt[a]] for a in places.tolist()]
    assert all((a == sprites[b]).mean() > 0.99 for a, b in zip(kept, learnt, strict=True))

    picture = (nearest.on_ground(sprites[learnt[:1]], 96)[0] * 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(picture).save(tmp_path / "drawn.png")
    sheet = tmp_path / "sheet.png"
    arguments = ["--cache", str(tmp_path / "cache"), "--perceptor", str(weights), "--out", str(sheet)]
    nearest.main([str(tmp_path / "drawn.png"), *arguments])
    assert "drawn.png: " in capsys.readouterr().out
    with Image.open(sheet) as image:
        assert image.size == (nearest.TILE, 2 * nearest.TILE)


@pytest.mark.slow
def test_a_cache_that_is_not_there_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    words = [tmp_path / "some.png", "--cache", tmp_path, "--out", tmp_path / "sheet.png"]
    run = subprocess.run(
        [sys.executable, "-m", "pixgen.evaluation.nearest", *map(str, words)], capture_output=True, text=True
    )
    assert (run.returncode, len(run.stderr.splitlines())) == (2, 1) and f"no drawings in {tmp_path}" in run.stderr
    assert not (tmp_path / "sheet.png").exists()
