"""What is shipped draws what a prompt names: a judge that took no part in it recognises the subject.

The subjects are a fixed list, every 80th by rank. This prints the judge's rank of each, before and after:

    python -m tests.training.test_shipped

Whoever changes a weights file writes the hashes again: (cd pixgen/embedded && sha256sum *.safetensors > SHA256SUMS)
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

import pixgen
from pixgen.loop.engine import Step
from pixgen.networks import pair
from pixgen.scenery.subjects import load_subjects
from pixgen.training import judge

EMBEDDED_FOLDER = Path(pixgen.__file__).parent / "embedded"

EVERY = 80
"""The subjects are those of rank 1, 1 + EVERY, 1 + 2 EVERY ... of what the judge knows."""
SETTINGS: dict[str, Any] = {
    "size": "64x64",
    "steps": 30,
    "starts": 1,
    "start": {"type": "random"},
    "seed": 1,
    "cutouts": 8,
}
TOP = 10
"""A subject is recognised where it is among so many of the judge's 440 first names."""
VIEWS = 8


def views(image: Tensor, side: int) -> Tensor:
    """Views that the loop did not use: the mirror image through a judge's own camera. (VIEWS, 3, side, side)."""
    mirrored = image.flip(-1).expand(VIEWS, -1, -1, -1)
    return judge.augment(mirrored, side, 0.0, torch.Generator().manual_seed(4))


def rank(network: judge.Judge, number: int, image: Tensor) -> int:
    """How many subjects the judge finds more likely than this one."""
    seen = network.classify(views(image, network.side))["subject"].mean(0)
    return int((seen > seen[number]).sum())


def before_and_after(network: judge.Judge, number: int, prompt: str) -> tuple[int, int]:
    """The rank of a prompt's subject in the random start, after the first step, and in the picture."""
    first: list[Tensor] = []
    last: list[Tensor] = []

    def keep(step: Step) -> None:
        (last if first else first).append(step.images().clamp(0, 1))

    pixgen.generate(prompt, callback=keep, **SETTINGS)
    return rank(network, number, first[0]), rank(network, number, last[-1])


def prompts(group: str) -> tuple[str, str]:
    """Its name in English and Portuguese."""
    subject = load_subjects()[group]
    return f"a {subject.en[0]}", f"{'uma' if subject.pt_gender == 'f' else 'um'} {subject.pt[0]}"


@pytest.fixture(scope="module")
def shipped() -> tuple[judge.Judge, list[str]]:
    return judge.load(EMBEDDED_FOLDER / "judge.safetensors")


def test_every_file_is_the_one_that_was_measured() -> None:
    lines = (EMBEDDED_FOLDER / "SHA256SUMS").read_text().splitlines()
    sums = {name.strip(" *"): found for found, name in (line.split(maxsplit=1) for line in lines)}
    files = {path.name: path.read_bytes() for path in EMBEDDED_FOLDER.glob("*.safetensors")}
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert sum(map(len, files.values())) <= 40_000_000


def test_the_decoder_and_the_prior_were_trained_with_their_pair(caplog: pytest.LogCaptureFixture) -> None:
    models = pair.load()
    assert models.decoder.config.embedding == models.prior.config.embedding == models.perceptor.dim
    assert not caplog.records  # another perceptor or VQGAN would be warned of


def test_the_shipped_judge_is_the_validation_judge() -> None:
    with safe_open(EMBEDDED_FOLDER / "judge.safetensors", framework="pt") as file:
        about = json.loads(file.metadata()["pixgen"])
    assert (about["judge"], about["hands"]) == ("validation", "seen")
    assert (EMBEDDED_FOLDER / "judge.safetensors").stat().st_size <= 3_000_000


def subjects(groups: list[str]) -> list[str]:
    """The fixed list: every EVERY-th by rank of the groups that the judge knows."""
    known = {subject.rank: group for group, subject in load_subjects().items() if group in groups}
    return [known[rank] for rank in range(1, max(known) + 1, EVERY)]


@pytest.mark.slow
def test_the_subjects_of_prompts_are_recognised_after_and_not_before(shipped: tuple[judge.Judge, list[str]]) -> None:
    network, groups = shipped
    found = [
        before_and_after(network, groups.index(group), prompt)
        for group in subjects(groups)
        for prompt in prompts(group)
    ]
    before, after = (sum(rank < TOP for rank in ranks) / len(found) for ranks in zip(*found, strict=True))
    # Measured: 0 of 12 before, 8 of 12 after (of every 40th 2 and 11 of 22); the margin is two standard deviations.
    assert before <= 0.25 and after >= 0.4


def main() -> None:
    network, groups = judge.load(EMBEDDED_FOLDER / "judge.safetensors")
    for group in subjects(groups):
        ranks = [before_and_after(network, groups.index(group), prompt) for prompt in prompts(group)]
        print(group, *(f"{before} -> {after}" for before, after in ranks), flush=True)


if __name__ == "__main__":
    main()
