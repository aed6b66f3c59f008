"""Train the perceptor: CLIP (arXiv 2103.00020) from nothing, on scenes, on a CPU or a GPU.

Two towers learn to put a picture and its caption at the same place of the unit sphere (InfoNCE), helped by
classification heads for subject and style. Every batch is used twice: once as it is, and once moved along the gradient
that the first use left on the pictures ("free" adversarial training, arXiv 1904.12843, as an L2 step). What such a
tower's gradients draw looks like things instead of noise (perceptually aligned gradients, arXiv 1906.09453), and
here it costs no pass of its own.

    python -m pixgen.training.clip RUN --cache CACHE [--pictures 2000000]

Everything is counted in pictures seen, so a run may be cut anywhere and goes on where it stopped.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from pixgen import errors
from pixgen.networks.clip import TinyCLIP, TinyConfig
from pixgen.scenery.captions import write
from pixgen.scenery.styles import STYLE_NAMES
from pixgen.training import monitor, runs
from pixgen.training.data.pool import mirrored, pool
from pixgen.training.data.scenes import Batch, Scenes
from pixgen.training.runs import Average, Log, about, autocast, load_checkpoint, save_atomically, shipped_clip

BATCH = 256
POOL = 102_400
SIZES = ((0.0, 32), (0.9, 48))
"""From this share of the run on, at this side: small pictures teach more a minute."""
RADIUS = 1.5
"""Largest L2 length of the adversarial step on a 64x64 picture in [0, 1]; in proportion at other sides."""
RADIUS_GROWS = (0.05, 0.6)
"""The step grows from nothing to RADIUS between these shares of the run."""
MAX_SCALE = 30.0


def learn_vocabulary(scenes: Scenes, size: int, count: int = 30_000) -> tuple[Tokenizer, list[str]]:
    """A byte-pair vocabulary of the captions and the list of whole words in them."""
    from tokenizers.models import BPE
    from tokenizers.normalizers import NFC, Lowercase, Sequence
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.trainers import BpeTrainer

    rng = random.Random(0)
    names = [n for s in scenes.subjects.values() for n in (*s.en, *s.pt)]
    captions = [write(scenes.sketch(rng).scene, rng, i % 3 == 0) for i in range(count)] + names * 3
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    tokenizer.normalizer = Sequence([NFC(), Lowercase()])
    tokenizer.pre_tokenizer = Whitespace()
    letters = list("abcdefghijklmnopqrstuvwxyz0123456789")
    trainer = BpeTrainer(
        vocab_size=size, special_tokens=["[PAD]", "[UNK]"], initial_alphabet=letters, show_progress=False
    )
    tokenizer.train_from_iterator(captions, trainer)
    return tokenizer, sorted({w.strip(",.#") for c in captions for w in c.lower().split()})


def tokens(tokenizer: Tokenizer, captions: list[str], context: int) -> Tensor:
    """int64 (B, T), T the longest caption's tokens and at most `context`; 0 is padding."""
    tokenizer.enable_padding(pad_id=0)
    tokenizer.enable_truncation(context)
    return torch.tensor([e.ids for e in tokenizer.encode_batch(captions)])


def by_length(clip: TinyCLIP, ids: Tensor, parts: int = 4) -> Tensor:
    """The same as `clip.encode_text(ids)`, (B, D), for half the time: captions are short, and the longest is rare."""
    lengths = (ids != 0).sum(1)
    order = lengths.argsort()
    found = [clip.encode_text(ids[rows, : max(1, int(lengths[rows].max()))]) for rows in order.chunk(parts)]
    return torch.cat(found)[order.argsort()]


def info_nce(images: Tensor, texts: Tensor, scale: Tensor, captions: list[str]) -> Tensor:
    """Symmetric cross-entropy over the batch; another picture of the same caption is no negative."""
    logits = scale * images @ texts.T
    number = {c: i for i, c in enumerate(captions)}
    ids = torch.tensor([number[c] for c in captions], device=logits.device)
    same = (ids[:, None] == ids[None]) & ~torch.eye(len(ids), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(same, -1e4)
    target = torch.arange(len(ids), device=logits.device)
    return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))


