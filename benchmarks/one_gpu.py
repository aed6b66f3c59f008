"""Train the VQGAN's decoder and the token decoder on one GPU, side by side, in a few minutes.

    python benchmarks/one_gpu.py OUT --drawings FOLDER --pair FOLDER --minutes 8 [--smoke]

FOLDER of --drawings holds the icon sets as `pixgen train data` fetches them. Everything counts: drawings are
rendered and scenes composed by all cores first, and both schedules follow the share of the time that is left. The
encoder and the codes stay what they are, so a bank and older tokens fit the new decoder. Weights, curves and sheets
are in OUT.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.networks import store
from pixgen.networks.discriminator import Discriminator
from pixgen.networks.pair import Pair, load
from pixgen.networks.token_decoder import Prefix, TokenConfig, TokenDecoder
from pixgen.networks.vqgan import load as load_vqgan
from pixgen.training import monitor, runs
from pixgen.training.data import drawings
from pixgen.training.data.grids import WORDINGS, CleanScenes
from pixgen.training.data.scenes import Scenes
from pixgen.training.tokens import CONDITION_DROPOUT, EMBEDDING_NOISE, corrupt, deepened, optimizers_of, orders
from pixgen.training.vqgan import pull

EACH = 16
"""Scenes that a worker composes at once."""
PARTS = {  # of the decoder's pictures: kind, side, how many, share of portraits
    "halves": ("scenes", 128, 9600, 0.3),
    "wholes": ("scenes", 256, 9600, 0.3),
    "large": ("scenes", 384, 1600, 1.0),
    "own": ("own", 256, 1920, 0.0),
    "own-large": ("own", 384, 800, 0.0),
}
TOKEN_SCENES = 112_000
PORTRAITS = 0.3
UNSEEN = 64
DEPTH = 8


# -- scenes, composed by all cores -----------------------------------------------------------------------------


@functools.cache
def _sprite(name: str) -> Tensor:
    from pixgen.scenery import svg_drawings

    return svg_drawings.sprite(name, 320)


def _own_scene(side: int, seed: int) -> Tensor:
    """Things and places that pixgen draws itself, as a prompt would have them, in any style."""
    import random

    from pixgen.scenery import svg_drawings
    from pixgen.scenery.compose import PlacedThing, compose
    from pixgen.scenery.reader import ParsedScene, ParsedThing
    from pixgen.scenery.styles import STYLE_NAMES
    from pixgen.scenery.vocabulary import COLOURS

    rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    scene = ParsedScene(style=rng.choice(STYLE_NAMES) if rng.random() < 0.5 else "drawing")
    if rng.random() < 0.6:
        scene.place = rng.choice(sorted(svg_drawings.places()))
        scene.light = rng.choice(("night", "sunset")) if rng.random() < 0.2 else None
    elif rng.random() < 0.5:
        scene.ground = rng.choice(list(COLOURS))
    placed = []
    for _ in range(1 + (rng.random() < 0.25)) if rng.random() < 0.8 or not scene.place else ():
        name = rng.choice(sorted(svg_drawings.things()))
        spot = PlacedThing(
            ParsedThing(name, name), rng.uniform(-0.4, 0.4), rng.uniform(-0.3, 0.3), rng.uniform(0.35, 0.9)
        )
        placed.append((spot, _sprite(name)))
    return compose(scene, placed, (side, side), noise)


_made: dict[str, Any] = {}


def _compose(job: tuple[str, str, str, int, int, float, int]) -> list[list[str]]:
    """Write one batch of scenes into its place of the file; the captions of token scenes."""
    cache, path, kind, side, total, share, number = job
    torch.set_num_threads(1)
    pictures = np.memmap(path, np.uint8, "r+", shape=(total, 3, side, side))
    wordings: list[list[str]] = []
    if kind == "own":
        images = torch.cat([_own_scene(side, number * EACH + i) for i in range(EACH)])
    else:
        key = f"{kind}/{side}/{share}"
        if key not in _made:
            _made[key] = (
                CleanScenes(Path(cache), EACH, 300, drawings.ALL_SUBJECTS, side, share)
                if kind == "tokens"
                else Scenes(Path(cache), EACH, side, 700, drawings.ALL_SUBJECTS, noise=0.0, portraits=share)
            )
        batch = _made[key].batch_at(number, WORDINGS if kind == "tokens" else 0)
        images, wordings = batch.images, batch.wordings if kind == "tokens" else []
    begin = number * EACH
    rows = images[: total - begin].clamp(0, 1).mul(255).round().byte().numpy()
    pictures[begin : begin + len(rows)] = rows
    return wordings


def compose_all(pool: Any, cache: Path, path: Path, kind: str, side: int, total: int, share: float) -> list[list[str]]:
    np.memmap(path, np.uint8, "w+", shape=(total, 3, side, side)).flush()
    jobs = [(str(cache), str(path), kind, side, total, share, n) for n in range(-(-total // EACH))]
    return [said for batch in pool.imap(_compose, jobs, chunksize=2) for said in batch][:total]


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


# -- the decoder ------------------------------------------------------------------------------------------------


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
            loss = _loss(made, real, perceptor)
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
                facts |= {
                    f"{which}_{k}": v for k, v in _measure(average.model, unseen[which], seen_codes[which]).items()
                }
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
    final = average.model.cpu()
    final.to(memory_format=torch.contiguous_format)
    store.save(
        final,
        out / "vqgan.safetensors",
        **facts,
        decoder_steps=step,
        decoder_device=torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
    )
    store.write(
        critic.cpu().state_dict(),
        out / "discriminator.safetensors",
        store.about(options.pair / "discriminator.safetensors"),
    )
    say(f"decoder: {step} steps, written")


def _loss(made: Tensor, real: Tensor, perceptor: Any) -> Tensor:
    """`distance` without its figures, which would wait for the device at every step."""
    from pixgen.training.reconstruction import _apart, opponent, slopes

    colours, true = opponent(made), opponent(real)
    total = F.l1_loss(colours, true) + 4 * F.mse_loss(colours, true)
    for a, b in zip(slopes(made), slopes(real), strict=True):
        total = total + 0.5 * F.l1_loss(a, b)
    with torch.no_grad():
        wanted = perceptor.image.features(real)[:3]
    for mine, theirs in zip(perceptor.image.features(made)[:3], wanted, strict=True):
        total = total + 0.1 * _apart(mine.float(), theirs.float())
    return total


@torch.no_grad()
def _decoded(model: Any, codes: Tensor) -> Tensor:
    return torch.cat([model.decode(model.codes(part)) for part in codes.split(8)]).clamp(0, 1).float()


def _measure(model: Any, images: Tensor, codes: Tensor) -> dict[str, float]:
    from pixgen.training.reconstruction import slopes

    drawn = _decoded(model, codes)
    energy = [sum(float(s.square().mean()) for s in slopes(x)) for x in (drawn, images)]
    quality = float((-10 * (drawn - images).square().mean((1, 2, 3)).log10()).mean())
    return {"psnr": round(quality, 2), "energy": round(energy[0] / energy[1], 3)}


# -- tokens -----------------------------------------------------------------------------------------------------


def train_tokens(options: argparse.Namespace) -> None:
    device, out, shm = torch.device(options.device), options.out, options.work
    torch.set_float32_matmul_precision("high")
    pair: Pair = load(options.pair, device)
    wordings: list[list[str]] = json.loads((shm / "tokens.json").read_text())
    total = len(wordings)
    images = np.fromfile(shm / "tokens.raw", np.uint8).reshape(total, 3, 128, 128)
    codes, embeddings, states, masks, wholes = [], [], [], [], []
    width = 0
    with torch.no_grad():
        for begin in range(0, total, 512):
            part = torch.from_numpy(images[begin : begin + 512]).to(device).float().div(255)
            codes.append(pair.token_codes(part))
            embeddings.append(pair.embed(part))
            said = [text for texts in wordings[begin : begin + 512] for text in texts]
            s, m, w = pair.perceptor.encode_tokens(said)
            states.append(s.half())
            masks.append(m)
            wholes.append(w.half())
            width = max(width, s.shape[1])
    codes_, embeddings_ = torch.cat(codes).short(), torch.cat(embeddings)
    states_ = torch.cat([F.pad(s, (0, 0, 0, width - s.shape[1])) for s in states])
    masks_ = torch.cat([F.pad(m, (0, width - m.shape[1])) for m in masks])
    wholes_ = torch.cat(wholes)
    del states, masks, wholes
    say(f"tokens: {total} scenes encoded, captions of up to {width} tokens")
    shipped, about = store.load(options.pair / "tokens.safetensors", TokenConfig, TokenDecoder, "pixgen train tokens")
    model = deepened(shipped, DEPTH).train().requires_grad_(True).to(device)
    average = runs.WeightAverage(model, 0.999)
    optimizers = optimizers_of(model, options.token_lr)
    rates = [o.defaults["lr"] for o in optimizers]
    rng, began, step, told = torch.Generator().manual_seed(options.seed), time.time(), 0, 0.0
    held = min(UNSEEN * 8, total // 4)
    batch = max(8, 512 // options.shrink)
    log = (out / "tokens.jsonl").open("w")

    def given(model: TokenDecoder, places: Tensor, kind: str, train: bool) -> Prefix:
        places = places.to(device)
        if kind == "text":
            which = torch.randint(WORDINGS, places.shape, generator=rng).to(device) if train else 0
            rows = places * WORDINGS + which
            prefix = model.of_text(states_[rows].float(), masks_[rows], wholes_[rows].float())
        else:
            embedded = embeddings_[places]
            if train:
                length = EMBEDDING_NOISE * torch.rand(len(places), 1, device=device) / embedded.shape[1] ** 0.5
                embedded = embedded + length * torch.randn_like(embedded)
            prefix = model.of_image(F.normalize(embedded, dim=1))
        return prefix.drop(torch.rand(len(places), device=device) < CONDITION_DROPOUT) if train else prefix

    while (progress := (time.time() - began) / max(1.0, options.until - began)) < 1 and step < options.steps:
        for optimizer, lr in zip(optimizers, rates, strict=True):
            optimizer.param_groups[0]["lr"] = (
                lr * min(1.0, (step + 1) / 200) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * progress)))
            )
        places = torch.randint(total - held, (batch,), generator=rng)
        grids = codes_[places.to(device)].long()
        order = orders(batch, model.config.side, rng).to(device)
        read = corrupt(grids.cpu(), rng).to(device)
        prefix = given(model, places, "image" if step % 2 else "text", train=True)
        loss = model.loss(grids, prefix, order, read).mean()
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        average.update(model, step)
        step += 1
        if time.time() - told > options.tell or step == options.steps:
            told = time.time()
            facts = {
                "step": step,
                "grids": step * batch,
                "progress": round(progress, 3),
                "loss": round(loss.item() / math.log(2), 3),
            }
            for kind in ("text", "image"):
                with torch.no_grad():
                    losses = [
                        average.model.loss(codes_[p.to(device)].long(), given(average.model, p, kind, train=False))
                        for p in torch.arange(total - held, total).split(256)
                    ]
                facts[f"bits_{kind}"] = round(float(torch.cat(losses).mean()) / math.log(2), 3)
            log.write(json.dumps(facts) + "\n")
            log.flush()
            say(f"tokens: {facts}")
    made_by = {name: store.fingerprint(pair.path(name)) for name in ("perceptor", "vqgan")}
    known = {
        "grids": about.get("grids", 0) + step * batch,
        "scenes": total,
        "subjects": drawings.ALL_SUBJECTS,
        "seed": options.seed,
    }
    bits = {name: value for name, value in facts.items() if name.startswith("bits")}
    store.save(average.model.cpu(), out / "tokens.safetensors", **made_by, **known, **bits)
    say(f"tokens: {step} steps of {batch}, written")


# -- all of it -------------------------------------------------------------------------------------------------------


def main() -> None:
    began = time.time()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--drawings", type=Path, required=True)
    parser.add_argument("--pair", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--lr", type=float, default=8e-4)
    parser.add_argument("--token-lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--smoke", action="store_true", help="every step once, with a few scenes")
    parser.add_argument("--cache", type=Path, help="sprites that are rendered already")
    parser.add_argument("--work", type=Path, default=Path("/dev/shm/pixgen"))
    parser.add_argument("--job", choices=("decoder", "tokens"), help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    share = 0.02 if options.smoke else 1.0
    options.counts = {
        name: max(2 * UNSEEN, int(share * count)) // EACH * EACH for name, (_, _, count, _) in PARTS.items()
    }
    options.steps = 60 if options.smoke else 10**9
    if options.smoke and options.device == "cpu":
        options.steps, options.counts = 7, dict.fromkeys(PARTS, 2 * UNSEEN)
    options.shrink = 1 if options.device == "cuda" else 16
    options.tell = 5 if options.smoke else 25
    options.out.mkdir(parents=True, exist_ok=True)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.job:
        return train_decoder(options) if options.job == "decoder" else train_tokens(options)
    until = began + 60 * options.minutes
    cores = os.cpu_count() or 1
    cache = options.cache or options.work / "cache"
    if not options.cache:
        drawings.rasterise(options.drawings, cache, processes=cores)
    Scenes(cache, 1, 128, 0, drawings.ALL_SUBJECTS)  # makes the small levels once
    say(f"drawings rendered, {time.time() - began:.0f} s")
    running = []

    def start(job: str) -> None:
        running.append(subprocess.Popen([sys.executable, *sys.argv, "--job", job, "--until", str(until - 25)]))

    os.environ["OMP_NUM_THREADS"] = "1"
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        for name, (kind, side, _, portraits) in PARTS.items():
            compose_all(pool, cache, options.work / f"{name}.raw", kind, side, options.counts[name], portraits)
            say(f"{options.counts[name]} scenes of {name}, {time.time() - began:.0f} s")
        start("decoder")
        count = max(2 * UNSEEN, int(share * TOKEN_SCENES)) // EACH * EACH
        if options.steps == 7:
            count = 2 * UNSEEN
        said = compose_all(pool, cache, options.work / "tokens.raw", "tokens", 128, count, PORTRAITS)
        (options.work / "tokens.json").write_text(json.dumps(said))
        say(f"{len(said)} scenes for tokens, {time.time() - began:.0f} s")
        start("tokens")
    codes = [process.wait() for process in running]
    say(f"all done after {time.time() - began:.0f} s, exit codes {codes}")
    sys.exit(max(codes))


if __name__ == "__main__":
    main()
