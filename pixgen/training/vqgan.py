"""Train the generator: a VQGAN (arXiv 2012.09841) from nothing, on crops of scenes.

An encoder turns each 8x8 pixels into the nearest of 1,024 unit codes, a decoder turns codes back into a picture.
It learns from the distance of pixels, of edges, and of the perceptor's own features in place of VGG's; towards the
end a patch discriminator (arXiv 1611.07004) asks for crispness. Codes that nobody uses are moved to where latents are.

    python -m pixgen.training.vqgan RUN --cache CACHE [--perceptor RUN/perceptor.safetensors]

Counted in crops, so a run may be cut anywhere and goes on where it stopped.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from pixgen.generators.vqgan_model import TINY, VQModel, load, save
from pixgen.perceptors.tiny_model import TinyCLIP
from pixgen.training.runs import Average, Log, about, load_checkpoint, save_atomically, shipped_clip
from pixgen.training.scenes import Scenes

RENDERS, CROPS, CROP, SIDE = 4, 1, 64, 128
COMMITMENT = 0.25
REVIVE_EVERY = 50
AROUND_UNTIL = 20_000


class Discriminator(nn.Sequential):
    """A patch discriminator: float32 (B, 3, H, W) in [0, 1] -> (B, 1, H/8, W/8), high for real."""

    def __init__(self, width: int = 32) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for wide in (width, 2 * width):
            layers += [nn.Conv2d(wide, 2 * wide, 4, 2, 1, bias=False), nn.GroupNorm(8, 2 * wide), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(4 * width, 1, 3, 1, 1))


def slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]


def distance(made: Tensor, real: Tensor, perceptor: TinyCLIP | None) -> tuple[Tensor, dict[str, float]]:
    """Pixels, edges and features: what the reconstruction is asked for."""
    pixels = F.l1_loss(made, real) + F.mse_loss(made, real)
    edge = sum((F.l1_loss(a, b) for a, b in zip(slopes(made), slopes(real), strict=True)), torch.zeros(()))
    total = pixels + 0.5 * edge
    if perceptor is not None:
        with torch.no_grad():
            wanted = perceptor.image.features(real)
        for mine, theirs in zip(perceptor.image.features(made), wanted, strict=True):
            total = total + 0.05 * F.mse_loss(F.normalize(mine, dim=1), F.normalize(theirs, dim=1)) * mine.shape[1]
    return total, {"pixels": pixels.item(), "edges": edge.item()}


@torch.no_grad()
def revive(model: VQModel, used: Tensor, latents: Tensor) -> int:
    """Move every code that was not used lately onto a random latent of this batch; how many were moved."""
    dead = (used == 0).nonzero().flatten()
    flat = F.normalize(latents.movedim(1, -1).flatten(0, 2), dim=1)
    chosen = flat[torch.randint(len(flat), (len(dead),))]
    model.quantize.embedding.weight[dead] = chosen + 0.01 * torch.randn_like(chosen)
    return len(dead)


def crops(images: Tensor) -> Tensor:
    """CROPS random squares of each picture, on the code grid's own step of 8 or off it."""
    cut = []
    for image in images.repeat_interleave(CROPS, 0):
        y, x = torch.randint(0, images.shape[-1] - CROP + 1, (2,)).tolist()
        cut.append(image[:, y : y + CROP, x : x + CROP])
    return torch.stack(cut)


