"""Every preset: described, resolved with the embedded pair and with any, alone and in pairs, and drawn."""

from __future__ import annotations

import itertools

import pytest
import torch

import pixgen
import pixgen.testing
from pixgen.settings import config, layers

NAMES = layers.preset_names()
TOYS = {
    "generator": "toy",
    "perceptors": {"tiny": None, "toy": {"type": "toy"}},
    "size": "32x32",
    "starts": 1,
    "steps": 1,
    "cutouts": 4,
    "stages": [{"steps": 1, "size": 1}],
}


def test_there_are_enough_and_each_says_what_it_is() -> None:
    about = layers.presets()
    assert len(NAMES) >= 12 and all(about.values()) and len(set(about.values())) == len(NAMES)
    assert all(len(line) < 80 and not line.endswith(".") for line in about.values())


@pytest.mark.slow
def test_no_two_set_the_same() -> None:
    found = [config.to_dict(config.resolve([layers.load_preset(name)])) for name in NAMES]
    for (a, first), (b, second) in itertools.combinations(zip(NAMES, found, strict=True), 2):
        assert first != second, f"{a} and {b}"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_goes_with_every_other(name: str) -> None:
    for other in NAMES:
        own = layers.load_preset(name)
        merged = config.resolve([layers.load_preset(other), own])
        # What the models' profile adds depends on the generator, which another preset may change.
        assert own.values.get("losses", {}).keys() <= merged.losses.keys()
        assert own.values.get("filters", {}).keys() <= merged.filters.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_draws(name: str) -> None:
    result = pixgen.generate("a fox", preset=name, seed=0, **TOYS)
    assert len(result.images) == 1 and all(torch.tensor(h).isfinite().all() for h in result.losses[0].values())
