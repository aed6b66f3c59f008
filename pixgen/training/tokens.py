"""Train the token decoder: DALL-E (arXiv 2102.12092) and the second half of DALL-E 2 (arXiv 2204.06125) in one network.

Both learn the same thing, to write a picture's codes one after the other; they differ in what they are told before. So
every second batch is told captions, the others image embeddings, and one in ten nothing, for classifier-free guidance.
Some grids come in another order, known parts first, so that holes can be filled.

    python -m pixgen.training.tokens RUN --cache CACHE --pair FOLDER [--grids 100000]

FOLDER holds perceptor.safetensors and vqgan.safetensors, which stay as they are. Everything is counted in grids seen,
so a run may be cut anywhere and goes on where it stopped.
"""

from __future__ import annotations

import argparse
import math
import textwrap
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pixgen import errors
from pixgen.networks import store
from pixgen.networks.pair import Pair, load
from pixgen.networks.token_decoder import Prefix, TokenConfig, TokenDecoder
from pixgen.training import monitor, runs
from pixgen.training.data.grids import CleanScenes, Grids
from pixgen.training.muon import Muon, matrices
from pixgen.training.runs import Average, Log, load_checkpoint, save_atomically

BATCH = 16
DRAWN = 32
"""Scenes that are drawn together."""
REPORT_EVERY = 50
DROPPED = 0.1
"""Share of prefixes that say nothing."""
BESIDE = 0.5
"""Adam's learning rate as a share of Muon's: for embeddings, the last layer and what the prefix is made of."""
REORDERED = 0.2
"""Share of grids that are not given row by row."""
MISREAD = 0.8
"""Largest share of the codes before that are another grid's; every second grid is read as it is."""
BLUR = 0.3
"""Largest length of the noise on image embeddings: what the prior gives later is not exact either."""
SHOWN = 8
"""Scenes on a sheet of samples."""
JUDGED = 256
"""Unseen scenes on which the loss is measured at every checkpoint."""


def orders(n: int, side: int, rng: torch.Generator) -> Tensor:
    """int64 (n, side * side): most row by row; some with a rectangle last, as a hole is filled, or scattered places."""
    rows = torch.arange(side * side) / side**2
    kind = torch.rand(n, generator=rng)
    corners = torch.randint(side + 1, (n, 2, 2), generator=rng).sort(-1).values[..., None]
    inside = (torch.arange(side) >= corners[:, :, 0]) & (torch.arange(side) < corners[:, :, 1])
    hole = (inside[:, 0, :, None] & inside[:, 1, None, :]).flatten(1)
    scattered = torch.rand(n, side * side, generator=rng) < torch.rand(n, 1, generator=rng)
    late = torch.where((kind < REORDERED / 2)[:, None], scattered, hole) & (kind < REORDERED)[:, None]
    return (rows + late.float()).argsort(dim=1, stable=True)


def misread(codes: Tensor, rng: torch.Generator) -> Tensor:
    """Grids (B, side, side) with codes of one another in some places.

    Codes that are drawn are never quite those of a known picture. Who learnt from faultless ones alone follows them
    more than the words, and is lost at the first error (exposure bias, arXiv 1506.03099).
    """
    share = MISREAD * (2 * torch.rand(len(codes), 1, 1, generator=rng) - 1)  # below zero: none
    return torch.where(torch.rand(codes.shape, generator=rng) < share, codes.roll(1, 0), codes)


def told(
    model: TokenDecoder, pair: Pair, kind: str, embeddings: Tensor, captions: list[str], rng: torch.Generator | None
) -> Prefix:
    """What comes before the grids: kind "text", "image" or "nothing"; with `rng` blurred and sometimes dropped."""
    if kind == "nothing":
        return model.nothing(len(captions))
    if kind == "text":
        prefix = model.of_text(*pair.perceptor.encode_tokens(captions))
    else:
        if rng is not None:
            length = BLUR * torch.rand(len(embeddings), 1, generator=rng) / embeddings.shape[1] ** 0.5
            embeddings = embeddings + length * torch.randn(embeddings.shape, generator=rng)
        prefix = model.of_image(nn.functional.normalize(embeddings, dim=1).to(pair.device))
    if rng is None:
        return prefix
    return prefix.without((torch.rand(len(captions), generator=rng) < DROPPED).to(pair.device))


