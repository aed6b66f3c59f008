"""A picture of toys that is drawn in no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixgen import testing
from pixgen.io.yaml_files import Layer
from pixgen.loop.build import Models
from pixgen.settings import config as configs
from pixgen.settings.config import RenderConfig
from pixgen.ui.window import Window

assert testing  # registers the toys


@pytest.fixture
def toy() -> Callable[..., RenderConfig]:
    """A resolved config of toys: `toy(prompt="a fox", seed=1, steps=4, **settings)`."""

    def make(prompt: str = "a fox", seed: int = 1, steps: int = 4, **settings: Any) -> RenderConfig:
        values = {
            "prompt": prompt,
            "seed": seed,
            "steps": steps,
            "size": "32x32",
            "generator": "toy",
            "perceptors": {"toy": "toy"},
            "losses": {"clip": {"type": "clip"}, "smooth": {"type": "tv", "weight": 0.5}},
            "device": "cpu",
            "threads": 1,
            "batch": 1,
            "precision": "float32",
            "cutouts": 2,
            **settings,
        }
        stage = configs.StageConfig(1.0, 1.0)
        base = RenderConfig(perceptors={}, losses={}, starts=1, noise=0.0, stages=[stage])
        return configs.resolve([Layer(values, "a test")], base=base)

    return make


@pytest.fixture
def window(tmp_path: Path) -> Window:
    """A window that saves to `tmp_path / "outputs"`."""
    return Window(tmp_path / "outputs", Models(keep_text_towers=True))
