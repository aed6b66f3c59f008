"""Measures of both DALL-E methods: the token decoder's loss by condition, the prior's embeddings, and what variations
and edits keep (arXiv 2102.12092, 2204.06125)."""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.editing import operations
from pixgen.evaluation.networks import SEED, SUBJECTS, fresh
from pixgen.evaluation.statistics import Figure, mean, share
from pixgen.networks.pair import Pair
from pixgen.scenery.vocabulary import COLOURS
from pixgen.training.data.grids import CleanScenes
from pixgen.training.data.labels import LABELS
from pixgen.training.data.scenes import Scenes
from pixgen.training.judge import Judge
from pixgen.training.prior import energy_distance
from pixgen.training.tokens import condition

RIDGE = 1.0
"""Weight of the ridge regression's penalty, in units of the text embeddings' mean variance."""


def ridge(texts: Tensor, images: Tensor) -> Tensor:
    """The linear map (D + 1, D) of text embeddings (N, D), and 1, to image embeddings that a penalty keeps small."""
    rows = torch.cat((texts, torch.ones(len(texts), 1)), 1)
    penalty = RIDGE * texts.var(0).mean() * torch.eye(rows.shape[1])
    weights: Tensor = torch.linalg.solve(rows.T @ rows + penalty * math.sqrt(len(rows)), rows.T @ images)
    return weights