@torch.no_grad()
def measure(model: TokenDecoder, pair: Pair, unseen: Grids) -> dict[str, float]:
    """Bits a code on unseen scenes, told their caption, their image embedding, or nothing. 10 is blind chance."""
    found = {}
    for kind in ("text", "image", "nothing"):
        losses = []
        for begin in range(0, min(JUDGED, len(unseen)), BATCH):
            places = np.arange(begin, min(begin + BATCH, len(unseen)))
            codes, embeddings, captions = unseen.rows(places, torch.Generator().manual_seed(begin))
            prefix = told(model, pair, kind, embeddings, captions, None)
            losses.append(model.loss(codes.to(pair.device), prefix))
        found[f"bits_{kind}"] = round(float(torch.cat(losses).mean()) / math.log(2), 3)
    return found


@torch.no_grad()
def samples(model: TokenDecoder, pair: Pair, unseen: Grids, path: Path) -> None:
    """A sheet of unseen scenes as their codes show them, and under each what the decoder draws, told its caption."""
    codes, embeddings, captions = unseen.rows(np.arange(SHOWN), torch.Generator().manual_seed(0))
    prefix = told(model, pair, "text", embeddings, captions, None)
    rng = torch.Generator().manual_seed(0)
    drawn = model.sample(prefix, SHOWN, temperature=0.9, top_k=64, guidance=4.0, generator=rng)  # as dalle1 draws
    labels = ["\n".join(textwrap.wrap(caption, 22)) for caption in captions]
    monitor.sheet(path, [pair.decode(codes.to(pair.device)), pair.decode(drawn)], labels)


def rate_of_learning(progress: float, begun: int, lr: float) -> float:
    """Warms up over the first 100 steps and falls as a cosine to a twentieth."""
    falling = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return lr * min(1.0, (begun + 1) / 100) * falling


