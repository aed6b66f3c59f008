"""Train the perceptor: CLIP (arXiv 2103.00020) from nothing, on scenes, on a CPU or a GPU.

Two towers learn to put a picture and its caption at the same place of the unit sphere (InfoNCE), helped by
classification heads for subject and style. Every batch is used twice: once as it is, and once moved along the gradient
that the first use left on the pictures ("free" adversarial training, arXiv 1904.12843, as an L2 step). What such a
tower's gradients draw looks like things instead of noise (perceptually aligned gradients, arXiv 1906.09453), and
here it costs no pass of its own.

    python -m pixgen.training.clip RUN --cache CACHE [--pictures 2000000]

Everything is counted in pictures seen, so a run may be stopped anywhere and resumes where it stopped.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from pixgen.io import files, terminal
from pixgen.models import tokenizer_files
from pixgen.networks import store
from pixgen.networks.clip import MAX_SCALE, TinyCLIP, TinyConfig
from pixgen.scenery.styles import STYLE_NAMES
from pixgen.training import monitor, runs
from pixgen.training.data.pool import mirror_caption, open_pool
from pixgen.training.data.scenes import Batch, Scenes
from pixgen.training.data.vocabulary import learn_vocabulary
from pixgen.training.options import ALL_SUBJECTS, LearningRate, Option, Restart, SubjectOptions, parse

RADIUS = 1.5
"""Largest L2 length of the adversarial step on a 64x64 picture in [0, 1]; in proportion at other sides."""
RADIUS_GROWS = (0.05, 0.6)
"""The step grows from nothing to RADIUS between these shares of the run."""


@dataclass(frozen=True)
class Sizes:
    """What a test makes small.

    batch: pictures a step. captions: those that the vocabulary is learnt from.
    sides: (share of the run, side) from which on pictures have that side; small ones teach more a minute.
    """

    batch: int = 256
    captions: int = 30_000
    sides: tuple[tuple[float, int], ...] = ((0.0, 32), (0.9, 48))
    network: TinyConfig = field(default_factory=TinyConfig)


@dataclass(frozen=True, kw_only=True)
class Options(SubjectOptions):
    """Of the perceptor."""

    pictures: Annotated[int, Option("Pictures to see in all.", minimum=1, toy=24_000, counts=True)] = 2_000_000
    pool: Annotated[int, Option("Scenes that are rendered once and used again.", minimum=1, toy=4096)] = 102_400
    lr: LearningRate = 1.5e-3
    restart: Restart = None
    sizes: Sizes = Sizes()


def tokenize(tokenizer: Tokenizer, captions: list[str], context: int) -> Tensor:
    """int64 (B, T), T the longest caption's tokens and at most `context`; 0 is padding."""
    tokenizer.enable_padding(pad_id=0)
    tokenizer.enable_truncation(context)
    return torch.tensor([e.ids for e in tokenizer.encode_batch(captions)])


def encode_by_length(clip: TinyCLIP, ids: Tensor, parts: int = 4) -> Tensor:
    """The same as `clip.encode_text(ids)`, (B, D), for half the time: captions are short, and the longest is rare."""
    lengths = (ids != 0).sum(1)
    order = lengths.argsort()
    found = [clip.encode_text(ids[rows, : max(1, int(lengths[rows].max()))]) for rows in order.chunk(parts)]
    return torch.cat(found)[order.argsort()]


def info_nce(images: Tensor, texts: Tensor, scale: Tensor, captions: list[str]) -> Tensor:
    """Symmetric cross-entropy over the batch; another picture with the same caption is not a negative."""
    logits = scale * images @ texts.T
    number = {c: i for i, c in enumerate(captions)}
    ids = torch.tensor([number[c] for c in captions], device=logits.device)
    same = (ids[:, None] == ids[None]) & ~torch.eye(len(ids), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(same, -1e4)
    target = torch.arange(len(ids), device=logits.device)
    return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))


