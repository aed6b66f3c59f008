"""How far a reconstruction is from its picture: what a VQGAN is trained by, and what it is measured by."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.networks.clip import TinyCLIP
from pixgen.networks.vqgan import VQModel


def slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]


def opponent(x: Tensor) -> Tensor:
    """Light, and twice the differences of colours, which pixels alone hardly ask for. (B, 3, H, W)."""
    r, g, b = x.unbind(1)
    return torch.stack(((r + g + b) / 3, r - g, (r + g) / 2 - b), 1)


def distances(made: Tensor, real: Tensor, perceptor: TinyCLIP | None) -> dict[str, Tensor]:
    """Of pixels, of edges and, where there is a perceptor, of its features: scalars that can be differentiated."""
    colours, true = opponent(made), opponent(real)
    found = {"pixels": F.l1_loss(colours, true) + 4 * F.mse_loss(colours, true)}
    found["edges"] = sum((F.l1_loss(a, b) for a, b in zip(slopes(made), slopes(real), strict=True)), torch.zeros(()))
    if perceptor is not None:
        with torch.no_grad():
            wanted = perceptor.image.features(real)[:3]
        pairs = zip(perceptor.image.features(made)[:3], wanted, strict=True)
        found["features"] = sum((_apart(mine, theirs) for mine, theirs in pairs), torch.zeros(()))
    return found


def total(found: dict[str, Tensor]) -> Tensor:
    """What the reconstruction is asked for, of its `distances`."""
    both = found["pixels"] + 0.5 * found["edges"]
    return both + 0.1 * found["features"] if "features" in found else both


def distance(made: Tensor, real: Tensor, perceptor: TinyCLIP | None) -> tuple[Tensor, dict[str, float]]:
    """What the reconstruction is asked for, and the figures that it is made of, which a GPU must be waited for."""
    found = distances(made, real, perceptor)
    return total(found), {name: value.item() for name, value in found.items()}


def _apart(mine: Tensor, theirs: Tensor) -> Tensor:
    """Mean squared distance of the unit feature vectors of two maps (B, C, h, w)."""
    return (F.normalize(mine, dim=1) - F.normalize(theirs, dim=1)).square().sum(1).mean()


@torch.no_grad()
def measure(model: VQModel, images: Tensor, continuous: bool) -> tuple[dict[str, float], Tensor]:
    """PSNR in dB, the gradient energy kept (1 is all) and the codes in use; and the pictures as they are drawn again.

    images: float32 (B, 3, H, W) in [0, 1]. continuous: decode the latents themselves, no codes.
    """
    made, used = [], []
    for image in images:
        latents = model.encode(image[None])
        codes, indices = model.quantize(latents)
        made.append(model.decode(F.normalize(latents, dim=1) if continuous else codes))
        used.append(indices.flatten())
    drawn = torch.cat(made).clamp(0, 1)
    share = len(torch.cat(used).unique()) / len(model.quantize.codebook)
    return quality(drawn, images) | {"codes_used": round(share, 3)}, drawn


def quality(drawn: Tensor, images: Tensor) -> dict[str, float]:
    """PSNR in dB and the gradient energy kept (1 is all) of pictures that were drawn again, float32 (B, 3, H, W)."""
    energy = [sum(float(s.square().mean()) for s in slopes(x)) for x in (drawn, images)]
    psnr = float((-10 * (drawn - images).square().mean((1, 2, 3)).log10()).mean())
    return {"psnr": round(psnr, 2), "gradient_energy": round(energy[0] / energy[1], 3)}
