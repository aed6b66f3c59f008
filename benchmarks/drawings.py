"""What the scripts that draw for the documentation share: the weights' hash, folders by it, and what is current.

Drawings lie in outputs/NAME-HASH, by the hash of the weights: other weights draw into another folder, and a run that
was stopped goes on in its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pixgen
from pixgen.errors import PixgenError
from pixgen.io import files, metadata, resources
from pixgen.io.yaml_files import Layer
from pixgen.settings import config, layers, methods

ROOT = Path(__file__).parent.parent
NETWORKS = ("perceptor", "vqgan", "bank", "tokens", "prior", "judge")
"""Whose weights a picture may depend on."""
DECIDED = ("device", "precision", "threads", "batch")
"""Settings that the machine decides."""


@dataclass(frozen=True)
class Drawing:
    """One picture to draw. settings: over the defaults and the preset's, as `pixgen.generate` takes them."""

    path: Path
    prompt: str
    seed: int
    preset: str = ""
    method: str = "loop"
    settings: Mapping[str, object] = field(default_factory=dict)

    def wanted(self) -> dict[str, object]:
        """All settings that it would be drawn with now."""
        said = [Layer({key: value}, "drawing") for key, value in self.settings.items()]
        asked = Layer({"prompt": self.prompt, "seed": self.seed}, "drawing")
        presets = [self.preset] if self.preset else []
        way = Layer(methods.settings(self.method), "drawing")
        return comparable(config.to_dict(config.resolve(layers.gather(presets, None, [way, *said, asked]))))

    def is_current(self) -> bool:
        """Whether it is there, finished, with the settings that it would be drawn with now."""
        if not self.path.is_file():
            return False
        try:
            about = metadata.read(self.path)
            return about.steps_done == about.steps_planned and comparable(about.config) == self.wanted()
        except PixgenError:
            return False


def draw(drawings: Iterable[Drawing]) -> list[Path]:
    """Draw those that are not current; gives them."""
    drawn = []
    for one in drawings:
        if one.is_current():
            continue
        one.path.parent.mkdir(parents=True, exist_ok=True)
        preset = {"preset": [one.preset]} if one.preset else {}
        method = {"method": one.method} if one.method != "loop" else {}
        result = pixgen.generate(one.prompt, seed=one.seed, **preset, **method, **one.settings)
        result.save(one.path, overwrite=True)
        drawn.append(one.path)
        print(f"{result.seconds:6.1f} s  {one.path.name:<20} {one.prompt}", flush=True)
    return drawn


def comparable(values: Mapping[str, object]) -> dict[str, object]:
    """Settings that two machines share."""
    return {key: value for key, value in config.to_dict(config.from_dict(values)).items() if key not in DECIDED}


def weights() -> dict[str, str]:
    """The sha256 of the models that come with pixgen, by network: other weights, other pictures."""
    return {name: files.sha256(resources.embedded() / f"{name}.safetensors") for name in NETWORKS}


def folder(name: str) -> Path:
    """Where drawings of this name lie that were made with the weights of today."""
    digest = hashlib.sha256("".join(weights().values()).encode()).hexdigest()
    return ROOT / "outputs" / f"{name}-{digest[:8]}"
