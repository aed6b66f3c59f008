"""Makes and measures the detector of pictures that are unlike what the embedded CLIP learnt from.

    python benchmarks/unlike_photographs.py --cache CACHE            # measure, and print
    python benchmarks/unlike_photographs.py --cache CACHE --write    # and write pixgen/embedded/unlike.safetensors

False alarms: on scenes of a seed that no training used, and on drawings of the icon set that none saw. Hits: on the 21
photographs that scikit-image and scikit-learn carry, each judged by a detector that was fitted on the other twenty and
crops of them. Two other ways are measured beside it, with thresholds that let through as many drawings.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from photographs import paths
from torch import Tensor

from pixgen.evaluation.networks import SEED, SUBJECTS
from pixgen.evaluation.statistics import share, table
from pixgen.io import pictures, resources
from pixgen.recognition import clip_models, unlike
from pixgen.recognition.clip_models import ClipModel
from pixgen.training.data.scenes import Scenes

SIDE = 128
CROPS = 16
ALARMS = 0.07


def drawn(cache: Path, seed: int, scenes: int, plain: int, icon_sets: str = "seen") -> list[Tensor]:
    """Scenes of the known icon sets, a fifth of them portraits, and single drawings on white: pictures (N, 3, S, S)."""
    made = []
    for count, options in ((scenes, {"portraits": 0.2}), (plain, {"plain": True, "icon_sets": icon_sets})):
        source = Scenes(cache, 32, SIDE, seed, SUBJECTS, **options)
        made.append(torch.cat([source.batch_at(step).images for step in range(-(-count // 32))])[:count])
    return made


def embed(clip: ClipModel, images: Tensor) -> Tensor:
    return torch.cat([clip.encode_image([image[None] for image in part]) for part in images.split(32)])


def crops(image: Tensor, rng: torch.Generator) -> list[Tensor]:
    """A photograph, (1, 3, H, W), and squares out of it."""
    height, width = image.shape[2:]
    found = [image]
    for _ in range(CROPS - 1):
        side = int(min(height, width) * (0.4 + 0.6 * float(torch.rand(1, generator=rng))))
        top, left = (int(torch.randint(length - side + 1, (1,), generator=rng)) for length in (height, width))
        part = image[:, :, top : top + side, left : left + side]
        found.append(part.flip(-1) if torch.rand(1, generator=rng) < 0.5 else part)
    return found


def hits_by(measure: Callable[[Tensor], Tensor], calibration: Tensor, photographs: Tensor) -> list[bool]:
    """Whether each photograph measures higher than all but ALARMS of the calibration's drawings."""
    threshold = measure(calibration).quantile(1 - ALARMS)
    found: list[bool] = (measure(photographs) > threshold).tolist()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Make and measure the detector of pictures unlike the training's.")
    parser.add_argument("--cache", type=Path, required=True, help="folder of the rasterised drawings")
    parser.add_argument("--write", action="store_true", help="write it beside the embedded weights")
    options = parser.parse_args()
    clip = clip_models.load()
    learnt = torch.cat([embed(clip, part) for part in drawn(options.cache, 777, 448, 192)])
    # Scenes alone: they are harder to tell from photographs than a drawing on white, so the threshold holds for both.
    calibration = embed(clip, drawn(options.cache, 778, 384, 32)[0])
    scenes, held_out = drawn(options.cache, SEED, 384, 192, "held-out")
    rng = torch.Generator().manual_seed(0)
    photographs = [pictures.read(path) for path in paths()]
    parts = [clip.encode_image(crops(image, rng)) for image in photographs]
    whole = torch.cat([part[:1] for part in parts])
    tests = {
        "false alarms, scenes of an unused seed": embed(clip, scenes),
        "false alarms, drawings of the icon set that no training saw": embed(clip, held_out),
    }

    figures = []
    for alarms in (0.02, 0.05, ALARMS, 0.1):
        detector = unlike.fit(learnt, torch.cat(parts), calibration, alarms)
        where = f"(threshold: {alarms:.0%} of other scenes)"
        figures += [share(f"{what} {where}", detector(test)) for what, test in tests.items()]
        hits = []
        for place, part in enumerate(parts):
            others = torch.cat([each for number, each in enumerate(parts) if number != place])
            hits += unlike.fit(learnt, others, calibration, alarms)(part[:1])
        figures.append(share(f"photographs found, each left out of the fit {where}", hits))
        missed = [path.name for path, hit in zip(paths(), hits, strict=True) if not hit]
        print(f"missed {where}: {', '.join(missed) or 'none'}")
    middle = learnt.mean(0)
    covariance = torch.cov(learnt.T)
    inverse = torch.linalg.inv(covariance + 0.05 * covariance.trace() / len(covariance) * torch.eye(len(covariance)))
    others = {
        "the distance to the nearest known drawing": lambda x: -(x @ learnt.T).max(1).values,
        "Mahalanobis's distance to the known drawings": lambda x: (((x - middle) @ inverse) * (x - middle)).sum(1),
    }
    figures += [share(f"photographs found by {name}", hits_by(by, calibration, whole)) for name, by in others.items()]
    print("| measure | share (95 % interval) | n |\n|---|---|---|\n" + table(figures), end="")
    if options.write:
        detector = unlike.fit(learnt, torch.cat(parts), calibration, ALARMS)
        path = resources.embedded() / unlike.NAME
        command = "python benchmarks/unlike_photographs.py --cache CACHE --write"
        unlike.save(detector, path, clip.fingerprint, command)
        print(f"written: {path}")


if __name__ == "__main__":
    main()
