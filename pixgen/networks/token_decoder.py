"""The token decoder: an autoregressive model of code grids, conditioned on a prefix.

One network serves both DALL-E methods. The prefix is the caption's tokens (DALL-E, arXiv 2102.12092), a few tokens
projected from an image embedding (DALL-E 2, arXiv 2204.06125), or empty: the unconditional prediction that
classifier-free guidance (arXiv 2207.12598) extrapolates from.

A grid of 16 x 16 codes is modelled as 64 patches of 2 x 2 codes. A causal transformer runs over the patches, and a
small head predicts the four codes of a patch one after another (RQ-Transformer, arXiv 2203.01941): a quarter of the
positions, and so a quarter of the time. Every position gets an embedding of the patch to predict (arXiv 2404.09562),
so the patches may come in any order, and known codes may come first (inpainting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixgen.errors import UsageError
from pixgen.io import schema
from pixgen.networks.transformer import Block


@dataclass(frozen=True)
class TokenConfig:
    """Sizes. A few core-hours of training feed two to three million parameters, no more (arXiv 2203.15556).

    Raises ValueError for sizes that no such network has.
    """

    codes: int = 1024
    grid: int = 16
    patch: int = 2
    width: int = 192
    depth: int = 5
    heads: int = 6
    code_width: int = 64
    head_width: int = 128
    image_tokens: int = 4
    embedding: int = 192
    text_width: int = 192

    def __post_init__(self) -> None:
        schema.require_between(
            self, codes=(1, 1_048_576), grid=(1, 256), patch=(1, 16), width=(1, 8192), depth=(0, 64), heads=(1, 256),
            code_width=(1, 8192), head_width=(1, 8192), image_tokens=(1, 256), embedding=(1, 8192),
            text_width=(1, 8192),
        )  # fmt: skip
        if self.grid % self.patch or self.width % self.heads:
            raise ValueError("it needs a grid that its patch divides, and a width that its heads divide")

    @property
    def side(self) -> int:
        """Patches along a side of the grid."""
        return self.grid // self.patch

    @property
    def patches(self) -> int:
        return self.side**2

    @property
    def slots(self) -> int:
        """Codes in a patch."""
        return self.patch**2


@dataclass(frozen=True)
class Prefix:
    """The condition: what the transformer reads before the patches.

    tokens: float32 (B, P, width). The first is the same for every condition; alone it means "unconditional".
    mask: bool (B, P), True where a token counts and False for padding.
    """

    tokens: Tensor
    mask: Tensor

    def drop(self, dropped: Tensor) -> Prefix:
        """The same prefixes, made unconditional where `dropped`, bool (B,), is True."""
        first = torch.arange(self.mask.shape[1], device=self.mask.device) == 0
        return Prefix(self.tokens, self.mask & (first | ~dropped[:, None]))

    def expand(self, n: int) -> Prefix:
        """One prefix repeated n times, or n prefixes as they are. Raises ValueError for any other number."""
        if len(self.tokens) not in (1, n):
            raise ValueError(f"{len(self.tokens)} prefixes for {n} grids; give one, or one each")
        return Prefix(self.tokens.expand(n, -1, -1), self.mask.expand(n, -1))

    @staticmethod
    def stack(prefixes: Sequence[Prefix]) -> Prefix:
        """Batches of prefixes as one batch; shorter ones are padded with masked tokens."""
        longest = max(prefix.mask.shape[1] for prefix in prefixes)
        tokens = [F.pad(prefix.tokens, (0, 0, 0, longest - prefix.mask.shape[1])) for prefix in prefixes]
        masks = [F.pad(prefix.mask, (0, longest - prefix.mask.shape[1])) for prefix in prefixes]
        return Prefix(torch.cat(tokens), torch.cat(masks))


Cache = list[tuple[Tensor, Tensor]]
"""The keys and values of every layer so far, each (B, heads, T, width / heads)."""


class PatchHead(nn.Module):
    """From the transformer's state of a patch to its codes, each conditioned on those before it in the patch."""

    def __init__(self, c: TokenConfig) -> None:
        super().__init__()
        wide = c.head_width
        self.enter = nn.Linear(c.width, wide)
        self.slot = nn.Parameter(torch.randn(c.slots, wide) * 0.02)
        self.given = nn.Parameter(torch.randn(c.slots - 1, c.code_width, wide) * c.code_width**-0.5)
        self.mlp = nn.Sequential(nn.LayerNorm(wide), nn.Linear(wide, 4 * wide), nn.SiLU(), nn.Linear(4 * wide, wide))
        self.norm = nn.LayerNorm(wide)
        self.out = nn.Linear(wide, c.codes)

    def forward(self, state: Tensor, previous: Tensor) -> Tensor:
        """All slots of a patch at once (teacher forcing): logits (..., slots, codes).

        state: (..., width). previous: embeddings (..., slots - 1, code_width) of the patch's codes but the last.
        """
        before = torch.einsum("...sc,sch->...sh", previous, self.given).cumsum(-2)
        return self._logits(state, F.pad(before, (0, 0, 1, 0)), self.slot)

    def next_slot(self, state: Tensor, previous: Tensor) -> Tensor:
        """The logits (..., codes) of the slot after the `previous` ones, embeddings (..., s, code_width)."""
        slot = previous.shape[-2]
        before = torch.einsum("...sc,sch->...h", previous, self.given[:slot])
        return self._logits(state, before[..., None, :], self.slot[slot])[..., 0, :]

    def _logits(self, state: Tensor, before: Tensor, slot: Tensor) -> Tensor:
        x = self.enter(state)[..., None, :] + before + slot
        logits: Tensor = self.out(self.norm(x + self.mlp(x)))
        return logits


