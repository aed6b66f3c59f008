"""Trains the VQGAN's decoder on one GPU, for `one_gpu.py`; the encoder and the codes stay what they are."""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from gpu_scenes import say
from torch import Tensor

from pixgen.networks import store
from pixgen.networks.discriminator import Discriminator
from pixgen.networks.vqgan import load as load_vqgan
from pixgen.training import monitor, runs
from pixgen.training.reconstruction import distances, quality, total
from pixgen.training.vqgan import pull

PARTS = {  # of the decoder's pictures: kind, side, how many, share of portraits
    "halves": ("scenes", 128, 9600, 0.3),
    "wholes": ("scenes", 256, 9600, 0.3),
    "large": ("scenes", 384, 1600, 1.0),
    "own": ("own", 256, 1920, 0.0),
    "own-large": ("own", 384, 800, 0.0),
}
UNSEEN = 64
"""Pictures of each side that are measured and not learnt from, twice over."""


class Pictures:
    """Pictures of one side on the device with their codes, mirrored ones too."""

    def __init__(self, path: Path, side: int, total: int, model: Any, device: torch.device) -> None:
        self.images = torch.from_numpy(np.fromfile(path, np.uint8).reshape(total, 3, side, side)).to(device)
        self.side, self.device = side, device
        few, many = model.token_codes, len(model.quantize.codebook)
        self.codes: dict[tuple[int, bool], Tensor] = {}
        for mirrored in (False, True):
            fine, coarse = [], []
            for part in self.images.split(64):
                given = part.float().div(255)
                latents = model.encode(given.flip(-1) if mirrored else given).float()
                fine.append(model.quantize.nearest(F.normalize(latents, dim=1)).short())
                coarse.append(model.quantize.nearest(F.normalize(latents, dim=1), few).short())
            self.codes[many, mirrored], self.codes[few, mirrored] = torch.cat(fine), torch.cat(coarse)

    def draw(self, rng: torch.Generator, count: int, side: int, codes: int) -> tuple[Tensor, Tensor]:
        """Crops float32 (count, 3, side, side) and their codes, int64."""
        mirrored = bool(torch.rand((), generator=rng) < 0.5)
        places = torch.randint(len(self.images), (count,), generator=rng).to(self.device)
        y, x = (torch.randint((self.side - side) // 8 + 1, (count,), generator=rng).to(self.device) for _ in "yx")
        grid = torch.arange(side // 8, device=self.device)
        chosen = self.codes[codes, mirrored][
            places[:, None, None], (y[:, None] + grid)[:, :, None], (x[:, None] + grid)[:, None]
        ]
        pixel = torch.arange(side, device=self.device)
        columns = 8 * x[:, None] + pixel
        if mirrored:
            columns = self.side - 1 - columns
        rows = (8 * y[:, None] + pixel)[:, :, None]
        crops = self.images.movedim(1, -1)[places[:, None, None], rows, columns[:, None]]
        return crops.movedim(-1, 1).float().div(255), chosen.long()


def train_decoder(options: argparse.Namespace) -> None:
    device, out, shm = torch.device(options.device), options.out, options.work
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    model = load_vqgan(options.pair / "vqgan.safetensors").to(device)
    with torch.no_grad():
        parts = {
            name: Pictures(shm / f"{name}.raw", side, options.counts[name], model, device)
            for name, (_, side, _, _) in PARTS.items()
        }
    say("decoder: pictures encoded")
    few, many = model.token_codes, len(model.quantize.codebook)
    unseen = {name: part.images[-UNSEEN // 2 :].float().div(255) for name, part in parts.items()}
    seen_codes = {name: part.codes[many, False][-UNSEEN // 2 :].long() for name, part in parts.items()}
    for part in parts.values():  # what is measured is not learnt from
        part.images = part.images[: -UNSEEN // 2]
    model.to(memory_format=torch.channels_last)
    learners = []
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(("decoder", "post_quant_conv")))
        learners += [parameter] if parameter.requires_grad else []
    critic = Discriminator().to(device, memory_format=torch.channels_last)
    critic.load_state_dict(store.read(options.pair / "discriminator.safetensors", "discriminator")[0])
    perceptor = runs.load_clip(options.pair / "perceptor.safetensors").to(device)
    average = runs.WeightAverage(model, 0.999)
    optimizer = torch.optim.Adam(learners, lr=options.lr, betas=(0.9, 0.98), fused=device.type == "cuda")
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=options.lr / 2, betas=(0.5, 0.9))
    rng, began, step, told = torch.Generator().manual_seed(options.seed), time.time(), 0, 0.0
    bf16 = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    order = [
        ("halves", 128, 48),
        ("wholes", 128, 48),
        ("own", 128, 48),
        ("wholes", 256, 12),
        ("large", 192, 20),
        ("own-large", 192, 20),
    ]
    log = (out / "decoder.jsonl").open("w")
    while (progress := (time.time() - began) / max(1.0, options.until - began)) < 1 and step < options.steps:
        lr = options.lr * min(1.0, (step + 1) / 300) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = lr
        name, side, count = order[step % len(order)]
        real, codes = parts[name].draw(
            rng, max(1, count // options.shrink), side, many if step // len(order) % 3 else few
        )
        real = real.contiguous(memory_format=torch.channels_last)
        given = model.codes(codes).contiguous(memory_format=torch.channels_last)
        with bf16:
            made = model.decode(given)
        made = made.float()
        with bf16:
            loss = total(distances(made, real, perceptor))
            towards = pull(loss, made, critic)
        optimizer.zero_grad(set_to_none=True)
        made.backward(towards)
        torch.nn.utils.clip_grad_norm_(learners, 1.0)
        optimizer.step()
        with bf16:
            hinge = F.relu(1 - critic(real)).mean() + F.relu(1 + critic(made.detach())).mean()
        critic_optimizer.zero_grad(set_to_none=True)
        hinge.backward()
        critic_optimizer.step()
        average.update(model, step)
        step += 1
        if time.time() - told > options.tell or step == options.steps:
            told = time.time()
            facts = {
                "step": step,
                "progress": round(progress, 3),
                "lr": round(lr, 6),
                "loss": round(loss.item(), 4),
                "critic": round(hinge.item(), 3),
            }
            for which in unseen:
                found = quality(_decoded(average.model, seen_codes[which]), unseen[which])
                facts |= {f"{which}_{name}": value for name, value in found.items()}
            log.write(json.dumps(facts) + "\n")
            log.flush()
            say(f"decoder: {facts}")
    with torch.no_grad():
        shown = torch.cat(
            [
                torch.stack((unseen[n][i], _decoded(average.model, seen_codes[n][i : i + 1])[0]))
                for n in ("wholes", "own")
                for i in range(0, 12, 2)
            ]
        )
        monitor.sheet(out / "decoder.png", [shown.cpu()], [""] * len(shown))
        large = torch.cat(
            [
                torch.stack((unseen[n][i], _decoded(average.model, seen_codes[n][i : i + 1])[0]))
                for n in ("large", "own-large")
                for i in range(0, 8, 2)
            ]
        )
        monitor.sheet(out / "decoder-large.png", [large.cpu()], [""] * len(large))
    facts = store.about(options.pair / "vqgan.safetensors")
    facts.pop("architecture", None)
    facts["decoder_steps"] = facts.get("decoder_steps", 0) + step
    facts["decoder_device"] = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    final = average.model.cpu()
    final.to(memory_format=torch.contiguous_format)
    store.save(final, out / "vqgan.safetensors", **facts)
    store.write(
        critic.cpu().state_dict(),
        out / "discriminator.safetensors",
        store.about(options.pair / "discriminator.safetensors"),
    )
    say(f"decoder: {step} steps, written")


@torch.no_grad()
def _decoded(model: Any, codes: Tensor) -> Tensor:
    return torch.cat([model.decode(model.codes(part)) for part in codes.split(8)]).clamp(0, 1).float()
