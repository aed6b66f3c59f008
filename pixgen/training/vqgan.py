"""Train the generator: a VQGAN (arXiv 2012.09841) from nothing, on crops of scenes.

An encoder turns each 8x8 pixels into the nearest of 1,024 unit codes, a decoder turns codes back into a picture.
It begins as a plain autoencoder whose first latents are the principal components of patches; then its latents are
clustered (k-means), the clusters become the codebook, and it goes on through codes that follow their latents as
running means (arXiv 1711.00937, appendix A.1). It learns from the distance of pixels, of edges, and of the
perceptor's own features in place of VGG's; towards the end a patch discriminator (arXiv 1611.07004) asks for crispness.

    python -m pixgen.training.vqgan RUN --cache CACHE [--perceptor RUN/perceptor.safetensors]

Counted in crops of 64x64 pixels, so a run may be cut anywhere and goes on where it stopped.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from pixgen.generators.vqgan_model import TINY, VQModel, load, save
from pixgen.perceptors.tiny_model import TinyCLIP
from pixgen.training import runs
from pixgen.training.pool import Pool, pool
from pixgen.training.runs import Average, Log, about, load_checkpoint, save_atomically, shipped_clip
from pixgen.training.scenes import Scenes

CROPS = 4
"""Crops of 64x64 in a batch; a batch of larger pictures has as many pixels."""
CONTINUOUS = 0.25
"""Until this share of the run there are no codes."""
ANCHORED = 0.75
"""Until this share of the run latents are held near the components, or they would give up the rarer colours."""
CLUSTERED = 64
"""Batches whose latents are clustered."""
LATENT_NOISE = 0.03
"""Standard deviation of the noise on unit latents while there are no codes."""
CRITIC_FROM = 0.8
COMMITMENT = 0.25
CODE_DECAY = 0.98
REVIVE_EVERY = 100
JUDGED = (12, 256)
"""How many unseen scenes are reconstructed at every checkpoint, and their side."""


class Discriminator(nn.Sequential):
    """A patch discriminator: float32 (B, 3, H, W) in [0, 1] -> (B, 1, H/8, W/8), high for real."""

    def __init__(self, width: int = 32) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for wide in (width, 2 * width):
            layers += [nn.Conv2d(wide, 2 * wide, 4, 2, 1, bias=False), nn.GroupNorm(8, 2 * wide), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(4 * width, 1, 3, 1, 1))


class Codes(nn.Module):
    """What the codebook follows: running counts and sums of the latents that chose each code."""

    counts: Tensor
    sums: Tensor

    def __init__(self, n: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(n))
        self.register_buffer("sums", torch.zeros(n, dim))

    def hold(self, codebook: Tensor) -> None:
        """Begin from codes (n, dim) that were learnt before, each as if a latent had chosen it."""
        self.counts.fill_(1.0)
        self.sums.copy_(codebook.detach())

    def cluster(self, latents: Tensor, rounds: int = 12) -> Tensor:
        """k-means on the unit sphere; latents (M, dim), unit. Returns the codebook (n, dim)."""
        codebook = latents[torch.randperm(len(latents))[: len(self.counts)]].clone()
        for _ in range(rounds):
            self.counts.zero_()
            self.sums.zero_()
            self._add((latents @ codebook.T).argmax(1), latents, 1.0)
            empty = self.counts == 0
            codebook = F.normalize(self.sums, dim=1)
            codebook[empty] = latents[torch.randint(len(latents), (int(empty.sum()),))]
        return codebook

    def follow(self, codebook: Tensor, indices: Tensor, latents: Tensor) -> None:
        """Move every code towards the latents (M, dim) that chose it (indices (M,))."""
        self.counts.mul_(CODE_DECAY)
        self.sums.mul_(CODE_DECAY)
        self._add(indices, latents, 1 - CODE_DECAY)
        used = self.counts > 1e-3
        codebook[used] = F.normalize(self.sums[used], dim=1)

    def revive(self, codebook: Tensor, latents: Tensor) -> int:
        """Move every code that is hardly used onto a random latent; how many were moved."""
        share = self.counts / self.counts.sum().clamp(min=1e-9)
        dead = (share < 0.02 / len(share)).nonzero().flatten()
        chosen = latents[torch.randint(len(latents), (len(dead),))]
        codebook[dead] = chosen
        self.counts[dead] = self.counts.mean()
        self.sums[dead] = chosen * self.counts[dead, None]
        return len(dead)

    def _add(self, indices: Tensor, latents: Tensor, share: float) -> None:
        self.counts += share * torch.bincount(indices, minlength=len(self.counts))
        self.sums.index_add_(0, indices, latents, alpha=share)


class Components(nn.Module):
    """First latents to learn: each patch's principal components, on the unit sphere.

    Left to itself a narrow network spends its first thousands of steps on light and lets its latents collapse onto that
    one direction. With these as the encoder's target and the decoder's input, colours are there from the first step.
    """

    mean: Tensor
    rows: Tensor

    def __init__(self, dim: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.register_buffer("mean", torch.zeros(3 * factor**2))
        self.register_buffer("rows", torch.zeros(dim - 1, 3 * factor**2))

    def measure(self, images: Tensor) -> None:
        """Find the components of these pictures, (B, 3, H, W) in [0, 1], each scaled to unit variance."""
        flat = self._patches(images).movedim(1, -1).flatten(0, 2)
        self.mean.copy_(flat.mean(0))
        values, vectors = torch.linalg.eigh(torch.cov(flat.T))
        count = len(self.rows)
        self.rows.copy_((vectors[:, -count:] / values[-count:].sqrt()).T.flip(0))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> unit latents (B, dim, H/f, W/f)."""
        centred = self._patches(images) - self.mean[:, None, None]
        found = torch.einsum("dp,bphw->bdhw", self.rows, centred).clamp(-3, 3)
        return F.normalize(torch.cat((found, torch.full_like(found[:, :1], 1.5)), 1), dim=1)

    def _patches(self, images: Tensor) -> Tensor:
        return F.pixel_unshuffle(opponent(images), self.factor)


def slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]


def opponent(x: Tensor) -> Tensor:
    """Light, and twice the differences of colours, which pixels alone hardly ask for. (B, 3, H, W)."""
    r, g, b = x.unbind(1)
    return torch.stack(((r + g + b) / 3, r - g, (r + g) / 2 - b), 1)


def distance(made: Tensor, real: Tensor, perceptor: TinyCLIP | None) -> tuple[Tensor, dict[str, float]]:
    """Pixels, edges and features: what the reconstruction is asked for."""
    colours, true = opponent(made), opponent(real)
    pixels = F.l1_loss(colours, true) + 4 * F.mse_loss(colours, true)
    edge = sum((F.l1_loss(a, b) for a, b in zip(slopes(made), slopes(real), strict=True)), torch.zeros(()))
    total = pixels + 0.5 * edge
    values = {"pixels": pixels.item(), "edges": edge.item()}
    if perceptor is not None:
        with torch.no_grad():
            wanted = perceptor.image.features(real)[:3]
        pairs = zip(perceptor.image.features(made)[:3], wanted, strict=True)
        features = sum((_apart(mine, theirs) for mine, theirs in pairs), torch.zeros(()))
        total = total + 0.1 * features
        values["features"] = features.item()
    return total, values


def _apart(mine: Tensor, theirs: Tensor) -> Tensor:
    """Mean squared distance of the unit feature vectors of two maps (B, C, h, w)."""
    return (F.normalize(mine, dim=1) - F.normalize(theirs, dim=1)).square().sum(1).mean()


