"""The embedded perceptor's network: CLIP's two towers (arXiv 2103.00020), small enough for two CPU cores.

The image tower is a residual network of plain 3x3 convolutions: on a processor they run at nearly its full speed, and
from a few hundred thousand pictures they learn more than a transformer. Its last feature map is projected with its
positions, not averaged, so that left and right are not lost. The text tower is a transformer; a caption's embedding is
the masked mean of its token states.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixgen.io import schema
from pixgen.networks.transformer import Block


@dataclass(frozen=True)
class TinyConfig:
    """Sizes of both towers. `vocabulary` and `context` count tokens; all else are widths and depths.

    Raises ValueError for sizes that no such network has.
    """

    side: int = 48
    dim: int = 192
    stem: int = 32
    widths: tuple[int, int, int] = (64, 128, 256)
    residuals: int = 2
    text_width: int = 192
    text_depth: int = 2
    heads: int = 3
    vocabulary: int = 4096
    context: int = 24

    def __post_init__(self) -> None:
        schema.require_between(
            self, side=(16, 1024), dim=(1, 8192), stem=(1, 4096), widths=(1, 4096), residuals=(0, 32),
            text_width=(1, 8192), text_depth=(0, 64), heads=(1, 256), vocabulary=(2, 1_048_576), context=(1, 4096),
        )  # fmt: skip
        if len(self.widths) != 3 or self.text_width % self.heads:
            raise ValueError("it needs 3 widths, and a text_width that its heads divide")


MAX_SCALE = 30.0
"""Of the logits: a training never uses a larger one, whatever `log_scale` says."""

GRID = 3
"""The image tower's last feature map is pooled to GRID x GRID positions, whatever the picture's size."""


def conv(wide_in: int, wide_out: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution and its batch norm."""
    return nn.Sequential(
        nn.Conv2d(wide_in, wide_out, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(wide_out)
    )


class Residual(nn.Module):
    """SiLU(x + two 3x3 convolutions of x), the width kept."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = conv(width, width), conv(width, width)
        nn.init.zeros_(self.second.get_parameter("1.weight"))  # begins as the identity

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x + self.second(F.silu(self.first(x))))


class ResidualStage(nn.Module):
    """Halves the side, changes the width, then applies residual blocks."""

    def __init__(self, wide_in: int, wide_out: int, residuals: int) -> None:
        super().__init__()
        self.down = conv(wide_in, wide_out, stride=2)
        self.residuals = nn.Sequential(*(Residual(wide_out) for _ in range(residuals)))

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.residuals(F.silu(self.down(x)))
        return halved


class ImageTower(nn.Module):
    """float32 (B, 3, S, S) in [0, 1] -> (B, dim), not normalised. S: a multiple of 16, best the config's `side`."""

    def __init__(self, c: TinyConfig) -> None:
        super().__init__()
        self.stem = conv(3, c.stem, stride=2)
        wide = (c.stem, *c.widths)
        self.stages = nn.ModuleList(ResidualStage(a, b, c.residuals) for a, b in pairwise(wide))
        self.places = nn.Linear(GRID * GRID * c.widths[-1], 2 * c.dim)
        self.norm = nn.LayerNorm(2 * c.dim)
        self.project = nn.Linear(2 * c.dim, c.dim, bias=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """Feature maps at 1/2, 1/4, 1/8 and 1/16 of the side, (B, C, h, w): what a perceptual distance compares."""
        x = F.silu(self.stem((images - 0.5) * 4).contiguous(memory_format=torch.channels_last))
        maps = [x]
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    def pooled(self, images: Tensor) -> Tensor:
        """(B, 2 * dim), the input of the classification heads in training."""
        grid = F.adaptive_avg_pool2d(self.features(images)[-1], GRID)
        pooled: Tensor = self.norm(F.silu(self.places(grid.flatten(1))))
        return pooled

    def forward(self, images: Tensor) -> Tensor:
        embeddings: Tensor = self.project(self.pooled(images))
        return embeddings


class TextTower(nn.Module):
    """int64 (B, context) token ids, 0 is padding -> (B, dim), not normalised."""

    def __init__(self, c: TinyConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(c.vocabulary, c.text_width)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.positions = nn.Parameter(torch.randn(1, c.context, c.text_width) * 0.01)
        self.blocks = nn.ModuleList(Block(c.text_width, c.heads) for _ in range(c.text_depth))
        self.norm = nn.LayerNorm(c.text_width)
        self.project = nn.Linear(c.text_width, c.dim, bias=False)

    def states(self, ids: Tensor) -> Tensor:
        """Contextual token states, (B, context, text_width); those of padding are undefined."""
        mask = (ids != 0)[:, None, None]
        x = self.tokens(ids) + self.positions[:, : ids.shape[1]]
        for block in self.blocks:
            x, _ = block(x, mask)
        states: Tensor = self.norm(x)
        return states

    def whole(self, ids: Tensor, states: Tensor) -> Tensor:
        """The caption's embedding from its tokens' states, (B, dim), not normalised."""
        weight = (ids != 0)[..., None].to(states.dtype)
        embeddings: Tensor = self.project((states * weight).sum(1) / weight.sum(1))
        return embeddings

    def forward(self, ids: Tensor) -> Tensor:
        return self.whole(ids, self.states(ids))


class TinyCLIP(nn.Module):
    """Both towers and the temperature. `encode_*` give unit vectors, float32 (B, dim)."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.config = config
        self.image, self.text = ImageTower(config), TextTower(config)
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())

    def encode_image(self, images: Tensor) -> Tensor:
        return F.normalize(self.image(images).float(), dim=-1)

    def encode_text(self, ids: Tensor) -> Tensor:
        return F.normalize(self.text(ids).float(), dim=-1)
