"""Train the token decoder: DALL-E (arXiv 2102.12092) and the second half of DALL-E 2 (arXiv 2204.06125) in one network.

Both learn the same thing, to write a picture's codes one after the other; they differ in the condition. So every
second batch is conditioned on captions, the others on image embeddings, and one in ten on nothing, for classifier-free
guidance. Some grids come in another order, known parts first, so that the decoder can inpaint.

    python -m pixgen.training.tokens RUN --cache CACHE --pair FOLDER [--grids 100000]

FOLDER holds perceptor.safetensors and vqgan.safetensors, which stay as they are. Everything is counted in grids seen,
so a run may be stopped anywhere and resumes where it stopped.
"""

from __future__ import annotations

import math
import textwrap
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn

from pixgen.io import terminal
from pixgen.networks import store
from pixgen.networks.pair import Pair, load
from pixgen.networks.token_decoder import Prefix, TokenConfig, TokenDecoder
from pixgen.training import monitor, runs
from pixgen.training.data.grids import CleanScenes, Grids
from pixgen.training.muon import Muon, matrices
from pixgen.training.options import LearningRate, Option, Restart, SubjectOptions, parse

CONDITION_DROPOUT = 0.1
"""Share of grids that are read without their condition."""
ADAM_SHARE = 0.5
"""Adam's learning rate as a share of Muon's: for embeddings, the last layer and what the prefix is made of."""
REORDERED = 0.2
"""Share of grids that are not given row by row."""
CORRUPTED = 0.8
"""Largest share of the codes read that are another grid's; every second grid is read as it is."""
EMBEDDING_NOISE = 0.3
"""Largest length of the noise on image embeddings: what the prior gives later is not exact either."""
SHOWN = 8
"""Scenes on a sheet of samples."""


@dataclass(frozen=True)
class Sizes:
    """What a test makes small.

    batch: grids a step. scenes: those that are rendered together. chunk: batches of scenes in one file.
    validation: unseen scenes on which the loss is measured at every checkpoint. report_every: in steps.
    """

    batch: int = 16
    scenes: int = 32
    chunk: int = 8
    validation: int = 256
    report_every: int = 50


@dataclass(frozen=True, kw_only=True)
class Options(SubjectOptions):
    """Of the token decoder."""

    pair: Annotated[Path | None, Option("Folder of perceptor.safetensors and vqgan.safetensors.")] = None
    grids: Annotated[
        int, Option("Grids to see in all, the same ones several times.", minimum=1, toy=4000, counts=True)
    ] = 100_000
    scenes: Annotated[int, Option("Different scenes, encoded as they are needed.", minimum=1, toy=1000)] = 20_000
    width: Annotated[int, Option("Width of the transformer.", minimum=1)] = TokenConfig.width
    depth: Annotated[int, Option("Layers of the transformer.", minimum=1)] = TokenConfig.depth
    lr: LearningRate = 3e-3
    restart: Restart = None
    sizes: Sizes = Sizes()


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


def corrupt(codes: Tensor, rng: torch.Generator) -> Tensor:
    """Grids (B, side, side) with codes of one another in some places.

    Sampled codes are never quite those of a known picture. A decoder that learnt from faultless ones alone follows them
    more than the caption, and is lost at the first error (exposure bias, arXiv 1506.03099).
    """
    share = CORRUPTED * (2 * torch.rand(len(codes), 1, 1, generator=rng) - 1)  # below zero: none
    return torch.where(torch.rand(codes.shape, generator=rng) < share, codes.roll(1, 0), codes)


