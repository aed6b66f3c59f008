"""What holds for all tests."""

from __future__ import annotations

import os

import torch
from hypothesis import settings

torch.set_num_threads(1)  # small tensors: a second thread costs more than it gives
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # and what tests start shares the cores with other tests

settings.register_profile("pixgen", deadline=None)  # a busy machine is no failure
settings.load_profile("pixgen")