@torch.no_grad()
def tokens(models: Pair, cache: Path, wanted: int = 256) -> list[Figure]:
    """Bits a code of unseen scenes such as the decoder learns from, by condition; 10 is chance."""
    scenes = CleanScenes(cache, 32, SEED, SUBJECTS)
    losses: dict[str, list[Tensor]] = {}
    for step in range(-(-wanted // 32)):
        batch = scenes.batch_at(step)
        codes, embeddings = models.token_codes(batch.images), models.embed(batch.images)
        others = batch.captions[16:] + batch.captions[:16]  # twins stand side by side, and say almost the same
        for name, kind, captions in (
            ("unconditional", "unconditional", batch.captions),
            ("given another scene's caption", "text", others),
            ("given its caption", "text", batch.captions),
            ("given its image embedding", "image", batch.captions),
        ):
            prefix = condition(models.decoder, models, kind, embeddings, captions, None)
            losses.setdefault(name, []).append(models.decoder.loss(codes, prefix) / math.log(2))
    return [
        mean(f"bits a code of unseen scenes, {name}", torch.cat(bits)[:wanted].tolist())
        for name, bits in losses.items()
    ]


@torch.no_grad()
def prior(models: Pair, cache: Path, wanted: int = 512) -> list[Figure]:
    """The prior against what is cheaper: the text's embedding itself, the mean shift, and ridge regression.

    All are compared with the true embedding of the scene that a caption was made from; the shift and the regression are
    fitted on twice as many other scenes.
    """
    scenes = Scenes(cache, 64, 64, SEED, SUBJECTS)
    batches = [scenes.batch_at(step) for step in range(-(-3 * wanted // 64))]
    images = torch.cat([models.embed(batch.images) for batch in batches])[: 3 * wanted]
    texts = torch.cat([models.perceptor.encode_text(batch.captions) for batch in batches])[: 3 * wanted]
    fit, true, held = slice(wanted, None), images[:wanted], texts[:wanted]
    linear = torch.cat((held, torch.ones(len(held), 1)), 1) @ ridge(texts[fit], images[fit])
    rng = torch.Generator().manual_seed(SEED)
    sampled = models.prior.sample(held, rng)
    ways = {
        "the text's embedding": held,
        "mean shift": held + (images[fit].mean(0) - texts[fit].mean(0)),
        "ridge regression": linear,
        "the prior's sample": sampled,
    }
    found = []
    for name, guess in ways.items():
        unit = F.normalize(guess, dim=1)
        found.append(mean(f"cosine to the true image embedding, {name}", (unit * true).sum(1).tolist()))
    for name in ("ridge regression", "the prior's sample"):
        distance = energy_distance(F.normalize(ways[name], dim=1), true)
        found.append(Figure(f"energy distance to true image embeddings, {name}", distance, n=wanted, unit=""))
    order = torch.randperm(len(held), generator=rng)
    for name, guess in (("the prior's sample", sampled), ("the prior's sample of another caption", sampled[order])):
        ranks = (guess @ true.T).argsort(1, descending=True)[:, :5] == torch.arange(len(true))[:, None]
        what = f"true picture among the first 5 of {len(true)} (chance {5 / len(true):.1%}), {name}"
        found.append(share(what, ranks.any(1).tolist()))
    return found


@torch.no_grad()
def variations(models: Pair, judge: Judge, cache: Path, pictures: int = 24, steps: int = 0) -> list[Figure]:
    """Whether variations, as `pixgen vary` draws them, keep subject and style of true scenes and yet differ from them.

    The judge decides. For comparison it also classifies the scenes' reconstructions; chance is what another scene's
    variations show of this one. Plain scenes, such as the decoder learns from, and scenes of any kind. steps: of the
    loop, after each variation.
    """
    found = []
    every = {"plain": CleanScenes(cache, 64, SEED, SUBJECTS), "any": Scenes(cache, 64, 128, SEED, SUBJECTS)}
    for kind, scenes in every.items():
        subject: dict[str, list[bool]] = {}
        style: dict[str, list[bool]] = {}
        changed: dict[str, list[float]] = {}
        for images, numbers, shown in fresh(scenes, pictures, styled=True):
            own = models.codes(images)
            codes = {f"{kind} scenes' reconstructions": own}
            for strength in VARIED:
                name = f"variations of {kind} scenes at strength {strength:g}"
                made = [
                    next(operations.vary(models, image[None], 1, strength=strength, seed=seed, steps=steps, size=128))
                    for seed, image in enumerate(images)
                ]
                codes[name] = torch.stack([one.codes for one in made])
                changed.setdefault(name, []).extend((codes[name] != own).flatten(1).float().mean(1).tolist())
            codes[f"{kind} scenes by chance"] = codes[name].roll(1, 0)
            for name, grids in codes.items():
                seen = judge.classify(models.decode(grids))
                hits = seen["subject"].topk(5).indices == torch.tensor(numbers)[:, None]
                right = seen["style"].argmax(1) == shown[:, list(LABELS).index("style")]
                subject.setdefault(name, []).extend(hits.any(1).tolist())
                style.setdefault(name, []).extend(right.tolist())
        for name in subject:
            found += [share(f"{name}: subject (top-5)", subject[name]), share(f"{name}: style", style[name])]
        found += [mean(f"{name}: share of codes that differ", shares) for name, shares in changed.items()]
    return found


VARIED = (0.75, 1.0)
"""Strengths of variations: the default, and that which leaves nothing but the embedding."""
STRENGTHS = (0.0, 0.3, 0.6, 1.0)


def edits(models: Pair, judge: Judge, cache: Path, pictures: int = 12, steps: int = 0) -> list[Figure]:
    """Whether an edit changes the colour, the more the stronger it is, and keeps the subject.

    True scenes of one thing in one colour, turned into another colour; the judge decides. steps: of the loop.
    """
    scenes, rng, noise = Scenes(cache, 1, 128, SEED, SUBJECTS, noise=0.0), random.Random(SEED), torch.Generator()
    found: dict[str, list[bool]] = {}
    changed: dict[float, list[float]] = {strength: [] for strength in STRENGTHS}
    sketches = (scenes.sketcher.single(rng) for _ in range(100 * pictures))
    coloured = (
        sketch for sketch in sketches if sketch.placed[0].colour
    )  # one that was asked for, not the drawing's own
    for number, sketch in enumerate(itertools.islice(coloured, pictures)):
        thing = sketch.scene.things[0]
        other = rng.choice([colour for colour in COLOURS if colour != thing.colour])
        picture = scenes.render([sketch], rng, noise.manual_seed(number))
        new, old = (f"a {colour} {thing.subject.en[0]}" for colour in (other, thing.colour))
        for strength in STRENGTHS:
            made = operations.edit(models, picture, new, old, strength=strength, seed=number, steps=steps, size=128)
            seen = judge.classify(made.image)
            named = scenes.numbers[thing.subject.group] in seen["subject"][0].topk(5).indices.tolist()
            recoloured = LABELS["colour"][int(seen["colour"][0].argmax())] == other
            found.setdefault(f"edits of strength {strength:g}: the colour asked for", []).append(recoloured)
            found.setdefault(f"edits of strength {strength:g}: subject kept (top-5)", []).append(named)
            changed[strength].append(float((made.codes != models.codes(picture)[0]).float().mean()))
    moved = [mean(f"edits of strength {s:g}: share of codes that differ", shares) for s, shares in changed.items()]
    return [*(share(what, hits) for what, hits in found.items()), *moved]
