"""Muon: momentum whose matrices are made orthogonal, so that rare directions are learnt as fast as common ones.

K. Jordan, https://kellerjordan.github.io/posts/muon/ (2024); scale and decay are those of arXiv 2502.16982. What must
be memorised is rare by nature, and there it gains most (arXiv 2509.26030). `torch.optim.Muon` computes in
bfloat16, which AVX2 processors only emulate; here it is the parameters' own dtype.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)
"""a x + b x^3 + c x^5, which five times over brings every singular value near one (Jordan)."""
ITERATIONS = 5


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix of the same shape (M, N) whose singular values are all about one, between 0.7 and 1.2.

    Newton-Schulz on the product of the matrix with itself, which is the smaller one where a matrix is not square.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-7)
    gram = x @ x.T
    step = whole = _polynomial(gram)
    for _ in range(ITERATIONS - 1):
        gram = step @ gram @ step
        step = _polynomial(gram)
        whole = step @ whole
    found: Tensor = whole @ x
    return found if wide is matrix else found.T


def _polynomial(gram: Tensor) -> Tensor:
    """What one iteration multiplies by: a I + b G + c G^2."""
    a, b, c = QUINTIC
    found = torch.addmm(gram, gram, gram, beta=b, alpha=c)
    found.diagonal().add_(a)
    return found


class Muon(torch.optim.Optimizer):
    """For the matrices inside a network, convolutions among them; embeddings, biases and the last layer go to Adam.

    lr is as for Adam: a step changes a matrix by about a fifth of lr a number, root mean square.
    """

    def __init__(
        self, matrices: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.05
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step along the gradients that are there."""
        for group in self.param_groups:
            for matrix in (p for p in group["params"] if p.grad is not None):
                state = self.state[matrix]
                if "mean" not in state:
                    state["mean"] = torch.zeros_like(matrix)
                mean = state["mean"]
                mean.lerp_(matrix.grad, 1 - group["momentum"])
                ahead = matrix.grad.lerp(mean, group["momentum"]).flatten(1)  # as Nesterov looks
                scale = 0.2 * group["lr"] * max(ahead.shape) ** 0.5
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.sub_(scale * orthogonal(ahead).view(matrix.shape))


def matrices(*networks: nn.Module) -> list[Tensor]:
    """The weights of all linear layers and convolutions in these."""
    layers = (layer for network in networks for layer in network.modules())
    return [layer.weight for layer in layers if isinstance(layer, (nn.Linear, nn.Conv2d))]
