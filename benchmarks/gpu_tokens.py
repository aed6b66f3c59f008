"""Trains the token decoder on one GPU, for `one_gpu.py`, with everything that it reads on the device."""

from __future__ import annotations

import argparse
import json
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from gpu_scenes import say
from torch import Tensor

from pixgen.networks import store
from pixgen.networks.pair import Pair, load
from pixgen.networks.token_decoder import Prefix, TokenConfig, TokenDecoder
from pixgen.training import runs
from pixgen.training.data import drawings
from pixgen.training.data.grids import WORDINGS
from pixgen.training.tokens import CONDITION_DROPOUT, EMBEDDING_NOISE, corrupt, deepened, optimizers_of, orders

HELD_OUT = 512
"""Scenes that are measured and not learnt from."""
DEPTH = 8


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
    held = min(HELD_OUT, total // 4)
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
