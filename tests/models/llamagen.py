"""LlamaGen's VQ tokenizer, run straight off a checkpoint's own names: shares no line with taming's networks or ours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]

CHANNELS, DEPTH = 128, 2


def weights(multiples: Sequence[int]) -> State:
    """Random weights under the names and in the shapes of a published checkpoint with these channel multiples."""
    state: State = {}
    random = torch.Generator().manual_seed(0)

    def conv(name: str, inside: int, outside: int, side: int = 3) -> None:
        weight = torch.randn(outside, inside, side, side, generator=random)
        state[f"{name}.weight"] = weight / math.sqrt(inside * side * side)
        state[f"{name}.bias"] = 0.1 * torch.randn(outside, generator=random)

    def norm(name: str, channels: int) -> None:
        state[f"{name}.weight"] = 1 + 0.1 * torch.randn(channels, generator=random)
        state[f"{name}.bias"] = 0.1 * torch.randn(channels, generator=random)

    def residual(name: str, inside: int, outside: int) -> None:
        norm(f"{name}.norm1", inside)
        conv(f"{name}.conv1", inside, outside)
        norm(f"{name}.norm2", outside)
        conv(f"{name}.conv2", outside, outside)
        if inside != outside:
            conv(f"{name}.nin_shortcut", inside, outside, 1)

    def attention(name: str, channels: int) -> None:
        norm(f"{name}.norm", channels)
        for part in ("q", "k", "v", "proj_out"):
            conv(f"{name}.{part}", channels, channels, 1)

    def tower(name: str, widths: Sequence[int], blocks: int, lowest: int, resample: str, width: int) -> int:
        for level, wider in enumerate(widths):
            at = f"{name}.conv_blocks.{level}"
            for block in range(blocks):
                residual(f"{at}.res.{block}", width, wider)
                width = wider
                if level == lowest:
                    attention(f"{at}.attn.{block}", width)
            if level < len(widths) - 1:
                conv(f"{at}.{resample}.conv", width, width)
        return width

    def middle(name: str, width: int) -> None:
        residual(f"{name}.mid.0", width, width)
        attention(f"{name}.mid.1", width)
        residual(f"{name}.mid.2", width, width)

    widths = [CHANNELS * multiple for multiple in multiples]
    conv("encoder.conv_in", 3, CHANNELS)
    width = tower("encoder", widths, DEPTH, len(widths) - 1, "downsample", CHANNELS)
    middle("encoder", width)
    norm("encoder.norm_out", width)
    conv("encoder.conv_out", width, 256)
    conv("quant_conv", 256, 8, 1)
    state["quantize.embedding.weight"] = torch.randn(16384, 8, generator=random)
    state["quantize.codebook_used"] = torch.zeros(65536)
    conv("post_quant_conv", 8, 256, 1)
    conv("decoder.conv_in", 256, width)
    middle("decoder", width)
    width = tower("decoder", widths[::-1], DEPTH + 1, 0, "upsample", width)
    norm("decoder.norm_out", width)
    conv("decoder.conv_out", width, 3)
    return state


def encode(state: State, images: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1] -> what is quantised (B, 8, H/f, W/f)."""
    x = _conv(state, "encoder.conv_in", images)
    for level in range(_levels(state)):
        x = _blocks(state, f"encoder.conv_blocks.{level}", x)
        if f"encoder.conv_blocks.{level}.downsample.conv.weight" in state:
            x = _conv(state, f"encoder.conv_blocks.{level}.downsample.conv", F.pad(x, (0, 1, 0, 1)), 2, 0)
    x = _swish(_norm(state, "encoder.norm_out", _middle(state, "encoder", x)))
    return _conv(state, "quant_conv", _conv(state, "encoder.conv_out", x))


def quantise(state: State, z: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 8, h, w) -> the codes nearest by angle, of length one, and their numbers (B, h, w)."""
    table = F.normalize(state["quantize.embedding.weight"], dim=1)
    chosen = torch.einsum("bchw,nc->bhwn", F.normalize(z, dim=1), table).argmax(-1)
    return table[chosen].movedim(-1, 1), chosen


def decode(state: State, codes: Tensor) -> Tensor:
    """Codes (B, 8, h, w) -> pictures (B, 3, H, W), about [-1, 1]."""
    x = _conv(state, "decoder.conv_in", _conv(state, "post_quant_conv", codes))
    x = _middle(state, "decoder", x)
    for level in range(_levels(state)):
        x = _blocks(state, f"decoder.conv_blocks.{level}", x)
        if f"decoder.conv_blocks.{level}.upsample.conv.weight" in state:
            x = _conv(state, f"decoder.conv_blocks.{level}.upsample.conv", F.interpolate(x, scale_factor=2.0))
    return _conv(state, "decoder.conv_out", _swish(_norm(state, "decoder.norm_out", x)))


def _levels(state: State) -> int:
    return len({name.split(".")[2] for name in state if name.startswith("decoder.conv_blocks.")})


def _blocks(state: State, name: str, x: Tensor) -> Tensor:
    block = 0
    while f"{name}.res.{block}.conv1.weight" in state:
        x = _residual(state, f"{name}.res.{block}", x)
        if f"{name}.attn.{block}.q.weight" in state:
            x = _attention(state, f"{name}.attn.{block}", x)
        block += 1
    return x


def _middle(state: State, name: str, x: Tensor) -> Tensor:
    x = _attention(state, f"{name}.mid.1", _residual(state, f"{name}.mid.0", x))
    return _residual(state, f"{name}.mid.2", x)


def _residual(state: State, name: str, x: Tensor) -> Tensor:
    y = _conv(state, f"{name}.conv1", _swish(_norm(state, f"{name}.norm1", x)))
    y = _conv(state, f"{name}.conv2", _swish(_norm(state, f"{name}.norm2", y)))
    return y + (_conv(state, f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in state else x)


def _attention(state: State, name: str, x: Tensor) -> Tensor:
    normed = _norm(state, f"{name}.norm", x)
    q, k, v = (_conv(state, f"{name}.{part}", normed).flatten(2) for part in "qkv")
    shares = torch.einsum("bci,bcj->bij", q, k).div(math.sqrt(x.shape[1])).softmax(-1)
    seen = torch.einsum("bij,bcj->bci", shares, v).reshape(x.shape)
    return x + _conv(state, f"{name}.proj_out", seen)


def _conv(state: State, name: str, x: Tensor, stride: int = 1, padding: int | None = None) -> Tensor:
    weight = state[f"{name}.weight"]
    padding = weight.shape[-1] // 2 if padding is None else padding
    return F.conv2d(x, weight, state[f"{name}.bias"], stride, padding)


def _norm(state: State, name: str, x: Tensor) -> Tensor:
    return F.group_norm(x, 32, state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)


def _swish(x: Tensor) -> Tensor:
    return x * x.sigmoid()