def optimizers_of(model: TokenDecoder, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for what lies between the codes that come in and those that go out, Adam for all else."""
    inner = matrices(model.patch, model.layers, model.head.enter, model.head.mlp)
    beside = [p for p in model.parameters() if not any(p is matrix for matrix in inner)]
    return [Muon(inner, lr), torch.optim.AdamW(beside, lr=BESIDE * lr, betas=(0.9, 0.98), weight_decay=0.05)]


def options_of(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = runs.options("Train the embedded token decoder.")
    parser.add_argument("--pair", type=Path, help="folder of perceptor and vqgan  [default: the embedded ones]")
    parser.add_argument("--grids", type=int, default=100_000, help="seen in all, the same ones several times")
    parser.add_argument("--scenes", type=int, default=20_000, help="different scenes, encoded as they are needed")
    parser.add_argument("--subjects", type=int, default=440)
    parser.add_argument("--width", type=int, default=TokenConfig.width)
    parser.add_argument("--depth", type=int, default=TokenConfig.depth)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--restart", type=Path, help="begin from shipped float16 weights")
    return parser.parse_args(argv)


def begin(options: argparse.Namespace, pair: Pair, scenes: Grids) -> TokenDecoder:
    """A decoder that has learnt nothing but what the pair's numbers look like."""
    sizes = TokenConfig(
        codes=len(pair.vqgan.quantize.codebook),
        width=options.width,
        depth=options.depth,
        heads=max(1, options.width // 32),
        embedding=pair.perceptor.dim,
        text_width=pair.perceptor.model.config.text_width,
    )
    model = TokenDecoder(sizes)
    model.learn_codes(pair.vqgan.quantize.codebook.cpu())
    _, embeddings, captions = scenes.rows(np.arange(scenes.each), torch.Generator().manual_seed(0))
    model.learn_scale(pair.perceptor.encode_text(captions).cpu(), embeddings)
    return model


def deepened(model: TokenDecoder, depth: int) -> TokenDecoder:
    """The same decoder with more layers, up to `depth`: the new ones add nothing yet (Net2Net, arXiv 1511.05641)."""
    grown = TokenDecoder(replace(model.config, depth=max(depth, model.config.depth)))
    grown.load_state_dict(model.state_dict(), strict=False)
    for name, parameter in grown.layers[model.config.depth :].named_parameters():
        if ".out." in name or ".mlp.2." in name:  # what a layer adds
            nn.init.zeros_(parameter)
    return grown


def main(argv: Sequence[str] | None = None) -> None:
    options = options_of(argv)
    pair = load(options.pair or "", runs.begin(options))
    made_by = {name: store.fingerprint(pair.path(name)) for name in ("perceptor", "vqgan")}
    runs.require_left(options, "grids")
    runs.same(options, "seed", "subjects", "scenes", "width", "depth", "portraits", **made_by)
    taught, judged = (
        CleanScenes(options.cache, DRAWN, options.seed + seed, options.subjects, portraits=options.portraits)
        for seed in (300, 301)
    )
    scenes, unseen = Grids(options.run, taught, pair, options.scenes), Grids(options.run, judged, pair, JUDGED)
    if options.restart:
        model, about = store.load(options.restart, TokenConfig, TokenDecoder, "pixgen train tokens")
        model = deepened(model, options.depth).train().requires_grad_(True)
    else:
        model, about = begin(options, pair, scenes), {"grids": 0}
    model = model.to(pair.device)
    average = Average(model)
    optimizers = optimizers_of(model, options.lr)
    rates = [optimizer.defaults["lr"] for optimizer in optimizers]
    log, checkpoint = Log(options.run / "log.jsonl", options.grids), options.run / "checkpoint.pt"
    seen: int = about["grids"]
    step = begun = seen // BATCH  # steps since `begun` warm the learning rate up
    if (state := load_checkpoint(checkpoint)) is not None:
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        for optimizer, moments in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(moments)
        seen, step, begun = state["seen"], state["step"], state["begun"]

    saved = reported = time.time()
    each = len(scenes) // BATCH
    losses: dict[str, float] = {}
    while seen < options.grids:
        rng = torch.Generator().manual_seed(options.seed * 1_000_003 + step)  # the same after a kill
        progress = (step - begun) * BATCH / (options.grids - begun * BATCH)
        for optimizer, lr in zip(optimizers, rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate_of_learning(progress, step - begun, lr)
        epoch = (step - begun) // each
        places = scenes.order(epoch)[(step - begun) % each * BATCH :][:BATCH]
        codes, embeddings, captions = scenes.rows(places, rng)
        kind = "image" if step % 2 else "text"
        prefix = told(model, pair, kind, embeddings, captions, rng)
        order = orders(len(codes), model.config.side, rng)
        given = (codes, order, misread(codes, rng))
        codes, order, read = (part.to(pair.device) for part in given)
        loss = model.loss(codes, prefix, order, read).mean()
        model.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        average.update(model, step - begun)
        losses[kind] = round(loss.item() / math.log(2), 3)

        step, seen = step + 1, seen + len(codes)
        if step % REPORT_EVERY == 0:
            rate = REPORT_EVERY * BATCH / (time.time() - reported)
            reported = time.time()
            log.write(grids=seen, epoch=epoch, rate=round(rate, 1), **losses)
        if time.time() - saved > runs.SAVE_EVERY or seen >= options.grids:
            facts = measure(average.model, pair, unseen)
            log.write(grids=seen, scenes=len(scenes), **facts)
            counts = {"seen": seen, "step": step, "begun": begun}
            moments = {"optimizers": [optimizer.state_dict() for optimizer in optimizers]}
            networks = {"model": model.state_dict(), "average": average.model.state_dict()}
            facts |= {"grids": seen, "scenes": len(scenes), "subjects": options.subjects, "seed": options.seed}
            samples(average.model, pair, unseen, options.run / "samples" / f"{step:06}.png")
            store.save(average.model, options.run / "tokens.safetensors", **made_by, **facts)
            save_atomically(networks | counts | moments, checkpoint)
            saved = reported = time.time()


if __name__ == "__main__":
    errors.run(main)