def side_loss(images: Tensor, texts: Tensor, mirrors: Tensor, rows: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy between a picture's caption and that of its mirror image, where the caption names a side.

    Among a batch's negatives the one that differs in its side alone hardly counts.

    rows: int64 (M,), the pictures whose captions name a side.
    mirrors: (M, D), the embeddings of their mirrored captions.
    Returns 0 where there are none.
    """
    if not len(rows):
        return images.new_zeros(())
    here = images[rows]
    logits = scale * torch.stack(((here * texts[rows]).sum(1), (here * mirrors).sum(1)), 1)
    return F.cross_entropy(logits, torch.zeros(len(rows), dtype=torch.long, device=images.device))


class Learner(nn.Module):
    """CLIP and the heads that name subject and style during training."""

    def __init__(self, config: TinyConfig, subjects: int) -> None:
        super().__init__()
        self.clip = TinyCLIP(config)
        self.subject = nn.Linear(2 * config.dim, subjects)
        self.style = nn.Linear(2 * config.dim, len(STYLE_NAMES))

    def forward(self, images: Tensor, texts: Tensor, mirrors: Tensor, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        with runs.autocast(images.device):
            pooled = self.clip.image.pooled(images)
            projected = self.clip.image.project(pooled)
        image, pooled = F.normalize(projected.float(), dim=-1), pooled.float()
        scale = self.clip.log_scale.exp().clamp(max=MAX_SCALE)
        match = info_nce(image, texts, scale, batch.captions)
        side = side_loss(image, texts, mirrors, with_sides(batch.captions), scale)
        subject = F.cross_entropy(self.subject(pooled), batch.subjects, ignore_index=-1)
        style = F.cross_entropy(self.style(pooled), batch.styles)
        right = (image @ texts.T).argmax(1).eq(torch.arange(len(image), device=image.device)).float().mean()
        values = {"match": match.item(), "subject": subject.item(), "style": style.item(), "right": right.item()}
        values["left or right"] = side.item()
        return match + 0.5 * subject + 0.2 * style + 0.5 * side, values


def with_sides(captions: list[str]) -> Tensor:
    """int64 (M,): the captions that name left or right."""
    return torch.tensor([i for i, c in enumerate(captions) if mirror_caption(c) != c], dtype=torch.long)


@torch.no_grad()
def classify(clip: TinyCLIP, tokenizer: Tokenizer, scenes: Scenes, side: int, step: int) -> tuple[Batch, Tensor]:
    """A batch of plain drawings and the five nearest groups of `scenes` to each, nearest first: int64 (B, 5)."""
    device = clip.log_scale.device
    names = ["a " + scenes.subjects[g].en[0] for g in scenes.groups]
    texts = clip.encode_text(tokenize(tokenizer, names, clip.config.context).to(device))
    batch = scenes[step]
    images = F.interpolate(batch.images.to(device), size=(side, side), mode="bilinear", antialias=True)
    return batch, (clip.encode_image(images) @ texts.T).topk(min(5, len(names))).indices.cpu()


def zero_shot(clip: TinyCLIP, tokenizer: Tokenizer, scenes: Scenes, side: int, batches: int = 2) -> list[float]:
    """Top-1 and top-5 accuracy on plain drawings among all of the groups in `scenes`."""
    numbers = torch.tensor([scenes.numbers[g] for g in scenes.groups])
    found = [classify(clip, tokenizer, scenes, side, step) for step in range(batches)]
    hits = torch.cat([numbers[best] == batch.subjects[:, None] for batch, best in found]).float()
    return [round(hits[:, 0].mean().item(), 4), round(hits.amax(1).mean().item(), 4)]


def sample_sheet(clip: TinyCLIP, tokenizer: Tokenizer, scenes: Scenes, path: Path, count: int = 8) -> None:
    """Write a few plain drawings with the three names that the perceptor gives each."""
    batch, best = classify(clip, tokenizer, scenes, clip.config.side, 0)
    labels = ["\n".join(scenes.groups[i] for i in row[:3]) for row in best[:count].tolist()]
    monitor.sheet(path, [batch.images[:count]], labels)


def export(
    clip: TinyCLIP, tokenizer: Tokenizer, words: list[str], batch: Batch, path: Path, facts: dict[str, Any]
) -> None:
    """Write the shipped file: float16 weights, and everything else that the perceptor needs in the metadata."""
    with torch.no_grad():
        ids = tokenize(tokenizer, batch.captions, clip.config.context).to(batch.images.device)
        gap = clip.encode_image(batch.images).mean(0) - clip.encode_text(ids).mean(0)
    meta = {"architecture": vars(clip.config), "words": words, "tokenizer": json.loads(tokenizer.to_str()), **facts}
    store.write(clip.state_dict() | {"gap": gap}, path, meta)


def schedule(
    progress: float, steps: int, lr: float, sides: tuple[tuple[float, int], ...] = Sizes.sides
) -> tuple[int, float, float]:
    """(side, radius of the adversarial step at that side, learning rate) at a share `progress` of the run."""
    side = next(side for begin, side in reversed(sides) if progress >= begin)
    low, high = RADIUS_GROWS
    radius = RADIUS * min(1.0, max(0.0, (progress - low) / (high - low))) * side / 64
    return side, radius, runs.warmup_cosine(lr, progress, steps, 0.05)


def main(options: Options) -> None:
    """Train, or resume the checkpoint. Raises UsageError where the run was begun with other inputs."""
    sizes, config = options.sizes, options.sizes.network
    device = runs.prepare_device(options)
    runs.require_unfinished(options, options.restart, "pictures")
    runs.require_same_inputs(options, "seed", "subjects", "pool", "portraits")

    source = Scenes(options.cache, sizes.batch, 64, options.seed, options.subjects, portraits=options.portraits)
    scenes = open_pool(options.run / "pool.npy", source, options.pool)
    seen = Scenes(options.cache, 256, 64, 1, options.subjects, plain=True)
    unseen = Scenes(options.cache, 256, 64, 1, options.subjects, icon_sets="held-out", plain=True)
    vocabulary = options.run / "tokenizer.json"
    shipped = store.about(options.restart) if options.restart else {}
    if not vocabulary.exists():
        if shipped:
            tokenizer = tokenizer_files.tokenizer(json.dumps(shipped.get("tokenizer")), Path(str(options.restart)))
            words = shipped.get("words", [])
        else:
            everything = Scenes(options.cache, 1, 64, 0, ALL_SUBJECTS, portraits=options.portraits)  # for later runs
            tokenizer, words = learn_vocabulary(everything, config.vocabulary, sizes.captions)
        (options.run / "words.json").write_text(json.dumps(words, ensure_ascii=False))
        with files.replacing(vocabulary, sole=True) as temporary:  # last: where it is, its words are as well
            tokenizer.save(str(temporary))
    tokenizer, words = Tokenizer.from_file(str(vocabulary)), json.loads((options.run / "words.json").read_text())

    learner = Learner(config, len(seen.numbers)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = runs.WeightAverage(learner.clip)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=options.lr, betas=(0.9, 0.98), weight_decay=0.05)
    log, checkpoint = runs.TrainingLog(options.run / "log.jsonl", options.pictures), options.run / "checkpoint.pt"
    pictures = step = begun = 0  # steps since `begun` warm the learning rate up
    if (state := runs.load_checkpoint(checkpoint)) is not None:
        learner.load_state_dict(state["learner"])
        average.model.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        pictures, step, begun = state["pictures"], state["step"], state.get("begun", 0)
    elif options.restart:
        weights = runs.load_clip(options.restart).state_dict()
        learner.clip.load_state_dict(weights)
        average.model.load_state_dict(weights)
        pictures = store.count(options.restart, "pictures")
        step = begun = pictures // (2 * sizes.batch)

    def update(loss: Tensor) -> None:
        loss.backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    saved = reported = time.time()
    each = len(scenes) // sizes.batch
    while pictures < options.pictures:
        rng = torch.Generator().manual_seed(options.seed * 1_000_003 + step)  # the same after a kill
        side, radius, lr = schedule(pictures / options.pictures, step - begun, options.lr, sizes.sides)
        for group in optimizer.param_groups:
            group["lr"] = lr
        places = scenes.order(step // each, options.seed)[step % each * sizes.batch :][: sizes.batch]
        batch = scenes.batch(places, side, rng).to(device)

        # As it is; the backward pass leaves the pictures' gradient as well as the weights'.
        images = batch.images.requires_grad_()
        other = [mirror_caption(batch.captions[i]) for i in with_sides(batch.captions).tolist()]
        ids = tokenize(tokenizer, batch.captions + other, config.context).to(device)
        with runs.autocast(device):
            both = encode_by_length(learner.clip, ids)
        texts, mirrors = both[: len(images)], both[len(images) :]
        loss, values = learner(images, texts, mirrors, batch)
        update(loss)

        # Moved along that gradient, away from its own caption.
        assert images.grad is not None
        lengths = images.grad.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
        moved = (images.detach() + images.grad * (radius / lengths)).clamp(0, 1)
        loss, attacked = learner(moved, texts.detach(), mirrors.detach(), batch)
        update(loss)
        average.update(learner.clip, step)

        step, pictures = step + 1, pictures + 2 * len(batch.captions)
        if step % 50 == 0:
            rate = 50 * 2 * sizes.batch / (time.time() - reported)
            reported = time.time()
            values["attacked"] = attacked["right"]
            shown = {name: round(value, 3) for name, value in values.items()}
            log.write(pictures=pictures, side=side, radius=round(radius, 2), rate=round(rate, 1), **shown)
        if step % 250 == 0:
            sets = {"seen": seen, "held_out": unseen}
            right = {k: zero_shot(average.model, tokenizer, s, side) for k, s in sets.items() if s.groups}
            log.write(pictures=pictures, groups=len(seen.groups), **right)
        if runs.checkpoint_due(saved, options.save_every) or pictures >= options.pictures:
            progress = {"pictures": pictures, "step": step, "begun": begun, "optimizer": optimizer.state_dict()}
            networks = {"learner": learner.state_dict(), "average": average.model.state_dict()}
            facts = {"pictures": pictures, "subjects": options.subjects, "seed": options.seed}
            paired = scenes.batch(scenes.order(0, 1)[:1024], config.side, torch.Generator().manual_seed(0)).to(device)
            export(average.model, tokenizer, words, paired, options.run / "perceptor.safetensors", facts)
            sample_sheet(average.model, tokenizer, seen, options.run / "samples" / f"{step:06}.png")
            runs.save_atomically(networks | progress, checkpoint)  # last: where it ends the training, all is written
            saved = time.time()


if __name__ == "__main__":
    terminal.run(lambda: main(parse(Options)))
