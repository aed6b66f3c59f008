"""What holds for all tests."""

from __future__ import annotations

import torch
from hypothesis import settings

torch.set_num_threads(1)  # small tensors: a second thread costs more than it gives

settings.register_profile("pixgen", deadline=None)  # a busy machine is no failure
settings.load_profile("pixgen")