class TokenDecoder(nn.Module):
    """The probability of every code of a grid, and sampling of grids. Grids are int64 (B, grid, grid)."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: TokenConfig) -> None:
        super().__init__()
        c = self.config = config
        self.code = nn.Embedding(c.codes, c.code_width)
        self.patch = nn.Linear(c.slots * c.code_width, c.width)
        self.begin = nn.Parameter(torch.randn(c.width) * 0.02)
        self.place = nn.Embedding(c.patches, c.width)  # of the patch that came last
        self.target = nn.Embedding(c.patches, c.width)  # of the patch to predict
        for table in (self.code, self.place, self.target):
            nn.init.normal_(table.weight, std=0.02 if table is not self.code else 0.3)
        self.first = nn.Parameter(torch.randn(c.width) * 0.02)
        self.words = nn.Linear(c.text_width, c.width)
        self.caption = nn.Linear(c.embedding, c.width)
        self.image = nn.Linear(c.embedding, c.image_tokens * c.width)
        self.register_buffer("mean", torch.zeros(2, c.embedding))  # of text and of image embeddings
        self.register_buffer("scale", torch.full((2,), c.embedding**0.5))
        self.layers = nn.ModuleList(Block(c.width, c.heads) for _ in range(c.depth))
        self.norm = nn.LayerNorm(c.width)
        self.head = PatchHead(c)

    @torch.no_grad()
    def init_codes(self, codebook: Tensor) -> None:
        """Initialise the code embeddings from the VQGAN's codebook (codes, dim): similar codes begin similar.

        Call before any training.
        """
        random = torch.Generator().manual_seed(0)
        unit = F.normalize(codebook.float(), dim=1)
        for weight in (self.code.weight, self.head.out.weight):
            spread = torch.randn(unit.shape[1], weight.shape[1], generator=random)
            weight.copy_(unit @ spread * (weight.std() / (unit @ spread).std()))

    @torch.no_grad()
    def fit_scale(self, texts: Tensor, images: Tensor) -> None:
        """Fit the normalisation of text and image embeddings, (N, embedding) each: a perceptor's fill a narrow cone."""
        for i, rows in enumerate((texts, images)):
            self.mean[i] = rows.mean(0)
            self.scale[i] = 1 / (rows - rows.mean(0)).std().clamp(min=1e-6)

    # -- conditions ------------------------------------------------------------------------------------------

    def unconditional(self, n: int) -> Prefix:
        """n empty prefixes."""
        return Prefix(self.first.expand(n, 1, -1), torch.ones(n, 1, dtype=torch.bool, device=self.first.device))

    def of_text(self, states: Tensor, mask: Tensor, embedding: Tensor) -> Prefix:
        """Condition on captions: token states (B, T, text_width), their mask, bool (B, T), and embeddings (B, D)."""
        whole = self.caption((embedding - self.mean[0]) * self.scale[0])
        return self._prefix(torch.cat((whole[:, None], self.words(states)), 1), F.pad(mask, (1, 0), value=True))

    def of_image(self, embedding: Tensor) -> Prefix:
        """Condition on image embeddings (B, D), unit norm."""
        tokens = self.image((embedding - self.mean[1]) * self.scale[1])
        tokens = tokens.view(len(embedding), self.config.image_tokens, -1)
        return self._prefix(tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device))

    def _prefix(self, tokens: Tensor, mask: Tensor) -> Prefix:
        first = self.unconditional(len(tokens))
        return Prefix(torch.cat((first.tokens, tokens), 1), torch.cat((first.mask, mask), 1))

    # -- likelihood ------------------------------------------------------------------------------------------

    def patches(self, grids: Tensor) -> Tensor:
        """Grids (B, grid, grid) -> their patches row by row, (B, patches, slots)."""
        side, p = self.config.side, self.config.patch
        return grids.view(-1, side, p, side, p).transpose(2, 3).reshape(len(grids), side * side, p * p)

    def grids(self, patches: Tensor) -> Tensor:
        """The inverse of `patches`: (B, patches, slots) -> grids (B, grid, grid)."""
        side, p = self.config.side, self.config.patch
        return patches.view(-1, side, side, p, p).transpose(2, 3).reshape(len(patches), side * p, side * p)

    def forward(self, grids: Tensor, prefix: Prefix, order: Tensor | None = None) -> Tensor:
        """Logits (B, patches, slots, codes) of every code, given the prefix and all codes before it in `grids`.

        order: int64 (B, patches), the order in which the patches are predicted; row by row if None. The logits come in
        that order.
        """
        order = self._rows(len(grids)) if order is None else order
        codes = self._codes(grids, order)
        embedded = self.code(codes)
        before = self._enter(embedded[:, :-1], order[:, :-1])
        x = torch.cat((self.begin.expand(len(grids), 1, -1), before), 1) + self.target(order)
        p, t = prefix.tokens.shape[1], x.shape[1]
        x = torch.cat((prefix.tokens, x), 1)
        causal = torch.ones(t, t, dtype=torch.bool, device=x.device).tril()
        visible = F.pad(causal, (p, 0, p, 0), value=True)
        visible[:p, p:] = False  # the prefix attends to itself alone
        counts = F.pad(prefix.mask, (0, t), value=True)
        mask = (visible & counts[:, None, :])[:, None]
        for layer in self.layers:
            x, _ = layer(x, mask)
        logits: Tensor = self.head(self.norm(x[:, p:]), embedded[:, :, :-1])
        return logits

    def loss(self, grids: Tensor, prefix: Prefix, order: Tensor | None = None, inputs: Tensor | None = None) -> Tensor:
        """Mean negative log-likelihood in nats per code, (B,).

        inputs: int64 like grids, what is read as previous codes instead of `grids` (corrupted inputs in training).
        """
        order = self._rows(len(grids)) if order is None else order
        logits = self(grids if inputs is None else inputs, prefix, order)
        each = F.cross_entropy(logits.flatten(0, 2), self._codes(grids, order).flatten(), reduction="none")
        return each.view(len(grids), -1).mean(1)

    def _rows(self, n: int) -> Tensor:
        return torch.arange(self.config.patches, device=self.begin.device).expand(n, -1)

    def _codes(self, grids: Tensor, order: Tensor) -> Tensor:
        return self.patches(grids).gather(1, order[..., None].expand(-1, -1, self.config.slots))

    def _enter(self, embedded: Tensor, places: Tensor) -> Tensor:
        """Embedded patches (B, T, slots, code_width) at places (B, T) -> the transformer's input (B, T, width)."""
        entered: Tensor = self.patch(embedded.flatten(2)) + self.place(places)
        return entered

    # -- sampling --------------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(
        self,
        prefix: Prefix,
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        guidance: float = 1.0,
        generator: torch.Generator | None = None,
        known: Tensor | None = None,
        mask: Tensor | None = None,
        second: Prefix | None = None,
        second_weight: float = 0.0,
    ) -> Tensor:
        """Sample n grids, int64 (n, grid, grid), the same for the same generator.

        prefix: one condition for all grids, or one for each.
        temperature: sampling temperature, at least 0; 0 always takes the most likely code.
        top_k: sample among the k most likely codes; 0 among all.
        guidance: classifier-free guidance scale, at least 0; 1 turns guidance off, 0 ignores the condition.
        known: int64 (grid, grid), codes to keep wherever `mask` is False.
        mask: bool (grid, grid), True where codes are resampled, conditioned on the known ones.
        second: a second condition; the logits are interpolated towards those under it, each read by itself, so that
            the network need not have seen both together (composed guidance, arXiv 2206.01714).
        second_weight: weight of the second condition, 0 to 1; the first has the rest.

        Raises UsageError for an option out of range, or known codes that do not fit.
        """
        c = self.config
        known, mask = self._known(known, mask)
        _require(n >= 1, f"{n} grids", "at least 1")
        _require(temperature >= 0, f"temperature {temperature:g}", "at least 0")
        _require(top_k >= 0, f"top_k {top_k}", "at least 0, which is all")
        _require(guidance >= 0, f"guidance {guidance:g}", "at least 0")
        _require(0 <= second_weight <= 1, f"second_weight {second_weight:g}", "from 0 to 1")
        conditions, guided = [prefix.expand(n)], guidance != 1
        if second is not None:
            conditions.append(second.expand(n))
        if guided:
            conditions.append(conditions[0].drop(torch.ones(n, dtype=torch.bool, device=prefix.mask.device)))
        branches, prefix = len(conditions), Prefix.stack(conditions)
        kept, resample = self.patches(known[None])[0], self.patches(mask[None])[0]
        order = resample.any(1).long().argsort(stable=True)  # patches that are known throughout come first

        cache, counts = self._prefill(prefix)
        patches = torch.zeros(n, c.patches, c.slots, dtype=torch.long, device=self.begin.device)
        x = self.begin.expand(len(prefix.mask), 1, -1)
        for place in order.tolist():
            counts = F.pad(counts, (0, 1), value=True)
            x = x + self.target.weight[place]
            for i, layer in enumerate(self.layers):
                x, cache[i] = layer(x, counts[:, None, None], cache[i])
            state = self.norm(x[:, 0])
            for slot in range(c.slots):
                if bool(resample[place, slot]):
                    previous = self.code(patches[:, place, :slot])
                    each = self.head.next_slot(state, previous.repeat(branches, 1, 1)).chunk(branches)
                    logits = torch.lerp(each[0], each[1], second_weight) if second is not None else each[0]
                    if guided:
                        logits = each[-1] + guidance * (logits - each[-1])
                    patches[:, place, slot] = _sample_codes(logits, temperature, top_k, generator)
                else:
                    patches[:, place, slot] = kept[place, slot]
            embedded = self.code(patches[:, place : place + 1])
            x = self._enter(embedded, torch.full((n, 1), place, device=embedded.device))
            x = x.repeat(branches, 1, 1)
        return self.grids(patches)

    def _prefill(self, prefix: Prefix) -> tuple[Cache, Tensor]:
        """The keys and values of the prefix, and which of its tokens count."""
        x, mask = prefix.tokens, prefix.mask[:, None, None]
        cache = []
        for layer in self.layers:
            x, past = layer(x, mask)
            cache.append(past)
        return cache, prefix.mask

    def _known(self, known: Tensor | None, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        shape, device = (self.config.grid, self.config.grid), self.begin.device
        if (known is None) != (mask is None):
            raise UsageError("known codes need a mask of those to resample, and a mask needs known codes")
        if known is None or mask is None:
            every = torch.ones(shape, dtype=torch.bool, device=device)
            return torch.zeros(shape, dtype=torch.long, device=device), every
        for name, value in (("known", known), ("mask", mask)):
            _require(tuple(value.shape) == shape, f"{name} of shape {tuple(value.shape)}", f"of shape {shape}")
        kept = known[~mask]
        fits = not len(kept) or (int(kept.min()) >= 0 and int(kept.max()) < self.config.codes)
        _require(fits, "a known code", f"from 0 to {self.config.codes - 1}")
        return known.to(device), mask.to(device)


def _sample_codes(logits: Tensor, temperature: float, top_k: int, generator: torch.Generator | None) -> Tensor:
    """Logits (n, codes) -> codes, int64 (n,)."""
    if temperature == 0:
        return logits.argmax(1)
    if 0 < top_k < logits.shape[1]:
        logits = logits.masked_fill(logits < logits.topk(top_k).values[:, -1:], -torch.inf)
    # On the CPU, so that a generator gives the same grid on any device.
    probabilities = (logits / temperature).softmax(1).cpu()
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(logits.device)


def _require(ok: bool, what: str, wanted: str) -> None:
    if not ok:
        raise UsageError(f"token decoder: {what}; it must be {wanted}")
