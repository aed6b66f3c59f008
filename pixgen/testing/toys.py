"""Small stand-ins with random weights: no file, no download, float64 as well.

Importing this module registers perceptor.toy and generator.toy.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size
from pixgen.contracts import Generator, Params, Perceptor
from pixgen.io.yaml_files import Layer
from pixgen.loop.build import Models, assemble
from pixgen.loop.scene import Scene, Stage, prepare
from pixgen.registry import register
from pixgen.settings.config import RenderConfig, format_size, resolve


@register("perceptor", "toy")
@dataclass
class ToyPerceptor(Perceptor):
    """Two layers of fixed random weights; a text's embedding is drawn by its hash."""

    side: int = 16
    """Side of the cutouts in pixels, a multiple of 4."""
    seed: int = 0
    """Draws the weights."""

    dim: int = field(init=False, default=32)
    input_size: int = field(init=False, default=16)
    _weights: list[Tensor] = field(init=False, repr=False, compare=False, default_factory=list)

    def __post_init__(self) -> None:
        if self.side < 4 or self.side % 4:
            raise ValueError(f"side is {self.side}; it must be a multiple of 4, at least 4")
        self.input_size = self.side
        random = torch.Generator().manual_seed(self.seed)
        shapes = [(24, 3, 4, 4), (self.dim, 24 * (self.side // 4) ** 2)]
        self._weights = [torch.randn(shape, generator=random) / math.prod(shape[1:]) ** 0.5 for shape in shapes]

    def encode_image(self, images: Tensor) -> Tensor:
        patches, out = (weight.to(images) for weight in self._weights)
        hidden = torch.tanh(F.conv2d(images * 4 - 2, patches, stride=4))
        return F.normalize(F.linear(hidden.flatten(1), out), dim=1)

    def encode_text(self, texts: list[str]) -> Tensor:
        seeds = [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big") for text in texts]
        rows = [torch.randn(self.dim, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return F.normalize(torch.stack(rows), dim=1)


@register("generator", "toy")
@dataclass
class ToyGenerator(Generator):
    """A small grid of colours, enlarged by 4: params are {"grid": (B, 3, H/4, W/4)}."""

    dtype: torch.dtype = torch.float32
    """Of the params."""

    def __post_init__(self) -> None:
        self.factor = 4

    def init(self, size: Size, streams: Streams) -> Params:
        random = streams.generator("init")
        return {"grid": torch.randn(1, 3, size[0] // 4, size[1] // 4, generator=random, dtype=self.dtype)}

    def decode(self, params: Params) -> Tensor:
        return torch.sigmoid(F.interpolate(params["grid"], scale_factor=4.0, mode="bilinear"))

    def encode(self, images: Tensor) -> Params:
        return {"grid": torch.logit(F.avg_pool2d(images, 4), eps=1e-3)}


def scene(
    pictures: Mapping[int, str] | Sequence[tuple[int, str]] = ((0, "a fox"),),
    losses: Mapping[str, Mapping[str, Any]] | None = None,
    perceptors: int = 1,
    generator: Generator | None = None,
    stages: Sequence[Stage] = (Stage(4, (32, 32), 8),),
    **options: Any,
) -> Scene:
    """A scene of toys, ready for `pixgen.loop.engine.Engine`.

    pictures: (seed, prompt) pairs. losses: options by term id, their weight among them; by default the clip loss alone.
    perceptors: how many toys judge the pictures. options: any field of `Scene`, in place of pixgen's defaults.
    """
    pairs = list(pictures.items() if isinstance(pictures, Mapping) else pictures)
    config = resolve(
        [
            Layer(
                {
                    "size": format_size(stages[-1].size),
                    "generator": "toy",
                    "perceptors": {f"toy{i}": {"type": "toy", "seed": i} for i in range(perceptors)},
                    "losses": losses or {"clip": {"type": "clip"}},
                    "device": "cpu",
                    "precision": "float32",
                },
                "pixgen.testing.scene",
            )
        ],
        base=RenderConfig(perceptors={}, losses={}, starts=1, noise=0.0),
    )
    models, cpu = Models(), torch.device("cpu")
    if generator is not None:
        generator.prepare(cpu)
        models.put("generator", config.generator, cpu, generator)
    made = assemble(config, [(text, seed) for seed, text in pairs], models)
    made = replace(made, stages=stages, **options)
    prepare(made, keep_text_towers=False)
    return made
