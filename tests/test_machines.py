"""What must hold on any machine: interrupts reach the children of tests, and bfloat16 draws what float32 draws."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import pixgen
from pixgen.backend import hardware


def test_a_child_of_a_test_can_be_interrupted() -> None:
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_auto_is_float32_in_tests() -> None:
    assert hardware.precision("auto", "cpu") == "float32"


@pytest.mark.bfloat16
@pytest.mark.skipif(hardware.precision("auto", "cpu") != "bfloat16", reason="this processor has no bfloat16")
def test_bfloat16_draws_what_float32_draws() -> None:
    options = {"size": "64x64", "steps": 4, "seed": 3, "cutouts": 4, "threads": 1}
    fine = pixgen.generate("a red apple", precision="float32", **options)
    coarse = [pixgen.generate("a red apple", **options) for _ in range(2)]
    assert coarse[0].config.precision == "bfloat16"
    pixels = [np.asarray(result.images[0], dtype=np.float32) / 255 for result in (fine, *coarse)]
    assert np.array_equal(pixels[1], pixels[2])
    assert np.abs(pixels[0] - pixels[1]).mean() < 0.02 and torch.isfinite(torch.tensor(pixels[1])).all()
