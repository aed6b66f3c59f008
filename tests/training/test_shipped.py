"""What is shipped draws what it is told: a judge that had no part in it sees the subject that it did not see before.

The five prompts were found by the same test among many; this prints every subject that fulfils it in both languages:

    python -m tests.training.test_shipped [--subjects 120]

Whoever changes a weights file writes the hashes anew: (cd pixgen/embedded && sha256sum *.safetensors > SHA256SUMS)
"""

from __future__ import annotations

import argparse
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

EMBEDDED = Path(pixgen.__file__).parent / "embedded"

SUBJECTS = ("teacher", "girl", "old-woman", "child", "princess")
"""Group of each of the five prompts."""
SETTINGS: dict[str, Any] = {
    "size": "64x64",
    "steps": 30,
    "starts": 1,
    "start": {"type": "random"},
    "seed": 1,
    "cutouts": 8,
}
AMONG = 10
VIEWS = 8


def views(image: Tensor, side: int) -> Tensor:
    """Views that the loop did not use: the mirror image through a judge's own camera. (VIEWS, 3, side, side)."""
    mirrored = image.flip(-1).expand(VIEWS, -1, -1, -1)
    return judge.view(mirrored, side, 0.0, torch.Generator().manual_seed(4))


def rank(network: judge.Judge, number: int, image: Tensor) -> int:
    """How many subjects the judge sees rather than this one."""
    seen = network.look(views(image, network.side))["subject"].mean(0)
    return int((seen > seen[number]).sum())


def before_and_after(network: judge.Judge, number: int, prompt: str) -> tuple[int, int]:
    """The rank of a prompt's subject in the random start, after the first step, and in the picture."""
    first: list[Tensor] = []
    last: list[Tensor] = []

    def look(step: Step) -> None:
        (last if first else first).append(step.images().clamp(0, 1))

    pixgen.generate(prompt, callback=look, **SETTINGS)
    return rank(network, number, first[0]), rank(network, number, last[-1])


def prompts(group: str) -> tuple[str, str]:
    """Its name in English and Portuguese."""
    subject = load_subjects()[group]
    return f"a {subject.en[0]}", f"{'uma' if subject.pt_gender == 'f' else 'um'} {subject.pt[0]}"


@pytest.fixture(scope="module")
def shipped() -> tuple[judge.Judge, list[str]]:
    return judge.load(EMBEDDED / "judge.safetensors")


def test_every_file_is_the_one_that_was_measured() -> None:
    lines = (EMBEDDED / "SHA256SUMS").read_text().splitlines()
    sums = {name.strip(" *"): found for found, name in (line.split(maxsplit=1) for line in lines)}
    files = {path.name: path.read_bytes() for path in EMBEDDED.glob("*.safetensors")}
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert sum(map(len, files.values())) <= 36_000_000


def test_the_decoder_and_the_prior_were_trained_with_their_pair(caplog: pytest.LogCaptureFixture) -> None:
    models = pair.load()
    assert models.decoder.config.embedding == models.prior.config.embedding == models.perceptor.dim
    assert not caplog.records  # another perceptor or VQGAN would be warned of


def test_the_shipped_judge_is_the_validation_judge() -> None:
    with safe_open(EMBEDDED / "judge.safetensors", framework="pt") as file:
        about = json.loads(file.metadata()["pixgen"])
    assert (about["judge"], about["hands"]) == ("validation", "seen")
    assert (EMBEDDED / "judge.safetensors").stat().st_size <= 3_000_000


@pytest.mark.slow
@pytest.mark.parametrize("language", [0, 1], ids=["en", "pt"])
@pytest.mark.parametrize("group", SUBJECTS)
def test_a_prompt_s_subject_is_seen_after_and_not_before(
    group: str, language: int, shipped: tuple[judge.Judge, list[str]]
) -> None:
    network, groups = shipped
    before, after = before_and_after(network, groups.index(group), prompts(group)[language])
    assert after < AMONG <= before


def main() -> None:
    parser = argparse.ArgumentParser(description="Find subjects that the test may use.")
    parser.add_argument("--subjects", type=int, default=120)
    network, groups = judge.load(EMBEDDED / "judge.safetensors")
    for number, group in enumerate(groups[: parser.parse_args().subjects]):
        ranks = [before_and_after(network, number, prompt) for prompt in prompts(group)]
        fulfilled = all(after < AMONG <= before for before, after in ranks)
        print("+" if fulfilled else "-", group, *(f"{before} -> {after}" for before, after in ranks), flush=True)


if __name__ == "__main__":
    main()
