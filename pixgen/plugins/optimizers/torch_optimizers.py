"""The element-wise optimisers of `torch.optim`, registered under their own names; options are torch's."""

from __future__ import annotations

import torch

from pixgen import registry

ELEMENT_WISE = ("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD")
"""Those that update every number independently, so that a picture does not depend on the others in its batch."""

for _name in ELEMENT_WISE:
    registry.register("optimizer", _name)(getattr(torch.optim, _name))
