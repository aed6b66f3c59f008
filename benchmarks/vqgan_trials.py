"""Short trials of the VQGAN, one factor at a time, all from the shipped weights and over the same pictures.

    python benchmarks/vqgan_trials.py TRIAL --cache CACHE --out FOLDER [--crops 20000]

    base       the shipped network goes on with everything, its discriminator for the last fifth
    codes4096  the same, its codes clustered anew into 4,096 (codes16384: into 16,384)
    third      the same as base, the discriminator from a third of the trial on
    taming     a new decoder such as the shipped one; encoder and codes stay
    shuffle    a new decoder that works at 32x32 and 64x64 for the most part and ends in pixel shuffle; the same budget

Every trial writes checkpoint.pt every four minutes and goes on from it, and ends in one line of JSON in result.json:
PSNR, gradient energy and the distance of the perceptor's features on 24 unseen scenes and 24 unseen portraits of
256x256, after the training; with --crops 0 nothing is trained, and they are those of before. `base` and `third` differ
by the discriminator alone, `taming` and `shuffle` by the decoder.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from pixgen.io import resources
from pixgen.networks.discriminator import Discriminator
from pixgen.networks.vqgan import VQModel, load
from pixgen.training import monitor, runs
from pixgen.training.codebook import Codes
from pixgen.training.data.pool import open_pool
from pixgen.training.reconstruction import distance, measure
from pixgen.training.runs import TrainingLog, WeightAverage, load_checkpoint, load_clip, save_atomically
from pixgen.training.vqgan import COMMITMENT, REVIVE_EVERY, Sizes, batch_at, pull, scenes, unit_rows

TRIALS = ("base", "codes4096", "codes16384", "third", "taming", "shuffle")
POOL = 5000
SEED = 0


class Block(nn.Module):
    """Residual block: norm, SiLU, 3x3, twice."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(max(1, width // 16), width) for _ in range(2))
        self.convolutions = nn.ModuleList(nn.Conv2d(width, width, 3, 1, 1) for _ in range(2))
        nn.init.zeros_(self.convolutions[1].weight)

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            h = convolution(F.silu(norm(h)))
        return x + h


