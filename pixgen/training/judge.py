"""Train a judge: a classifier that says what a drawn picture shows, of another make than the perceptor that guided it.

A loop that pleases its perceptor may please it alone, so its pictures are named by a network that shares nothing
with it: rectified convolutions and max-pooling in the manner of VGG (arXiv 1409.1556) with batch norm (arXiv
1502.03167), another seed, other scenes with styles of another strength, another camera, and pictures that are softened
as a VQGAN softens them. Heads name the subjects (of two things each has half of the answer) and answer every question
of `pixgen.training.data.labels`. The validation judge, which is shipped, never saw the icon set that is held out; the
final judge (`--final`) saw all sets and serves the model card alone.

    python -m pixgen.training.judge RUN --cache CACHE [--pictures 300000] [--final]

Everything is counted in pictures seen, so a run may be stopped anywhere and resumes where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixgen.backend.tensors import gaussian_blur
from pixgen.errors import PixgenError
from pixgen.io import schema, terminal
from pixgen.networks import store
from pixgen.scenery.subjects import load_subjects
from pixgen.training import runs
from pixgen.training.data.labels import LABELS
from pixgen.training.data.pool import ScenePool, open_pool
from pixgen.training.data.scenes import Scenes
from pixgen.training.options import LearningRate, Option, Restart, SubjectOptions, parse

JUDGE_SIDE = 64
"""Of the pictures that a judge classifies."""
SEEDS = {"validation": 7_000, "final": 8_000}
"""Added to --seed, so that no judge shares its scenes with the perceptor or with the other judge."""
WIDTHS = (32, 64, 128, 192, 256)
SMOOTHING = 0.05


@dataclass(frozen=True)
class Sizes:
    """What a test makes small.

    batch: pictures a step.
    sides: (share of the run, side) from which on pictures have that side; small ones teach more a minute.
    """

    batch: int = 128
    sides: tuple[tuple[float, int], ...] = ((0.0, 32), (0.6, 48), (0.75, JUDGE_SIDE))


@dataclass(frozen=True, kw_only=True)
class Options(SubjectOptions):
    """Of a judge."""

    pictures: Annotated[int, Option("Pictures to see in all.", minimum=1, toy=8000, counts=True)] = 300_000
    final: Annotated[bool, Option("Learn from all icon sets, the one held out as well.")] = False
    pool: Annotated[int, Option("Scenes that are rendered once and used again.", minimum=1, toy=2048)] = 65_536
    lr: LearningRate = 3e-3
    restart: Restart = None
    sizes: Sizes = Sizes()


@dataclass(frozen=True)
class JudgeConfig:
    """What a judge's file says of its network. groups: its subjects. Raises ValueError for sizes that no judge has."""

    groups: list[str]
    widths: list[int]
    side: int = 48  # of judges from before it was kept

    def __post_init__(self) -> None:
        schema.require_between(self, widths=(1, 4096), side=(8, 1024))
        if not 1 <= len(self.widths) <= 16 or not self.groups:
            raise ValueError("it needs 1 to 16 widths and at least one subject")


