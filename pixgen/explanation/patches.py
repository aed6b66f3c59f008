"""What the patch discriminator sees: which parts of a picture look real to it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.isolation import isolated
from pixgen.io import resources
from pixgen.models import weights
from pixgen.networks import store
from pixgen.networks.discriminator import Discriminator

SMALLEST = 64
"""Side of the pictures that the network is shown, at least: a smaller one has too few patches."""


def realness(picture: Tensor) -> Tensor:
    """How real each patch of a picture looks, float32 (h, w): logits, above zero where it looks like a real one.

    By the discriminator (arXiv 1611.07004) that the embedded VQGAN was trained against.
    picture: float32 (1, 3, H, W) in [0, 1]. Raises PixgenError where its weights are missing or damaged.
    """
    path = resources.embedded() / "discriminator.safetensors"
    tensors, _ = store.read(path, "discriminator")
    network = Discriminator()
    weights.require_fit(network.state_dict(), tensors, path, "this version of pixgen")
    network.load_state_dict(tensors)
    network.eval().requires_grad_(False)
    scale = max(1.0, SMALLEST / min(picture.shape[2:]))
    if scale > 1:
        size = [max(SMALLEST, round(side * scale)) for side in picture.shape[2:]]
        picture = F.interpolate(picture, size=size, mode="bilinear", antialias=True)
    with isolated(None), torch.no_grad():
        logits: Tensor = network(picture)
    return logits[0, 0]