def batch_at(step: int, seed: int, halves: Pool, wholes: Pool, crops: int) -> Tensor:
    """Crops of 64x64; every third batch whole pictures of 128x128, every twelfth one whole picture of 256x256."""
    rng = np.random.default_rng((seed, step))
    if step % 12 == 11:
        return _pictures(wholes, rng, 1, 256)
    if step % 3 == 2:
        return _pictures(halves, rng, max(1, crops // 4), 128)
    return torch.cat((_pictures(halves, rng, crops // 2, 64), _pictures(wholes, rng, crops - crops // 2, 64)))


def _pictures(source: Pool, rng: np.random.Generator, count: int, side: int) -> Tensor:
    cut = []
    for place in rng.integers(len(source), size=count):
        picture = source.pictures[place]
        y, x = rng.integers(0, picture.shape[-1] - side + 1, size=2)
        square = picture[:, y : y + side, x : x + side]
        cut.append(torch.tensor(square[..., ::-1].copy() if rng.random() < 0.5 else square.copy()))
    return torch.stack(cut).float().div_(255)


def unit_rows(latents: Tensor) -> Tensor:
    """(B, C, h, w) -> (B*h*w, C), unit."""
    return F.normalize(latents.movedim(1, -1).flatten(0, 2), dim=1)


@torch.no_grad()
def measure(model: VQModel, images: Tensor, continuous: bool) -> dict[str, float]:
    """PSNR in dB, the gradient energy kept (1 is all) and the codes in use, over reconstructions of whole pictures."""
    made, used = [], []
    for image in images:
        latents = model.encode(image[None])
        codes, indices = model.quantize(latents)
        made.append(model.decode(F.normalize(latents, dim=1) if continuous else codes))
        used.append(indices.flatten())
    drawn = torch.cat(made).clamp(0, 1)
    energy = [sum(float(s.square().mean()) for s in slopes(x)) for x in (drawn, images)]
    quality = float((-10 * (drawn - images).square().mean((1, 2, 3)).log10()).mean())
    share = len(torch.cat(used).unique()) / len(model.quantize.codebook)
    return {
        "psnr": round(quality, 2), "gradient_energy": round(energy[0] / energy[1], 3), "codes_used": round(share, 3)
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the embedded VQGAN.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--perceptor", type=Path, help="weights of the perceptor whose features are compared")
    parser.add_argument("--crops", type=int, default=400_000)
    parser.add_argument("--pool", type=int, default=10_000, help="scenes rendered once and used again")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--restart", type=Path, help="begin from shipped float16 weights")
    options = parser.parse_args()
    options.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    if options.threads:
        torch.set_num_threads(options.threads)

    every = 10**6  # all subjects
    small, large = options.pool * 4 // 5, options.pool // 5
    halves = pool(options.run / "pool128.npy", Scenes(options.cache, 32, 128, options.seed + 100, every), small)
    wholes = pool(options.run / "pool256.npy", Scenes(options.cache, 32, 256, options.seed + 101, every), large)
    judged = Scenes(options.cache, *JUDGED, options.seed + 200, every)[0].images
    model, critic = VQModel(TINY), Discriminator()
    average, codes = Average(model, 0.995), Codes(TINY["n_embed"], TINY["embed_dim"])
    optimizer = torch.optim.Adam(
        [p for name, p in model.named_parameters() if not name.startswith("quantize")],
        lr=options.lr, betas=(0.9, 0.98),
    )  # fmt: skip
    components = Components(TINY["embed_dim"], model.factor)
    components.measure(batch_at(2, options.seed, halves, wholes, 64))
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=options.lr / 2, betas=(0.5, 0.9))
    perceptor = shipped_clip(options.perceptor) if options.perceptor else None
    parts: dict[str, nn.Module | torch.optim.Optimizer] = {
        "model": model,
        "average": average.model,
        "critic": critic,
        "codes": codes,
        "optimizer": optimizer,
        "critic_optimizer": critic_optimizer,
    }
    log, checkpoint = Log(options.run / "log.jsonl"), options.run / "checkpoint.pt"
    seen, step, begun = 0, 0, 0  # steps since `begun` warm the learning rate up
    if (state := load_checkpoint(checkpoint)) is not None:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        seen, step, begun = state["seen"], state["step"], state["begun"]
    elif options.restart:
        weights = load(options.restart).state_dict()
        model.load_state_dict(weights)
        average.model.load_state_dict(weights)
        codes.hold(model.quantize.codebook)
        seen = about(options.restart)["about"]["crops"]
        step = begun = seen // CROPS
    clustered = bool(codes.counts.any())

    saved = reported = time.time()
    while seen < options.crops:
        torch.manual_seed(options.seed * 1_000_003 + step)  # the same after a kill
        progress = seen / options.crops
        real = batch_at(step, options.seed, halves, wholes, CROPS)
        if not clustered and progress >= CONTINUOUS:
            with torch.no_grad():
                batches = (batch_at(step + i, options.seed, halves, wholes, CROPS) for i in range(CLUSTERED))
                rows = torch.cat([unit_rows(model.encode(batch)) for batch in batches])
                model.quantize.embedding.weight.copy_(codes.cluster(rows))
            clustered = True
        latents = model.encode(real)
        unit = F.normalize(latents, dim=1)
        commitment, adversarial = torch.zeros(()), progress >= CRITIC_FROM
        if clustered:
            looked_up, indices = model.quantize(latents)
            commitment = (unit - looked_up.detach()).square().sum(1).mean()
            if progress < ANCHORED:
                commitment = commitment + 2 * (unit - components(real)).square().sum(1).mean()
            made = model.decode(looked_up)
        else:
            first = components(real)
            given = torch.where(torch.rand(len(real), 1, 1, 1) < progress / CONTINUOUS, unit, first)
            made = model.decode(F.normalize(given + LATENT_NOISE * torch.randn_like(unit), dim=1))
            commitment = 4 * (1 - progress / CONTINUOUS) * (unit - first).square().sum(1).mean()
        loss, values = distance(made, real, perceptor)
        loss = loss + COMMITMENT * commitment
        if adversarial:
            loss = loss - 0.02 * critic(made).mean()
        for group in optimizer.param_groups:
            falling = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))
            group["lr"] = options.lr * min(1, (step - begun + 1) / 100) * falling
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if adversarial:
            hinge = F.relu(1 - critic(real)).mean() + F.relu(1 + critic(made.detach())).mean()
            critic_optimizer.zero_grad(set_to_none=True)
            hinge.backward()
            critic_optimizer.step()
        moved = 0
        if clustered and progress < 0.9:  # codes rest at the end, so that the decoder can settle on them
            rows, codebook = unit_rows(latents.detach()), model.quantize.embedding.weight.data
            codes.follow(codebook, indices.flatten(), rows)
            if step % REVIVE_EVERY == 0:
                moved = codes.revive(codebook, rows)
        average.update(model, step)
        average.model.quantize.embedding.weight.data.copy_(model.quantize.embedding.weight)
        step, seen = step + 1, seen + CROPS
        if step % 50 == 0:
            rate = 50 * CROPS / (time.time() - reported)
            reported = time.time()
            shown = {name: round(value, 4) for name, value in values.items()}
            commit = round(commitment.item(), 3)
            log.write(
                crops=seen, rate=round(rate, 1), loss=round(loss.item(), 4), commit=commit, revived=moved, **shown
            )
        if time.time() - saved > runs.SAVE_EVERY or seen >= options.crops:
            facts = measure(average.model, judged, not clustered)
            log.write(crops=seen, **facts)
            states = {name: part.state_dict() for name, part in parts.items()}
            save_atomically(states | {"seen": seen, "step": step, "begun": begun}, checkpoint)
            save(
                average.model, options.run / "vqgan.safetensors", torch.float16, crops=seen, seed=options.seed, **facts
            )
            if adversarial:
                halved = {name: value.half().contiguous() for name, value in critic.state_dict().items()}
                save_file(halved, options.run / "discriminator.safetensors")
            saved = time.time()


if __name__ == "__main__":
    main()