class Judge(nn.Module):
    """float32 (B, 3, S, S) in [0, 1], S a multiple of 8 -> logits: "subject" (B, subjects), and (B, n) a question."""

    def __init__(self, subjects: int, widths: Sequence[int] = WIDTHS, side: int = JUDGE_SIDE) -> None:
        super().__init__()
        self.side = side
        layers: list[nn.Module] = []
        before = 3
        for i, width in enumerate(widths):
            size, stride = (5, 2) if i == 0 else (3, 1)
            if i in (2, 3):
                layers.append(nn.MaxPool2d(2))
            convolution = nn.Conv2d(before, width, size, stride, size // 2, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            before = width
        self.features = nn.Sequential(*layers)
        self.norm = nn.BatchNorm1d(2 * before)
        answers = {"subject": subjects} | {question: len(known) for question, known in LABELS.items()}
        self.heads = nn.ModuleDict({question: nn.Linear(2 * before, n) for question, n in answers.items()})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps = self.features(((images - 0.5) * 4).contiguous(memory_format=torch.channels_last))
        # The mean tells what fills the picture, the maximum what is there at all.
        pooled = self.norm(torch.cat((maps.mean((2, 3)), maps.amax((2, 3))), 1))
        return {question: head(pooled) for question, head in self.heads.items()}

    @torch.no_grad()
    def classify(self, images: Tensor) -> dict[str, Tensor]:
        """Probabilities of every answer to finished pictures of any size, float32 (B, 3, H, W) in [0, 1]."""
        small = F.interpolate(images, size=(self.side, self.side), mode="bilinear", antialias=True).clamp(0, 1)
        logits = self(small.to(self.norm.weight.device))
        return {question: row.softmax(1).cpu() for question, row in logits.items()}


def soft_targets(things: list[list[int]], subjects: int) -> Tensor:
    """Soft targets (B, subjects): every subject of a picture has the same share of it."""
    target = torch.zeros(len(things), subjects)
    for row, named in enumerate(things):
        target[row, named] = 1 / len(named)
    return target


def loss_and_accuracy(
    logits: dict[str, Tensor], things: list[list[int]], labels: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of the subjects and of every question that the picture can answer; the accuracy of each."""
    named = logits["subject"]
    subjects = named.shape[1]
    wanted = soft_targets(things, subjects).to(named.device)
    loss = F.cross_entropy(named, wanted, label_smoothing=SMOOTHING)
    found = named.argmax(1).tolist()
    values = {"subject": float(np.mean([one in true for one, true in zip(found, things, strict=True)]))}
    for column, question in enumerate(LABELS):
        rows = (labels[:, column] >= 0).nonzero().flatten()
        if len(rows):
            given, right = logits[question][rows], labels[rows, column]
            loss = loss + 0.15 * F.cross_entropy(given, right)
            values[question] = float((given.argmax(1) == right).float().mean())
    return loss, values


def batch_at(
    source: ScenePool, batch: int, step: int, seed: int, side: int, hardness: float
) -> tuple[Tensor, list[list[int]], Tensor]:
    """The `batch` pictures, things and labels of a step; hardness in [0, 1] is how much noise and blur they get."""
    each = len(source) // batch
    places = np.sort(source.order(step // each, seed)[step % each * batch :][:batch])
    rng = torch.Generator().manual_seed(seed * 1_000_003 + step)
    images = torch.from_numpy(source.pictures[places]).float().div_(255)
    flips = torch.rand(len(images), generator=rng) < 0.5
    images[flips] = images[flips].flip(-1)
    return augment(images, side, hardness, rng), [source.things[i] for i in places], source.labels[places]


def augment(images: Tensor, side: int, hardness: float, rng: torch.Generator) -> Tensor:
    """A judge's augmentations: stretch, shift, light, then blur or fewer pixels, and noise. (B, 3, side, side)."""
    n = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(n, *shape).uniform_(low, high, generator=rng)

    wide, high, angle = uniform(0.82, 1.15), uniform(0.82, 1.15), uniform(-0.08, 0.08)
    x, y, skew = uniform(-0.12, 0.12), uniform(-0.12, 0.12), uniform(-0.08, 0.08)
    matrices = torch.stack((torch.stack((wide, skew - angle, x), 1), torch.stack((angle, high, y), 1)), 1)
    grid = F.affine_grid(matrices, [n, 3, side, side], align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    soft = torch.rand(n, generator=rng) < 0.6 * hardness
    sigma, coarse = (float(torch.rand(1, generator=rng)) for _ in range(2))
    if bool(soft.any()):
        blurred = gaussian_blur(images[soft], (0.3 + 0.9 * sigma) * side / 48)
        small = F.interpolate(images[soft], scale_factor=0.45 + 0.4 * coarse, mode="area")
        enlarged = F.interpolate(small, size=(side, side), mode="bilinear", align_corners=False)
        images[soft] = torch.where(torch.rand(len(blurred), 1, 1, 1, generator=rng) < 0.5, blurred, enlarged)
    gamma, light = uniform(0.8, 1.25, 1, 1, 1), uniform(-0.05, 0.05, 3, 1, 1)
    images = images.clamp(1e-4, 1) ** gamma + light * hardness
    loud = uniform(0, 0.08 * hardness + 1e-6, 1, 1, 1)
    return (images + loud * torch.randn(images.shape, generator=rng)).clamp_(0, 1)


def load(path: Path) -> tuple[Judge, list[str]]:
    """A judge's file: the frozen network and the names of its subjects, by number.

    Raises PixgenError where there is no such file, or it is not a judge's.
    """
    weights, about = store.read(path, "judge", missing="make them with `pixgen train judge`")
    built = about.get("architecture", about)  # files from before 0.1 have it among their facts
    if not isinstance(built, Mapping) or built.get("labels") != LABELS:
        raise PixgenError(f"{path} is not a judge of this version: it answers other questions; train it again")
    sizes = {name: built[name] for name in ("groups", "widths", "side") if name in built}
    wrong = f"{path} was not written by this version's `pixgen train judge`"
    judge = store.build(path, weights, sizes, JudgeConfig, _of, wrong, "train it again")
    return judge, sizes["groups"]


def _of(config: JudgeConfig) -> Judge:
    return Judge(len(config.groups), config.widths, config.side)


def architecture(judge: Judge, groups: list[str]) -> dict[str, object]:
    """What `load` needs to know besides the weights."""
    widths = [layer.out_channels for layer in judge.features if isinstance(layer, nn.Conv2d)]
    return {"widths": widths, "side": judge.side, "groups": groups, "labels": LABELS}


def validation_scenes(scenes: Scenes, batches: int) -> list[tuple[Tensor, list[list[int]], Tensor]]:
    """Fresh scenes for measuring: images, things and labels of those with one subject."""
    found = []
    for step in range(batches):
        batch = scenes[step]
        alone = [i for i, named in enumerate(batch.things) if len(named) == 1]
        found.append((batch.images[alone], [batch.things[i] for i in alone], batch.labels[alone]))
    return found


@torch.no_grad()
def measure(judge: Judge, held: list[tuple[Tensor, list[list[int]], Tensor]]) -> dict[str, float]:
    """Accuracy on true scenes: top1 and top5 of the subject, and every question's."""
    right: dict[str, list[Tensor]] = {}
    for images, things, labels in held:
        seen = judge.classify(images)
        hits = seen["subject"].topk(5).indices == torch.tensor([named[0] for named in things])[:, None]
        right.setdefault("top1", []).append(hits[:, 0])
        right.setdefault("top5", []).append(hits.any(1))
        for column, question in enumerate(LABELS):
            rows = labels[:, column] >= 0
            right.setdefault(question, []).append(seen[question].argmax(1)[rows] == labels[rows, column])
    return {name: round(float(torch.cat(hits).float().mean()), 4) for name, hits in right.items()}


def schedule(
    progress: float, steps: int, lr: float, sides: tuple[tuple[float, int], ...] = Sizes.sides
) -> tuple[int, float, float]:
    """(side, hardness, learning rate) at a share `progress` of the run: easy pictures first."""
    side = next(side for begin, side in reversed(sides) if progress >= begin)
    return side, min(1.0, progress / 0.3), runs.warmup_cosine(lr, progress, steps, 0.01)


def main(options: Options) -> None:
    """Train, or resume the checkpoint. Raises UsageError where the run was begun with other inputs."""
    sizes = options.sizes
    device = runs.prepare_device(options)
    kind = "final" if options.final else "validation"
    seed = SEEDS[kind] + options.seed
    torch.manual_seed(seed)

    runs.require_unfinished(options, options.restart, "pictures")
    runs.require_same_inputs(options, "seed", "subjects", "pool", "portraits", judge=kind)
    icon_sets = "all" if options.final else "seen"
    learnt = Scenes(
        options.cache, sizes.batch, 64, seed, options.subjects, icon_sets,
        strength=0.6, noise=0.02, portraits=options.portraits,
    )  # fmt: skip
    source = open_pool(options.run / "pool.npy", learnt, options.pool)
    unseen = Scenes(options.cache, sizes.batch, 64, seed + 500, options.subjects, noise=0.02)
    held = validation_scenes(unseen, 4)
    table = load_subjects()  # a judge numbers subjects as the table does, up to the last that it learns
    groups = list(table)[: 1 + max(i for i, s in enumerate(table.values()) if s.rank <= options.subjects)]
    judge = Judge(len(groups)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = runs.WeightAverage(judge)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=options.lr, weight_decay=0.02)
    log, checkpoint = runs.TrainingLog(options.run / "log.jsonl", options.pictures), options.run / "checkpoint.pt"
    pictures = step = begun = 0  # steps since `begun` warm the learning rate up
    if (state := runs.load_checkpoint(checkpoint)) is not None:
        judge.load_state_dict(state["judge"])
        average.model.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        pictures, step, begun = state["pictures"], state["step"], state["begun"]
    elif options.restart:
        weights = load(options.restart)[0].state_dict()
        judge.load_state_dict(weights)
        average.model.load_state_dict(weights)
        pictures = store.count(options.restart, "pictures")
        step = begun = pictures // sizes.batch

    saved = reported = time.time()
    while pictures < options.pictures:
        side, hardness, lr = schedule(pictures / options.pictures, step - begun, options.lr, sizes.sides)
        for group in optimizer.param_groups:
            group["lr"] = lr
        images, things, labels = batch_at(source, sizes.batch, step, seed, side, hardness)
        loss, values = loss_and_accuracy(judge(images.to(device)), things, labels.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(judge.parameters(), 2.0)
        optimizer.step()
        average.update(judge, step)
        step, pictures = step + 1, pictures + len(images)
        if step % 50 == 0:
            rate = round(50 * sizes.batch / (time.time() - reported), 1)
            reported = time.time()
            shown = {name: round(value, 3) for name, value in values.items()}
            log.write(pictures=pictures, side=side, rate=rate, loss=round(loss.item(), 3), **shown)
        if step % 400 == 0 or pictures >= options.pictures:
            found = {f"unseen_{name}": share for name, share in measure(average.model, held).items()}
            log.write(pictures=pictures, groups=len(groups), **found)
        if runs.checkpoint_due(saved, options.save_every) or pictures >= options.pictures:
            progress = {"pictures": pictures, "step": step, "begun": begun, "optimizer": optimizer.state_dict()}
            networks = {"judge": judge.state_dict(), "average": average.model.state_dict()}
            facts = {"judge": kind, "pictures": pictures, "seed": options.seed, "hands": icon_sets}
            built = {"architecture": architecture(average.model, groups)}
            store.write(average.model.state_dict(), options.run / "judge.safetensors", built | facts)
            runs.save_atomically(networks | progress, checkpoint)
            saved = time.time()


if __name__ == "__main__":
    terminal.run(lambda: main(parse(Options)))
