"""The embedded perceptor's network: CLIP's two towers (arXiv 2103.00020), small enough for two CPU cores.

The image tower begins with convolutions (they learn faster than patches from little data, arXiv 2106.14881) and
goes on as a transformer over an 8x8 grid of tokens. The text tower is a causal-free transformer whose caption
embedding is the masked mean of its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class TinyConfig:
    """Sizes of both towers. `vocabulary` and `context` count tokens; all else are widths and depths."""

    side: int = 64
    dim: int = 192
    widths: tuple[int, int, int] = (48, 96, 192)
    residuals: int = 2
    image_depth: int = 5
    text_width: int = 192
    text_depth: int = 3
    heads: int = 3
    vocabulary: int = 4096
    context: int = 24


class Block(nn.Module):
    """A pre-norm transformer block. tokens: (B, T, width); mask: bool (B, T), True where a token counts."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        b, t, width = tokens.shape
        q, k, v = self.qkv(self.norm1(tokens)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=None if mask is None else mask[:, None, None, :])
        tokens = tokens + self.out(seen.transpose(1, 2).reshape(b, t, width))
        return tokens + self.mlp(self.norm2(tokens))


class Norm2d(nn.LayerNorm):
    """LayerNorm over the channels of (B, C, H, W); free of copies in channels_last."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Residual(nn.Module):
    """x + conv(SiLU(norm(x))), 3x3, the width kept."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.conv = Norm2d(width), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(F.silu(self.norm(x)))


class ImageTower(nn.Module):
    """float32 (B, 3, S, S) in [0, 1] -> (B, dim), not normalised. S is a multiple of 8; `side` is its home."""

    def __init__(self, c: TinyConfig) -> None:
        super().__init__()
        a, b, width = c.widths
        self.stem = nn.Conv2d(3, a, 3, stride=2, padding=1)
        self.down1 = nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.residuals = nn.Sequential(*(Residual(b) for _ in range(c.residuals)))
        self.down2 = nn.Conv2d(b, width, 3, stride=2, padding=1)
        self.norm_stem, self.norm_down = Norm2d(a), Norm2d(b)
        grid = c.side // 8
        self.positions = nn.Parameter(torch.randn(1, width, grid, grid) * 0.02)
        self.blocks = nn.ModuleList(Block(width, c.heads) for _ in range(c.image_depth))
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, c.dim, bias=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """Feature maps for a perceptual distance: the stem's, the residuals' and the last tokens', (B, C, h, w)."""
        x = (images - 0.5) * 4
        stem = F.silu(self.norm_stem(self.stem(x.contiguous(memory_format=torch.channels_last))))
        middle = self.residuals(self.down1(stem))
        x = self.down2(F.silu(self.norm_down(middle)))
        positions: Tensor = self.positions
        if positions.shape[-2:] != x.shape[-2:]:
            positions = F.interpolate(positions, size=x.shape[-2:], mode="bicubic", align_corners=False)
        x = x + positions
        height, width = x.shape[-2:]
        tokens = x.flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = block(tokens)
        return [stem, middle, tokens.transpose(1, 2).unflatten(2, (height, width))]

    def pooled(self, images: Tensor) -> Tensor:
        """The mean token, (B, width): what the classification head of the training sees."""
        return self.norm(self.features(images)[-1].flatten(2).mean(2))

    def forward(self, images: Tensor) -> Tensor:
        return self.project(self.pooled(images))


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

    def forward(self, ids: Tensor) -> Tensor:
        mask = ids != 0
        x = self.tokens(ids) + self.positions[:, : ids.shape[1]]
        for block in self.blocks:
            x = block(x, mask)
        weight = mask[..., None].to(x.dtype)
        return self.project((self.norm(x) * weight).sum(1) / weight.sum(1))


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
