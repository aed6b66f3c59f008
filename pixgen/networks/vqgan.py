"""The VQGAN network (Esser et al. 2021, arXiv 2012.09841), assembled from `taming.modules`.

`taming.models` would import lightning and build a perceptual loss that downloads a VGG, so only the encoder and
the decoder are taken. Parameter names are taming's: its checkpoints load with strict keys once `loss.*` is gone.
What departs from taming changes no result beyond rounding, and a test holds each against the original:

- attention goes through `scaled_dot_product_attention`, which never builds the HWxHW matrix (1 GB at 1024x1024, f8);
- residual blocks use `silu`, which keeps one tensor for the backward pass where x * sigmoid(x) keeps two;
- the quantiser looks codes up by index instead of multiplying with one-hot rows.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pixgen.backend.silence import silenced
from pixgen.backend.tensors import at_least_float32, unset
from pixgen.errors import PixgenError, UsageError
from pixgen.io import resources
from pixgen.models import vqgans
from pixgen.models.weights import float32, require_fit

TINY: dict[str, Any] = {
    "ddconfig": {
        "ch": 32,
        "out_ch": 3,
        "in_channels": 3,
        "ch_mult": [1, 1, 2, 4],
        "num_res_blocks": 1,
        "attn_resolutions": [],
        "dropout": 0.0,
        "resolution": 256,
        "z_channels": 8,
        "double_z": False,
    },
    "n_embed": 1024,
    "embed_dim": 8,
    "quantizer": "unit",
    "group": 16,
}
"""The architecture of the embedded VQGAN: 8 pixels a code, 1,024 unit codes of 8 dimensions (arXiv 2406.06525)."""

DISTANCES = 2**19
"""Distances of latents to codes that are computed at once: 2 MB, which a processor's cache holds."""
WIDE, GROUP = 4096, 64
"""Codes from which on the smallest of every GROUP distances are compared first (`_argmin`)."""