def condition(
    model: TokenDecoder, pair: Pair, kind: str, embeddings: Tensor, captions: list[str], rng: torch.Generator | None
) -> Prefix:
    """The prefix of grids that conditions them.

    kind: "text", "image" or "unconditional".
    embeddings: float32 (B, D), of the pictures. captions: B of them.
    rng: for training; adds noise to embeddings and drops CONDITION_DROPOUT of the conditions. None: neither.
    """
    if kind == "unconditional":
        return model.unconditional(len(captions))
    if kind == "text":
        prefix = model.of_text(*pair.perceptor.encode_tokens(captions))
    else:
        if rng is not None:
            length = EMBEDDING_NOISE * torch.rand(len(embeddings), 1, generator=rng) / embeddings.shape[1] ** 0.5
            embeddings = embeddings + length * torch.randn(embeddings.shape, generator=rng)
        prefix = model.of_image(nn.functional.normalize(embeddings, dim=1).to(pair.device))
    if rng is None:
        return prefix
    return prefix.drop((torch.rand(len(captions), generator=rng) < CONDITION_DROPOUT).to(pair.device))


@torch.no_grad()
def measure(model: TokenDecoder, pair: Pair, unseen: Grids, sizes: Sizes) -> dict[str, float]:
    """Bits a code on unseen scenes, by condition: caption, image embedding, none. 10 is chance."""
    found = {}
    for kind in ("text", "image", "unconditional"):
        losses = []
        for begin in range(0, min(sizes.validation, len(unseen)), sizes.batch):
            places = np.arange(begin, min(begin + sizes.batch, len(unseen)))
            codes, embeddings, captions = unseen.rows(places, torch.Generator().manual_seed(begin))
            prefix = condition(model, pair, kind, embeddings, captions, None)
            losses.append(model.loss(codes.to(pair.device), prefix))
        found[f"bits_{kind}"] = round(float(torch.cat(losses).mean()) / math.log(2), 3)
    return found


@torch.no_grad()
def samples(model: TokenDecoder, pair: Pair, unseen: Grids, path: Path) -> None:
    """A sheet of unseen scenes as decoded from their codes, and under each what the decoder draws of its caption."""
    codes, embeddings, captions = unseen.rows(np.arange(SHOWN), torch.Generator().manual_seed(0))
    prefix = condition(model, pair, "text", embeddings, captions, None)
    rng = torch.Generator().manual_seed(0)
    drawn = model.sample(prefix, SHOWN, temperature=0.9, top_k=64, guidance=4.0, generator=rng)  # as dalle1 draws
    labels = ["\n".join(textwrap.wrap(caption, 22)) for caption in captions]
    monitor.sheet(path, [pair.decode(codes.to(pair.device)), pair.decode(drawn)], labels)


