"""Train the prior: the first half of DALL-E 2 (arXiv 2204.06125), minutes on one core.

    python -m pixgen.training.prior RUN --cache CACHE --pool CLIP_RUN/pool.npy --pair FOLDER

The perceptor's embeddings of the pool's pictures and captions are computed once. The proof that the prior is more than
a detour is logged at every checkpoint (`measure`). Everything is counted in pairs seen, so a run may be cut anywhere.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixgen import errors
from pixgen.io import files
from pixgen.networks import store
from pixgen.networks.pair import Pair, load
from pixgen.networks.prior import Prior, PriorConfig
from pixgen.training import runs
from pixgen.training.data.grids import CleanScenes
from pixgen.training.data.pool import Pool, pool
from pixgen.training.data.scenes import Scenes
from pixgen.training.runs import Average, Log, load_checkpoint, save_atomically
from pixgen.training.tokens import rate_of_learning

BATCH = 512
REPORT_EVERY = 100
WORDINGS = 2
"""Captions used of each picture."""
HELD_OUT = 2000
"""Pictures at the end of the pool, at most a tenth of it, on which the prior is measured."""
PLAIN = 0.5
"""Share of pairs whose scenes are plain to see: "a fox" is to mean a picture of a fox that the token decoder knows."""


@torch.no_grad()
def embed(pair: Pair, source: Pool, count: int, path: Path) -> tuple[Tensor, Tensor]:
    """Embeddings of `count` pictures (N, D) and of their captions (N, WORDINGS, D), from `path` if they are there."""
    if not path.exists():
        images, texts = [], []
        for begin in range(0, count, 250):
            rows = range(begin, min(begin + 250, count))
            pictures = torch.from_numpy(source.pictures[rows.start : rows.stop].copy()).float().div_(255)
            images.append(pair.embed(pictures).half().cpu())
            captions = [c for row in rows for c in source.wordings[row][:WORDINGS]]
            texts.append(pair.perceptor.encode_text(captions).view(len(rows), WORDINGS, -1).half().cpu())
        with files.replacing(path, sole=True) as temporary, temporary.open("wb") as file:
            np.savez(file, images=torch.cat(images).numpy(), texts=torch.cat(texts).numpy())
    with np.load(path) as held:
        return torch.from_numpy(held["images"]).float(), torch.from_numpy(held["texts"]).float()


def nearness(a: Tensor, b: Tensor) -> float:
    """Mean cosine of unit rows."""
    return round(float((a * b).sum(1).mean()), 4)


def energy_distance(a: Tensor, b: Tensor) -> float:
    """How unlike two clouds of points (N, D) are: 2 E|a - b| - E|a - a'| - E|b - b'|, 0 for the same distribution."""
    within = [torch.cdist(x, x).sum() / (len(x) * (len(x) - 1)) for x in (a, b)]
    return round(float(2 * torch.cdist(a, b).mean() - within[0] - within[1]), 4)


@torch.no_grad()
def measure(model: Prior, ridge: Prior, texts: Tensor, images: Tensor) -> dict[str, float]:
    """Held-out pairs: cosine of each guess to the true image embedding, and how unlike the clouds of guesses are.

    text: the caption's embedding itself. shift: moved by the mean difference. ridge: linear regression. mean: what the
    prior says of all noise. sample: one draw, truncated. better: of two. shuffled: those of other captions, which is
    chance. energy_*: less is more like true ones; drawn: of two, not truncated.
    """
    drawn = model.sample(texts, torch.Generator().manual_seed(0), candidates=1)
    better = model.sample(texts, torch.Generator().manual_seed(0))
    regression = ridge.regression(texts)
    shift = F.normalize(texts + model.mean[1] - model.mean[0], dim=1)
    return {
        "text": nearness(texts, images),
        "shift": nearness(shift, images),
        "ridge": nearness(regression, images),
        "mean": nearness(model.average(texts), images),
        "sample": nearness(drawn, images),
        "better": nearness(better, images),
        "shuffled": nearness(better.roll(1, 0), images),
        "energy_ridge": energy_distance(regression, images),
        "energy_better": energy_distance(better, images),
        "energy_drawn": energy_distance(model.sample(texts, torch.Generator().manual_seed(0), truncation=1.0), images),
    }


def options_of(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = runs.options("Train the embedded prior.")
    parser.add_argument("--pair", type=Path, help="folder of the perceptor  [default: the embedded one]")
    parser.add_argument("--pool", type=Path, help="scenes rendered before, pool.npy of `train clip`")
    parser.add_argument("--scenes", type=int, default=60_000)
    parser.add_argument("--plain", type=float, default=PLAIN, help="share of pairs of scenes such as tokens learns")
    parser.add_argument("--pairs", type=int, default=800_000, help="seen in all, the same ones several times")
    parser.add_argument("--subjects", type=int, default=440)
    parser.add_argument("--width", type=int, default=PriorConfig.width)
    parser.add_argument("--lr", type=float, default=1e-3)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    options = options_of(argv)
    pair = load(options.pair or "", runs.begin(options))
    made_by = store.fingerprint(pair.path("perceptor"))
    runs.same(options, "seed", "subjects", "scenes", "plain", "width", "portraits", perceptor=made_by)
    scenes = Scenes(options.cache, 256, 64, options.seed + 400, options.subjects, portraits=options.portraits)
    rendered = options.pool is not None and options.pool.with_suffix(".json").exists()
    pools = {"embeddings": pool(options.pool if rendered else options.run / "pool.npy", scenes, options.scenes)}
    if options.plain:
        plain = CleanScenes(options.cache, 256, options.seed + 401, options.subjects, 64, options.portraits)
        pools["plain"] = pool(options.run / "plain.npy", plain, options.scenes // 2)
    taught, judged = [], []
    for name, source in pools.items():
        count = min(options.scenes, len(source))
        images, texts = embed(pair, source, count, options.run / f"{name}-{made_by}-{count}.npz")
        held = min(HELD_OUT, max(2, count // 10))
        judged.append((texts[-held:, 0].to(pair.device), images[-held:].to(pair.device)))
        taught.append((texts[:-held], images[:-held]))
    texts, images = (torch.cat(parts).to(pair.device) for parts in zip(*taught, strict=True))
    usual = len(taught[0][0])  # scenes before the plain ones

    model = Prior(PriorConfig(embedding=pair.perceptor.dim, width=options.width)).to(pair.device)
    model.learn_regression(texts.flatten(0, 1), images.repeat_interleave(WORDINGS, 0))
    ridge = Average(model).model
    average = Average(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr, betas=(0.9, 0.98), weight_decay=0.02)
    log, checkpoint = Log(options.run / "log.jsonl", options.pairs), options.run / "checkpoint.pt"
    seen = step = 0
    if (state := load_checkpoint(checkpoint)) is not None:
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        seen, step = state["seen"], state["step"]

    saved = reported = time.time()
    while seen < options.pairs:
        rng = torch.Generator().manual_seed(options.seed * 1_000_003 + step)  # the same after a kill
        for group in optimizer.param_groups:
            group["lr"] = rate_of_learning(seen / options.pairs, step, options.lr)
        rows = torch.randint(usual, (BATCH,), generator=rng)
        if options.plain:
            others = torch.randint(usual, len(images), (BATCH,), generator=rng)
            rows = torch.where(torch.rand(BATCH, generator=rng) < options.plain, others, rows)
        which = torch.randint(WORDINGS, (BATCH,), generator=rng)
        loss = model.loss(texts[rows, which], images[rows], rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update(model, step)

        step, seen = step + 1, seen + BATCH
        if step % REPORT_EVERY == 0:
            rate = REPORT_EVERY * BATCH / (time.time() - reported)
            reported = time.time()
            log.write(pairs=seen, rate=round(rate), loss=round(loss.item(), 4))
        if time.time() - saved > runs.SAVE_EVERY or seen >= options.pairs:
            facts = measure(average.model, ridge, *judged[0])
            if options.plain:
                facts |= {f"plain_{name}": value for name, value in measure(average.model, ridge, *judged[1]).items()}
            log.write(pairs=seen, scenes=len(images), **facts)
            networks = {"model": model.state_dict(), "average": average.model.state_dict()}
            facts |= {"pairs": seen, "scenes": len(images), "seed": options.seed}
            store.save(average.model, options.run / "prior.safetensors", perceptor=made_by, **facts)
            save_atomically(networks | {"seen": seen, "step": step, "optimizer": optimizer.state_dict()}, checkpoint)
            saved = reported = time.time()


if __name__ == "__main__":
    errors.run(main)
