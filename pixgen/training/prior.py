"""Train the prior: the first half of DALL-E 2 (arXiv 2204.06125), minutes on one core.

    python -m pixgen.training.prior RUN --cache CACHE --pool CLIP_RUN/pool.npy --pair FOLDER

The perceptor's embeddings of the pool's pictures and captions are computed once. How the prior compares with
simpler estimates is logged at every checkpoint (`measure`). Everything is counted in pairs seen, so a run may be
stopped anywhere and resumes where it stopped.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixgen.io import files, terminal
from pixgen.networks import store
from pixgen.networks.pair import Pair, load
from pixgen.networks.prior import Prior, PriorConfig
from pixgen.training import runs
from pixgen.training.data.grids import CleanScenes
from pixgen.training.data.pool import ScenePool, open_pool
from pixgen.training.data.scenes import Scenes
from pixgen.training.options import LearningRate, Option, SubjectOptions, parse

REPORT_EVERY = 100
WORDINGS = 2
"""Captions used of each picture."""
HELD_OUT_PICTURES = 2000
"""Pictures at the end of the pool, at most a tenth of it, on which the prior is measured."""


@dataclass(frozen=True)
class Sizes:
    """What a test makes small. batch: pairs a step."""

    batch: int = 512


@dataclass(frozen=True, kw_only=True)
class Options(SubjectOptions):
    """Of the prior.

    plain: "a fox" is to mean a picture of a fox that the token decoder knows, so half of the scenes are of its kind.
    """

    pair: Annotated[Path | None, Option("Folder of perceptor.safetensors.")] = None
    pool: Annotated[Path | None, Option("Scenes rendered before: pool.npy of `train clip`.", "NPY")] = None
    scenes: Annotated[int, Option("Different scenes.", minimum=1, toy=4096)] = 60_000
    plain: Annotated[float, Option("Share of pairs from scenes such as the token decoder learns.")] = 0.5
    pairs: Annotated[
        int, Option("Pairs to see in all, the same ones several times.", minimum=1, toy=60_000, counts=True)
    ] = 800_000
    width: Annotated[int, Option("Width of the network.", minimum=1)] = PriorConfig.width
    lr: LearningRate = 1e-3
    sizes: Sizes = Sizes()


@torch.no_grad()
def embed(pair: Pair, source: ScenePool, count: int, path: Path) -> tuple[Tensor, Tensor]:
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
    """Mean cosine similarity of unit rows (N, D)."""
    return round(float((a * b).sum(1).mean()), 4)


def energy_distance(a: Tensor, b: Tensor) -> float:
    """Distance of the distributions of two samples (N, D): 2 E|a - b| - E|a - a'| - E|b - b'|, 0 for the same one."""
    within = [torch.cdist(x, x).sum() / (len(x) * (len(x) - 1)) for x in (a, b)]
    return round(float(2 * torch.cdist(a, b).mean() - within[0] - within[1]), 4)


@torch.no_grad()
def measure(model: Prior, ridge: Prior, texts: Tensor, images: Tensor) -> dict[str, float]:
    """Held-out pairs: cosine of each estimate to the true image embedding, and energy distances to the true ones.

    text: the caption's embedding itself.
    shift: moved by the mean difference.
    ridge: linear regression.
    mean: the prior's estimate from pure noise.
    sample: one sample, truncated. better: the better of two.
    shuffled: those of other captions, which is chance.
    energy_*: less is better; drawn: of two, not truncated.
    """
    drawn = model.sample(texts, torch.Generator().manual_seed(0), candidates=1)
    better = model.sample(texts, torch.Generator().manual_seed(0))
    regression = ridge.regression(texts)
    shift = F.normalize(texts + model.mean[1] - model.mean[0], dim=1)
    return {
        "text": nearness(texts, images),
        "shift": nearness(shift, images),
        "ridge": nearness(regression, images),
        "mean": nearness(model.mean_embedding(texts), images),
        "sample": nearness(drawn, images),
        "better": nearness(better, images),
        "shuffled": nearness(better.roll(1, 0), images),
        "energy_ridge": energy_distance(regression, images),
        "energy_better": energy_distance(better, images),
        "energy_drawn": energy_distance(model.sample(texts, torch.Generator().manual_seed(0), truncation=1.0), images),
    }


def main(options: Options) -> None:
    """Train, or resume the checkpoint. Raises UsageError where the run was begun with other inputs."""
    batch = options.sizes.batch
    pair = load(options.pair or "", runs.prepare_device(options))
    made_by = store.fingerprint(pair.path("perceptor"))
    runs.require_same_inputs(options, "seed", "subjects", "scenes", "plain", "width", "portraits", perceptor=made_by)
    scenes = Scenes(options.cache, 256, 64, options.seed + 400, options.subjects, portraits=options.portraits)
    rendered = options.pool if options.pool and options.pool.with_suffix(".json").exists() else None
    pools = {"embeddings": open_pool(rendered or options.run / "pool.npy", scenes, options.scenes)}
    if options.plain:
        plain = CleanScenes(options.cache, 256, options.seed + 401, options.subjects, 64, options.portraits)
        pools["plain"] = open_pool(options.run / "plain.npy", plain, options.scenes // 2)
    learnt, held_out = [], []
    for name, source in pools.items():
        count = min(options.scenes, len(source))
        images, texts = embed(pair, source, count, options.run / f"{name}-{made_by}-{count}.npz")
        held = min(HELD_OUT_PICTURES, max(2, count // 10))
        held_out.append((texts[-held:, 0].to(pair.device), images[-held:].to(pair.device)))
        learnt.append((texts[:-held], images[:-held]))
    texts, images = (torch.cat(parts).to(pair.device) for parts in zip(*learnt, strict=True))
    usual = len(learnt[0][0])  # scenes before the plain ones

    model = Prior(PriorConfig(embedding=pair.perceptor.dim, width=options.width)).to(pair.device)
    model.fit_regression(texts.flatten(0, 1), images.repeat_interleave(WORDINGS, 0))
    ridge = runs.WeightAverage(model).model
    average = runs.WeightAverage(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr, betas=(0.9, 0.98), weight_decay=0.02)
    log, checkpoint = runs.TrainingLog(options.run / "log.jsonl", options.pairs), options.run / "checkpoint.pt"
    seen = step = 0
    if (state := runs.load_checkpoint(checkpoint)) is not None:
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        seen, step = state["seen"], state["step"]

    saved = reported = time.time()
    while seen < options.pairs:
        rng = torch.Generator().manual_seed(options.seed * 1_000_003 + step)  # the same after a kill
        for group in optimizer.param_groups:
            group["lr"] = runs.warmup_cosine(options.lr, seen / options.pairs, step, 0.05)
        rows = torch.randint(usual, (batch,), generator=rng)
        if options.plain:
            others = torch.randint(usual, len(images), (batch,), generator=rng)
            rows = torch.where(torch.rand(batch, generator=rng) < options.plain, others, rows)
        which = torch.randint(WORDINGS, (batch,), generator=rng)
        loss = model.loss(texts[rows, which], images[rows], rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update(model, step)

        step, seen = step + 1, seen + batch
        if step % REPORT_EVERY == 0:
            rate = REPORT_EVERY * batch / (time.time() - reported)
            reported = time.time()
            log.write(pairs=seen, rate=round(rate), loss=round(loss.item(), 4))
        if runs.checkpoint_due(saved, options.save_every) or seen >= options.pairs:
            facts = measure(average.model, ridge, *held_out[0])
            if options.plain:
                plain_facts = measure(average.model, ridge, *held_out[1])
                facts |= {f"plain_{name}": value for name, value in plain_facts.items()}
            log.write(pairs=seen, scenes=len(images), **facts)
            networks = {"model": model.state_dict(), "average": average.model.state_dict()}
            facts |= {"pairs": seen, "scenes": len(images), "seed": options.seed}
            store.save(average.model, options.run / "prior.safetensors", perceptor=made_by, **facts)
            runs.save_atomically(
                networks | {"seen": seen, "step": step, "optimizer": optimizer.state_dict()}, checkpoint
            )
            saved = reported = time.time()


if __name__ == "__main__":
    terminal.run(lambda: main(parse(Options)))
