"""What reading a long prompt in pieces brings: scenes told apart by what their captions say behind 24 tokens.

    python benchmarks/long_prompts.py --cache runs/cache

Pairs of unseen scenes differ in one thing: colour, style or side (those of `pixgen train evaluate --what perceptor`).
Each scene's caption stands behind a sentence of about twenty words that says nothing of it, or before that sentence.
Printed is how often a picture is nearer to its own caption than to its twin's, in per cent; chance is 50. "cut" is the
text tower alone, which stops at its context, "in pieces" what `encode_text` does. `--cache` is the folder of sprites
that `pixgen train data` makes; a third of the captions are Portuguese.
"""

from __future__ import annotations

import argparse
import platform
import random
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from pixgen.evaluation.networks import PAIRS, SEED, SUBJECTS, rendered, small, twins
from pixgen.networks.pair import PairPerceptor, load_perceptor
from pixgen.scenery.captions import write
from pixgen.training.data.scenes import Scenes

ENGLISH = [
    "drawn with great care and much attention to every small detail, in high quality, by a famous artist of our time",
    "that somebody once saw on a long and quiet walk and never forgot in all the years that came after it",
    "the best picture that was ever made of this, which many people have looked at for hours and hours",
]
PORTUGUESE = [
    "desenhado com muito cuidado e com toda a atenção aos pequenos detalhes, em alta qualidade, por um artista famoso",
    "a melhor imagem que alguém já fez disto, que muitas pessoas olharam durante horas e horas sem cansar",
]


def pairs_of(cache: Path, tiny: PairPerceptor, kind: str, count: int) -> tuple[Tensor, list[str]]:
    """The embeddings of 2 * count pictures, twins side by side, and their captions."""
    scenes = Scenes(cache, 2, 64, SEED, SUBJECTS, noise=0.0)
    rng = random.Random(f"{SEED}/{kind}")
    images: list[Tensor] = []
    captions: list[str] = []
    while len(images) < count:
        found = twins(scenes, kind, rng)
        if found is None:
            raise SystemExit(f"{cache} has no scenes that differ in {kind} alone")
        seed = rng.getrandbits(32)
        both = [write(sketch.scene, random.Random(seed), len(images) % 3 == 2) for sketch in found]
        if both[0] != both[1]:  # a caption may leave out what differs
            images.append(rendered(scenes, found, seed))
            captions += both
    with torch.no_grad():
        parts = torch.cat(images).split(64)
        return torch.cat([tiny.encode_image(small(part, tiny.input_size)) for part in parts]), captions


def lengthened(captions: list[str], behind: bool) -> list[str]:
    """The captions with a sentence that twins share, before them or `behind` them."""
    rng = random.Random(SEED)
    found = []
    for pair in range(len(captions) // 2):
        said = rng.choice(PORTUGUESE if pair % 3 == 2 else ENGLISH)
        both = captions[2 * pair : 2 * pair + 2]
        found += [f"{caption}, {said}" if behind else f"{said}, {caption}" for caption in both]
    return found


def right(seen: Tensor, texts: Tensor) -> float:
    """How often a picture is nearer to its own text than to its twin's; two equal texts are half right."""
    own = (seen * texts).sum(1)
    other = (seen * texts.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)).sum(1)
    same = (own - other).abs() < 1e-6
    return float(torch.where(same, 0.5, (own > other).float()).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of the sprites")
    parser.add_argument("--pairs", type=int, default=300, help="pairs of each kind")
    chosen = parser.parse_args()
    tiny = load_perceptor()
    ways: dict[str, Callable[[list[str]], Tensor]] = {
        "cut": lambda texts: tiny.encode_tokens(texts)[2],
        "in pieces": tiny.encode_text,
    }
    print(f"{platform.machine()}, torch {torch.__version__}, {2 * chosen.pairs} pictures a row\n")
    print("| twins differ in | caption alone | behind the sentence, cut | in pieces | before it, cut | in pieces |")
    print("|---|---|---|---|---|---|")
    for kind, name in PAIRS.items():
        seen, captions = pairs_of(chosen.cache, tiny, kind, chosen.pairs)
        figures = [right(seen, tiny.encode_text(captions))]
        figures += [right(seen, way(lengthened(captions, behind))) for behind in (False, True) for way in ways.values()]
        print(f"| {name} | " + " | ".join(f"{100 * figure:.1f} %" for figure in figures) + " |", flush=True)


if __name__ == "__main__":
    main()