def optimizers_of(model: TokenDecoder, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices between the codes that come in and those that go out, Adam for all else."""
    inner = matrices(model.patch, model.layers, model.head.enter, model.head.mlp)
    others = [p for p in model.parameters() if not any(p is matrix for matrix in inner)]
    return [Muon(inner, lr), torch.optim.AdamW(others, lr=ADAM_SHARE * lr, betas=(0.9, 0.98), weight_decay=0.05)]


def new_decoder(options: Options, pair: Pair, scenes: Grids) -> TokenDecoder:
    """An untrained decoder, scaled to the pair's codes and embeddings."""
    config = TokenConfig(
        codes=pair.vqgan.token_codes,
        width=options.width,
        depth=options.depth,
        heads=max(1, options.width // 32),
        embedding=pair.perceptor.dim,
        text_width=pair.perceptor.model.config.text_width,
    )
    model = TokenDecoder(config)
    model.init_codes(pair.vqgan.quantize.codebook[: config.codes].cpu())
    _, embeddings, captions = scenes.rows(np.arange(scenes.each), torch.Generator().manual_seed(0))
    model.fit_scale(pair.perceptor.encode_text(captions).cpu(), embeddings)
    return model


def deepened(model: TokenDecoder, depth: int) -> TokenDecoder:
    """The same decoder with more layers, up to `depth`: the new ones add nothing yet (Net2Net, arXiv 1511.05641)."""
    grown = TokenDecoder(replace(model.config, depth=max(depth, model.config.depth)))
    grown.load_state_dict(model.state_dict(), strict=False)
    for name, parameter in grown.layers[model.config.depth :].named_parameters():
        if ".out." in name or ".mlp.2." in name:  # what a layer adds
            nn.init.zeros_(parameter)
    return grown


def main(options: Options) -> None:
    """Train, or resume the checkpoint. Raises UsageError where the run was begun with other inputs."""
    sizes = options.sizes
    pair = load(options.pair or "", runs.prepare_device(options))
    made_by: dict[str, Any] = {name: store.fingerprint(pair.path(name)) for name in ("perceptor", "vqgan")}
    runs.require_unfinished(options, options.restart, "grids")
    runs.require_same_inputs(options, "seed", "subjects", "scenes", "width", "depth", "portraits", **made_by)
    learnt, held_out = (
        CleanScenes(options.cache, sizes.scenes, options.seed + seed, options.subjects, portraits=options.portraits)
        for seed in (300, 301)
    )
    scenes = Grids(options.run, learnt, pair, options.scenes, sizes.chunk)
    unseen = Grids(options.run, held_out, pair, sizes.validation, sizes.chunk)
    if options.restart:
        model, _ = store.load(options.restart, TokenConfig, TokenDecoder, "pixgen train tokens")
        model = deepened(model, options.depth).train().requires_grad_(True)
    else:
        model = new_decoder(options, pair, scenes)
    model = model.to(pair.device)
    average = runs.WeightAverage(model)
    optimizers = optimizers_of(model, options.lr)
    rates = [optimizer.defaults["lr"] for optimizer in optimizers]
    log, checkpoint = runs.TrainingLog(options.run / "log.jsonl", options.grids), options.run / "checkpoint.pt"
    seen = store.count(options.restart, "grids") if options.restart else 0
    step = begun = seen // sizes.batch  # steps since `begun` warm the learning rate up
    if (state := runs.load_checkpoint(checkpoint)) is not None:
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        for optimizer, moments in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(moments)
        seen, step, begun = state["seen"], state["step"], state["begun"]

    saved = reported = time.time()
    each = len(scenes) // sizes.batch
    losses: dict[str, float] = {}
    while seen < options.grids:
        rng = torch.Generator().manual_seed(options.seed * 1_000_003 + step)  # the same after a kill
        progress = (step - begun) * sizes.batch / (options.grids - begun * sizes.batch)
        for optimizer, lr in zip(optimizers, rates, strict=True):
            optimizer.param_groups[0]["lr"] = runs.warmup_cosine(lr, progress, step - begun, 0.05)
        epoch = (step - begun) // each
        places = scenes.order(epoch)[(step - begun) % each * sizes.batch :][: sizes.batch]
        codes, embeddings, captions = scenes.rows(places, rng)
        kind = "image" if step % 2 else "text"
        prefix = condition(model, pair, kind, embeddings, captions, rng)
        order = orders(len(codes), model.config.side, rng)
        given = (codes, order, corrupt(codes, rng))
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
        if step % sizes.report_every == 0:
            rate = sizes.report_every * sizes.batch / (time.time() - reported)
            reported = time.time()
            log.write(grids=seen, epoch=epoch, rate=round(rate, 1), **losses)
        if runs.checkpoint_due(saved, options.save_every) or seen >= options.grids:
            facts = measure(average.model, pair, unseen, sizes)
            log.write(grids=seen, scenes=len(scenes), **facts)
            counts = {"seen": seen, "step": step, "begun": begun}
            moments = {"optimizers": [optimizer.state_dict() for optimizer in optimizers]}
            networks = {"model": model.state_dict(), "average": average.model.state_dict()}
            facts |= {"grids": seen, "scenes": len(scenes), "subjects": options.subjects, "seed": options.seed}
            samples(average.model, pair, unseen, options.run / "samples" / f"{step:06}.png")
            store.save(average.model, options.run / "tokens.safetensors", **made_by, **facts)
            runs.save_atomically(networks | counts | moments, checkpoint)
            saved = reported = time.time()


if __name__ == "__main__":
    terminal.run(lambda: main(parse(Options)))