def sides(images: Tensor, texts: Tensor, mirrors: Tensor, rows: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy between a picture's caption and that of its mirror image, where left or right is said.

    Among a batch's negatives the one that differs in its side alone hardly counts. rows: int64 (M,), the pictures that
    say a side; mirrors: (M, D), the embeddings of their mirrored captions. Returns 0 where there are none.
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
        with autocast(images.device):
            pooled = self.clip.image.pooled(images)
            projected = self.clip.image.project(pooled)
        image, pooled = F.normalize(projected.float(), dim=-1), pooled.float()
        scale = self.clip.log_scale.exp().clamp(max=MAX_SCALE)
        match = info_nce(image, texts, scale, batch.captions)
        side = sides(image, texts, mirrors, said_sides(batch.captions), scale)
        subject = F.cross_entropy(self.subject(pooled), batch.subjects, ignore_index=-1)
        style = F.cross_entropy(self.style(pooled), batch.styles)
        right = (image @ texts.T).argmax(1).eq(torch.arange(len(image), device=image.device)).float().mean()
        values = {"match": match.item(), "subject": subject.item(), "style": style.item(), "right": right.item()}
        values["left or right"] = side.item()
        return match + 0.5 * subject + 0.2 * style + 0.5 * side, values


def said_sides(captions: list[str]) -> Tensor:
    """int64 (M,): the captions that say left or right."""
    return torch.tensor([i for i, c in enumerate(captions) if mirrored(c) != c], dtype=torch.long)


@torch.no_grad()
def named(clip: TinyCLIP, tokenizer: Tokenizer, scenes: Scenes, side: int, step: int) -> tuple[Batch, Tensor]:
    """A batch of plain drawings and, nearest first, the five groups of `scenes` it is taken for: int64 (B, 5)."""
    device = clip.log_scale.device
    names = ["a " + scenes.subjects[g].en[0] for g in scenes.groups]
    texts = clip.encode_text(tokens(tokenizer, names, clip.config.context).to(device))
    batch = scenes[step]
    images = F.interpolate(batch.images.to(device), size=(side, side), mode="bilinear", antialias=True)
    return batch, (clip.encode_image(images) @ texts.T).topk(min(5, len(names))).indices.cpu()


def zero_shot(clip: TinyCLIP, tokenizer: Tokenizer, scenes: Scenes, side: int, batches: int = 2) -> list[float]:
    """Top-1 and top-5 share of plain drawings named rightly among all of the groups in `scenes`."""
    numbers = torch.tensor([scenes.numbers[g] for g in scenes.groups])
    found = [named(clip, tokenizer, scenes, side, step) for step in range(batches)]
    hits = torch.cat([numbers[best] == batch.subjects[:, None] for batch, best in found]).float()
    return [round(hits[:, 0].mean().item(), 4), round(hits.amax(1).mean().item(), 4)]


def sheet(clip: TinyCLIP, tokenizer: Tokenizer, scenes: Scenes, path: Path, count: int = 8) -> None:
    """Draw what the perceptor takes a few plain drawings for."""
    batch, best = named(clip, tokenizer, scenes, clip.config.side, 0)
    labels = ["\n".join(scenes.groups[i] for i in row[:3]) for row in best[:count].tolist()]
    monitor.sheet(path, [batch.images[:count]], labels)


def export(clip: TinyCLIP, tokenizer: Tokenizer, words: list[str], batch: Batch, path: Path, facts: dict) -> None:
    """Write the shipped file: float16 weights, and everything else that the perceptor needs in the metadata."""
    with torch.no_grad():
        ids = tokens(tokenizer, batch.captions, clip.config.context).to(batch.images.device)
        gap = clip.encode_image(batch.images).mean(0) - clip.encode_text(ids).mean(0)
    meta = {"architecture": vars(clip.config), "words": words, "tokenizer": json.loads(tokenizer.to_str()), **facts}
    runs.save_weights(clip.state_dict() | {"gap": gap}, path, meta)


def schedule(progress: float, begun: int, lr: float) -> tuple[int, float, float]:
    """(side, radius of the adversarial step at that side, learning rate) at this share of the run.

    The learning rate warms up over the first 100 steps and falls as a cosine to a twentieth.
    """
    side = next(side for begin, side in reversed(SIZES) if progress >= begin)
    low, high = RADIUS_GROWS
    radius = RADIUS * min(1.0, max(0.0, (progress - low) / (high - low))) * side / 64
    falling = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return side, radius, lr * min(1.0, (begun + 1) / 100) * falling


def main(argv: Sequence[str] | None = None) -> None:
    parser = runs.options("Train the embedded perceptor.")
    parser.add_argument("--pictures", type=int, default=2_000_000)
    parser.add_argument("--subjects", type=int, default=440)
    parser.add_argument("--pool", type=int, default=POOL, help="scenes rendered once and used again")
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--restart", type=Path, help="begin from shipped float16 weights")
    options = parser.parse_args(argv)
    device = runs.begin(options)
    runs.require_left(options, "pictures")
    runs.same(options, "seed", "subjects", "pool", "portraits")

    source = Scenes(options.cache, BATCH, 64, options.seed, options.subjects, portraits=options.portraits)
    scenes = pool(options.run / "pool.npy", source, options.pool)
    seen = Scenes(options.cache, 256, 64, 1, options.subjects, plain=True)
    unseen = Scenes(options.cache, 256, 64, 1, options.subjects, hands="held-out", plain=True)
    config = TinyConfig()
    vocabulary = options.run / "tokenizer.json"
    shipped = about(options.restart) if options.restart else {}
    if not vocabulary.exists() and shipped:
        vocabulary.write_text(json.dumps(shipped["tokenizer"]))
        (options.run / "words.json").write_text(json.dumps(shipped["words"], ensure_ascii=False))
    elif not vocabulary.exists():
        everything = Scenes(options.cache, 1, 64, 0, subjects=10**6, portraits=options.portraits)  # more than now
        tokenizer, words = learn_vocabulary(everything, config.vocabulary)
        tokenizer.save(str(vocabulary))
        (options.run / "words.json").write_text(json.dumps(words, ensure_ascii=False))
    tokenizer, words = Tokenizer.from_file(str(vocabulary)), json.loads((options.run / "words.json").read_text())

    learner = Learner(config, len(seen.numbers)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(learner.clip)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=options.lr, betas=(0.9, 0.98), weight_decay=0.05)
    log, checkpoint = Log(options.run / "log.jsonl", options.pictures), options.run / "checkpoint.pt"
    pictures = step = begun = 0  # steps since `begun` warm the learning rate up
    if (state := load_checkpoint(checkpoint)) is not None:
        learner.load_state_dict(state["learner"])
        average.model.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        pictures, step, begun = state["pictures"], state["step"], state.get("begun", 0)
    elif options.restart:
        weights = shipped_clip(options.restart).state_dict()
        learner.clip.load_state_dict(weights)
        average.model.load_state_dict(weights)
        pictures = shipped["pictures"]
        step = begun = pictures // (2 * BATCH)

    def update(loss: Tensor) -> None:
        loss.backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    saved = reported = time.time()
    each = len(scenes) // BATCH
    while pictures < options.pictures:
        rng = torch.Generator().manual_seed(options.seed * 1_000_003 + step)  # the same after a kill
        side, radius, lr = schedule(pictures / options.pictures, step - begun, options.lr)
        for group in optimizer.param_groups:
            group["lr"] = lr
        places = scenes.order(step // each, options.seed)[step % each * BATCH :][:BATCH]
        batch = scenes.batch(places, side, rng).to(device)

        # As it is; the backward pass leaves the pictures' gradient as well as the weights'.
        images = batch.images.requires_grad_()
        other = [mirrored(batch.captions[i]) for i in said_sides(batch.captions).tolist()]
        ids = tokens(tokenizer, batch.captions + other, config.context).to(device)
        with autocast(device):
            both = by_length(learner.clip, ids)
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
            rate = 50 * 2 * BATCH / (time.time() - reported)
            reported = time.time()
            values["attacked"] = attacked["right"]
            shown = {name: round(value, 3) for name, value in values.items()}
            log.write(pictures=pictures, side=side, radius=round(radius, 2), rate=round(rate, 1), **shown)
        if step % 250 == 0:
            hands = {"seen": seen, "held_out": unseen}
            right = {k: zero_shot(average.model, tokenizer, h, side) for k, h in hands.items() if h.groups}
            log.write(pictures=pictures, groups=len(seen.groups), **right)
        if time.time() - saved > runs.SAVE_EVERY or pictures >= options.pictures:
            progress = {"pictures": pictures, "step": step, "begun": begun, "optimizer": optimizer.state_dict()}
            networks = {"learner": learner.state_dict(), "average": average.model.state_dict()}
            facts = {"pictures": pictures, "subjects": options.subjects, "seed": options.seed}
            paired = scenes.batch(scenes.order(0, 1)[:1024], config.side, torch.Generator().manual_seed(0)).to(device)
            export(average.model, tokenizer, words, paired, options.run / "perceptor.safetensors", facts)
            sheet(average.model, tokenizer, seen, options.run / "samples" / f"{step:06}.png")
            save_atomically(networks | progress, checkpoint)  # last: where it ends the training, all is written
            saved = time.time()


if __name__ == "__main__":
    errors.run(main)