@torch.no_grad()
def psnr(model: VQModel, images: Tensor) -> tuple[float, float]:
    """PSNR in dB, and the gradient energy kept (1 is all), of reconstructions of whole pictures."""
    made = torch.cat([model(image[None])[0] for image in images]).clamp(0, 1)
    energy = [sum(float(s.square().mean()) for s in slopes(x)) for x in (made, images)]
    return float(-10 * F.mse_loss(made, images).log10()), energy[0] / energy[1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the embedded VQGAN.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--perceptor", type=Path, help="weights of the perceptor whose features are compared")
    parser.add_argument("--crops", type=int, default=600_000)
    parser.add_argument("--subjects", type=int, default=10**6)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--restart", type=Path, help="begin from shipped float16 weights")
    options = parser.parse_args()
    options.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)

    scenes = Scenes(options.cache, RENDERS, SIDE, options.seed + 100, options.subjects)
    judged = Scenes(options.cache, 8, 256, options.seed + 200, options.subjects)[0].images
    model = VQModel(TINY)
    nn.init.normal_(model.quantize.embedding.weight)
    average, critic = Average(model, 0.995), Discriminator()
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr, betas=(0.8, 0.98))
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=options.lr / 2, betas=(0.5, 0.9))
    perceptor = shipped_clip(options.perceptor) if options.perceptor else None
    parts: dict[str, nn.Module | torch.optim.Optimizer] = {
        "model": model,
        "average": average.model,
        "critic": critic,
        "optimizer": optimizer,
        "critic_optimizer": critic_optimizer,
    }
    log, checkpoint = Log(options.run / "log.jsonl"), options.run / "checkpoint.pt"
    used, seen, step, begun = torch.zeros(TINY["n_embed"]), 0, 0, 0  # steps since `begun` warm the learning rate up
    if (state := load_checkpoint(checkpoint)) is not None:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        used, seen, step, begun = state["used"], state["seen"], state["step"], state.get("begun", 0)
    elif options.restart:
        weights = load(options.restart).state_dict()
        model.load_state_dict(weights)
        average.model.load_state_dict(weights)
        seen = about(options.restart)["about"]["crops"]
        step = begun = seen // (RENDERS * CROPS)

    saved = reported = time.time()
    steps = range(step, -(-options.crops // (RENDERS * CROPS)))
    for batch in DataLoader(scenes, batch_size=None, sampler=steps, num_workers=1, prefetch_factor=4):
        torch.manual_seed(step)
        real = crops(batch.images)
        latents = model.encode(real)
        unit = F.normalize(latents, dim=1)
        looked_up, indices = model.quantize(latents)
        # At first half of the crops go round the codebook: colours are learnt before there are codes for them.
        around = (torch.rand(len(real), 1, 1, 1) < 0.5) & (seen < AROUND_UNTIL)
        made = model.decode(torch.where(around, unit, looked_up))
        codes = model.codes(indices)
        loss, values = distance(made, real, perceptor)
        loss = loss + F.mse_loss(codes, unit.detach()) * 4 + COMMITMENT * F.mse_loss(unit, codes.detach()) * 4
        adversarial = seen > 0.6 * options.crops
        if adversarial:
            loss = loss - 0.02 * critic(made).mean()
        for group in optimizer.param_groups:
            group["lr"] = options.lr * min(1, (step - begun + 1) / 50)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if adversarial:
            hinge = F.relu(1 - critic(real)).mean() + F.relu(1 + critic(made.detach())).mean()
            critic_optimizer.zero_grad(set_to_none=True)
            hinge.backward()
            critic_optimizer.step()
        used += torch.bincount(indices.flatten(), minlength=len(used))
        step, seen = step + 1, seen + len(real)
        moved = 0
        if step % REVIVE_EVERY == 0:
            moved = revive(model, used, latents.detach()) if seen < 0.8 * options.crops else 0
            used *= 0
        average.update(model, step)
        if step % 50 == 0:
            rate = 50 * len(real) / (time.time() - reported)
            reported = time.time()
            log.write(crops=seen, rate=round(rate, 1), loss=round(loss.item(), 4), revived=moved, **values)
        if time.time() - saved > 240 or step == steps.stop:
            quality, energy = psnr(average.model, judged)
            log.write(crops=seen, psnr=round(quality, 2), gradient_energy=round(energy, 3))
            states = {name: part.state_dict() for name, part in parts.items()}
            save_atomically(states | {"used": used, "seen": seen, "step": step, "begun": begun}, checkpoint)
            save(average.model, options.run / "vqgan.safetensors", crops=seen, psnr=quality, seed=options.seed)
            saved = time.time()


if __name__ == "__main__":
    main()