class ShuffleDecoder(nn.Sequential):
    """(B, 8, h, w) -> (B, 3, 8h, 8w): five blocks of 144 at h, three of 112 at 2h, two of 48 at 4h: 7.4 GMAC."""

    def __init__(self, channels: int = 8) -> None:
        widths, blocks = (144, 112, 48), (5, 3, 2)
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 3, 1, 1)]
        for i, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            layers += [Block(width) for _ in range(count)]
            following = widths[i + 1] if i + 1 < len(widths) else 3
            if following == 3:
                layers += [nn.GroupNorm(max(1, width // 16), width), nn.SiLU()]
            layers += [nn.Conv2d(width, 4 * following, 3, 1, 1), nn.PixelShuffle(2)]
        super().__init__(*layers)


def network(trial: str) -> VQModel:
    """The shipped VQGAN, changed as the trial asks."""
    shipped = load(resources.embedded() / "vqgan.safetensors")
    config = json.loads(json.dumps(shipped.config))
    config.pop("about", None)
    if trial.startswith("codes"):
        config["n_embed"] = int(trial.removeprefix("codes"))
    model = VQModel(config)
    weights = shipped.state_dict()
    fresh = ("quantize",) if trial.startswith("codes") else ("decoder",) if trial in ("taming", "shuffle") else ()
    model.load_state_dict({k: v for k, v in weights.items() if not k.startswith(fresh or "-")}, strict=not fresh)
    if trial == "shuffle":
        model.decoder = ShuffleDecoder()
    return model


@torch.no_grad()
def features(model: VQModel, images: Tensor, perceptor: nn.Module) -> float:
    """Mean distance of the perceptor's features, as the training has it."""
    found = []
    for image in images:
        codes, _ = model.quantize(model.encode(image[None]))
        found.append(distance(model.decode(codes).clamp(0, 1), image[None], perceptor)[1]["features"])  # type: ignore[arg-type]
    return round(sum(found) / len(found), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description="Short trials of the VQGAN.")
    parser.add_argument("trial", choices=TRIALS)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--crops", type=int, default=20_000)
    parser.add_argument("--lr", type=float, default=4e-4)
    chosen = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    run = chosen.out / chosen.trial
    run.mkdir(parents=True, exist_ok=True)
    halves = open_pool(chosen.out / "clean128.npy", scenes(chosen.cache, 32, 128, SEED + 100, 0.25), POOL * 4 // 5)
    wholes = open_pool(chosen.out / "clean256.npy", scenes(chosen.cache, 32, 256, SEED + 101, 0.25), POOL // 5)
    judged = {
        "scenes": scenes(chosen.cache, 24, 256, SEED + 200)[0].images,
        "portraits": scenes(chosen.cache, 24, 256, SEED + 201, 1.0)[0].images,
    }
    perceptor = load_clip(resources.embedded() / "perceptor.safetensors")

    def figures(model: VQModel) -> dict[str, dict[str, float]]:
        return {k: measure(model, x, False)[0] | {"features": features(model, x, perceptor)} for k, x in judged.items()}

    model, critic = network(chosen.trial), Discriminator()
    critic.load_state_dict(load_file(resources.embedded() / "discriminator.safetensors"))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    decoder_alone = chosen.trial in ("taming", "shuffle")
    for name, parameter in model.named_parameters():
        learns = name.startswith("decoder") if decoder_alone else not name.startswith("quantize")
        parameter.requires_grad_(learns)
    learners = [p for p in model.parameters() if p.requires_grad]
    codes = Codes(model.config["n_embed"], model.config["embed_dim"])
    if chosen.trial.startswith("codes"):
        with torch.no_grad():
            # `batch_at` gives about 320 latents a batch: sixteen a code, and twice as many at first.
            batches = max(64, model.config["n_embed"] * 16 // 320)
            latents = (model.encode(batch_at(i, 77, halves, wholes, Sizes.batch)) for i in range(batches))
            rows = torch.cat([unit_rows(each) for each in latents])
            model.quantize.embedding.weight.copy_(codes.cluster(rows))
    else:
        codes.hold(model.quantize.codebook)
    average = WeightAverage(model, 0.995)
    optimizer = torch.optim.Adam(learners, lr=chosen.lr, betas=(0.9, 0.98))
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=chosen.lr / 2, betas=(0.5, 0.9))
    parts: dict[str, nn.Module | torch.optim.Optimizer] = {
        "model": model, "average": average.model, "critic": critic, "codes": codes,
        "optimizer": optimizer, "critic_optimizer": critic_optimizer,
    }  # fmt: skip
    before = figures(model) if chosen.crops == 0 else {}
    seen = step = 0
    spent = 0.0
    if (state := load_checkpoint(run / "checkpoint.pt")) is not None:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        seen, step, spent = state["seen"], state["step"], state["spent"]
    log = TrainingLog(run / "log.jsonl", chosen.crops)
    begin_critic = 1 / 3 if chosen.trial == "third" else 0.8
    saved = reported = begun = time.time()
    while seen < chosen.crops:
        torch.manual_seed(SEED * 1_000_003 + step)
        progress = seen / chosen.crops
        real = batch_at(step, SEED, halves, wholes, Sizes.batch).to(memory_format=torch.channels_last)
        with torch.set_grad_enabled(not decoder_alone):
            latents = model.encode(real)
            looked_up, indices = model.quantize(latents)
        unit = F.normalize(latents, dim=1)
        commitment = (unit - looked_up.detach()).square().sum(1).mean()
        made = model.decode(looked_up)
        loss, values = distance(made, real, perceptor)
        for group in optimizer.param_groups:
            falling = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))
            group["lr"] = chosen.lr * (2.5 if decoder_alone else 1) * min(1, (step + 1) / 100) * falling
        optimizer.zero_grad(set_to_none=True)
        adversarial = progress >= begin_critic
        pulls: dict[Tensor, Tensor | None] = {made: pull(loss, made, critic if adversarial else None)}
        if commitment.requires_grad:
            pulls[COMMITMENT * commitment] = None
        torch.autograd.backward(list(pulls), list(pulls.values()))
        nn.utils.clip_grad_norm_(learners, 1.0)
        optimizer.step()
        if adversarial:
            hinge = F.relu(1 - critic(real)).mean() + F.relu(1 + critic(made.detach())).mean()
            critic_optimizer.zero_grad(set_to_none=True)
            hinge.backward()
            critic_optimizer.step()
        if progress < 0.9 and not decoder_alone:
            rows, codebook = unit_rows(latents.detach()), model.quantize.embedding.weight.data
            codes.follow(codebook, indices.flatten(), rows)
            if step % REVIVE_EVERY == 0:
                codes.revive(codebook, rows)
        average.update(model, step)
        average.model.quantize.embedding.weight.data.copy_(model.quantize.embedding.weight)
        step, seen = step + 1, seen + Sizes.batch
        if step % 50 == 0:
            rate = 50 * Sizes.batch / (time.time() - reported)
            reported = time.time()
            shown = {name: round(value, 4) for name, value in values.items()}
            log.write(crops=seen, rate=round(rate, 1), loss=round(loss.item(), 4), **shown)
        if time.time() - saved > 240 or seen >= chosen.crops:
            spent, begun = spent + time.time() - begun, time.time()
            states = {name: part.state_dict() for name, part in parts.items()}
            save_atomically(states | {"seen": seen, "step": step, "spent": spent}, run / "checkpoint.pt")
            saved = time.time()
    after = figures(average.model) if chosen.crops else before
    for name, images in judged.items():
        monitor.sheet(run / f"{name}.png", [images[:8], measure(average.model, images[:8], False)[1]])
    result = {"trial": chosen.trial, "crops": seen, "minutes": round(spent / 60, 1), "before": before, "after": after}
    runs.files.write(run / "result.json", json.dumps(result).encode(), overwrite=True)


if __name__ == "__main__":
    main()