class Quantizer(nn.Module):
    """Nearest codes, with the gradient passed straight through.

    vq: taming's VectorQuantizer2. unit: latents and codes of unit length, so the nearest code has the largest cosine.
    gumbel: taming's GumbelQuantize; its encoder gives logits of codes (`proj`), the loop takes the nearest code.
    """

    def __init__(self, kind: str, n_embed: int, embed_dim: int, hidden: int) -> None:
        super().__init__()
        self.kind = kind
        if kind == "gumbel":
            self.proj = nn.Conv2d(hidden, n_embed, 1)
            self.embed = nn.Embedding(n_embed, embed_dim)
        else:
            self.embedding = nn.Embedding(n_embed, embed_dim)
            if kind == "vq":
                nn.init.uniform_(self.embedding.weight, -1 / n_embed, 1 / n_embed)

    @property
    def codebook(self) -> Tensor:
        """float32 (n_embed, embed_dim); differentiable; unit rows for "unit"."""
        weight = self.embed.weight if self.kind == "gumbel" else self.embedding.weight
        return F.normalize(weight, dim=1) if self.kind == "unit" else weight

    @torch.no_grad()
    def nearest(self, z: Tensor, first: int | None = None) -> Tensor:
        """Latents (B, C, h, w) -> indices of the nearest codes, int64 (B, h, w).

        first: look among so many codes alone, from the first on.
        """
        codebook = self.codebook[:first].to(z.dtype)
        flat = z.movedim(1, -1).flatten(0, 2)
        # |z - c|^2 without |z|^2, which is the same for every code, as one product: (z, 1) with (-2 c, |c|^2).
        table = torch.cat((-2 * codebook, codebook.square().sum(1, keepdim=True)), 1).T
        with torch.autocast(z.device.type, enabled=False):
            parts = F.pad(flat, (0, 1), value=1.0).split(max(1, DISTANCES // len(codebook)))
            found = [_argmin(rows @ table) for rows in parts]
        return torch.cat(found).view(z.shape[0], *z.shape[2:])

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (B, C, h, w) -> (nearest codes with the latents' gradient, float32; indices int64 (B, h, w))."""
        z = at_least_float32(z)  # 2 % of random 8-dimensional codes flip in bfloat16
        if self.kind == "unit":
            z = F.normalize(z, dim=1)
        indices = self.nearest(z)
        codes = F.embedding(indices, self.codebook.detach()).movedim(-1, 1).to(z.dtype)
        return z + (codes - z).detach(), indices


def _argmin(distances: Tensor) -> Tensor:
    """(N, K) -> the place of the smallest of each row, int64 (N,).

    Wide rows are folded first: on a CPU `amin` over a middle dimension is vectorised and `argmin` is not, which makes
    the search among 16,384 codes three times faster.
    """
    rows, width = distances.shape
    if width < WIDE or width % GROUP:
        return distances.argmin(1)
    folded = distances.view(rows, GROUP, width // GROUP)
    column = folded.amin(1).argmin(1)
    within = folded.gather(2, column[:, None, None].expand(-1, GROUP, 1))[:, :, 0].argmin(1)
    return within * (width // GROUP) + column


def _taming() -> Any:
    from taming.modules.diffusionmodules import model

    return model


@functools.cache
def _quiet_decoder() -> Any:
    """taming's Decoder, which prints when it is made; standard output is for paths."""
    decoder = _taming().Decoder
    return type("Decoder", (decoder,), {"__init__": silenced(decoder.__init__)})


def _attend(self: Any, x: Tensor) -> Tensor:
    """taming's AttnBlock: one head over all positions."""
    normed = self.norm(x)
    q, k, v = (f(normed).flatten(2).transpose(1, 2).unsqueeze(1) for f in (self.q, self.k, self.v))
    attended = F.scaled_dot_product_attention(q, k, v)
    change: Tensor = self.proj_out(attended.squeeze(1).transpose(1, 2).reshape(x.shape))
    return x + change


def _residual(self: Any, x: Tensor, temb: None) -> Tensor:
    """taming's ResnetBlock without a time embedding."""
    h = self.conv1(F.silu(self.norm1(x)))
    change: Tensor = self.conv2(self.dropout(F.silu(self.norm2(h))))
    if self.in_channels == self.out_channels:
        return x + change
    kept: Tensor = self.conv_shortcut(x) if self.use_conv_shortcut else self.nin_shortcut(x)
    return change + kept


def _lean(network: nn.Module) -> nn.Module:
    """Give taming's blocks the cheaper forwards above; parameters and their names stay."""
    taming = _taming()
    forwards = {taming.AttnBlock: _attend, taming.ResnetBlock: _residual}
    for module in network.modules():
        forward = forwards.get(type(module))
        if forward is not None:
            module.forward = forward.__get__(module)
    return network


def _recomputed(module: nn.Module) -> None:
    """Gradient checkpointing: keep only a block's input and recompute the block in the backward pass."""
    forward: Callable[..., Tensor] = module.forward

    def recompute(x: Tensor, *rest: Any) -> Tensor:
        if not (torch.is_grad_enabled() and x.requires_grad):
            return forward(x, *rest)
        result: Tensor = checkpoint(forward, x, *rest, use_reentrant=False, preserve_rng_state=False)
        return result

    module.forward = recompute


class VQModel(nn.Module):
    """Encoder, quantiser and decoder.

    config: the fields of `pixgen.models.vqgans.Architecture` as plain data. "group": taming's 32 groups make one of
    every channel of a narrow network, which then forgets the mean of each, and with it the colour of a plain picture.
    "token_codes": how many codes, from the first on, are those that a token decoder models; the others were added
    behind them later, so that pictures are encoded more finely. All of them if not given.
    Raises UsageError for a config that no VQGAN has.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        built = vqgans.checked(config, "the VQGAN's architecture")
        self.config = config
        dd = dataclasses.asdict(built.ddconfig)
        channels = built.ddconfig.z_channels
        taming = _taming()
        self.encoder = _lean(taming.Encoder(**dd))
        self.decoder = _lean(_quiet_decoder()(**dd))
        if built.group:
            for norm in (m for m in self.modules() if isinstance(m, nn.GroupNorm)):
                norm.num_groups = max(1, norm.num_channels // built.group)
        self.quantize = Quantizer(built.quantizer, built.n_embed, built.embed_dim, channels)
        self.quant_conv = nn.Conv2d(channels * (2 if built.ddconfig.double_z else 1), built.embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(built.embed_dim, channels, 1)
        self.factor = 2 ** (len(built.ddconfig.ch_mult) - 1)
        self.token_codes = built.n_embed if built.token_codes is None else built.token_codes

    def checkpointing(self) -> None:
        """Trade a second forward pass of the decoder for its activations' memory; results stay the same."""
        taming = _taming()
        for module in self.decoder.modules():
            if isinstance(module, taming.AttnBlock | taming.ResnetBlock | taming.Upsample):
                _recomputed(module)

    def encode(self, images: Tensor) -> Tensor:
        """float32 (B, 3, H, W) in [0, 1], sides multiples of `factor` -> latents (B, embed_dim, H/f, W/f).

        Latents before quantisation; for "gumbel" the chosen codes, for its logits lie in no space of codes.
        """
        z = self.quant_conv(self.encoder(images * 2 - 1))
        if self.quantize.kind == "gumbel":
            return self.codes(self.quantize.proj(z).argmax(1))
        return at_least_float32(z)

    def codes(self, indices: Tensor) -> Tensor:
        """int64 (B, h, w) -> codes (B, embed_dim, h, w), differentiable to the codebook."""
        return F.embedding(indices, self.quantize.codebook).movedim(-1, 1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, embed_dim, h, w) -> images (B, 3, h*f, w*f), about [0, 1] and not clamped."""
        images: Tensor = self.decoder(self.post_quant_conv(codes)) * 0.5 + 0.5
        return images

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images -> (reconstruction, latents before quantisation, indices): what a training step needs."""
        z = self.encode(images)
        codes, indices = self.quantize(z)
        return self.decode(codes), z, indices


def load(
    path: Path | None = None, config: Path | None = None, architecture: Mapping[str, Any] | None = None
) -> VQModel:
    """Read a checkpoint, or the folder that holds `vqgan.safetensors`; pixgen's own by default. Frozen, in eval mode.

    A training's file holds its architecture; for other programs' files it is `architecture`, or that of `config`, a
    YAML file of taming's. No code in the file is run.
    Raises PixgenError if the file is damaged, does not fit, or is the shipped one and missing; UsageError if a
    user-provided file is missing or its architecture unknown.
    """
    own = resources.embedded() / "vqgan.safetensors"
    path = own if path is None else path / own.name if path.is_dir() else path
    if not path.is_file():
        if path == own:
            raise PixgenError(f"VQGAN weights not found: {path}; install pixgen again")
        raise UsageError(f"VQGAN weights not found: {path}; give generator.model a file that exists")
    weights, described = vqgans.read(path, config, architecture)
    try:
        with unset():
            model = VQModel(described)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise PixgenError(f"{path} is not a VQGAN that pixgen can build: wrong architecture ({error!r})") from error
    load_strict(model, float32(weights, path), path, config)
    return model.eval().requires_grad_(False)


def load_strict(model: VQModel, weights: dict[str, Tensor], path: Path, config: Path | None = None) -> None:
    """Put weights into the model; every missing, extra or misshapen key is an error that names it."""
    require_fit(model.state_dict(), weights, path, str(config or "its architecture"))
    # Clones: what was mapped from a file must not change with it.
    model.load_state_dict({name: value.clone() for name, value in weights.items()}, assign=True)
