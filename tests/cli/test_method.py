"""`pixgen PROMPT --method dalle1|dalle2`: DALL-E's ways alone, from the command line and from Python."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pixgen
from pixgen.cli.main import run
from pixgen.io import metadata
from pixgen.networks.pair import load
from tests.networks.toys import pair


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pair(tmp_path_factory.mktemp("pair"))


def models(folder: Path) -> dict[str, str]:
    networks = {"generator.model": "vqgan", "perceptors.tiny.path": "perceptor"}
    files = {key: str(folder / f"{name}.safetensors") for key, name in networks.items()}
    return {"start.folder": str(folder), "cutouts": "2", **files}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dalle1", "dalle2"])
def test_a_picture_of_the_best_candidate_and_the_same_once_more(
    method: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [f"{key}={value}" for key, value in models(folder).items()]
    words = ["a red cat", *settings, "--method", method, "--candidates", "2", "--guidance", "1.5", "--top-k", "5"]
    assert run([*words, "--seed", "3", "--size", "128x128", "-o", f"{tmp_path}/one.png", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    about = metadata.read(tmp_path / "one.png")
    start = about.config["start"]
    assert (start["type"], start["candidates"], start["guidance"], start["top_k"]) == (method, 2, 1.5, 5)
    assert record["losses"]["clip"] > 0  # to compare with the loop's
    assert run(["again", f"{tmp_path}/one.png", "-o", f"{tmp_path}/two.png"]) == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.slow
def test_dalle1_from_python_draws_what_the_pair_draws(folder: Path) -> None:
    options: dict[str, Any] = {
        **models(folder),
        "start.candidates": 2,
        "start.temperature": 0.0,
        "cutouts": 2,
        "size": (128, 128),
        "precision": "float32",  # the pair below computes in it
    }
    drawn = pixgen.generate("a cat", method="dalle1", seed=1, **options)
    own = load(folder)
    best = own.decode(own.from_text(["a cat"], 1, temperature=0, guidance=4.0, top_k=64))
    image = torch.from_numpy(np.array(drawn.images[0])).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(image, best, atol=1 / 255, rtol=0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "dale2"], "did you mean 'dalle2'"),
        (["--candidates", "4"], "--candidates belongs to --method dalle1 or dalle2"),
        (["--method", "loop", "--top-k", "4"], "--top-k belongs to"),
        (["--method", "dalle1", "--steps", "9"], "--steps is for the optimisation loop"),
        (["--method", "dalle2", "--guidance", "-1"], "guidance"),
        (["--method", "dalle2", "--candidates", "0"], "candidates"),
    ],
)
def test_what_does_not_go_together_is_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["a cat", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_pair_without_a_decoder_says_how_to_make_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    settings = [f"{key}={value}" for key, value in models(folder).items()]
    words = ["a cat", *settings, "--method", "dalle1", f"start.folder={tmp_path / 'empty'}", "-o", f"{tmp_path}/"]
    assert run(words) == 1
    assert re.search(r"there is no \S*tokens.safetensors; make it with `pixgen train tokens`", capsys.readouterr().err)


@pytest.mark.parametrize("word", ["nan", "inf", "-1"])
def test_a_temperature_is_a_finite_number(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["a fox", "--method", "dalle1", "--temperature", word]) == 2
    assert "--temperature" in capsys.readouterr().err
