"""torch's optimisers, by their own names."""

from __future__ import annotations

import torch

from pixgen import registry

ELEMENT_WISE = ("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD")
"""Those that treat every number on its own, so that a picture does not depend on who shares its batch."""

for _name in ELEMENT_WISE:
    registry.register("optimizer", _name)(getattr(torch.optim, _name))
