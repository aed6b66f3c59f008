"""Train the perceptor: CLIP (arXiv 2103.00020) from nothing, on scenes, on a CPU or a GPU.

Two towers learn to put a picture and its caption at the same place of the unit sphere (InfoNCE), helped by a
classification head over the subjects. It begins on small pictures, which are cheap, and goes on at 64x64. Then half
of each batch is adversarial: the pictures are first moved a little the wrong way, so that the tower's gradients
come to look like things instead of noise (perceptually aligned gradients, arXiv 1906.09453).

    python -m pixgen.training.clip RUN --cache CACHE [--pictures 3000000]

Everything is counted in pictures, so a run may be cut anywhere and goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from pixgen.perceptors.tiny_model import TinyCLIP, TinyConfig
from pixgen.training.captions import write
from pixgen.training.runs import Average, Log, about, load_checkpoint, save_atomically, shipped_clip
from pixgen.training.scenes import STYLE_NAMES, Batch, Scenes

BATCH = 192
SIZES = ((0, 32), (70_000, 48), (130_000, 64))
"""From this many pictures on, at this side."""
ADVERSARIAL_FROM = 100_000
RADIUS = (0.3, 1.5)
"""L2 radius of the attack on a 64x64 picture in [0, 1]: the first, and the last after another 400,000 pictures."""
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
    """int64 (B, context), 0 is padding."""
    tokenizer.enable_padding(length=context, pad_id=0)
    tokenizer.enable_truncation(context)
    return torch.tensor([e.ids for e in tokenizer.encode_batch(captions)])


def info_nce(images: Tensor, texts: Tensor, scale: Tensor, captions: list[str]) -> Tensor:
    """Symmetric cross-entropy over the batch; another picture of the same caption is no negative."""
    logits = scale * images @ texts.T
    number = {c: i for i, c in enumerate(captions)}
    ids = torch.tensor([number[c] for c in captions], device=logits.device)
    same = (ids[:, None] == ids[None]) & ~torch.eye(len(ids), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(same, -1e4)
    target = torch.arange(len(ids), device=logits.device)
    return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))


class Learner(nn.Module):
    """CLIP and the head that names the subject during training."""

    def __init__(self, config: TinyConfig, subjects: int) -> None:
        super().__init__()
        self.clip = TinyCLIP(config)
        self.subject = nn.Linear(config.widths[2], subjects)
        self.style = nn.Linear(config.widths[2], len(STYLE_NAMES))

    def forward(self, images: Tensor, ids: Tensor, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        pooled = self.clip.image.pooled(images)
        image = F.normalize(self.clip.image.project(pooled), dim=-1)
        text = self.clip.encode_text(ids)
        scale = self.clip.log_scale.exp().clamp(max=MAX_SCALE)
        match = info_nce(image, text, scale, batch.captions)
        subject = F.cross_entropy(self.subject(pooled), batch.subjects, ignore_index=-1)
        style = F.cross_entropy(self.style(pooled), batch.styles)
        right = (image @ text.T).argmax(1).eq(torch.arange(len(image), device=image.device)).float().mean()
        return match + 0.4 * subject + 0.1 * style, {
            "match": match.item(),
            "subject": subject.item(),
            "right": right.item(),
        }


def attack(learner: Learner, images: Tensor, texts: Tensor, radius: float) -> Tensor:
    """One normalised-gradient step in L2 away from the own caption, from a random point of the ball."""
    unit = lambda d: d / d.flatten(1).norm(dim=1).clamp(min=1e-9).view(-1, 1, 1, 1)  # noqa: E731
    size = torch.rand(len(images), 1, 1, 1, device=images.device)
    start = (images + unit(torch.randn_like(images)) * size * radius * 0.5).requires_grad_()
    similarity = learner.clip.encode_image(start) @ texts.T
    scale = learner.clip.log_scale.detach().exp().clamp(max=MAX_SCALE)
    wrong = F.cross_entropy(scale * similarity, torch.arange(len(images), device=images.device))
    (gradient,) = torch.autograd.grad(wrong, start)
    moved = start.detach() + unit(gradient) * radius - images
    length = moved.flatten(1).norm(dim=1).view(-1, 1, 1, 1).clamp(min=1e-9)
    return (images + moved * (radius / length).clamp(max=1)).clamp(0, 1)


@torch.no_grad()
def zero_shot(clip: TinyCLIP, tokenizer: Tokenizer, scenes: Scenes, batches: int = 2) -> tuple[float, float]:
    """Top-1 and top-5 share of plain drawings named rightly among all of the groups in `scenes`."""
    names = ["a " + scenes.subjects[g].en[0] for g in scenes.groups]
    texts = torch.cat(
        [
            clip.encode_text(tokens(tokenizer, names[i : i + 128], clip.config.context))
            for i in range(0, len(names), 128)
        ]
    )
    numbers = torch.tensor([scenes.numbers[g] for g in scenes.groups])
    first = fifth = total = 0
    for step in range(batches):
        batch = scenes[step]
        best = (clip.encode_image(batch.images) @ texts.T).topk(5).indices
        right = numbers[best] == batch.subjects[:, None]
        first, fifth = first + int(right[:, 0].sum()), fifth + int(right.any(1).sum())
        total += len(right)
    return first / total, fifth / total


def side_at(pictures: int) -> int:
    return next(side for begin, side in reversed(SIZES) if pictures >= begin)


def export(clip: TinyCLIP, tokenizer: Tokenizer, words: list[str], scenes: Scenes, path: Path, facts: dict) -> None:
    """Write the shipped file: float16 weights, and everything else that the perceptor needs in the metadata."""
    batch = scenes[10_000_000]
    with torch.no_grad():
        ids = tokens(tokenizer, batch.captions, clip.config.context)
        gap = clip.encode_image(batch.images).mean(0) - clip.encode_text(ids).mean(0)
    tensors = {k: v.half().contiguous() for k, v in clip.state_dict().items()} | {"gap": gap.half()}
    meta = {"architecture": vars(clip.config), "words": words, "tokenizer": json.loads(tokenizer.to_str()), **facts}
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, metadata={"pixgen": json.dumps(meta, ensure_ascii=False)})
    temporary.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the embedded perceptor.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=3_000_000)
    parser.add_argument("--subjects", type=int, default=516)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--restart", type=Path, help="begin from shipped float16 weights")
    options = parser.parse_args()
    options.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)

    scenes = Scenes(options.cache, BATCH, 64, options.seed, options.subjects)
    seen = Scenes(options.cache, 256, 64, 1, options.subjects, plain=True)
    unseen = Scenes(options.cache, 256, 64, 1, options.subjects, hands="held-out", plain=True)
    config = TinyConfig()
    vocabulary = options.run / "tokenizer.json"
    shipped = about(options.restart) if options.restart else {}
    if not vocabulary.exists() and shipped:
        vocabulary.write_text(json.dumps(shipped["tokenizer"]))
        (options.run / "words.json").write_text(json.dumps(shipped["words"], ensure_ascii=False))
    elif not vocabulary.exists():
        everything = Scenes(options.cache, 1, 64, 0, subjects=10**6)  # later runs may add subjects
        tokenizer, words = learn_vocabulary(everything, config.vocabulary)
        tokenizer.save(str(vocabulary))
        (options.run / "words.json").write_text(json.dumps(words, ensure_ascii=False))
    tokenizer, words = Tokenizer.from_file(str(vocabulary)), json.loads((options.run / "words.json").read_text())

    learner = Learner(config, len(scenes.numbers)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(learner.clip)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=options.lr, betas=(0.9, 0.98), weight_decay=0.02)
    log, checkpoint = Log(options.run / "log.jsonl"), options.run / "checkpoint.pt"
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
        step = begun = pictures // BATCH

    saved = reported = time.time()
    while pictures < options.pictures:
        scenes.side = side_at(pictures)
        until = next((b for b, _ in SIZES if b > pictures), options.pictures)
        steps = range(step, step + -(-(until - pictures) // BATCH))
        for batch in DataLoader(scenes, batch_size=None, sampler=steps, num_workers=1, prefetch_factor=3):
            torch.manual_seed(step)  # what an attack draws is the same after a kill
            for group in optimizer.param_groups:
                group["lr"] = (
                    options.lr * min(1, (step - begun + 1) / 150) * (0.1 if pictures > 0.9 * options.pictures else 1)
                )
            ids = tokens(tokenizer, batch.captions, config.context)
            images, radius = batch.images, 0.0
            if pictures >= ADVERSARIAL_FROM:
                radius = RADIUS[0] + (RADIUS[1] - RADIUS[0]) * min(1, (pictures - ADVERSARIAL_FROM) / 400_000)
                half = BATCH // 2
                with torch.no_grad():
                    texts = learner.clip.encode_text(ids[:half])
                images = torch.cat((attack(learner, images[:half], texts, radius * scenes.side / 64), images[half:]))
            loss, values = learner(images, ids, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
            optimizer.step()
            average.update(learner.clip, step)
            step, pictures = step + 1, pictures + BATCH
            if step % 50 == 0:
                rate = 50 * BATCH / (time.time() - reported)
                reported = time.time()
                log.write(pictures=pictures, side=scenes.side, radius=round(radius, 2), rate=round(rate, 1), **values)
            if step % 500 == 0:
                top, top_unseen = zero_shot(average.model, tokenizer, seen), zero_shot(average.model, tokenizer, unseen)
                log.write(pictures=pictures, groups=len(seen.groups), seen=top, held_out=top_unseen)
            if time.time() - saved > 240 or pictures >= options.pictures:
                progress = {"pictures": pictures, "step": step, "begun": begun, "optimizer": optimizer.state_dict()}
                networks = {"learner": learner.state_dict(), "average": average.model.state_dict()}
                save_atomically(networks | progress, checkpoint)
                seen_so_far = {"pictures": pictures, "subjects": options.subjects, "seed": options.seed}
                export(average.model, tokenizer, words, scenes, options.run / "perceptor.safetensors", seen_so_far)
                saved = time.time()


if __name__ == "__main__":
    main()
