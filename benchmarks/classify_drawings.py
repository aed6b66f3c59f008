"""Accuracy of `pixgen classify` with the embedded CLIP: 20 labels, drawings of the icon set that no training saw.

    python benchmarks/classify_drawings.py --cache CACHE

Every drawing is classified twice: the drawings of the 20 subjects that come first in subjects.csv (people aside) among
these 20, and each drawing of any subject among its own label and 19 others at random. English and Portuguese, several
sets of templates; the set that pixgen uses is the one that is best on the icon sets that were learnt from.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pixgen.evaluation.nearest import on_ground
from pixgen.evaluation.networks import SUBJECTS
from pixgen.evaluation.statistics import Figure, share, table
from pixgen.recognition import clip_models, labels
from pixgen.recognition.clip_models import ClipModel
from pixgen.scenery.subjects import Subject, load_subjects
from pixgen.scenery.vocabulary import STYLE_WORDS
from pixgen.training.data.drawings import HELD_OUT_ICON_SET, load_sprites

LABELS = 20
TEMPLATES: dict[str, dict[str, Sequence[str]]] = {
    "the label alone": {"en": ("{}",), "pt": ("{}",)},
    "with its article": {"en": ("a {}",), "pt": ("um {}",)},
    "pixgen's four": labels.DRAWN,
    "every style": {
        "en": ("a {}", *(f"{words[0][0]} of a {{}}" for words in STYLE_WORDS.values())),
        "pt": ("um {}", *(f"{words[2][0]} de um {{}}" for words in STYLE_WORDS.values())),
    },
    "OpenAI's seven": labels.PHOTOGRAPHED,
}
LANGUAGES = {"en": "English", "pt": "Portuguese"}


def embed(clip: ClipModel, sprites: np.ndarray) -> Tensor:
    """The embeddings of drawings on a light ground, (N, D)."""
    parts = np.array_split(sprites, max(1, len(sprites) // 64))
    return torch.cat([clip.encode_image(list(on_ground(part, 128).split(1))) for part in parts])


def texts(clip: ClipModel, subjects: Sequence[Subject], language: str, templates: Sequence[str]) -> Tensor:
    names = [subject.en[0] if language == "en" else subject.pt[0] for subject in subjects]
    return clip.encode_templates(names, lambda name: [labels.fill(each, name, language) for each in templates])


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure classification on drawings that no training saw.")
    parser.add_argument("--cache", type=Path, required=True, help="folder of the rasterised drawings")
    options = parser.parse_args()
    clip = clip_models.load()
    sprites, index = load_sprites(options.cache)
    known = {group: one for group, one in load_subjects().items() if one.rank <= SUBJECTS}
    kinds = {
        "known icon sets": [i for i, d in enumerate(index) if d.icon_set != HELD_OUT_ICON_SET and d.group in known][
            ::6
        ],
        "the icon set never seen": [
            i for i, d in enumerate(index) if d.icon_set == HELD_OUT_ICON_SET and d.group in known
        ],
    }
    held_out = {index[i].group for i in kinds["the icon set never seen"]}
    ranked = sorted((one for one in known.values() if one.group in held_out), key=lambda one: one.rank)
    first = [one for one in ranked if one.kind != "person"][:LABELS]
    print("the 20 labels:", ", ".join(f"{one.en[0]} / {one.pt[0]}" for one in first))
    subjects = list(known.values())
    place = {one.group: i for i, one in enumerate(subjects)}
    figures: list[Figure] = []
    for kind, chosen in kinds.items():
        images = embed(clip, sprites[chosen])
        true = torch.tensor([place[index[i].group] for i in chosen])
        rng = random.Random(0)
        others = [rng.sample([i for i in range(len(subjects)) if i != t], LABELS - 1) for t in true.tolist()]
        among = torch.cat((true[:, None], torch.tensor(others)), 1)
        fixed = torch.tensor([place[one.group] for one in first])
        ours = torch.isin(true, fixed)
        for language, spoken in LANGUAGES.items():
            for name, templates in TEMPLATES.items():
                scores = images @ texts(clip, subjects, language, templates[language]).T
                hits = fixed[scores[ours][:, fixed].argmax(1)] == true[ours]
                drawn = scores.gather(1, among).argmax(1) == 0
                figures.append(share(f"{kind}, {spoken}, {name}: the 20 labels", hits.tolist()))
                figures.append(share(f"{kind}, {spoken}, {name}: 20 labels at random", drawn.tolist()))
    print("| accuracy | share (95 % interval) | n |\n|---|---|---|\n" + table(figures), end="")


if __name__ == "__main__":
    main()
